"""Moving: a device goes to work at another store.

A till moves at once. Of a tablet nobody knows what it has given since it was last heard of, so a manager's word is a wish, and the
tablet itself carries it out, by an entry of its journal: what stands before the entry happened at the one store, what stands behind it
at the other, and with it the tablet gives back all that it held. Until then it stays where it is and gives what it holds, and is
granted no more.
"""

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from redeem.accounts import audit
from redeem.accounts.audit import Change
from redeem.accounts.roles import WHOLE, Scope
from redeem.db.models.coupons import Coupon
from redeem.db.models.devices import Device, Quarantine
from redeem.db.models.ledger import Act, Redemption
from redeem.db.models.partners import Store
from redeem.holds import holds, sweep
from redeem.ledger import generation
from redeem.lib.errors import Conflict, NotFound
from redeem.lib.times import Ms


def ask(session: Session, device_id: str, store_id: str, manager_id: str, now: Ms) -> Device:
    """The device is to work at that store; a till does from now on. Doing it twice changes nothing. Raises NotFound, Conflict."""
    device, store = find(session, device_id), session.get(Store, store_id)
    if store is None:
        raise NotFound
    check(session, device, store)
    if device.kind == "till":
        go(session, device, store, manager_id, now)
    elif device.moves_to_id != store.id:
        device.moves_to_id, device.moves_by_id = store.id, manager_id
        note(session, manager_id, Change.DEVICE_TO_MOVE, device, store, now)
        sweep.begin_sweep(session, Device.store_id == device.store_id)  # what it was promised, others get
    return device


def stay(session: Session, device_id: str, manager_id: str, now: Ms) -> bool:
    """The tablet is not to move after all; False if it was not to. Raises NotFound."""
    device = find(session, device_id)
    if device.moves_to_id is None:
        return False
    store = session.get_one(Store, device.moves_to_id)
    device.moves_to_id = device.moves_by_id = None
    device.sweep_from = 0
    note(session, manager_id, Change.DEVICE_STAYS, device, store, now)
    return True


def where_to(session: Session, device: Device, life: generation.Life, heard: int) -> str | None:
    """The store to which this tablet (locked) may go now if it has nothing open; None if it is to stay for the time being.

    `heard` is the epoch of the newest hold that it knows of: it can't give back what it has not heard that it has.
    """
    if device.moves_to_id is None or life.is_recovering or not is_settled(session, device, heard):
        return None
    return device.moves_to_id


def go(session: Session, device: Device, store: Store, manager_id: str, now: Ms) -> None:
    note(session, manager_id, Change.DEVICE_MOVED, device, store, now)
    mine = Coupon.promised_to_id == device.id
    holds.execute(session, update(Coupon).where(mine).values(holds.NO_PROMISE), {})
    # Whoever stands there with the coupon does not come along: what it asked for goes home.
    asked = Coupon.recalled_at.is_not(None) & (Coupon.recalled_for_id == device.id)
    holds.execute(session, update(Coupon).where(asked).values(recalled_for_id=None), {})
    device.store_id, device.moves_to_id, device.moves_by_id = store.id, None, None
    device.sweep_from = 0 if device.kind == "tablet" else None
    session.flush()


def store_of(session: Session, redemption_id: str) -> tuple[str, str]:
    """(id, name) of where it was given: the till may have moved since."""
    given = select(Store.id, Store.name).join(Act, Act.store_id == Store.id).where(Act.id == redemption_id)
    store_id, name = session.execute(given).one()
    return store_id, name


def find(session: Session, device_id: str) -> Device:
    """The device, locked. Raises NotFound."""
    device = session.scalar(select(Device).where(Device.id == device_id).with_for_update(key_share=True))
    if device is None:
        raise NotFound
    return device


def check(session: Session, device: Device, store: Store) -> None:
    if device.revoked_at is not None or device.lost_at is not None:
        raise Conflict("This device is revoked or lost. Add it again at the other store.")
    if device.store_id == store.id:
        raise Conflict("The device is at this store already. Choose another one.")
    if generation.current(session).is_recovering:
        raise Conflict(
            "The ledger was restored from a backup and waits for its devices. Move the device when that is over."
        )


def is_settled(session: Session, device: Device, heard: int) -> bool:
    """No yes that it had is without its word on what came of it, nothing of it waits for a manager, and it knows what it holds."""
    unsaid = select(Redemption.serial).where(Redemption.device_id == device.id, Redemption.handed_over_at.is_(None))
    waits = select(Quarantine.number).where(Quarantine.handed_in_by_id == device.id, Quarantine.decided_at.is_(None))
    unheard = select(Coupon.serial).where(Coupon.holder_id == device.id, Coupon.epoch > heard)
    return not session.scalar(select(unsaid.exists() | waits.exists() | unheard.exists()))


def note(session: Session, manager_id: str, what: Change, device: Device, store: Store, now: Ms) -> None:
    """Between two partners it is the shop's own affair: neither reads of the other."""
    here = session.get_one(Store, device.store_id)
    scope = Scope(store_id=here.id) if here.partner_id == store.partner_id else WHOLE
    told = {"name": device.name, "store": here.name}
    changed = {} if what == Change.DEVICE_STAYS else {"changed": {"store": [here.name, store.name]}}
    session.flush()
    audit.note(session, manager_id, what, device.id, now, scope=scope, **told, **changed)
