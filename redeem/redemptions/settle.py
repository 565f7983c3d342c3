"""Redeeming: one function settles an act, whoever sends it.

An act comes from a tablet's journal (named by its number, in order) or from a till (named by its attempt id). Either way:
replay before rules: an act that is known is answered as it was the first time. Then the rules look for a reason to decline;
if there is none, the row in `redemption` is inserted, and its primary key alone decides who was first. Whatever comes out is
kept with the act, declines too.
"""

from json import loads

from sqlalchemy.orm import Session

from redeem.domain.acts import (
    CANCELLED,
    Act,
    AnotherActUnderThisName,
    Answer,
    Kind,
    Outcome,
)
from redeem.domain.rules import Verdict
from redeem.ledger import ledger, lost_coupons
from redeem.ledger.ledger import IssuedCoupon, KeptAct
from redeem.lib.times import Ms
from redeem.redemptions.takers import may_ask_again, new_act_id, row_of, take_back, taker_of
from redeem.redemptions.taking import Taking


def settle(session: Session, act: Act, now: Ms) -> Answer:
    """The answer to `act`: the first one, if it has one. Raises AnotherActUnderThisName if its name was used for another act."""
    found, kept = ledger.find_coupon_and_act(session, act.actor.device_id, act.name, act.serial)
    if kept:
        return replay(act, kept)
    if found is None and act.shown:
        found = lost_coupons.adopt(session, act.shown, now)
    return take(session, act, found, now)


def replay(act: Act, kept: KeptAct) -> Answer:
    """The first answer. But a yes is not repeated once it was taken back: a till that is still trying would give the gift."""
    if kept.kind == Kind.CANCEL or kept.reversal is not None:
        return Answer(Verdict.ATTEMPT_CANCELLED, replayed=True)
    if kept.fingerprint != act.fingerprint:
        raise AnotherActUnderThisName("This id was used for another request. Use a new id for a new attempt.")
    return Answer(kept.code, loads(kept.answer), replayed=True)


def take(session: Session, act: Act, found: IssuedCoupon | None, now: Ms) -> Answer:
    about = find_about(session, act)
    if about:
        found = ledger.find_coupon(session, about.serial, lock=True)
    taking = Taking(session, act, new_act_id(act, now), now, found, about)
    answer = taker_of(act)(taking)
    if not answer.redeemed and not may_ask_again(act, answer):  # the stroke that redeems keeps the act, too
        ledger.append_act(session, row_of(act, taking.id, found, answer, now))
    return answer


def find_about(session: Session, act: Act) -> KeptAct | None:
    if act.of_act_id:
        return ledger.find_act(session, act.of_act_id)
    return ledger.find_act_by_name(session, act.actor.device_id, act.of) if act.of else None


def cancel(session: Session, act: Act, now: Ms) -> Answer:
    """Final: the attempt `act.name` has not redeemed and never will, even if its request arrives later.

    The tombstone takes the attempt's own name, so that a late request meets it in the same unique constraint.
    """
    kept = ledger.find_act_by_name(session, act.actor.device_id, act.name)
    if kept and kept.kind not in (Kind.REDEEM, Kind.CANCEL):
        raise AnotherActUnderThisName(
            "This id was used for another request. Only an attempt to redeem can be cancelled."
        )
    found = ledger.find_coupon(session, kept.serial, lock=True) if kept else None
    taking = Taking(session, act, new_act_id(act, now), now, found, kept)
    answer = Answer(Verdict.ATTEMPT_CANCELLED, replayed=kept is not None)
    if kept is None:
        ledger.append_act(session, row_of(act, taking.id, found, answer, now))
    elif kept.code == Outcome.REDEEMED:
        take_back(taking, CANCELLED, by_act_id=None)
    return answer


# What each kind of act does.


# Leaves.
