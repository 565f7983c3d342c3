"""The rules of a coupon: why it is declined, when it may be issued, and until when it is good.

Pure: no clock, no database, no web. A day is an integer, days since 2020-01-01, on the calendar of the store.
`static/clerk/domain/rules.js` says the same under the same names, and `tests/vectors/rules.json` holds both to it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from redeem.domain.terms import LAST_DAY_MAX, Terms
from redeem.lib.days import to_day


class Verdict(StrEnum):
    """Every answer about a coupon. A closed vocabulary: the API, the tablet and the charts use these words."""

    GOOD = "good"
    ALREADY_REDEEMED = "already_redeemed"
    VOID = "void"
    WRONG_STORE = "wrong_store"
    NOT_YET_VALID = "not_yet_valid"
    EXPIRED = "expired"
    HELD_ELSEWHERE = "held_elsewhere"
    ATTEMPT_CANCELLED = "attempt_cancelled"
    UNKNOWN_COUPON = "unknown_coupon"


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of one coupon: `last_day` from its token, the rest from the ledger or a snapshot of it.

    `held_by` is the id of the device that holds the right to give it, None if nobody does.
    """

    last_day: int
    void: bool
    redeemed: bool = False
    held_by: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where the coupon is shown. `device_id` is None for whoever holds nothing, such as a till."""

    store_id: str
    partner_id: str
    device_id: str | None


NOWHERE = Place("", "", None)


def why_declined(facts: Facts, terms: Terms, place: Place, day: int) -> Verdict | None:
    """Return the one reason to decline this coupon here on this day, or None if it is good.

    Of several reasons the first in this list wins: what has happened to the coupon comes before what was promised.
    """
    reasons = {
        Verdict.ALREADY_REDEEMED: facts.redeemed,
        Verdict.VOID: facts.void,
        Verdict.WRONG_STORE: not is_good_at(terms, place.store_id, place.partner_id),
        Verdict.NOT_YET_VALID: day < _first_day(terms),
        # The token alone says when: ending a campaign early doesn't shorten what people were promised.
        Verdict.EXPIRED: day > facts.last_day,
        Verdict.HELD_ELSEWHERE: facts.held_by not in (None, place.device_id),
    }
    return next((verdict for verdict, applies in reasons.items() if applies), None)


def why_declined_everywhere(facts: Facts, terms: Terms, places: Sequence[tuple[Place, int]]) -> Verdict | None:
    """Return a reason to decline this coupon at every one of these places on its day, or None if it is good at one.

    Where there is no place at all, none is the right one.
    """
    reasons = [why_declined(facts, terms, place, day) for place, day in places or [(NOWHERE, 0)]]
    return None if None in reasons else reasons[0]


def is_good_at(terms: Terms, store_id: str, partner_id: str) -> bool:
    """Say whether coupons of these terms are good at this store of this partner.

    `partners.directory.is_good_at_store` says the same in SQL.
    """
    return store_id in terms.stores or partner_id in terms.partners


def last_day(terms: Terms, issue_day: int) -> int:
    """Return the last day on which a coupon issued on `issue_day` is good; it is signed into the token.

    A coupon issued before its redeem window opens has its `valid_days` counted from the opening.
    """
    redeem, valid_days = terms.windows.redeem, terms.windows.valid_days
    until = to_day(redeem.until) if redeem.until else LAST_DAY_MAX
    if valid_days is None:
        return until
    return min(until, max(issue_day, _first_day(terms)) + valid_days)


def can_issue(terms: Terms, day: int) -> bool:
    """Say whether a coupon may be issued on this day: within the issue window, and never one born expired."""
    issue = terms.windows.issue
    begun = issue.first is None or to_day(issue.first) <= day
    over = issue.until is not None and to_day(issue.until) < day
    return begun and not over and day <= last_day(terms, day)


def _first_day(terms: Terms) -> int:
    first = terms.windows.redeem.first
    return to_day(first) if first else 0
