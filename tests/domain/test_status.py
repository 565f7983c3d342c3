"""A coupon's status: what has become of it. It agrees with the rules in which of several things counts."""

from dataclasses import dataclass
from itertools import product

import pytest

from redeem.domain.rules import Facts, Place, Verdict, why_declined, why_declined_everywhere
from redeem.domain.status import is_void, status_of
from tests import factories
from tests.vectors.of_rules import NORTH, SOUTH

AT = 1_795_250_000_000
TODAY = 2500
VERDICTS = {
    "issued": None,
    "void_requested": Verdict.VOID,
    "void": Verdict.VOID,
    "redeemed": Verdict.ALREADY_REDEEMED,
    "expired": Verdict.EXPIRED,
    "compromised": Verdict.COMPROMISED_KEY,
}
PARTNER = "prt_0000000000000000000000000B"


@dataclass(frozen=True)
class Coupon:
    redeemed_at: int | None = None
    voided_at: int | None = None
    void_requested_at: int | None = None
    last_day: int = TODAY
    compromised: bool = False


@pytest.mark.parametrize(
    ("coupon", "status"),
    [
        (Coupon(), "issued"),
        (Coupon(last_day=TODAY - 1), "expired"),
        (Coupon(void_requested_at=AT), "void_requested"),
        (Coupon(voided_at=AT), "void"),
        (Coupon(voided_at=AT, last_day=TODAY - 1), "void"),
        (Coupon(compromised=True), "compromised"),
        (Coupon(compromised=True, last_day=TODAY - 1), "compromised"),
        (Coupon(compromised=True, voided_at=AT), "void"),
        (Coupon(compromised=True, redeemed_at=AT), "redeemed"),
        (Coupon(redeemed_at=AT), "redeemed"),
        (Coupon(redeemed_at=AT, void_requested_at=AT), "redeemed"),
        (Coupon(redeemed_at=AT, last_day=TODAY - 1), "redeemed"),
    ],
)
def test_it_says_what_has_become_of_a_coupon(coupon, status):
    assert status_of(coupon, TODAY) == status


def test_it_agrees_with_the_rules():
    """At a store where the campaign's coupons are good on any day, held by nobody."""
    terms, here = factories.terms(stores=[NORTH]), Place(NORTH, PARTNER, None)
    met = set()
    happened = (None, AT)
    times, days, keys = (happened, happened, happened), (TODAY - 1, TODAY), (False, True)
    for redeemed_at, voided_at, requested_at, last_day, compromised in product(*times, days, keys):
        coupon = Coupon(redeemed_at, voided_at, requested_at, last_day, compromised)
        facts = Facts(last_day, is_void(coupon), redeemed=redeemed_at is not None, compromised=compromised)
        status = status_of(coupon, TODAY)
        assert why_declined(facts, terms, here, TODAY) == VERDICTS[status]
        met.add(status)
    assert met == set(VERDICTS)


def declined_at(places, *, last_day=TODAY, void=False, terms=None):
    terms = terms or factories.terms(stores=[NORTH, SOUTH], windows={"redeem": {"from": "2026-11-04"}})
    return why_declined_everywhere(Facts(last_day, void=void), terms, places)


def test_what_is_good_at_one_store_is_good():
    first_day = TODAY - 1
    north, south = Place(NORTH, PARTNER, None), Place(SOUTH, PARTNER, None)
    assert declined_at([(north, first_day - 1), (south, first_day)]) is None
    assert declined_at([(north, TODAY + 1), (south, TODAY)]) is None
    assert declined_at([(north, first_day - 1), (south, first_day - 1)]) is Verdict.NOT_YET_VALID
    assert declined_at([(north, TODAY + 1), (south, TODAY + 1)]) is Verdict.EXPIRED


def test_a_coupon_that_no_store_gives_is_at_the_wrong_one_everywhere():
    assert declined_at([]) is Verdict.WRONG_STORE
    assert declined_at([], void=True) is Verdict.VOID
