"""Undo a gift: reverse its redemption, and let the coupon's next gift stand or open the coupon. One way, whoever undoes."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from redeem.accounts import audit
from redeem.accounts.audit import Change
from redeem.accounts.roles import Person, Scope
from redeem.db.models.ledger import Reversal
from redeem.domain.acts import CANCELLED, NOT_HANDED_OVER, Outcome
from redeem.domain.events import EventType
from redeem.domain.terms import Terms
from redeem.holds import holds
from redeem.ledger import ledger
from redeem.ledger.rows import IssuedCoupon, KeptAct
from redeem.lib.errors import Conflict, Invalid, NotFound
from redeem.lib.times import MS_PER_MINUTE, Ms, local_day
from redeem.redemptions.news import tell_of_kept

REASON_MAX_CHARACTERS = 200
NEVER_HANDED_OVER = (NOT_HANDED_OVER, CANCELLED)  # the reasons by which reports know an attempt that was no gift


class GiftGone(Conflict):
    """The gift does not stand any more."""

    code = "gift_gone"
    default_detail = "Look at the coupon again: this gift was undone meanwhile, or another gift stands."


class GiftPending(Conflict):
    """Nobody knows yet whether the gift was handed over."""

    code = "gift_pending"
    default_detail = (
        "Wait for the tablet: it will say whether the gift was handed over. Decide that if it is silent for a day."
    )


def is_too_late(given_at: Ms, undone_at: Ms, terms: Terms) -> bool:
    """Return whether a gift is undone after the campaign's limit. A till may not then; what a tablet undid by itself is listed as late."""
    return undone_at - given_at > terms.undo_minutes * MS_PER_MINUTE


def undo_by_manager(session: Session, author: Person, serial: int | None, act_id: str, reason: str, now: Ms) -> None:
    """Undo the gift that stands, at any time after it was given. `act_id` is the gift that the manager saw.

    Sent again by the same manager, it does nothing. Raises NotFound, Invalid for the reason, GiftGone, GiftPending.
    """
    coupon = ledger.find_coupon(session, serial, lock=True)
    gift = ledger.find_act(session, act_id)
    if coupon is None or gift is None or gift.serial != coupon.serial:
        raise NotFound
    why = checked(reason)
    standing = ledger.find_standing(session, coupon.serial)
    if standing is None or standing.act_id != gift.id:
        if was_undone_by(session, gift.id, author.id):
            return
        raise GiftGone
    if standing.handed_over_at is None:
        raise GiftPending
    undo(session, coupon, gift, why, now, manager_id=author.id)
    what = {"coupon": coupon.coupon_id, "reason": why}
    audit.note(session, author.id, Change.GIFT_UNDONE, gift.id, now, scope=Scope(store_id=gift.store_id), **what)


def checked(reason: str) -> str:
    """Return the reason as it is kept. Raises Invalid if it is empty, or one of the reports' own words for an attempt that was no gift."""
    why = " ".join(reason.split())[:REASON_MAX_CHARACTERS]
    if not why or why in NEVER_HANDED_OVER:
        fault = {"pointer": "/reason", "detail": "Say in a line why the gift is undone."}
        raise Invalid("Say in a line why the gift is undone.", errors=[fault])
    return why


def was_undone_by(session: Session, act_id: str, manager_id: str) -> bool:
    mine = select(Reversal.act_id).where(Reversal.act_id == act_id, Reversal.manager_id == manager_id)
    return session.scalar(mine) is not None


def undo(
    session: Session,
    coupon: IssuedCoupon,
    gift: KeptAct,
    reason: str,
    now: Ms,
    *,
    by_act_id: str | None = None,
    manager_id: str | None = None,
    late: bool = False,
    undone_at: Ms | None = None,
) -> bool:
    """Reverse the gift's redemption, and reopen its coupon, which the caller has locked. False, and nothing done, if it does not stand.

    It is counted on the gift's own day. A contested gift was not counted as one. `undone_at` is when it happened, if that was not now.
    """
    made_at = ledger.reverse(
        session, gift.id, coupon.serial, reason, now, by_act_id=by_act_id, manager_id=manager_id, late=late
    )
    if made_at is None:
        return False
    if not ledger.withdraw_conflict(session, gift.id, now):
        outcome = "withdrawn" if reason in NEVER_HANDED_OVER else Outcome.REVERSED
        count_at(session, coupon.campaign_number, gift.store_id, gift.time_zone, outcome, made_at, now)
    ledger.note_change(session, coupon.serial)
    tell_of_kept(session, EventType.REVERSED, gift, now, undone_at, reason=reason)
    reopen(session, coupon, now)
    return True


def withdraw_conflict(session: Session, gift: KeptAct, reason: str, now: Ms, undone_at: Ms | None = None) -> bool:
    """Take back a second or contested gift that does not stand. False, and nothing done, if it is none, or was taken back."""
    withdrawn = ledger.withdraw_conflict(session, gift.id, now)
    if withdrawn:
        tell_of_kept(session, EventType.REVERSED, gift, now, undone_at, reason=reason)
    return withdrawn


def reopen(session: Session, coupon: IssuedCoupon, now: Ms) -> None:
    """Let the coupon's second gift stand, if there is one, for it is out. Otherwise open the coupon."""
    second = ledger.promote_conflict(session, coupon.serial, now)
    if second and second.rule is None:
        ledger.recall_beside(session, [coupon.serial], now)
        place = second.store_id, second.time_zone
        count_at(session, coupon.campaign_number, *place, Outcome.REDEEMED, second.at, now)
        gift = ledger.find_act(session, second.act_id)
        if gift:
            tell_of_kept(session, EventType.REDEEMED, gift, now, second.at)
    elif second is None:
        holds.reopen(session, coupon.serial, now)


def count_at(session: Session, campaign_number: int, store_id: str, zone: str, outcome: str, at: Ms, now: Ms) -> None:
    """Count an outcome at its store, on the store's day of `at`."""
    day, today = local_day(at, zone), local_day(now, zone)
    ledger.count_outcome(session, day, campaign_number, store_id, outcome, late=day != today)
