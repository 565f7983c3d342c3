"""Homing: finding holders for coupons that are at home at a store and that nobody holds: a tablet came, went, was lost or lies in a
drawer, or the ledger was restored.

Each tablet looks through its store's coupons by itself, once a day and whenever something has happened, some at each sync, and
promises itself its share of those that are open and nobody's. How far it has come is in its row: it goes on where it stopped,
and no request takes long.
"""

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from redeem.db.models.coupons import Coupon
from redeem.db.models.devices import Device
from redeem.holds import holds
from redeem.lib.times import Ms

COUPONS_PER_SWEEP_MAX = 1_000


def begin_sweep(session: Session, stores: ColumnElement[bool]) -> None:
    """Has the tablets of these stores look through all coupons there. They are locked in one order, so that nobody waits in a circle."""
    tablets = select(Device.id).where(holds.ACTIVE, stores).order_by(Device.id).with_for_update(key_share=True)
    session.execute(update(Device).where(Device.id.in_(list(session.scalars(tablets)))).values(sweep_from=0))


def begin_day(device: Device, today: int) -> bool:
    """Once a day, at the device's first sync, a sweep begins by itself. Answers whether it is that time."""
    if device.swept_on == today:
        return False
    device.swept_on, device.sweep_from = today, 0
    return True


def sweep(session: Session, device: Device, now: Ms, today: int) -> None:
    """Looks through the next coupons at the store of the device (locked), and promises it its share of those that are nobody's."""
    if device.sweep_from is None:
        return
    end = _end(session, device.store_id, device.sweep_from)
    tablets = holds.tablets_of(session, device.store_id, now)
    free = _free(session, device.store_id, (device.sweep_from, end), tablets, today)
    mine = [serial for serial in free if holds.choose_device(tablets, serial) == device.id]
    holds.promise_all(session, mine, device.id, now)
    device.sweep_from = end


def _end(session: Session, store_id: str, start: int) -> int | None:
    """The serial from which the next sweep goes on, None if this one is the last."""
    after = select(Coupon.serial).where(Coupon.home_store_id == store_id, Coupon.serial >= start)
    return session.scalar(after.order_by(Coupon.serial).offset(COUPONS_PER_SWEEP_MAX).limit(1))


def _free(session: Session, store_id: str, span: tuple[int, int | None], tablets: list[str], today: int) -> list[int]:
    """Open, not expired, promised to nobody who is here. Locked, but for those being settled at this moment: these are not idle."""
    start, end = span
    at_home = [Coupon.home_store_id == store_id, Coupon.serial >= start]
    if end is not None:
        at_home.append(Coupon.serial < end)
    unpromised = Coupon.promised_to_id.is_(None) | Coupon.promised_to_id.not_in(tablets)
    free = select(Coupon.serial).where(*at_home, holds.OPEN, Coupon.last_day >= today, unpromised)
    return list(session.scalars(free.order_by(Coupon.serial).with_for_update(skip_locked=True, key_share=True)))
