"""The rules: why a coupon is declined, when it may be issued, and its last day.

These functions are pure: they use no clock, no database and no web. A day is the number of days since 2020-01-01 on the store's
calendar. `static/clerk/domain/rules.js` has the same functions, and both are tested with `tests/vectors/rules.json`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from redeem.domain.terms import LAST_DAY_MAX, Terms
from redeem.lib.days import to_day


class Verdict(StrEnum):
    """Every answer about a coupon. The set is closed. The API, the tablet and the reports use these codes."""

    GOOD = "good"
    ALREADY_REDEEMED = "already_redeemed"
    VOID = "void"
    COMPROMISED_KEY = "compromised_key"
    WRONG_STORE = "wrong_store"
    NOT_YET_VALID = "not_yet_valid"
    EXPIRED = "expired"
    HELD_ELSEWHERE = "held_elsewhere"
    ATTEMPT_CANCELLED = "attempt_cancelled"
    UNKNOWN_COUPON = "unknown_coupon"


@dataclass(frozen=True, slots=True)
class Facts:
    """What the rules ask about one coupon: `last_day` is from its token, the rest from the ledger or a tablet's copy of it.

    `held_by` is the id of the device that holds the coupon, or None. `compromised`: the key that signed the coupon is.
    """

    last_day: int
    void: bool
    redeemed: bool = False
    held_by: str | None = None
    compromised: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """Where the coupon is shown. `device_id` is None if no device is asking. At a closed store no coupon is good."""

    store_id: str
    partner_id: str
    device_id: str | None
    closed: bool = False


NOWHERE = Place("", "", None)


def why_declined(facts: Facts, terms: Terms, place: Place, day: int) -> Verdict | None:
    """Return the reason to decline this coupon at this place on this day, or None if it is good.

    If there are several reasons, the first in this order is returned: what happened to the coupon comes before what its terms say.
    """
    reasons = {
        Verdict.ALREADY_REDEEMED: facts.redeemed,
        Verdict.VOID: facts.void,
        Verdict.COMPROMISED_KEY: facts.compromised,
        Verdict.WRONG_STORE: place.closed or not is_good_at(terms, place.store_id, place.partner_id),
        Verdict.NOT_YET_VALID: day < first_day(terms),
        # Only the token decides: a campaign that ends earlier than planned takes nothing from coupons that were issued.
        Verdict.EXPIRED: day > facts.last_day,
        Verdict.HELD_ELSEWHERE: facts.held_by not in (None, place.device_id),
    }
    return next((verdict for verdict, applies in reasons.items() if applies), None)


def why_declined_everywhere(facts: Facts, terms: Terms, places: Sequence[tuple[Place, int]]) -> Verdict | None:
    """Return None if the coupon is good at any of these places, each with its day; else the reason to decline it at the first.

    With no places, the coupon counts as shown at a store where it is not good.
    """
    reasons = [why_declined(facts, terms, place, day) for place, day in places or [(NOWHERE, 0)]]
    return None if None in reasons else reasons[0]


def is_good_at(terms: Terms, store_id: str, partner_id: str) -> bool:
    """Return whether coupons with these terms are good at this store of this partner.

    `partners.directory.is_good_at_store` is the same rule in SQL.
    """
    return store_id in terms.stores or partner_id in terms.partners


def last_day(terms: Terms, issue_day: int) -> int:
    """Return the last day on which a coupon issued on `issue_day` is good. It is signed into the token.

    If the coupon is issued before the redeem window opens, its `valid_days` are counted from the first day of the window.
    """
    redeem, valid_days = terms.windows.redeem, terms.windows.valid_days
    until = to_day(redeem.until) if redeem.until else LAST_DAY_MAX
    if valid_days is None:
        return until
    return min(until, max(issue_day, first_day(terms)) + valid_days)


def can_issue(terms: Terms, day: int) -> bool:
    """Return whether a coupon may be issued on this day: within the issue window, and not if it would be expired already."""
    issue = terms.windows.issue
    begun = issue.first is None or to_day(issue.first) <= day
    over = issue.until is not None and to_day(issue.until) < day
    return begun and not over and day <= last_day(terms, day)


def first_day(terms: Terms) -> int:
    """Return the first day on which coupons with these terms are good."""
    first = terms.windows.redeem.first
    return to_day(first) if first else 0
