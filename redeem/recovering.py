"""Recovering: after a restore the ledger waits until every device has said what it did and what it holds, or was written off.

A tablet reports when the server has its journal to the end and it has named all its holds. A till reports when it has sent again
what it redeemed in the last days. Until all have, nothing is granted, and only who holds a coupon gives it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, bindparam, or_, select, text, update
from sqlalchemy.orm import Session

from redeem import generations
from redeem.generations import Life
from redeem.models import Coupon, Deployment, Device

CLAIMS_PER_REQUEST_MAX = 5_000

# The newest grant of a coupon is the one that holds, whatever the backup says.
TAKE = (
    update(Coupon)
    .where(Coupon.serial == bindparam("of_serial"), Coupon.epoch < bindparam("new_epoch"))
    .values(
        holder_id=bindparam("by_device_id"),
        epoch=bindparam("new_epoch"),
        recalled_at=None,
        recalled_for_id=None,
        promised_to_id=None,
        promised_from=None,
    )
)
TAKE_LOST = text(
    "INSERT INTO claim (serial, device_id, epoch) VALUES (:of_serial, :by_device_id, :new_epoch)"
    " ON CONFLICT (serial) DO UPDATE SET device_id = excluded.device_id, epoch = excluded.epoch"
    " WHERE claim.epoch < excluded.epoch"
)


@dataclass(frozen=True, slots=True)
class Report:
    """A tablet's word on a generation: `end` is the last number of its journal, `claims` the holds it has as (serial, epoch).

    `more`: further claims follow in its next request.
    """

    generation: int
    end: int
    claims: Sequence[tuple[int, int]] = ()
    more: bool = False


def hear(session: Session, device: Device, report: Report, life: Life) -> None:
    """Notes what the device (locked) claims, and that it has reported, if that was all and its journal is here to the end."""
    if report.generation != life.generation or device.reported_generation >= life.generation:
        return
    claim(session, device.id, report.claims)
    if not report.more and report.end == device.last_number:
        device.reported_generation = life.generation
        session.flush()


def claim(session: Session, device_id: str, claims: Sequence[tuple[int, int]]) -> None:
    """The device holds these coupons. Those that have no row are remembered until they are adopted."""
    rows = [{"of_serial": serial, "by_device_id": device_id, "new_epoch": epoch} for serial, epoch in claims]
    if not rows:
        return
    session.connection().execute(TAKE, rows)
    here = set(session.scalars(select(Coupon.serial).where(Coupon.serial.in_([serial for serial, _ in claims]))))
    lost = [row for row in rows if row["of_serial"] not in here]
    if lost:
        session.connection().execute(TAKE_LOST, lost)


def is_awaited(life: Life) -> ColumnElement[bool]:
    """Of devices: has this one to report? A lost one is written off; a revoked till holds nothing and may do nothing more."""
    is_till_at_work = and_(Device.kind == "till", Device.revoked_at.is_(None))
    behind = Device.reported_generation < life.generation
    return and_(behind, Device.lost_at.is_(None), or_(Device.kind == "tablet", is_till_at_work))


def end_if_complete(session: Session) -> Life:
    """Recovery ends when nobody is awaited any more. Whoever reports at the same time waits here, so that the last one sees all."""
    life = generations.current(session, lock=True)
    if not life.is_recovering or session.scalar(select(Device.id).where(is_awaited(life)).limit(1)):
        return life
    session.execute(update(Deployment).values(recovering_since=None))
    return generations.current(session)
