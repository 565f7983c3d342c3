"""What a till says again to a restored ledger: the redemptions of its last days."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from redeem.db.models.devices import Device
from redeem.domain.acts import Act, Answer, Kind, Outcome
from redeem.domain.presented import Actor, ShownCoupon
from redeem.domain.proofs import Evidence, Proofs, name_at_till
from redeem.ledger import ledger, recovery_reports
from redeem.ledger.generation import Life, current
from redeem.ledger.sealed_copies import lacks
from redeem.ledger.signing import load_ring
from redeem.lib.ids import new_id
from redeem.lib.times import Ms
from redeem.recovery.missing_devices import NotRecovering
from redeem.redemptions.settle import settle


@dataclass(frozen=True, slots=True)
class GivenBefore:
    """A redemption that a till was told of and says again: the attempt's id and fingerprint, and the answer with its proof.

    `token` is the text that it scanned, None if a code was typed. `shown` is None if that does not verify.
    """

    attempt: str
    fingerprint: str
    shown: ShownCoupon | None
    redemption_id: str
    redeemed_at: Ms | None = None
    proof: str | None = None
    token: str | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """The ledger's generation, and whether it waits for this device."""

    life: Life
    awaited: bool


def say_again(session: Session, actor: Actor, given: GivenBefore, proofs: Proofs, now: Ms) -> Answer:
    """Book what a till was answered before the restore: it is redeemed, or a second gift; without the proof of the answer it is contested.

    Only what is proved keeps the redemption's id. What the ledger can't read yet is to be said once more when all tablets have reported:
    one of them may bring its campaign or key back. The same attempt twice gets the first answer. Raises NotRecovering.
    """
    find_awaited_till(session, actor.device_id)
    serial = given.shown.serial if given.shown else None
    if lacks(session, load_ring(session), given.token, serial) and recovery_reports.awaits_tablets(session):
        return Answer(Outcome.RECOVERING, {})
    seen = genuine(session, given.shown)
    evidence = Evidence(proofs, actor.device_id, yes=given.proof)
    name = name_at_till(given.attempt, given.redemption_id)
    is_proved = seen is not None and evidence.has_yes(name, given.fingerprint, seen.serial)
    is_free = ledger.find_act(session, given.redemption_id) is None
    act = Act(
        actor=actor,
        name=given.attempt,
        kind=Kind.REDEEM,
        fingerprint=given.fingerprint,
        serial=seen.serial if seen else None,
        shown=seen,
        redemption_id=given.redemption_id if is_proved and is_free else new_id("rdm", now),
        device_at=given.redeemed_at,
        evidence=evidence,
    )
    return settle(session, act, now)


def genuine(session: Session, shown: ShownCoupon | None) -> ShownCoupon | None:
    """Return what was shown if it proves something. A short code proves nothing about a coupon that is here and has another code."""
    found = ledger.find_coupon(session, shown.serial) if shown and shown.short_code else None
    return None if found and shown and found.short_code != shown.short_code else shown


def is_awaited(session: Session, device_id: str) -> Waiting:
    return Waiting(current(session), recovery_reports.awaits(session, device_id))


def till_reported(session: Session, device_id: str) -> Waiting:
    """Note that the till has said everything again. Return the ledger's generation. Raises NotRecovering if nobody waits for it."""
    device = find_awaited_till(session, device_id)
    device.reported_generation = current(session).generation
    session.flush()
    return Waiting(recovery_reports.end_if_complete(session), awaited=False)


def find_awaited_till(session: Session, device_id: str) -> Device:
    """Return the till, locked. Raises NotRecovering."""
    life = current(session)
    awaited = select(Device).where(Device.id == device_id, Device.kind == "till", recovery_reports.is_awaited(life))
    device = session.scalar(awaited.with_for_update(key_share=True))
    if device is None or not life.is_recovering:
        raise NotRecovering
    return device
