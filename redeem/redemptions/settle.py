"""Settle an act: one function, whoever sends it.

An act comes from a tablet's journal, named by its number, or from a till, named by its attempt id. Replay comes before
rules: a known act is answered as it was the first time. Then the rules look for a reason to decline. If there is none, a
row is inserted into `redemption`, whose primary key alone decides who was first. The answer is kept with the act, also
if it is a decline.
"""

from dataclasses import replace
from json import loads

from sqlalchemy.orm import Session

from redeem.domain.acts import (
    CANCELLED,
    Act,
    Answer,
    AttemptIdReused,
    Kind,
    Outcome,
)
from redeem.domain.presented import ShownCoupon
from redeem.domain.rules import Verdict
from redeem.ledger import ledger, lost_coupons
from redeem.ledger.rows import IssuedCoupon, KeptAct
from redeem.lib.times import Ms
from redeem.redemptions.takers import may_ask_again, new_act_id, row_of, take_back, taker_of
from redeem.redemptions.taking import Taking
from redeem.redemptions.undo import is_too_late, withdraw_conflict


def settle(session: Session, act: Act, now: Ms) -> Answer:
    """Return the answer to `act`: its first answer, if it has one. Raises AttemptIdReused."""
    coupon, kept = ledger.find_coupon_and_act(session, act.actor.device_id, act.name, act.serial)
    if kept:
        return replay(act, kept)
    if coupon is None and act.shown:
        coupon = lost_coupons.adopt(session, as_proved(act, act.shown), now)
    return take(session, act, coupon.seen_by(act.shown) if coupon else None, now)


def as_proved(act: Act, shown: ShownCoupon) -> ShownCoupon:
    """Return what is shown, as good as the hold that the act proves: a grant shows that the coupon was issued, whatever its key is now."""
    is_granted = act.evidence is not None and act.evidence.has_grant(shown.serial)
    return replace(shown, compromised=False) if is_granted else shown


def replay(act: Act, kept: KeptAct) -> Answer:
    """Return the first answer. A yes that was reversed since is not repeated: a till that still tries would give the gift."""
    if kept.kind == Kind.CANCEL or kept.reversal is not None:
        return Answer(Verdict.ATTEMPT_CANCELLED, replayed=True)
    if kept.fingerprint != act.fingerprint:
        raise AttemptIdReused("This id was used for another request. Use a new id for a new attempt.")
    return Answer(kept.code, loads(kept.answer), replayed=True)


def take(session: Session, act: Act, coupon: IssuedCoupon | None, now: Ms) -> Answer:
    about = find_about(session, act)
    if about:
        coupon = ledger.find_coupon(session, about.serial, lock=True)
    taking = Taking(session, act, new_act_id(act, now), now, coupon, about)
    answer = taker_of(act)(taking)
    if not answer.redeemed and not may_ask_again(act, answer):  # the statement that redeems keeps the act as well
        ledger.append_act(session, row_of(act, taking.id, coupon, answer, now))
    return answer


def find_about(session: Session, act: Act) -> KeptAct | None:
    if act.of_act_id:
        return ledger.find_act(session, act.of_act_id)
    return ledger.find_act_by_name(session, act.actor.device_id, act.of) if act.of else None


def cancel(session: Session, act: Act, now: Ms) -> Answer:
    """Cancel the attempt `act.name` for good, also if its request has not arrived yet.

    It withdraws the redemption at any time, for only the till knows whether the answer came. After the campaign's limit it is listed as
    late. The tombstone is a row under the attempt's own name, so a late request meets it in the unique constraint.
    Raises AttemptIdReused.
    """
    kept = ledger.find_act_by_name(session, act.actor.device_id, act.name)
    if kept and kept.kind not in (Kind.REDEEM, Kind.CANCEL):
        raise AttemptIdReused("This id was used for another request. Only an attempt to redeem can be cancelled.")
    coupon = ledger.find_coupon(session, kept.serial, lock=True) if kept else None
    taking = Taking(session, act, new_act_id(act, now), now, coupon, kept)
    answer = Answer(Verdict.ATTEMPT_CANCELLED, replayed=kept is not None)
    if kept is None:
        ledger.append_act(session, row_of(act, taking.id, coupon, answer, now))
    elif coupon:
        taken = take_back(taking, CANCELLED, by_act_id=None, late=is_too_late(kept.at, now, coupon.terms))
        if taken.code == Outcome.NOTHING_TO_UNDO:
            withdraw_conflict(session, kept, CANCELLED, now)
    return answer
