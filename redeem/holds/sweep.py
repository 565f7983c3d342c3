"""The sweep: finds coupons at home at a store that nobody holds, and promises them to the store's tablets.

Coupons lose their holder when a tablet comes, goes or is lost, or the ledger is restored. Each tablet sweeps its store's coupons for its
own share, once a day and after such an event. A sync does one step of a sweep, so that no request takes long. The progress is in the
tablet's row.
"""

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from redeem.db.models.coupons import Coupon
from redeem.db.models.devices import Device
from redeem.holds import holds
from redeem.lib.times import Ms

COUPONS_PER_SWEEP_MAX = 1_000


def begin_sweep(session: Session, stores: ColumnElement[bool]) -> None:
    """Begin a sweep by every tablet of these stores. Their rows are locked in one order, to avoid deadlocks."""
    tablets = select(Device.id).where(holds.ACTIVE, stores).order_by(Device.id).with_for_update(key_share=True)
    session.execute(update(Device).where(Device.id.in_(list(session.scalars(tablets)))).values(sweep_from=0))


def begin_day(device: Device, today: int) -> bool:
    """Begin the daily sweep, if the device has not begun one today. Returns whether it began."""
    if device.swept_on == today:
        return False
    device.swept_on, device.sweep_from = today, 0
    return True


def sweep(session: Session, device: Device, now: Ms, today: int) -> None:
    """Do one step of the sweep of a device, whose row is locked: promise it its share of the free coupons among the next ones."""
    if device.sweep_from is None:
        return
    end = _end(session, device.store_id, device.sweep_from)
    tablets = holds.tablets_of(session, device.store_id, now)
    free = _free(session, device.store_id, (device.sweep_from, end), tablets, today)
    mine = [serial for serial in free if holds.choose_device(tablets, serial) == device.id]
    holds.promise_all(session, mine, device.id, now)
    device.sweep_from = end


def drop_promises(session: Session, device: Device) -> None:
    """Promise the device, whose row is locked, nothing more. When it may hold again, begin a sweep."""
    mine = Coupon.promised_to_id == device.id
    holds.execute(session, update(Coupon).where(mine).values(holds.NO_PROMISE), {})
    device.sweep_from = None


def _end(session: Session, store_id: str, start: int) -> int | None:
    """Return the serial from which the next step goes on, or None if this step is the last."""
    after = select(Coupon.serial).where(Coupon.home_store_id == store_id, Coupon.serial >= start)
    return session.scalar(after.order_by(Coupon.serial).offset(COUPONS_PER_SWEEP_MAX).limit(1))


def _free(session: Session, store_id: str, span: tuple[int, int | None], tablets: list[str], today: int) -> list[int]:
    """Return, locked, the coupons of this span that are open, not expired and not promised to any of `tablets`.

    Coupons that another transaction has locked are skipped: they are being settled.
    """
    start, end = span
    at_home = [Coupon.home_store_id == store_id, Coupon.serial >= start]
    if end is not None:
        at_home.append(Coupon.serial < end)
    unpromised = Coupon.promised_to_id.is_(None) | Coupon.promised_to_id.not_in(tablets)
    free = select(Coupon.serial).where(*at_home, holds.OPEN, Coupon.last_day >= today, unpromised)
    return list(session.scalars(free.order_by(Coupon.serial).with_for_update(skip_locked=True, key_share=True)))
