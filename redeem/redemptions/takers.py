"""What each kind of act does to its coupon: one taker a kind."""

from collections.abc import Callable
from json import dumps
from typing import Any

from redeem.db.engine import Retry
from redeem.db.models.partners import Store
from redeem.devices.moves import find, go, where_to
from redeem.domain.acts import CANCELLED, NOT_HANDED_OVER, NOTED, REDEEMING, Act, Answer, Kind, Outcome, Refusal
from redeem.domain.rules import Verdict
from redeem.holds import holds
from redeem.ledger import generation, ledger, recovery_reports
from redeem.ledger.ledger import IssuedCoupon, KeptAct, StandingRedemption
from redeem.lib.ids import new_id
from redeem.lib.times import MS_PER_MINUTE, Ms, local_day, rfc3339
from redeem.redemptions.taking import Taking
from redeem.redemptions.verify import explain, must_wait, reason_to_decline, tell_holder


def take_move(taking: Taking) -> Answer:
    """Whatever comes of the move, what the tablet held is given back: so it says, behind all that it did under these holds."""
    session, act, now = taking.session, taking.act, taking.now
    epoch, wanted = act.epoch or 0, act.to_store_id
    holds.release_all(session, act.actor.device_id, epoch, now)
    device = find(session, act.actor.device_id)
    if wanted is None or where_to(session, device, generation.current(session), epoch) != wanted:
        return Answer(Outcome.NOT_MOVED)
    go(session, device, session.get_one(Store, wanted), device.moves_by_id or "", now)
    return Answer(Outcome.MOVED, {"store": wanted})


def may_ask_again(act: Act, answer: Answer) -> bool:
    """A till that asks while the ledger recovers may ask again by the same name, and may say that it had its yes before.

    Nothing is decided until then: it insists or cancels, else a request of its that comes late would burn the coupon.
    """
    return answer.code == Outcome.RECOVERING and act.kind == Kind.REDEEM


def taker_of(act: Act) -> Callable[[Taking], Answer]:
    """What a till alone may do means nothing in a journal, and the other way round."""
    if act.redemption_id:
        return take_given
    return (OF_JOURNALS if act.entry is not None else OF_TILLS).get(act.kind, take_note)


def row_of(act: Act, act_id: str, found: IssuedCoupon | None, answer: Answer, now: Ms) -> dict[str, Any]:
    """The act and its answer, as they are kept for ever."""
    return {
        "id": act_id,
        "device_id": act.actor.device_id,
        "name": act.name,
        "kind": act.kind,
        "store_id": act.actor.store_id,
        "clerk_id": act.clerk_id,
        "serial": found.serial if found else None,
        "code": answer.code,
        "answer": dumps(answer.details, ensure_ascii=False),
        "fingerprint": act.fingerprint,
        "at": now,
        "device_at": act.device_at,
        "entry": act.entry,
        "signature": act.signature,
    }


def take_redeem(taking: Taking) -> Answer:
    """The gift is asked for: by a tablet that waits for the answer, or by a till.

    Nobody waits where the ask is admitted later: a yes would burn the coupon. If it was given on one, `gave` follows and says so.
    """
    found, actor, from_quarantine = taking.found, taking.act.actor, taking.act.from_quarantine
    if found is None:
        return declined(taking, Verdict.UNKNOWN_COUPON, {})
    reason = reason_to_decline(found, actor, taking.now)
    if reason is None and must_wait(found):
        return put_off(taking, found)
    yes = redeemed(taking.id, found, taking.now)
    if reason is None and not from_quarantine and stand(taking, yes, handed_over=taking.act.kind == Kind.REDEEM):
        return yes
    standing = ledger.find_standing(taking.session, found.serial)
    if standing:
        return declined(taking, Verdict.ALREADY_REDEEMED, {"coupon": found.coupon_id} | explain(standing, actor))
    if reason is None and from_quarantine:
        return declined(taking, Verdict.ATTEMPT_CANCELLED, {"coupon": found.coupon_id})
    if reason is None:
        raise Retry  # what stood in the way has been undone meanwhile
    return declined(taking, reason, {"coupon": found.coupon_id} | recall(taking, found, reason))


def take_given(taking: Taking) -> Answer:
    """The gift is out, given offline: nothing can decline it now. A second gift of one coupon is a conflict, and somebody bears it."""
    found, actor = taking.found, taking.act.actor
    if found is None:
        return declined(taking, Verdict.UNKNOWN_COUPON, {})
    yes = redeemed(taking.id, found, taking.now)
    if stand(taking, yes, handed_over=True):
        return yes
    standing = ledger.find_standing(taking.session, found.serial)
    if standing is None:
        raise Retry
    if standing.device_id == actor.device_id and ledger.mark_handed_over_once(
        taking.session, standing.act_id, taking.now
    ):
        return Answer(Outcome.NOTED, {"stands": True})
    return second_gift(taking, found, standing, taking.id)


def take_release(taking: Taking) -> Answer:
    """Behind everything that was done under the hold, so that what the holder gave is redeemed before anybody else may."""
    act, found = taking.act, taking.found
    if found and act.epoch is not None:
        holds.release(taking.session, found.serial, act.actor.device_id, act.epoch, taking.now)
    return Answer(Outcome.RELEASED)


def take_gave(taking: Taking) -> Answer:
    """The gift is out. The yes that it was given on may be lost, with what a restored backup lacked: then the gift stands now."""
    about = taking.about
    if about is None or about.kind != Kind.ASK or about.reversal is not None or taking.found is None:
        return Answer(Outcome.NOTED, {"stands": False})
    if ledger.mark_handed_over(taking.session, about.id, taking.now):
        return Answer(Outcome.NOTED, {"stands": True})
    return stand_after_all(taking, taking.found, about)


def take_drop(taking: Taking) -> Answer:
    """Behind a `gave` it means nothing, here as on the tablet: what was handed over is undone, not dropped."""
    standing = ledger.find_standing_by_act(taking.session, taking.about.id) if taking.about else None
    if standing is None or standing.handed_over_at is not None:
        return Answer(Outcome.NOTHING_TO_UNDO)
    return take_back(taking, NOT_HANDED_OVER, by_act_id=taking.id)


def take_undo(taking: Taking) -> Answer:
    """The tablet keeps the campaign's limit before it writes; what it wrote has happened at the counter, and is booked."""
    about = taking.about
    if about and ledger.withdraw_conflict(taking.session, about.id, taking.now):
        return Answer(Outcome.REVERSED)
    return take_back(taking, taking.act.reason or "", by_act_id=taking.id)


def take_reverse(taking: Taking) -> Answer:
    """A till's undo of a redemption that its own store, or it itself elsewhere, handed over, within the campaign's limit.

    What a till says to a restored ledger has happened, and is not too late.
    """
    about = taking.about  # a till's second gift is one that it said again to a restored ledger
    is_own = about is not None and about.kind == Kind.REDEEM and about.store_id == taking.act.actor.store_id
    if about and is_own and taking.found and ledger.withdraw_conflict(taking.session, about.id, taking.now):
        return Answer(Outcome.REVERSED, {"coupon": taking.found.coupon_id})
    standing = ledger.find_standing(taking.session, taking.found.serial) if taking.found else None
    if standing is None or taking.found is None or not is_own_and_done(taking, standing):
        return Answer(Outcome.NOTHING_TO_UNDO)
    if is_too_late(taking, taking.found, standing) and not recovery_reports.awaits(taking.session, standing.device_id):
        return Answer(Outcome.UNDO_TOO_LATE, {"undo_minutes": taking.found.terms.undo_minutes})
    return take_back(taking, taking.act.reason or "", by_act_id=taking.id)


def take_note(taking: Taking) -> Answer:
    """What changes no coupon (a refusal, an unlock), or an entry of a newer app: kept for managers."""
    if taking.act.kind in NOTED:
        count(taking, noted(taking.act.kind, taking.act.reason))
    return Answer(Outcome.NOTED)


def redeemed(act_id: str, found: IssuedCoupon, now: Ms) -> Answer:
    details = {"coupon": found.coupon_id, "redemption": act_id, "redeemed_at": rfc3339(now)}
    return Answer(Outcome.REDEEMED, details)


def stand(taking: Taking, yes: Answer, *, handed_over: bool) -> bool:
    """True if this act's redemption now stands, and is kept and counted: the constraint decides, nothing else."""
    act, now = taking.act, taking.now
    row = row_of(act, taking.id, taking.found, yes, now)
    return ledger.redeem(taking.session, row, local_day(now, act.actor.time_zone), handed_over=handed_over)


def stand_after_all(taking: Taking, found: IssuedCoupon, about: KeptAct) -> Answer:
    """Under the ask's own id, so that its undo is found. If another gift stands, this is a second one."""
    standing = ledger.find_standing(taking.session, found.serial)
    if standing:
        return second_gift(taking, found, standing, about.id)
    ledger.make_standing(taking.session, found.serial, about.id, taking.act.actor.device_id, taking.now)
    count(taking, Outcome.REDEEMED)
    ledger.note_change(taking.session, found.serial)
    return Answer(Outcome.NOTED, {"stands": True})


def second_gift(taking: Taking, found: IssuedCoupon, standing: StandingRedemption, act_id: str) -> Answer:
    bearer = found.terms.bearer
    if ledger.record_conflict(taking.session, act_id, standing.act_id, found.serial, bearer, taking.now):
        count(taking, Outcome.CONFLICT)
    return Answer(Outcome.CONFLICT, {"coupon": found.coupon_id} | explain(standing, taking.act.actor))


def recall(taking: Taking, found: IssuedCoupon, reason: Verdict) -> dict[str, Any]:
    """A coupon that another device holds is asked back from it; meanwhile the clerk hears who can give it.

    While the ledger recovers, a hold given back could be granted to nobody: then it stays where it is.
    """
    if reason != Verdict.HELD_ELSEWHERE or found.holder_id is None:
        return {}
    actor = taking.act.actor
    if not found.recovering:
        holds.recall(taking.session, found.serial, actor.device_id, taking.now)
    return {"holder": tell_holder(holds.holder(taking.session, found.holder_id), actor, taking.now)}


def new_act_id(act: Act, now: Ms) -> str:
    """An act that asks for the gift lends its id to the redemption that may come of it."""
    return act.redemption_id or new_id("rdm" if act.kind in REDEEMING else "act", now)


def noted(kind: str, reason: str | None) -> str:
    """What it counts as. A reason that is not in our words is `other`: no device may make up lines in a chart."""
    return f"{kind}:{reason if reason in NOTED[kind] else Refusal.OTHER}"


def declined(taking: Taking, verdict: Verdict | Outcome, details: dict[str, Any]) -> Answer:
    count(taking, f"declined:{verdict}")
    return Answer(verdict, details)


def put_off(taking: Taking, found: IssuedCoupon) -> Answer:
    answer = Answer(Outcome.RECOVERING, {"coupon": found.coupon_id})
    if not may_ask_again(taking.act, answer):
        count(taking, f"declined:{answer.code}")
    return answer


def is_too_late(taking: Taking, found: IssuedCoupon, standing: StandingRedemption) -> bool:
    return taking.now - standing.at > found.terms.undo_minutes * MS_PER_MINUTE


def is_own_and_done(taking: Taking, standing: StandingRedemption) -> bool:
    about, actor = taking.about, taking.act.actor
    return (
        about is not None
        and standing.act_id == about.id
        and (about.store_id == actor.store_id or standing.device_id == actor.device_id)
        and standing.handed_over_at is not None
    )


def take_back(taking: Taking, reason: str, *, by_act_id: str | None) -> Answer:
    """Opens the coupon again if the redemption that this is about stands. It is counted on the day on which the gift was."""
    about, found, session = taking.about, taking.found, taking.session
    made_at = (
        about and found and ledger.reverse(session, about.id, found.serial, reason, taking.now, by_act_id=by_act_id)
    )
    if not made_at or not found:
        return Answer(Outcome.NOTHING_TO_UNDO)
    count(taking, "withdrawn" if reason in (NOT_HANDED_OVER, CANCELLED) else Outcome.REVERSED, at=made_at)
    ledger.note_change(session, found.serial)
    reopen(taking, found)
    return Answer(Outcome.REVERSED, {"coupon": found.coupon_id})


def reopen(taking: Taking, found: IssuedCoupon) -> None:
    """If it was given a second time, that gift stands now: it is out. Otherwise the coupon is open again."""
    second = ledger.promote_conflict(taking.session, found.serial, taking.now)
    if second:
        day, today = local_day(second.at, second.time_zone), local_day(taking.now, second.time_zone)
        outcome = Outcome.REDEEMED
        ledger.count_outcome(taking.session, day, found.campaign_number, second.store_id, outcome, late=day != today)
    else:
        holds.reopen(taking.session, found.serial, taking.now)


def count(taking: Taking, outcome: str, at: Ms | None = None) -> None:
    """At the store where it happened: the device may have moved since."""
    campaign = taking.found.campaign_number if taking.found else ledger.UNKNOWN_CAMPAIGN
    place = taking.about or taking.act.actor
    store_id, zone = place.store_id, place.time_zone
    today = local_day(taking.now, zone)
    day = local_day(at, zone) if at is not None else today
    ledger.count_outcome(taking.session, day, campaign, store_id, outcome, late=day != today)


OF_TILLS: dict[str, Callable[[Taking], Answer]] = {Kind.REDEEM: take_redeem, Kind.REVERSE: take_reverse}


OF_JOURNALS: dict[str, Callable[[Taking], Answer]] = {
    Kind.ASK: take_redeem,
    Kind.GAVE_HELD: take_given,
    Kind.GAVE_AT_RISK: take_given,
    Kind.RELEASE: take_release,
    Kind.GAVE: take_gave,
    Kind.DROP: take_drop,
    Kind.UNDO: take_undo,
    Kind.MOVE: take_move,
}
