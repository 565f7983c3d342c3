"""Recovering: after a restore the ledger waits until every device has said what it did and what it holds, or was written off.

A tablet reports when the server has its journal to the end and it has named all its holds. If somebody was granted one of them since,
for it was written off in the time that is lost, it gives that back first. A till reports when it has sent again
what it redeemed in the last days. Of what was enrolled after the backup the ledger knows nothing; that all of it is here again a manager
says. Until then nothing is granted, and only who holds a coupon gives it.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, or_, select, text, update
from sqlalchemy.orm import Session

from redeem.db.models.coupons import Campaign, Coupon
from redeem.db.models.devices import Claim, Device
from redeem.db.models.ledger import Deployment
from redeem.ledger import generation
from redeem.ledger.generation import Life

CLAIMS_PER_REQUEST_MAX = 5_000

Hold = tuple[int, int]  # serial, epoch

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
    claims: Sequence[Hold] = ()
    more: bool = False


def record_report(session: Session, device: Device, report: Report, life: Life) -> list[Hold]:
    """Notes what the device (locked) claims, and that it has reported, if that was all and its journal is here to the end.

    Answers the claims that are over: it is to give these holds back, and until then it has not reported.
    """
    if report.generation != life.generation or device.reported_generation >= life.generation:
        return []
    record_claims(session, device.id, report.claims)
    over = find_outdated(session, device.id, report.claims)
    if not over and not report.more and report.end == device.last_number:
        device.reported_generation = life.generation
        session.flush()
    return over


def find_outdated(session: Session, device_id: str, claims: Sequence[Hold]) -> list[Hold]:
    """Those of the claims that another device has by a newer grant."""
    serials = [serial for serial, _ in claims]
    others = [
        *session.execute(select(Coupon.serial, Coupon.epoch, Coupon.holder_id).where(Coupon.serial.in_(serials))),
        *session.execute(select(Claim.serial, Claim.epoch, Claim.device_id).where(Claim.serial.in_(serials))),
    ]
    newest = {serial: epoch for serial, epoch, holder_id in others if holder_id not in (None, device_id)}
    return [(serial, epoch) for serial, epoch in claims if newest.get(serial, 0) > epoch]


def record_claims(session: Session, device_id: str, claims: Sequence[Hold]) -> None:
    """The device holds these coupons. Those that have no row are remembered until they are adopted."""
    rows = [{"of_serial": serial, "by_device_id": device_id, "new_epoch": epoch} for serial, epoch in claims]
    await_again(session, device_id, claims)
    lost = apply_claims(session, rows)
    if lost:
        lock_campaigns(session, {int(row["of_serial"]) >> 32 for row in lost})
        lost = apply_claims(session, lost)
    if lost:
        session.connection().execute(TAKE_LOST, lost)


def await_again(session: Session, device_id: str, claims: Sequence[Hold]) -> None:
    """Whoever reported that it has one of these holds by an older grant is awaited once more, and hears then that it is over."""
    epochs = dict(claims)
    coupons = select(Coupon.serial, Coupon.epoch, Coupon.holder_id).where(
        Coupon.serial.in_(epochs), Coupon.holder_id.is_not(None)
    )
    lost = select(Claim.serial, Claim.epoch, Claim.device_id).where(Claim.serial.in_(epochs))
    rows = [*session.execute(coupons), *session.execute(lost)]
    older = {holder_id for serial, epoch, holder_id in rows if epoch < epochs[serial]} - {device_id}
    if older:
        able = and_(Device.revoked_at.is_(None), Device.lost_at.is_(None))  # a revoked one hears nothing
        session.execute(update(Device).where(Device.id.in_(older), able).values(reported_generation=0))


def apply_claims(session: Session, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Answers those whose coupon had no row just before: one adopted meanwhile is taken, and answered too."""
    if not rows:
        return []
    here = set(session.scalars(select(Coupon.serial).where(Coupon.serial.in_([row["of_serial"] for row in rows]))))
    session.connection().execute(TAKE, rows)
    return [row for row in rows if row["of_serial"] not in here]


def lock_campaigns(session: Session, numbers: Collection[int]) -> None:
    """Whoever adopts a coupon locks its campaign, too: either he sees the claim to it, or the claim finds the coupon."""
    locked = select(Campaign.number).where(Campaign.number.in_(numbers)).order_by(Campaign.number)
    session.execute(locked.with_for_update(key_share=True))


def is_awaited(life: Life) -> ColumnElement[bool]:
    """Of devices: has this one to report? A lost one is written off; a revoked till holds nothing and may do nothing more."""
    is_till_at_work = and_(Device.kind == "till", Device.revoked_at.is_(None))
    behind = Device.reported_generation < life.generation
    return and_(behind, Device.lost_at.is_(None), or_(Device.kind == "tablet", is_till_at_work))


def awaits(session: Session, device_id: str) -> bool:
    """Does a restored ledger wait for this device's report?"""
    life = generation.current(session)
    awaited = select(Device.id).where(Device.id == device_id, is_awaited(life))
    return life.is_recovering and session.scalar(awaited) is not None


def end_if_complete(session: Session) -> Life:
    """Recovery ends when nobody is awaited any more. Whoever reports at the same time waits here, so that the last one sees all."""
    life = generation.current(session, lock=True)
    if (
        not life.is_recovering
        or life.awaits_forgotten
        or session.scalar(select(Device.id).where(is_awaited(life)).limit(1))
    ):
        return life
    session.execute(update(Deployment).values(recovering_since=None))
    return generation.current(session)
