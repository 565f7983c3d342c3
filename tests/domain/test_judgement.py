"""Which rule a reported gift breaks, in what its device could know."""

from dataclasses import replace

import pytest

from redeem.domain.judgement import LIST_LAG_MS, MS_PER_HOUR, Reported, Rule, Span, broken_rule
from redeem.domain.rules import Place
from redeem.domain.terms import AtRisk, Terms, Window, Windows
from redeem.lib.days import to_date
from tests import factories

TODAY, NOW = 2_500, 1_000 * MS_PER_HOUR
STORE, PARTNER = "sto_01ARZ3NDEKTSV4RRFFQ69G5FAV", "prt_01ARZ3NDEKTSV4RRFFQ69G5FAV"
HERE, ELSEWHERE = Place(STORE, PARTNER, "dev_1"), Place("sto_elsewhere", "prt_elsewhere", "dev_1")
TERMS = factories.terms(stores=[STORE])
AT_RISK = AtRisk(policy="at_risk", coupons=3, value=10**6, hours=24, bearer="issuer")
SPAN = Span(TODAY - 1, TODAY, NOW - 30 * MS_PER_HOUR)
UNHELD = Reported(HERE, SPAN, TODAY + 9)
HELD = replace(UNHELD, is_held=True)
RISKED = replace(UNHELD, is_at_risk=True, list_at=NOW - MS_PER_HOUR)


def with_terms(**changes: object) -> Terms:
    return TERMS.model_copy(update=changes)


def window(first: int) -> Terms:
    return with_terms(windows=Windows(redeem=Window(first=to_date(first))))


RISKY = with_terms(offline=AT_RISK)


@pytest.mark.parametrize(
    ("gift", "terms", "rule"),
    [
        (HELD, TERMS, None),
        (RISKED, RISKY, None),
        (UNHELD, TERMS, Rule.NOT_HELD),
        (RISKED, TERMS, Rule.NOT_HELD),
        (UNHELD, RISKY, Rule.NOT_HELD),
        (replace(UNHELD, needs_yes=True), TERMS, Rule.NO_YES),
        (replace(UNHELD, needs_yes=True), RISKY, Rule.NO_YES),
        # A day on which it can have happened is enough.
        (replace(HELD, last_day=TODAY - 1), TERMS, None),
        (replace(HELD, last_day=TODAY - 2), TERMS, Rule.EXPIRED),
        (HELD, window(TODAY), None),
        (HELD, window(TODAY + 1), Rule.NOT_YET_VALID),
        # What a hold rules out is not asked of a held coupon: a void waits for its release.
        (replace(HELD, void_since=1), TERMS, None),
        (replace(HELD, place=ELSEWHERE), TERMS, None),
        (replace(UNHELD, void_since=1), TERMS, Rule.VOID),
        (replace(UNHELD, place=ELSEWHERE), TERMS, Rule.WRONG_STORE),
        (replace(RISKED, place=ELSEWHERE), RISKY, Rule.WRONG_STORE),
        # A store that is closed, as far as the tablet could know.
        (replace(HELD, closed_since=1), TERMS, None),
        (replace(UNHELD, closed_since=1), TERMS, Rule.WRONG_STORE),
        (replace(RISKED, closed_since=NOW), RISKY, None),
        (replace(RISKED, closed_since=NOW - MS_PER_HOUR - LIST_LAG_MS + 1), RISKY, None),
        (replace(RISKED, closed_since=NOW - MS_PER_HOUR - LIST_LAG_MS), RISKY, Rule.WRONG_STORE),
        # What the tablet's list could not have.
        (replace(RISKED, void_since=NOW), RISKY, None),
        (replace(RISKED, void_since=NOW - MS_PER_HOUR - LIST_LAG_MS + 1), RISKY, None),
        (replace(RISKED, void_since=NOW - MS_PER_HOUR - LIST_LAG_MS), RISKY, Rule.VOID),
        (replace(RISKED, given_since=NOW), RISKY, None),
        (replace(RISKED, given_since=NOW - MS_PER_HOUR - LIST_LAG_MS + 1), RISKY, None),
        (replace(RISKED, given_since=NOW - MS_PER_HOUR - LIST_LAG_MS), RISKY, Rule.LISTED),
        # A list of before its limit is too old even for the earliest moment.
        (replace(RISKED, list_at=None), RISKY, Rule.OLD_LIST),
        (replace(RISKED, list_at=NOW - 54 * MS_PER_HOUR), RISKY, None),
        (replace(RISKED, list_at=NOW - 54 * MS_PER_HOUR - 1), RISKY, Rule.OLD_LIST),
        # The campaign's limits.
        (replace(RISKED, risks_before=2), RISKY, None),
        (replace(RISKED, risks_before=3), RISKY, Rule.OVER_LIMIT),
        (replace(RISKED, risks_before=1), with_terms(offline=AT_RISK.model_copy(update={"value": 70_000})), None),
        (
            replace(RISKED, risks_before=1),
            with_terms(offline=AT_RISK.model_copy(update={"value": 69_999})),
            Rule.OVER_LIMIT,
        ),
    ],
)
def test_the_rule_that_a_gift_breaks(gift, terms, rule):
    assert broken_rule(gift, terms) == rule
