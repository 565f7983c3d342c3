"""Reports after a restore: the ledger recovers until every device has reported what it did and what it holds, or was written off.

A tablet has reported once the server has its whole journal and all its claims, which are the holds that it knows of. If another device
was granted one of these holds later, the tablet must release it first. A till has reported once it has repeated its redemptions of the
last days. Until then nothing is granted, and only the holder of a coupon gives it. See docs/protocol.md.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BindParameter,
    Boolean,
    ColumnElement,
    and_,
    bindparam,
    case,
    func,
    null,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.orm import Session

from redeem.db.models.coupons import Campaign, Coupon
from redeem.db.models.devices import Claim, Device
from redeem.db.models.ledger import Conflict, Deployment, Redemption
from redeem.domain.proofs import EPOCHS_PER_GENERATION, Evidence, Proofs
from redeem.ledger import generation, ledger
from redeem.ledger.generation import Life, refuse_if_behind
from redeem.lib.times import Ms

CLAIMS_PER_REQUEST_MAX = 5_000


@dataclass(frozen=True, slots=True)
class Hold:
    """A hold that a tablet says it has. `proof` is our signature of the grant, None from a tablet that got it before grants were signed."""

    serial: int
    epoch: int
    proof: str | None = None


# A claim with a newer epoch than the ledger's is a grant that the backup lacks, so it is taken over. One with a proof also takes over a
# hold that was claimed without. One without a proof takes only what nobody holds: it keeps others from a grant, and proves nothing.
# A recall for a void is kept, since the new holder has not heard of it. A void that has happened by then waits again for a holder with
# a proof: that device had the hold before, and what it gave until it hears of the void is honoured.
VOID_SINCE = func.coalesce(Coupon.void_requested_at, Coupon.voided_at)
IS_UNPROVED: BindParameter[bool] = bindparam("is_unproved", type_=Boolean())
IS_FREE = Coupon.holder_id.is_(None) | (Coupon.holder_id == bindparam("by_device_id"))
TAKE = (
    update(Coupon)
    .where(
        Coupon.serial == bindparam("of_serial"),
        case(
            (IS_UNPROVED, IS_FREE & (Coupon.epoch < bindparam("new_epoch"))),
            else_=Coupon.unproved.is_(True) | (Coupon.epoch < bindparam("new_epoch")),
        ),
    )
    .values(
        holder_id=bindparam("by_device_id"),
        epoch=bindparam("new_epoch"),
        unproved=IS_UNPROVED,
        voided_at=case((IS_UNPROVED, Coupon.voided_at), else_=null()),
        void_requested_at=case((IS_UNPROVED, Coupon.void_requested_at), else_=VOID_SINCE),
        recalled_at=VOID_SINCE,
        recalled_for_id=None,
        promised_to_id=None,
        promised_from=None,
    )
)
TAKE_LOST = text(
    "INSERT INTO claim (serial, device_id, epoch, unproved) VALUES (:of_serial, :by_device_id, :new_epoch, :is_unproved)"
    " ON CONFLICT (serial) DO UPDATE"
    " SET device_id = excluded.device_id, epoch = excluded.epoch, unproved = excluded.unproved"
    " WHERE CASE WHEN excluded.unproved THEN claim.device_id = excluded.device_id AND claim.epoch < excluded.epoch"
    " ELSE claim.unproved OR claim.epoch < excluded.epoch END"
)
IN_THE_WAY = (
    select(Redemption.serial, Redemption.act_id)
    .join(Coupon, Coupon.serial == Redemption.serial)
    .join(Conflict, Conflict.act_id == Redemption.act_id)
    .where(
        Coupon.holder_id == bindparam("of_device_id"),
        Redemption.device_id != bindparam("of_device_id"),
        Conflict.rule.is_not(None),
        Conflict.withdrawn_at.is_(None),
    )
    .order_by(Redemption.serial)
)


@dataclass(frozen=True, slots=True)
class Report:
    """A tablet's report to a generation. `end` is the number of its last journal entry, `claims` are its holds.

    `more`: further claims follow in its next request.
    """

    generation: int
    end: int
    claims: Sequence[Hold] = ()
    more: bool = False


@dataclass(frozen=True, slots=True)
class Claimed:
    """A claim to a hold."""

    serial: int
    epoch: int
    is_unproved: bool

    def beats(self, held: "Claimed") -> bool:
        """Return whether this claim is better than the one that holds: it has a proof, and the other has none or is older."""
        return not self.is_unproved and (held.is_unproved or held.epoch < self.epoch)


def record_report(session: Session, device: Device, report: Report, life: Life, proofs: Proofs, now: Ms) -> list[Hold]:
    """Record the claims of a device, whose row is locked, and that it has reported, if its claims and its journal are complete.

    Returns its outdated claims. The device must release these, and has not reported before it has. Returns [] and records nothing
    if the report is to another generation or comes again.
    """
    if report.generation != life.generation or device.reported_generation >= life.generation:
        return []
    for hold in report.claims:
        refuse_if_behind(life, Evidence(proofs, device.id, hold.epoch, hold.proof), hold.serial)
    told = [as_claim(hold, device.id, proofs) for hold in report.claims]
    claims = [claim for claim in told if is_possible(claim, life)]
    record_claims(session, device.id, claims)
    make_way(session, device.id, claims)
    ledger.recall_beside(session, [claim.serial for claim in claims], now)
    outdated = find_outdated(session, device.id, claims)
    if not outdated and not report.more and report.end == device.last_number:
        device.reported_generation = life.generation
        session.flush()
    return outdated


def is_possible(claim: Claimed, life: Life) -> bool:
    """Say whether a generation until now can have granted this. A proof of a later one was refused before (LedgerBehind).

    Without a proof only an earlier generation counts: the epoch of the next grant is above this one, and must stay within the present one.
    """
    until = life.first_epoch if claim.is_unproved else life.first_epoch + EPOCHS_PER_GENERATION
    return EPOCHS_PER_GENERATION <= claim.epoch < until


def as_claim(hold: Hold, device_id: str, proofs: Proofs) -> Claimed:
    is_proved = proofs.is_grant(hold.proof, device_id, hold.serial, hold.epoch)
    return Claimed(hold.serial, hold.epoch, not is_proved)


def find_outdated(session: Session, device_id: str, claims: Sequence[Claimed]) -> list[Hold]:
    """Return the claims to coupons that another device holds by a newer grant, or by a better claim."""
    serials = [claim.serial for claim in claims]
    columns = Coupon.serial, Coupon.epoch, Coupon.holder_id, Coupon.unproved
    lost = Claim.serial, Claim.epoch, Claim.device_id, Claim.unproved
    others = {
        serial: Claimed(serial, epoch, bool(unproved))
        for serial, epoch, holder_id, unproved in [
            *session.execute(select(*columns).where(Coupon.serial.in_(serials))),
            *session.execute(select(*lost).where(Claim.serial.in_(serials))),
        ]
        if holder_id not in (None, device_id)
    }
    return [
        Hold(each.serial, each.epoch)
        for each in claims
        if each.serial in others and not each.beats(others[each.serial])
    ]


def record_claims(session: Session, device_id: str, claims: Sequence[Claimed]) -> None:
    """Give the device the holds that it claims, unless the ledger has a better one. Claims to lost coupons are stored."""
    rows = [
        {
            "of_serial": claim.serial,
            "by_device_id": device_id,
            "new_epoch": claim.epoch,
            "is_unproved": claim.is_unproved or None,
        }
        for claim in claims
    ]
    await_again(session, device_id, claims)
    lost = apply_claims(session, rows)
    if lost:
        lock_campaigns(session, {int(row["of_serial"]) >> 32 for row in lost})
        lost = apply_claims(session, lost)
    if lost:
        session.connection().execute(TAKE_LOST, lost)


def make_way(session: Session, device_id: str, claims: Sequence[Claimed]) -> None:
    """Take contested redemptions of others out of the way of a device that has shown its grant: it alone may give the coupon."""
    proved = [claim.serial for claim in claims if not claim.is_unproved]
    rows = session.execute(IN_THE_WAY.where(Redemption.serial.in_(proved)), {"of_device_id": device_id}).all()
    for serial, act_id in rows:
        ledger.make_room(session, serial, act_id)
        ledger.make_second(session, act_id, None)
        ledger.note_change(session, serial)


def await_again(session: Session, device_id: str, claims: Sequence[Claimed]) -> None:
    """Await again the devices that have reported an older grant of these holds. They learn at their next report that it is outdated."""
    by_serial = {claim.serial: claim for claim in claims}
    coupons = select(Coupon.serial, Coupon.epoch, Coupon.holder_id, Coupon.unproved).where(
        Coupon.serial.in_(by_serial), Coupon.holder_id.is_not(None)
    )
    lost = select(Claim.serial, Claim.epoch, Claim.device_id, Claim.unproved).where(Claim.serial.in_(by_serial))
    rows = [*session.execute(coupons), *session.execute(lost)]
    older = {
        holder_id
        for serial, epoch, holder_id, unproved in rows
        if by_serial[serial].beats(Claimed(serial, epoch, bool(unproved)))
    }
    if older - {device_id}:
        able = and_(Device.revoked_at.is_(None), Device.lost_at.is_(None))  # the others can't report
        others = Device.id.in_(older - {device_id})
        session.execute(update(Device).where(others, able).values(reported_generation=0))


def apply_claims(session: Session, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Write claims to the rows of their coupons, and return those whose coupon had no row.

    A coupon that is adopted between the two statements gets the claim, and is returned too, which does no harm.
    """
    if not rows:
        return []
    existing = set(session.scalars(select(Coupon.serial).where(Coupon.serial.in_([row["of_serial"] for row in rows]))))
    session.connection().execute(TAKE, rows)
    return [row for row in rows if row["of_serial"] not in existing]


def lock_campaigns(session: Session, numbers: Collection[int]) -> None:
    """Lock campaigns, as `lost_coupons.adopt` does: so either the adopting transaction sees the claim, or this one sees the coupon."""
    locked = select(Campaign.number).where(Campaign.number.in_(numbers)).order_by(Campaign.number)
    session.execute(locked.with_for_update(key_share=True))


def is_awaited(life: Life) -> ColumnElement[bool]:
    """Return the condition that a device has still to report.

    A tablet has to even if it was revoked, since it may hold coupons. A revoked till has not, nor has a device that was written off.
    """
    is_till_at_work = and_(Device.kind == "till", Device.revoked_at.is_(None))
    behind = Device.reported_generation < life.generation
    return and_(behind, Device.lost_at.is_(None), or_(Device.kind == "tablet", is_till_at_work))


def awaits(session: Session, device_id: str) -> bool:
    """Return whether the ledger recovers and waits for this device's report."""
    life = generation.current(session)
    awaited = select(Device.id).where(Device.id == device_id, is_awaited(life))
    return life.is_recovering and session.scalar(awaited) is not None


def awaits_tablets(session: Session) -> bool:
    """Return whether a tablet has still to report, or one that was enrolled since the backup may be missing."""
    life = generation.current(session)
    awaited = select(Device.id).where(is_awaited(life), Device.kind == "tablet").limit(1)
    return life.is_recovering and (life.awaits_forgotten or session.scalar(awaited) is not None)


def end_if_complete(session: Session) -> Life:
    """End the recovery if no report is awaited any more, and return the state of the ledger.

    Concurrent reports wait for each other at the lock, so that the last one sees all the others.
    """
    life = generation.current(session, lock=True)
    if (
        not life.is_recovering
        or life.awaits_forgotten
        or session.scalar(select(Device.id).where(is_awaited(life)).limit(1))
    ):
        return life
    session.execute(update(Deployment).values(recovering_since=None))
    return generation.current(session)
