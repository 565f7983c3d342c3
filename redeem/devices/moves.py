"""A device goes to work at another store.

A till moves at once. A tablet may have given gifts that the server has not heard of, so a manager only asks for the move, and
the tablet carries it out by an entry of its journal. What stands before that entry happened at the old store, what stands
behind it at the new one. With the entry the tablet releases all that it holds. Until then it stays, gives what it holds, and
is granted no more.
"""

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from redeem.accounts import audit
from redeem.accounts.audit import Author, Change
from redeem.accounts.roles import WHOLE, Scope
from redeem.db.models.coupons import Coupon
from redeem.db.models.devices import Device, Quarantine
from redeem.db.models.ledger import Act, Redemption
from redeem.db.models.partners import Store
from redeem.devices.directory import get_device
from redeem.holds import holds, sweep
from redeem.ledger import generation
from redeem.lib.errors import Conflict, NotFound
from redeem.lib.times import Ms
from redeem.partners.directory import get_store


def move_device(session: Session, author: Author, device_id: str, store_id: str, now: Ms) -> Device:
    """Move a till to another store at once; ask a tablet to move when it next reports. Repeating it changes nothing.

    Raises NotFound for what is outside the author's scope, Conflict.
    """
    device = find(session, get_device(session, author.scope, device_id).id)
    store = session.get_one(Store, get_store(session, author.scope, store_id).id)
    check(session, device, store)
    if device.kind == "till":
        go(session, device, store, author.id, now)
    elif device.moves_to_id != store.id:
        device.moves_to_id, device.moves_by_id = store.id, audit.manager_id_of(author)
        note(session, author.id, Change.DEVICE_TO_MOVE, device, store, now)
        sweep.begin_sweep(session, Device.store_id == device.store_id)  # what it was promised, others get
    return device


def let_device_stay(session: Session, author: Author, device_id: str, now: Ms) -> bool:
    """Take back the wish that a tablet moves. False if there was none, or if it has moved already.

    Raises NotFound for a device outside the author's scope.
    """
    device = find(session, get_device(session, author.scope, device_id).id)
    if device.moves_to_id is None:
        return False
    store = session.get_one(Store, device.moves_to_id)
    device.moves_to_id = device.moves_by_id = None
    device.sweep_from = 0
    note(session, author.id, Change.DEVICE_STAYS, device, store, now)
    return True


def where_to(session: Session, device: Device, life: generation.Life, heard: int) -> str | None:
    """Return the store to which this tablet (locked) may move now if nothing is open on it; None if it must stay for now.

    `heard` is the epoch of the newest hold that the tablet knows of: it can't release a hold that it has not heard of.
    """
    if device.moves_to_id is None or life.is_recovering or not is_settled(session, device, heard):
        return None
    return device.moves_to_id


def go(session: Session, device: Device, store: Store, author_id: str, now: Ms) -> None:
    note(session, author_id, Change.DEVICE_MOVED, device, store, now)
    sweep.drop_promises(session, device)
    # Whoever stands there with the coupon does not come along: what it asked for goes home.
    asked = Coupon.recalled_at.is_not(None) & (Coupon.recalled_for_id == device.id)
    holds.execute(session, update(Coupon).where(asked).values(recalled_for_id=None), {})
    device.store_id, device.moves_to_id, device.moves_by_id = store.id, None, None
    device.sweep_from = 0 if device.kind == "tablet" else None
    session.flush()


def store_of(session: Session, redemption_id: str) -> tuple[str, str]:
    """Return (id, name) of the store where the gift was given. The till may have moved since."""
    given = select(Store.id, Store.name).join(Act, Act.store_id == Store.id).where(Act.id == redemption_id)
    store_id, name = session.execute(given).one()
    return store_id, name


def find(session: Session, device_id: str) -> Device:
    """Return the device, locked. Raises NotFound."""
    device = session.scalar(select(Device).where(Device.id == device_id).with_for_update(key_share=True))
    if device is None:
        raise NotFound
    return device


def check(session: Session, device: Device, store: Store) -> None:
    if device.revoked_at is not None or device.lost_at is not None:
        raise Conflict("This device is revoked or written off. Add it again at the other store.")
    if device.store_id == store.id:
        raise Conflict("The device is at this store already. Choose another one.")
    if generation.current(session).is_recovering:
        raise Conflict(
            "The server was restored from a backup and waits for its devices. Move the device when that is over."
        )


def is_settled(session: Session, device: Device, heard: int) -> bool:
    """Say whether nothing of the device is open: each ask that was answered yes has its `gave` or `drop`, nothing waits in
    quarantine, and the tablet has heard of all its holds.
    """
    unsaid = select(Redemption.serial).where(Redemption.device_id == device.id, Redemption.handed_over_at.is_(None))
    waits = select(Quarantine.number).where(Quarantine.handed_in_by_id == device.id, Quarantine.decided_at.is_(None))
    unheard = select(Coupon.serial).where(Coupon.holder_id == device.id, Coupon.epoch > heard)
    return not session.scalar(select(unsaid.exists() | waits.exists() | unheard.exists()))


def note(session: Session, author_id: str, what: Change, device: Device, store: Store, now: Ms) -> None:
    """Write the move to the audit log. A move between two partners belongs to the shop alone: neither partner reads it."""
    here = session.get_one(Store, device.store_id)
    scope = Scope(store_id=here.id) if here.partner_id == store.partner_id else WHOLE
    told = {"name": device.name, "store": here.name}
    changed = {} if what == Change.DEVICE_STAYS else {"changed": {"store": [here.name, store.name]}}
    session.flush()
    audit.note(session, author_id, what, device.id, now, scope=scope, **told, **changed)
