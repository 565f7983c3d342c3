"""Judging a gift that a device reports: which rule it breaks, if any, in what the device could know when it gave.

Pure, like rules.py. A gift that breaks a rule is kept, for it may be out, and contested: it is not owed until a shop manager decides.
An honest tablet reports such a gift only if its clock was wrong, or if the campaign was changed while it was offline.
"""

from dataclasses import dataclass
from enum import StrEnum

from redeem.domain.rules import Place, first_day, is_good_at
from redeem.domain.terms import AtRisk, Terms
from redeem.lib.times import MS_PER_MINUTE, Ms

MS_PER_HOUR = 60 * MS_PER_MINUTE
# A request reaches the server at most so long after it was sent. What a tablet wrote meanwhile comes with its next one.
REQUEST_AGE_MAX_MS = 24 * MS_PER_HOUR
# A clock that is further off than this is shown to the clerk and written into each entry.
CLOCK_OFF_MAX_MS = 10 * MS_PER_MINUTE
# What was committed so long before a list was made is on the list.
LIST_LAG_MS = MS_PER_MINUTE


class Rule(StrEnum):
    """The rules that a reported gift can break. The set is closed; the office names each."""

    VOID = "void"
    COMPROMISED_KEY = "compromised_key"  # as the coupon's key is, and the device could know or did not hold the coupon
    WRONG_STORE = "wrong_store"
    NOT_YET_VALID = "not_yet_valid"
    EXPIRED = "expired"
    NOT_HELD = "not_held"  # given without a network, and neither held nor within a campaign that allows that
    NEVER_GIVEN = "never_given"  # a shop manager had decided that this gift was never given
    NO_YES = "no_yes"  # said to be given on a yes, and no yes is known or shown
    LISTED = "listed"  # the tablet's list said that it had been given already
    OLD_LIST = "old_list"  # given at risk without a list, or by one that was too old
    OVER_LIMIT = "over_limit"  # given at risk beyond the campaign's limits


# Nobody is kept from a good coupon by these: it is shown where it can't be given, or its number on a token that the shop has not made, or
# a shop manager has said that the coupon is good.
NO_RIGHT_TO_BLOCK = frozenset({Rule.WRONG_STORE, Rule.COMPROMISED_KEY, Rule.NEVER_GIVEN})


@dataclass(frozen=True, slots=True)
class Span:
    """The time in which a reported gift can have happened, and the days at its store that this touches."""

    first_day: int
    last_day: int
    earliest: Ms


@dataclass(frozen=True, slots=True)
class Reported:
    """A reported gift, as far as the rules ask.

    `is_held`: the ledger or a grant shows that the device held the coupon. `needs_yes`: it says that it gave on a yes. `is_at_risk`: it
    says that it gave at risk, by the list made at `list_at`, after `risks_before` others that the server had not heard of.
    `void_since` and `given_since` are when the coupon was voided or given, None if it was not; `closed_since` when the store was closed.
    """

    place: Place
    span: Span
    last_day: int
    is_held: bool = False
    needs_yes: bool = False
    is_at_risk: bool = False
    list_at: Ms | None = None
    risks_before: int = 0
    void_since: Ms | None = None
    given_since: Ms | None = None
    compromised: bool = False
    in_good_faith: bool = False
    closed_since: Ms | None = None


def broken_rule(gift: Reported, terms: Terms) -> Rule | None:
    """Return the rule that the gift breaks, or None. A held coupon can't be void, nor at a store where it is not good."""
    broken = {
        Rule.VOID: not gift.is_held and gift.void_since is not None and not _may_not_know(gift, gift.void_since),
        Rule.COMPROMISED_KEY: gift.compromised and not (gift.is_held and gift.in_good_faith),
        Rule.WRONG_STORE: not gift.is_held and not _is_good_there(gift, terms),
        Rule.NOT_YET_VALID: gift.span.last_day < first_day(terms),
        Rule.EXPIRED: gift.span.first_day > gift.last_day,
        Rule.NO_YES: gift.needs_yes,
    }
    return next((rule for rule, applies in broken.items() if applies), None) or _broken_while_offline(gift, terms)


def _is_good_there(gift: Reported, terms: Terms) -> bool:
    """Say whether the coupon was good at the device's store, as far as the device could know."""
    knew_it_closed = gift.closed_since is not None and not _may_not_know(gift, gift.closed_since)
    return is_good_at(terms, gift.place.store_id, gift.place.partner_id) and not knew_it_closed


def _broken_while_offline(gift: Reported, terms: Terms) -> Rule | None:
    policy = terms.offline
    if gift.is_held or gift.needs_yes:
        return None
    if not (gift.is_at_risk and isinstance(policy, AtRisk)):
        return Rule.NOT_HELD
    if gift.list_at is None or gift.list_at + policy.hours * MS_PER_HOUR < gift.span.earliest:
        return Rule.OLD_LIST
    if gift.given_since is not None and not _may_not_know(gift, gift.given_since):
        return Rule.LISTED
    count = gift.risks_before + 1
    is_within = count <= policy.coupons and count * terms.value.amount <= policy.value
    return None if is_within else Rule.OVER_LIMIT


def _may_not_know(gift: Reported, since: Ms) -> bool:
    """Say whether the list of a gift at risk may lack what has been so since then."""
    return gift.is_at_risk and gift.list_at is not None and gift.list_at < since + LIST_LAG_MS
