"""Holds: the right to give one coupon, granted to one device before an outage. See docs/protocol.md, rules 4 to 6.

A coupon is promised to a device, and granted at the device's next sync, if it is open and nobody holds it. So a device that is
offline holds only what it has heard of. A hold ends only by the holder's own `release` or `move`, never by time: an offline device may
have given the gift already. Whoever else wants to give or void a held coupon, or to change its home, recalls the hold, and waits.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from sqlalchemy import (
    CursorResult,
    Executable,
    Row,
    and_,
    bindparam,
    delete,
    func,
    literal,
    select,
    true,
    union_all,
    update,
)
from sqlalchemy.orm import Session

from redeem.db.lines import line, select_as
from redeem.db.models.coupons import Coupon
from redeem.db.models.devices import Claim, Device
from redeem.db.models.ledger import Deployment
from redeem.db.models.partners import CLOSED_SINCE, Store
from redeem.domain import short_codes
from redeem.domain.events import EventType
from redeem.domain.proofs import Proofs
from redeem.events import log
from redeem.ledger import generation, ledger
from redeem.ledger.sql import IS_COMPROMISED, IS_REDEEMED, IS_VOID, ONLY_HOLDERS_GIVE
from redeem.lib.ids import coupon_id
from redeem.lib.times import MS_PER_DAY, MS_PER_MINUTE, Ms

GRANTS_PER_REPLY_MAX = 1_000
NO_KEY = -1
# A till can't hold. A coupon that was recalled for a till stays free for so long, before a tablet of its home is promised it again.
FREE_FOR_TILL_MS = 10 * MS_PER_MINUTE
# A tablet that was not seen for so long may be out of use. What was only promised to it is promised to the store's other tablets.
AWAY_MS = MS_PER_DAY

AT_WORK = and_(Device.kind == "tablet", Device.revoked_at.is_(None), Device.lost_at.is_(None))
_CLOSED = select(Store.id).where(CLOSED_SINCE.is_not(None))
# A tablet that is to move to another store is granted nothing more at this one, and one of a closed store nothing at all.
ACTIVE = and_(AT_WORK, Device.moves_to_id.is_(None), Device.store_id.not_in(_CLOSED))
OPEN = and_(Coupon.holder_id.is_(None), ~IS_VOID, ~IS_COMPROMISED, ~IS_REDEEMED)

TABLETS = (
    select(Device.id, Device.last_seen_at).where(Device.store_id == bindparam("store_id"), ACTIVE).order_by(Device.id)
)
PROMISE = (
    update(Coupon)
    .where(Coupon.serial == bindparam("of_serial"), Coupon.holder_id.is_(None))
    .values(promised_to_id=bindparam("to_device_id"), promised_from=bindparam("from_at"))
)
# Coupons that another transaction has locked are skipped, and granted at the next sync: a grant never waits, so it can't deadlock.
PROMISED = (
    select(Coupon.serial, Coupon.epoch)
    .where(Coupon.promised_to_id == bindparam("device_id"), Coupon.promised_from <= bindparam("now"))
    .order_by(Coupon.promised_from, Coupon.serial)
    .limit(GRANTS_PER_REPLY_MAX)
    .with_for_update(of=Coupon, skip_locked=True, key_share=True)
)
NO_PROMISE = {"promised_to_id": None, "promised_from": None}
NO_RECALL = {"recalled_at": None, "recalled_for_id": None}
GRANT = (
    update(Coupon)
    .where(Coupon.serial == bindparam("of_serial"), OPEN, Coupon.last_day >= bindparam("today"))
    .values(holder_id=bindparam("to_device_id"), epoch=bindparam("new_epoch"), unproved=None, **NO_PROMISE, **NO_RECALL)
)
FORGET_PROMISE = (
    update(Coupon)
    .where(Coupon.serial == bindparam("of_serial"), Coupon.promised_to_id == bindparam("to_device_id"))
    .values(NO_PROMISE)
)
RELEASE = (
    update(Coupon)
    .where(
        Coupon.serial == bindparam("of_serial"),
        Coupon.holder_id == bindparam("by_device_id"),
        Coupon.epoch == bindparam("of_epoch"),
    )
    .values(holder_id=None, **NO_RECALL)
    .returning(Coupon.serial)
)
RECALL = (
    update(Coupon)
    .where(Coupon.serial == bindparam("of_serial"), Coupon.holder_id.is_not(None))
    .values(recalled_at=func.coalesce(Coupon.recalled_at, bindparam("now")), recalled_for_id=bindparam("for_device_id"))
    .returning(Coupon.holder_id)
)
HELD_UNTIL = (
    select(
        Coupon.serial,
        Coupon.epoch,
        Coupon.home_store_id,
        Coupon.recalled_at,
        (~IS_VOID & ~IS_REDEEMED).label("is_open"),
    )
    .where(Coupon.holder_id == bindparam("device_id"), Coupon.epoch <= bindparam("until"))
    .order_by(Coupon.serial)
)
HOLDS = select(Coupon.serial, Coupon.epoch, Coupon.short_code, Coupon.last_day, Coupon.key_id).where(
    Coupon.holder_id == bindparam("device_id")
)
_UNKNOWN = literal("").label("short_code"), literal(0).label("last_day"), literal(NO_KEY).label("key_id")
# Including the device's claims to lost coupons, of which a restored ledger has no row yet.
GRANTS = (
    union_all(
        HOLDS.where(Coupon.epoch > bindparam("after"), Coupon.recalled_at.is_(None)),
        select(Claim.serial, Claim.epoch, *_UNKNOWN).where(
            Claim.device_id == bindparam("device_id"), Claim.epoch > bindparam("after")
        ),
    )
    .order_by("epoch")
    .limit(GRANTS_PER_REPLY_MAX)
)
_IN_ORDER = HOLDS.order_by(Coupon.epoch).limit(GRANTS_PER_REPLY_MAX)
RECALLS = _IN_ORDER.where(Coupon.recalled_at.is_not(None))
RECALLS_OF_KEYS = _IN_ORDER.where(
    Coupon.recalled_at.is_not(None) | Coupon.key_id.in_(bindparam("kids", expanding=True))
)
_MINE = Coupon.holder_id == bindparam("device_id")
_RECOVERING = select(Deployment.id).where(ONLY_HOLDERS_GIVE).exists()
RINGS = select(
    select(Coupon.serial).where(_MINE, Coupon.recalled_at.is_not(None)).exists()
    | select(Coupon.serial).where(_MINE, Coupon.epoch > bindparam("after")).exists()
    | ~_RECOVERING
    & (
        select(Coupon.serial)
        .where(Coupon.promised_to_id == bindparam("device_id"), Coupon.promised_from <= bindparam("now"))
        .exists()
        | select(Device.id).where(Device.id == bindparam("device_id"), Device.sweep_from.is_not(None)).exists()
    )
)
WANTS = select(
    Coupon.holder_id,
    Coupon.home_store_id,
    Coupon.recalled_for_id,
    Coupon.void_requested_at,
    Coupon.recalled_at,
    IS_REDEEMED.label("redeemed"),
).where(Coupon.serial == bindparam("serial"))
HOLDERS_STORE = (
    select(Device.store_id).join(Coupon, Coupon.holder_id == Device.id).where(Coupon.serial == bindparam("serial"))
)


@dataclass(frozen=True, slots=True)
class Grant:
    """One hold, as it is sent to its device. A recall needs only serial and epoch.

    `code_hash` lets the device recognise a typed short code without having it. `last_day` is a day number. `proof` is our signature of the
    grant, and `code_proof` shows to a ledger that has lost the coupon that the code is its own. `key_id` signed it; NO_KEY of a lost one.
    """

    serial: int
    epoch: int
    code_hash: str = ""
    last_day: int = 0
    proof: str = ""
    code_proof: str = ""
    key_id: int = NO_KEY

    def as_json(self) -> list[Any]:
        """Return [campaign number, coupon number, epoch, code hash, last day, proof, code proof, key id]."""
        campaign, number = divmod(self.serial, 2**32)
        return [campaign, number, self.epoch, self.code_hash, self.last_day, self.proof, self.code_proof, self.key_id]


@dataclass(frozen=True, slots=True)
class Holder:
    """The device that holds a coupon, as other stores may see it."""

    device_id: str
    device_name: str
    store_id: str
    store_name: str
    last_seen_at: Ms | None


HOLDER = select_as(
    Holder,
    device_id=Device.id,
    device_name=Device.name,
    store_id=Store.id,
    store_name=Store.name,
    last_seen_at=Device.last_seen_at,
).join(Store, Store.id == Device.store_id)


def choose_device(devices: Sequence[str], serial: int) -> str:
    """Choose the device for a coupon by rendezvous hashing: if a device joins or leaves, only its own share changes hands."""
    return max(devices, key=lambda device: sha256(f"{device}/{serial}".encode()).digest())


def tablets_of(session: Session, store_id: str, now: Ms) -> list[str]:
    """Return the store's tablets that can be granted holds: those that were seen within AWAY_MS or, if there are none, all."""
    rows = execute(session, TABLETS, {"store_id": store_id}).all()
    present = [row.id for row in rows if row.last_seen_at is not None and now - row.last_seen_at < AWAY_MS]
    return present or [row.id for row in rows]


def tablet_for(session: Session, serial: int, store_id: str | None, now: Ms) -> str | None:
    """Return the tablet of the store that is to hold the coupon, or None if the store has no tablet."""
    tablets = tablets_of(session, store_id, now) if store_id else []
    return choose_device(tablets, serial) if tablets else None


def promise(session: Session, serial: int, device_id: str | None, from_at: Ms) -> None:
    """Promise the coupon to a device, from a time on, in place of any earlier promise. With None, only drop the earlier one.

    Does nothing if the coupon is held.
    """
    promise_all(session, [serial], device_id, from_at)


def promise_all(session: Session, serials: Sequence[int], device_id: str | None, from_at: Ms) -> None:
    """Promise several coupons to one device, as `promise` does."""
    to = {"to_device_id": device_id, "from_at": from_at if device_id else None}
    if serials:
        session.connection().execute(PROMISE, [{"of_serial": serial, **to} for serial in serials])


def promise_at_home(session: Session, serial: int, home_store_id: str | None, now: Ms, wait_ms: Ms = 0) -> None:
    """Promise the coupon to a tablet of its home store, after `wait_ms`."""
    promise(session, serial, tablet_for(session, serial, home_store_id, now), now + wait_ms)


def grant_promised(session: Session, device: Device, life: generation.Life, now: Ms, today: int) -> None:
    """Grant a device, whose row is locked, the coupons that it was promised and that are still open, at most GRANTS_PER_REPLY_MAX.

    Nothing is granted while the ledger recovers: a device that got the hold after the backup may have given the gift. The coupons are
    locked by a statement of its own, so that GRANT sees everything that was committed before they were locked.
    """
    if life.only_holders_give:
        return
    promised = execute(session, PROMISED, {"device_id": device.id, "now": now}).all()
    if promised:
        newest = max(device.newest_epoch, life.first_epoch, *(row.epoch for row in promised))
        rows = [
            {"of_serial": row.serial, "to_device_id": device.id, "new_epoch": newest + place, "today": today}
            for place, row in enumerate(promised, start=1)
        ]
        device.newest_epoch = newest + len(rows)
        session.connection().execute(GRANT, rows)
        session.connection().execute(FORGET_PROMISE, rows)


def recall(session: Session, serial: int, for_device_id: str | None, now: Ms) -> Holder | None:
    """Recall the hold, for a device that wants to give the coupon, or for none. Returns the holder, or None if nobody holds it."""
    values = {"of_serial": serial, "for_device_id": for_device_id, "now": now}
    holder_id = execute(session, RECALL, values).scalar_one_or_none()
    return holder(session, holder_id) if holder_id else None


def release(session: Session, serial: int, device_id: str, epoch: int, now: Ms) -> bool:
    """Release the hold, and then do what waited for that: the void, a promise to the device that recalled it, or one at home.

    Returns False, and does nothing, if the device does not hold the coupon by this epoch.
    """
    wants = execute(session, WANTS, {"serial": serial}).one_or_none()
    released = execute(
        session, RELEASE, {"of_serial": serial, "by_device_id": device_id, "of_epoch": epoch}
    ).one_or_none()
    if wants is None or released is None:
        return False
    ledger.note_change(session, serial)  # the store's other tablets must not name this holder any longer
    if wants.recalled_at is not None and not wants.redeemed:
        _do_what_waited(session, serial, wants, now)
    return True


def release_all(session: Session, device_id: str, until: int, now: Ms) -> None:
    """Release all holds and claims of a device up to this epoch. Coupons that were not recalled are promised at home."""
    held = execute(session, HELD_UNTIL, {"device_id": device_id, "until": until}).all()
    for row in held:
        if row.recalled_at is not None:
            release(session, row.serial, device_id, row.epoch, now)
    mine = and_(Coupon.holder_id == device_id, Coupon.epoch <= until)
    execute(session, update(Coupon).where(mine).values(holder_id=None, **NO_RECALL), {})
    free = [row for row in held if row.recalled_at is None and row.is_open]
    for row in free:
        ledger.note_change(session, row.serial)
    for home in {row.home_store_id for row in free if row.home_store_id}:
        tablets = tablets_of(session, home, now)
        serials = [row.serial for row in free if row.home_store_id == home]
        for tablet in tablets:
            promise_all(
                session, [serial for serial in serials if choose_device(tablets, serial) == tablet], tablet, now
            )
    execute(session, delete(Claim).where(Claim.device_id == device_id, Claim.epoch <= until), {})


def reopen(session: Session, serial: int, now: Ms) -> None:
    """Do what waited, after a coupon's redemption was reversed: void it if that was requested meanwhile, or promise it at home.

    Does nothing if the coupon is held.
    """
    wants = execute(session, WANTS, {"serial": serial}).one()
    if wants.holder_id is None:
        _do_what_waited(session, serial, wants, now)


def change_home(session: Session, serial: int, home_store_id: str | None, now: Ms) -> None:
    """Set the coupon's home. A hold at another store is recalled; otherwise a free coupon is promised at the new home."""
    _set(session, serial, home_store_id=home_store_id)
    ledger.note_change(session, serial)  # other stores' tablets must not name the earlier home any longer
    holds_at = execute(session, HOLDERS_STORE, {"serial": serial}).scalar_one_or_none()
    if holds_at is not None and holds_at != home_store_id:
        recall(session, serial, None, now)
    elif holds_at is None:
        promise_at_home(session, serial, home_store_id, now)


def void(session: Session, serial: int, reason: str, now: Ms) -> None:
    """Void an open coupon. If it is held, the void is requested and waits for the holder's release: what it gave before is honoured."""
    held = recall(session, serial, None, now)
    _set(session, serial, void_reason=reason, **{"void_requested_at" if held else "voided_at": now})
    log.append(session, EventType.VOID_REQUESTED if held else EventType.VOIDED, coupon_id(serial), serial, now)
    ledger.note_change(session, serial)


def grants_after(session: Session, proofs: Proofs, device_id: str, epoch: int) -> list[Grant]:
    """Return the device's holds with greater epochs, oldest first, at most GRANTS_PER_REPLY_MAX: those new to it. Each is signed."""
    rows = execute(session, GRANTS, {"device_id": device_id, "after": epoch})
    return [_sign(proofs, device_id, _as_grant(row), row.short_code) for row in rows]


def recalls(
    session: Session, device_id: str, compromised: Sequence[int] = (), *, of_closed_store: bool = False
) -> list[Grant]:
    """Return the device's holds that are recalled, or whose coupon a compromised key signed, or all if its store is closed: at most
    GRANTS_PER_REPLY_MAX.
    """
    wanted = _IN_ORDER if of_closed_store else RECALLS_OF_KEYS if compromised else RECALLS
    return [_as_grant(row) for row in execute(session, wanted, {"device_id": device_id, "kids": compromised})]


def rings(session: Session, device_id: str, epoch: int, now: Ms) -> bool:
    """Return whether the device should sync now: it has a recall, a hold newer than `epoch`, a promise that is due, or a sweep to do.

    Each tablet polls this every second, so it is one query on small indexes.
    """
    return bool(execute(session, RINGS, {"device_id": device_id, "after": epoch, "now": now}).scalar_one())


def holder(session: Session, device_id: str) -> Holder:
    """Return a device as the holder of a coupon."""
    return line(session, Holder, HOLDER.where(Device.id == device_id))


def execute(session: Session, statement: Executable, values: dict[str, Any]) -> CursorResult[*tuple[Any, ...]]:
    return session.connection().execute(statement, values)


def _as_grant(row: Row[*tuple[Any, ...]]) -> Grant:
    code_hash = short_codes.hash_for_holder(row.serial, row.short_code) if row.short_code else ""
    return Grant(row.serial, row.epoch, code_hash, row.last_day, key_id=row.key_id)


def _sign(proofs: Proofs, device_id: str, grant: Grant, short_code: str) -> Grant:
    code_proof = (
        proofs.code_proof(grant.serial, short_code) if short_code else ""
    )  # of a lost coupon only the device knows it
    return replace(grant, proof=proofs.grant(device_id, grant.serial, grant.epoch), code_proof=code_proof)


def _do_what_waited(session: Session, serial: int, wants: Row[*tuple[Any, ...]], now: Ms) -> None:
    asked_by_id = wants.recalled_for_id
    if wants.void_requested_at is not None:
        _void_now(session, serial, now)
    elif asked_by_id is None or not _promise_to_tablet(session, serial, asked_by_id, now):
        promise_at_home(session, serial, wants.home_store_id, now, FREE_FOR_TILL_MS if asked_by_id else 0)


def _promise_to_tablet(session: Session, serial: int, device_id: str, now: Ms) -> bool:
    """Promise the coupon to a tablet. Returns False, and does nothing, if the device is a till or may not hold any more."""
    is_there = session.scalar(select(true()).where(Device.id == device_id, ACTIVE))
    if is_there:
        promise(session, serial, device_id, now)
    return bool(is_there)


def _void_now(session: Session, serial: int, now: Ms) -> None:
    _set(session, serial, void_requested_at=None, voided_at=now)
    log.append(session, EventType.VOIDED, coupon_id(serial), serial, now)
    ledger.note_change(session, serial)


def _set(session: Session, serial: int, **values: Any) -> None:
    execute(session, update(Coupon).where(Coupon.serial == serial).values(values), {})
