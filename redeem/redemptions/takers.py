"""What each kind of act does to its coupon: one `take_` function a kind, then the steps that they share.

A taker changes rows and returns the answer. It never decides who was first: the primary key of `redemption` does.
"""

from collections.abc import Callable
from json import dumps
from typing import Any

from redeem.accounts.audit import OPERATOR
from redeem.db.engine import Retry
from redeem.db.models.partners import Store
from redeem.devices.moves import find, go, where_to
from redeem.domain.acts import NOT_HANDED_OVER, NOTED, OF_REDEMPTIONS, Act, Answer, Kind, Outcome, counted_as
from redeem.domain.events import EventType
from redeem.domain.judgement import NO_RIGHT_TO_BLOCK, Rule
from redeem.domain.rules import Verdict
from redeem.holds import holds
from redeem.ledger import generation, ledger, recovery_reports
from redeem.ledger.rows import IssuedCoupon, KeptAct, StandingRedemption
from redeem.lib.ids import new_id
from redeem.lib.times import Ms, local_day, rfc3339
from redeem.redemptions.judge import judge
from redeem.redemptions.news import redeemed_event, tell
from redeem.redemptions.taking import Taking
from redeem.redemptions.undo import count_at, is_too_late, undo, withdraw_conflict
from redeem.redemptions.verify import explain, must_wait, reason_to_decline, tell_holder, unknown


def taker_of(act: Act) -> Callable[[Taking], Answer]:
    """Return the taker of an act. A kind that only tills have is a mere note in a journal, and the other way round."""
    if act.redemption_id:
        return take_given
    return (OF_JOURNALS if act.entry is not None else OF_TILLS).get(act.kind, take_note)


def take_redeem(taking: Taking) -> Answer:
    """Redeem the coupon for a till, or for a tablet that waits for the answer.

    An ask out of quarantine never redeems: nobody waits for its answer any more, so a yes would burn the coupon. If the
    gift was given, the journal's `gave` follows and says so.
    """
    coupon, actor, from_quarantine = taking.coupon, taking.act.actor, taking.act.from_quarantine
    if coupon is None:
        return decline_unknown(taking)
    reason = reason_to_decline(coupon, actor, taking.now)
    if reason is None and must_wait(coupon):
        return put_off(taking, coupon)
    yes = redeemed(taking.id, coupon, taking.now)
    if reason is None and not from_quarantine and stand(taking, yes, handed_over=taking.act.kind == Kind.REDEEM):
        return yes
    standing = ledger.find_standing(taking.session, coupon.serial)
    if standing:
        return declined(taking, Verdict.ALREADY_REDEEMED, {"coupon": coupon.coupon_id} | explain(standing, actor))
    if reason is None and from_quarantine:
        return declined(taking, Verdict.ATTEMPT_CANCELLED, {"coupon": coupon.coupon_id})
    if reason is None:
        raise Retry  # the redemption that stood in the way was reversed meanwhile
    return declined(taking, reason, {"coupon": coupon.coupon_id} | recall(taking, coupon, reason))


def take_given(taking: Taking) -> Answer:
    """Book a gift that is reported. It may be out, so nothing declines it: if it breaks a rule, or is the second, it is booked as that."""
    coupon = taking.coupon
    if coupon is None:
        return declined(taking, unknown(taking.act.shown), {})
    standing = ledger.find_standing(taking.session, coupon.serial)
    if standing and is_pending_here(taking, standing):
        return Answer(Outcome.NOTED, {"stands": True})
    rule = judge(taking, coupon, standing)
    if rule:
        return contest(taking, coupon, rule, standing, taking.id)
    if standing and not gave_way(taking, standing):
        return second_gift(taking, coupon, standing, taking.id)
    yes = redeemed(taking.id, coupon, taking.now)
    if not stand(taking, yes, handed_over=True):
        raise Retry  # a redemption that the transaction could not see yet
    if standing:
        ledger.make_second(taking.session, standing.act_id, taking.id)
    recall_beside(taking, coupon)
    return yes


def take_release(taking: Taking) -> Answer:
    """End a hold. The entry stands behind everything that was done under the hold, so what the holder gave is booked first."""
    act, coupon = taking.act, taking.coupon
    if coupon and act.epoch is not None:
        holds.release(taking.session, coupon.serial, act.actor.device_id, act.epoch, taking.now)
    return Answer(Outcome.RELEASED)


def take_move(taking: Taking) -> Answer:
    """Move the tablet to the store that a manager chose, and release all that it held, whether it moves or not.

    The entry stands in the journal behind everything that the tablet did under these holds.
    """
    session, act, now = taking.session, taking.act, taking.now
    epoch, wanted = act.epoch or 0, act.to_store_id
    holds.release_all(session, act.actor.device_id, epoch, now)
    device = find(session, act.actor.device_id)
    device.released_until = max(device.released_until, epoch)
    if wanted is None or where_to(session, device, generation.current(session), epoch) != wanted:
        return Answer(Outcome.NOT_MOVED)
    go(session, device, session.get_one(Store, wanted), device.moves_by_id or OPERATOR.id, now)
    return Answer(Outcome.MOVED, {"store": wanted})


def take_gave(taking: Taking) -> Answer:
    """Note that the gift was handed over.

    If a restore has lost the redemption that allowed it, the redemption stands from now on, if the tablet shows the yes that it had.
    """
    about, coupon = taking.about, taking.coupon
    if about and coupon and about.is_denied:
        return contest(taking, coupon, Rule.NEVER_GIVEN, ledger.find_standing(taking.session, coupon.serial), about.id)
    if about is None or about.kind != Kind.ASK or about.reversal is not None or coupon is None:
        return Answer(Outcome.NOTED, {"stands": False})
    if ledger.mark_handed_over(taking.session, about.id, taking.now):
        return Answer(Outcome.NOTED, {"stands": True})
    standing = ledger.find_standing(taking.session, coupon.serial)
    rule = judge(taking, coupon, standing)
    if rule:
        return contest(taking, coupon, rule, standing, about.id)
    return stand_after_all(taking, coupon, standing, about)


def take_drop(taking: Taking) -> Answer:
    """Withdraw a redemption whose gift was not handed over. After a `gave` a drop does nothing, here as on the tablet."""
    standing = ledger.find_standing_by_act(taking.session, taking.about.id) if taking.about else None
    if standing is None or standing.handed_over_at is not None:
        return Answer(Outcome.NOTHING_TO_UNDO)
    return take_back(taking, NOT_HANDED_OVER, by_act_id=taking.id)


def take_undo(taking: Taking) -> Answer:
    """Reverse a gift of this tablet. It is booked also after the campaign's limit, for the gift is back; then it is listed as late."""
    about = taking.about
    standing = ledger.find_standing_by_act(taking.session, about.id) if about else None
    if about and standing:
        late = is_late_undo(taking, about, standing)
        return take_back(taking, taking.act.reason or "", by_act_id=taking.id, late=late)
    if about and withdraw(taking, about):
        return Answer(Outcome.REVERSED)
    return Answer(Outcome.NOTHING_TO_UNDO)


def take_reverse(taking: Taking) -> Answer:
    """Reverse a redemption for a till, within the campaign's limit.

    The redemption must be of the till's store, or of the till itself at an earlier store. While a restored ledger waits
    for the till, the limit does not apply: what the till says again has happened.
    """
    about = taking.about  # a till has a second gift only where it said a redemption again to a restored ledger
    is_own = about is not None and about.kind == Kind.REDEEM and about.store_id == taking.act.actor.store_id
    standing = ledger.find_standing(taking.session, taking.coupon.serial) if taking.coupon else None
    if about and is_own and taking.coupon and is_withdrawn(taking, about, standing):
        return Answer(Outcome.REVERSED, {"coupon": taking.coupon.coupon_id})
    if standing is None or taking.coupon is None or not is_own_and_done(taking, standing):
        return Answer(Outcome.NOTHING_TO_UNDO)
    late = is_too_late(standing.at, taking.now, taking.coupon.terms)
    if late and not recovery_reports.awaits(taking.session, standing.device_id):
        return Answer(Outcome.UNDO_TOO_LATE, {"undo_minutes": taking.coupon.terms.undo_minutes})
    return take_back(taking, taking.act.reason or "", by_act_id=taking.id)


def take_note(taking: Taking) -> Answer:
    """Keep what changes no coupon: a refusal, an unlock, what is said of a gift, or a kind that a newer app knows."""
    if taking.act.kind in NOTED:
        count(taking, counted_as(taking.act.kind, taking.act.reason))
    said_of = taking.about if taking.act.kind == Kind.SAID else None
    return Answer(Outcome.NOTED, {"gift": said_of.id} if said_of else {})


# Steps that takers share.


def redeemed(act_id: str, coupon: IssuedCoupon, now: Ms) -> Answer:
    details = {"coupon": coupon.coupon_id, "redemption": act_id, "redeemed_at": rfc3339(now)}
    return Answer(Outcome.REDEEMED, details)


def stand(taking: Taking, yes: Answer, *, handed_over: bool) -> bool:
    """Insert the redemption, keep the act and count it. False, and nothing done, if another redemption stands."""
    act, now = taking.act, taking.now
    row = row_of(act, taking.id, taking.coupon, yes, now)
    day, event = local_day(now, act.actor.time_zone), redeemed_event(act, row, now)
    return ledger.redeem(taking.session, row, day, event, handed_over=handed_over)


def stand_after_all(
    taking: Taking, coupon: IssuedCoupon, standing: StandingRedemption | None, about: KeptAct
) -> Answer:
    """Make the ask's redemption stand again, under the ask's own id so that its undo finds it. Else this is a second gift."""
    if standing and not gave_way(taking, standing):
        return second_gift(taking, coupon, standing, about.id)
    ledger.make_standing(taking.session, coupon.serial, about.id, taking.act.actor.device_id, taking.now)
    if standing:
        ledger.make_second(taking.session, standing.act_id, about.id)
    recall_beside(taking, coupon)
    count(taking, Outcome.REDEEMED)
    tell(taking, EventType.REDEEMED, coupon, about.id)
    ledger.note_change(taking.session, coupon.serial)
    return Answer(Outcome.NOTED, {"stands": True})


def recall_beside(taking: Taking, coupon: IssuedCoupon) -> None:
    """Recall the hold of another device on a coupon that this device has given: it was given at risk, or reported late."""
    if taking.act.from_quarantine or coupon.holder_id not in (None, taking.act.actor.device_id):
        ledger.recall_beside(taking.session, [coupon.serial], taking.now)


def is_by_this_device(taking: Taking, standing: StandingRedemption) -> bool:
    """Say whether this device gave the gift that stands. What it gave at another partner's store, it gave as another device."""
    actor = taking.act.actor
    return (standing.device_id, standing.partner_id) == (actor.device_id, actor.partner_id)


def is_pending_here(taking: Taking, standing: StandingRedemption) -> bool:
    """Note the hand-over, if the gift that stands is this device's own and waits for that. Then this is the same gift."""
    return is_by_this_device(taking, standing) and ledger.mark_handed_over_once(
        taking.session, standing.act_id, taking.now
    )


def gave_way(taking: Taking, standing: StandingRedemption) -> bool:
    """Take a contested redemption out of the way of this gift, which breaks no rule. False if the one that stands is not contested."""
    if not ledger.is_contested(taking.session, standing.act_id):
        return False
    ledger.make_room(taking.session, standing.serial, standing.act_id)
    return True


def contest(
    taking: Taking, coupon: IssuedCoupon, rule: Rule, standing: StandingRedemption | None, act_id: str
) -> Answer:
    """Record a gift that breaks a rule. It is not owed. If nothing stands it stands, so that the coupon is not given again.

    It blocks nobody who holds the coupon, and nobody at all if it was reported from a store where the coupon is not good.
    """
    session, device_id = taking.session, taking.act.actor.device_id
    answer = Answer(Outcome.CONTESTED, {"coupon": coupon.coupon_id, "rule": rule})
    if not ledger.record_conflict(
        session, act_id, standing.act_id if standing else None, coupon.serial, taking.now, rule=rule
    ):
        return answer
    count(taking, Outcome.CONTESTED)
    tell(taking, EventType.CONTESTED, coupon, act_id, rule=rule, standing=standing.act_id if standing else None)
    if standing is None and rule not in NO_RIGHT_TO_BLOCK and coupon.holder_id in (None, device_id):
        ledger.make_standing(session, coupon.serial, act_id, device_id, taking.now)
        ledger.note_change(session, coupon.serial)
    return answer


def second_gift(taking: Taking, coupon: IssuedCoupon, standing: StandingRedemption, act_id: str) -> Answer:
    """Record a second gift. A device's own second one its partner bears. Of others the campaign says who does, or a shop manager."""
    bearer = "partner" if is_by_this_device(taking, standing) else coupon.terms.bearer
    if ledger.record_conflict(taking.session, act_id, standing.act_id, coupon.serial, taking.now, bearer=bearer):
        count(taking, Outcome.CONFLICT)
        tell(taking, EventType.CONFLICTED, coupon, act_id, standing=standing.act_id)
    return Answer(Outcome.CONFLICT, {"coupon": coupon.coupon_id} | explain(standing, taking.act.actor))


def recall(taking: Taking, coupon: IssuedCoupon, reason: Verdict) -> dict[str, Any]:
    """Recall the hold of another device, and tell who can give the coupon meanwhile.

    While the ledger recovers nothing is recalled: a released hold could be granted to nobody.
    """
    if reason != Verdict.HELD_ELSEWHERE or coupon.holder_id is None:
        return {}
    actor = taking.act.actor
    if not coupon.recovering:
        holds.recall(taking.session, coupon.serial, actor.device_id, taking.now)
    return {"holder": tell_holder(holds.holder(taking.session, coupon.holder_id), actor, taking.now)}


def new_act_id(act: Act, now: Ms) -> str:
    """Return a new id. A redemption has the id of the act that made it, so an act that may redeem gets a redemption's id.

    A cancel that comes first does, too: it takes the place of the attempt, and is listed with the redemptions.
    """
    return act.redemption_id or new_id("rdm" if act.kind in OF_REDEMPTIONS else "act", now)


def row_of(act: Act, act_id: str, coupon: IssuedCoupon | None, answer: Answer, now: Ms) -> dict[str, Any]:
    """Return the act's row, with its answer, as it is kept for ever."""
    return {
        "id": act_id,
        "device_id": act.actor.device_id,
        "name": act.name,
        "kind": act.kind,
        "store_id": act.actor.store_id,
        "clerk_id": act.clerk_id,
        "serial": coupon.serial if coupon else None,
        "code": answer.code,
        "answer": dumps(answer.details, ensure_ascii=False),
        "fingerprint": act.fingerprint,
        "at": now,
        "device_at": act.device_at,
        "entry": act.entry,
        "signature": act.signature,
    }


def declined(taking: Taking, verdict: Verdict | Outcome, details: dict[str, Any]) -> Answer:
    count(taking, f"declined:{verdict}")
    return Answer(verdict, details)


def decline_unknown(taking: Taking) -> Answer:
    """Decline what is not here. While the ledger recovers a till's attempt is put off: it may have been answered yes before the restore, by
    a code, a campaign or a key that is not here again yet, and a kept answer would be repeated when the till says so.
    """
    later = Answer(Outcome.RECOVERING)
    if may_ask_again(taking.act, later) and generation.current(taking.session).is_recovering:
        return later
    return declined(taking, unknown(taking.act.shown), {})


def put_off(taking: Taking, coupon: IssuedCoupon) -> Answer:
    answer = Answer(Outcome.RECOVERING, {"coupon": coupon.coupon_id})
    if not may_ask_again(taking.act, answer):
        count(taking, f"declined:{answer.code}")
    return answer


def may_ask_again(act: Act, answer: Answer) -> bool:
    """Say whether nothing is decided yet, so that the act is not kept.

    A till that asks while the ledger recovers may repeat its request under the same name, say that it was answered yes
    before the restore, or cancel. A kept answer would make its late request burn the coupon.
    """
    return answer.code == Outcome.RECOVERING and act.kind == Kind.REDEEM


def is_late_undo(taking: Taking, about: KeptAct, standing: StandingRedemption) -> bool:
    """Say whether a tablet's undo came after the campaign's limit, by the two times in its journal, or by two of the server's own: it had
    heard of the gift, and later the tablet had nothing left to tell, so the undo is younger than that, whatever the tablet's clock says.
    No limit is on a gift that was not handed over: the tablet asks for that whenever it is opened again.
    """
    act, coupon = taking.act, taking.coupon
    if coupon is None or act.device_at is None or act.reason == NOT_HANDED_OVER:
        return False
    if standing.handed_over_at is not None and is_too_late(standing.handed_over_at, act.earliest, coupon.terms):
        return True
    gave_at = ledger.last_gave_at(taking.session, act.actor.device_id, coupon.serial, about.at)
    return is_too_late(gave_at or about.device_at or act.device_at, act.device_at, coupon.terms)


def is_withdrawn(taking: Taking, about: KeptAct, standing: StandingRedemption | None) -> bool:
    """Withdraw the act's gift, if it is a second or contested one that does not stand."""
    stands = standing is not None and standing.act_id == about.id
    return not stands and withdraw(taking, about)


def withdraw(taking: Taking, about: KeptAct) -> bool:
    act, undone_at = taking.act, taking.act.happened_at(taking.now)
    return withdraw_conflict(taking.session, about, act.reason or "", taking.now, undone_at)


def is_own_and_done(taking: Taking, standing: StandingRedemption) -> bool:
    about, actor = taking.about, taking.act.actor
    return (
        about is not None
        and standing.act_id == about.id
        and (about.store_id == actor.store_id or standing.device_id == actor.device_id)
        and standing.handed_over_at is not None
    )


def take_back(taking: Taking, reason: str, *, by_act_id: str | None, late: bool = False) -> Answer:
    """Reverse the redemption that the act is about, if it stands, and reopen its coupon."""
    about, coupon = taking.about, taking.coupon
    if not about or not coupon:
        return Answer(Outcome.NOTHING_TO_UNDO)
    undone_at = taking.act.happened_at(taking.now)
    if not undo(taking.session, coupon, about, reason, taking.now, by_act_id=by_act_id, late=late, undone_at=undone_at):
        return Answer(Outcome.NOTHING_TO_UNDO)
    return Answer(Outcome.REVERSED, {"coupon": coupon.coupon_id})


def count(taking: Taking, outcome: str) -> None:
    """Count an outcome at the store where it happened, for the device may have moved since."""
    campaign = taking.coupon.campaign_number if taking.coupon else ledger.UNKNOWN_CAMPAIGN
    place = taking.about or taking.act.actor
    count_at(taking.session, campaign, place.store_id, place.time_zone, outcome, taking.now, taking.now)


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
