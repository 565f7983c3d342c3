import json
from datetime import date

import pytest

from redeem.domain import rules
from redeem.domain.rules import Facts, Place, Verdict
from redeem.domain.terms import Terms, parse_terms
from redeem.lib import days
from redeem.lib.times import local_day
from tests.vectors.of_rules import FIRST, LAST, NORTH, TABLET, terms
from tests.vectors.read import named, vectors

VECTORS = vectors("rules")
HERE = Place(NORTH, "prt_00000000000000000000000000", TABLET)


def parsed(raw) -> Terms:
    return parse_terms(json.dumps(raw))


def why_declined(facts: Facts, day: int) -> Verdict | None:
    return rules.why_declined(facts, parsed(terms()), HERE, day)


@pytest.mark.parametrize(**named(VECTORS["declines"]))
def test_it_gives_the_one_reason_to_decline(case):
    declined = rules.why_declined(Facts(**case["facts"]), parsed(case["terms"]), Place(**case["place"]), case["day"])
    assert declined == case["verdict"]


@pytest.mark.parametrize(**named(VECTORS["last_days"]))
def test_it_says_until_when_a_coupon_is_good(case):
    assert rules.last_day(parsed(case["terms"]), case["issue_day"]) == case["last_day"]


@pytest.mark.parametrize(**named(VECTORS["issuing"]))
def test_it_says_when_a_coupon_may_be_issued(case):
    assert rules.can_issue(parsed(case["terms"]), case["day"]) is case["can"]


@pytest.mark.parametrize("case", VECTORS["dates"], ids=lambda case: case["date"])
def test_it_counts_days(case):
    moment = date.fromisoformat(case["date"])
    assert (days.to_day(moment), days.to_date(case["day"])) == (case["day"], moment)


@pytest.mark.parametrize("case", VECTORS["local_days"], ids=lambda case: f"{case['time']} {case['zone']}")
def test_a_day_is_a_day_on_the_calendar_of_the_store(case):
    assert local_day(case["at"], case["zone"]) == days.to_day(date.fromisoformat(case["date"]))


def test_every_reason_has_a_vector():
    assert {case["verdict"] for case in VECTORS["declines"]} == {None, *VECTORS["reasons"]}


def test_the_vocabulary_is_closed():
    assert list(Verdict) == ["good", *VECTORS["reasons"], "attempt_cancelled", "unknown_coupon"]


def test_it_declines_a_redeemed_coupon():
    assert why_declined(Facts(LAST, void=False, redeemed=True), FIRST) is Verdict.ALREADY_REDEEMED


def test_it_declines_a_void_coupon():
    assert why_declined(Facts(LAST, void=True), FIRST) is Verdict.VOID


def test_it_finds_nothing_against_a_good_coupon():
    assert why_declined(Facts(LAST, void=False), FIRST) is None


def test_no_coupon_that_may_be_issued_is_born_expired():
    campaign = parsed(terms(issue=(None, "2026-04-10"), valid_days=3))
    issuable = [day for day in range(FIRST - 5, LAST + 20) if rules.can_issue(campaign, day)]
    assert issuable == list(range(FIRST - 5, LAST + 1))
    assert all(rules.last_day(campaign, day) >= day for day in issuable)
