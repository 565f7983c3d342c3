"""Holding: the right to give one coupon, moved to one device ahead of an outage.

A hold is granted only on an open coupon that nobody holds, and ends only by the holder's own `release`, which stands in its
journal behind everything it did under the hold. Never by time: a dark device may already have given the gift. What others
want of a held coupon (to give it, void it, move it) is a recall, and waits.
"""

from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from sqlalchemy import Row, bindparam, func, select, update
from sqlalchemy.orm import Session

from redeem import ledger
from redeem.models import Coupon, Deployment, Device, Redemption, Store
from redeem.times import Ms

GRANTS_PER_REPLY_MAX = 1_000
EPOCHS_PER_GENERATION = 2**32

ACTIVE = (Device.kind == "tablet", Device.revoked_at.is_(None), Device.lost_at.is_(None))
TABLETS = select(Device.id).where(Device.store_id == bindparam("store_id"), *ACTIVE).order_by(Device.id)
NEXT_EPOCH = (
    update(Device)
    .where(Device.id == bindparam("of_device_id"))
    .values(grants=Device.grants + bindparam("more"))
    .returning(Device.grants)
)
NOT_REDEEMED = ~select(Redemption.serial).where(Redemption.serial == Coupon.serial).exists()
GRANT = (
    update(Coupon)
    .where(
        Coupon.serial == bindparam("of_serial"),
        Coupon.holder_id.is_(None),
        Coupon.voided_at.is_(None),
        Coupon.void_requested_at.is_(None),
        NOT_REDEEMED,
    )
    .values(holder_id=bindparam("to_device_id"), epoch=bindparam("new_epoch"), recalled_at=None, recalled_for_id=None)
    .returning(Coupon.serial)
    .execution_options(synchronize_session=False)
)
RELEASE = (
    update(Coupon)
    .where(
        Coupon.serial == bindparam("of_serial"),
        Coupon.holder_id == bindparam("by_device_id"),
        Coupon.epoch == bindparam("of_epoch"),
    )
    .values(holder_id=None, recalled_at=None, recalled_for_id=None)
    .returning(Coupon.serial)
    .execution_options(synchronize_session=False)
)
RECALL = (
    update(Coupon)
    .where(Coupon.serial == bindparam("of_serial"), Coupon.holder_id.is_not(None))
    .values(recalled_at=func.coalesce(Coupon.recalled_at, bindparam("now")), recalled_for_id=bindparam("for_device_id"))
    .returning(Coupon.holder_id)
    .execution_options(synchronize_session=False)
)
HOLDS = select(Coupon.serial, Coupon.epoch, Coupon.key_id, Coupon.last_day, Coupon.short_code).where(
    Coupon.holder_id == bindparam("device_id")
)
GRANTS = (
    HOLDS.where(Coupon.epoch > bindparam("after"), Coupon.recalled_at.is_(None))
    .order_by(Coupon.epoch)
    .limit(GRANTS_PER_REPLY_MAX)
)
RECALLS = HOLDS.where(Coupon.recalled_at.is_not(None)).order_by(Coupon.epoch).limit(GRANTS_PER_REPLY_MAX)
_MINE = Coupon.holder_id == bindparam("device_id")
RINGS = select(
    select(Coupon.serial).where(_MINE, Coupon.epoch > bindparam("after")).exists()
    | select(Coupon.serial).where(_MINE, Coupon.recalled_at.is_not(None)).exists()
)
WANTS = select(
    Coupon.home_store_id, Coupon.recalled_for_id, Coupon.void_requested_at, Coupon.recalled_at, Coupon.epoch
).where(Coupon.serial == bindparam("serial"))


@dataclass(frozen=True, slots=True)
class Grant:
    """One hold as its device hears of it. `code_hash` lets it find a typed short code without knowing any."""

    serial: int
    epoch: int
    code_hash: str
    last_day: int

    def as_json(self) -> list[Any]:
        return [self.serial >> 32, self.serial & 0xFFFFFFFF, self.epoch, self.code_hash, self.last_day]


@dataclass(frozen=True, slots=True)
class Holder:
    """Who can give a held coupon."""

    device_id: str
    device_name: str
    store_id: str
    store_name: str
    last_seen_at: Ms | None


def choose(devices: list[str], serial: int) -> str:
    """The device that holds this coupon, by rendezvous hashing: a device that joins or leaves moves only its own share."""
    return max(devices, key=lambda device: sha256(f"{device}/{serial}".encode()).digest())


def grant_at_home(session: Session, serial: int, home_store_id: str | None) -> str | None:
    """Grants an open coupon to the device of its home store whose share it is in; answers the device, or None if nobody can hold it."""
    devices = list(session.scalars(TABLETS, {"store_id": home_store_id})) if home_store_id else []
    return grant(session, serial, choose(devices, serial)) if devices else None


def grant(session: Session, serial: int, device_id: str) -> str | None:
    """Gives the hold to the device, unless the coupon is held, redeemed or void; answers the device that got it.

    Nothing is granted while the ledger recovers: whoever held it before the backup may have given it since.
    """
    if is_recovering(session):
        return None
    epoch = next_epochs(session, device_id, 1)
    granted = session.execute(GRANT, {"of_serial": serial, "to_device_id": device_id, "new_epoch": epoch}).one_or_none()
    return device_id if granted else None


def next_epochs(session: Session, device_id: str, more: int) -> int:
    """The last of `more` new epochs of the device. The generation stands above the count, so that a restored ledger's are newer."""
    count = session.execute(NEXT_EPOCH, {"of_device_id": device_id, "more": more}).scalar_one()
    return generation(session) * EPOCHS_PER_GENERATION + count


def recall(session: Session, serial: int, for_device_id: str | None, now: Ms) -> Holder | None:
    """Asks the holder to give the hold back, for a device that wants to give the coupon, or for none. Answers who holds it."""
    holder_id = session.scalar(RECALL, {"of_serial": serial, "for_device_id": for_device_id, "now": now})
    return holder(session, holder_id) if holder_id else None


def release(session: Session, serial: int, device_id: str, epoch: int, now: Ms) -> bool:
    """The holder gives it back; then what waited happens: the void, the hold of whoever asked, or a hold at a new home."""
    wants = session.execute(WANTS, {"serial": serial}).one_or_none()
    released = session.execute(
        RELEASE, {"of_serial": serial, "by_device_id": device_id, "of_epoch": epoch}
    ).one_or_none()
    if wants is None or released is None:
        return False
    if wants.void_requested_at is not None:
        _void_if_open(session, serial, now)
    elif wants.recalled_for_id:
        _grant_to_whoever_asked(session, serial, wants.recalled_for_id)
    elif wants.recalled_at is not None:
        grant_at_home(session, serial, wants.home_store_id)
    return True


def move_home(session: Session, serial: int, home_store_id: str | None, now: Ms) -> None:
    """Sets the home. A hold elsewhere is recalled, and granted anew when its holder has released it."""
    _set(session, serial, home_store_id=home_store_id)
    if recall(session, serial, None, now) is None:
        grant_at_home(session, serial, home_store_id)


def void(session: Session, serial: int, reason: str, now: Ms) -> None:
    """Voids an open coupon, or asks its holder first: what that gave before it heard is honoured."""
    held = recall(session, serial, None, now)
    _set(session, serial, void_reason=reason, **{"void_requested_at" if held else "voided_at": now})
    if not held:
        ledger.note_change(session, serial)


def claim(session: Session, serial: int, device_id: str, epoch: int) -> None:
    """After a restore: the device says that it holds this coupon since `epoch`. The newest grant is the one that holds."""
    newer = (Coupon.epoch < epoch) | ((Coupon.epoch == epoch) & Coupon.holder_id.is_(None))
    values = {"holder_id": device_id, "epoch": epoch, "recalled_at": None, "recalled_for_id": None}
    session.execute(
        update(Coupon).where(Coupon.serial == serial, newer).values(values),
        execution_options={"synchronize_session": False},
    )


def missing(session: Session) -> list[Device]:
    """The active devices that have not reported to this generation of the ledger."""
    behind = Device.reported_generation < generation(session)
    return list(session.scalars(select(Device).where(*ACTIVE, behind).order_by(Device.store_id, Device.name)))


def end_recovery_if_complete(session: Session) -> bool:
    """Recovery ends when every active device has reported or was written off."""
    if not is_recovering(session) or missing(session):
        return False
    session.execute(update(Deployment).values(recovering_since=None))
    return True


def grants_after(session: Session, device_id: str, epoch: int) -> list[Grant]:
    """The device's holds that it has not heard of, oldest first, at most GRANTS_PER_REPLY_MAX."""
    return [_as_grant(row, device_id) for row in session.execute(GRANTS, {"device_id": device_id, "after": epoch})]


def recalls(session: Session, device_id: str) -> list[Grant]:
    """The device's holds that it is asked to give back."""
    return [_as_grant(row, device_id) for row in session.execute(RECALLS, {"device_id": device_id})]


def rings(session: Session, device_id: str, epoch: int) -> bool:
    """Is there anything for this device to fetch? Asked every second by each tablet, so it is one look into one index."""
    return bool(session.scalar(RINGS, {"device_id": device_id, "after": epoch}))


def holder(session: Session, device_id: str) -> Holder:
    """The device as others may hear of it: where it is and whether it is there."""
    columns = (Device.id, Device.name, Store.id, Store.name, Device.last_seen_at)
    row = session.execute(select(*columns).join(Store, Store.id == Device.store_id).where(Device.id == device_id)).one()
    return Holder(*row)


def generation(session: Session) -> int:
    return session.scalar(select(Deployment.generation)) or 1


def is_recovering(session: Session) -> bool:
    return session.scalar(select(Deployment.recovering_since)) is not None


def short_code_hash(device_id: str, short_code: str) -> str:
    """What a device keeps instead of a short code: salted with its own id, 64 bits."""
    return sha256(f"redeem-short-code-v1/{device_id}/{short_code}".encode()).hexdigest()[:16]


def _as_grant(row: Row[*tuple[Any, ...]], device_id: str) -> Grant:
    return Grant(row.serial, row.epoch, short_code_hash(device_id, row.short_code), row.last_day)


def _grant_to_whoever_asked(session: Session, serial: int, device_id: str) -> None:
    """A tablet gets the hold; a till has no journal and can't hold, so for it the coupon is left free."""
    if session.scalar(select(Device.id).where(Device.id == device_id, *ACTIVE)):
        grant(session, serial, device_id)


def _void_if_open(session: Session, serial: int, now: Ms) -> None:
    """The void that waited, unless the gift was given meanwhile; then it lapses."""
    given = session.scalar(select(Redemption.serial).where(Redemption.serial == serial)) is not None
    _set(session, serial, void_requested_at=None, voided_at=None if given else now)
    ledger.note_change(session, serial)


def _set(session: Session, serial: int, **values: Any) -> None:
    statement = update(Coupon).where(Coupon.serial == serial).values(values)
    session.execute(statement, execution_options={"synchronize_session": False})
