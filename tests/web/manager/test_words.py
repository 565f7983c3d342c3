"""The office has a word for each code of each closed vocabulary; a code of a newer tablet is shown as it is."""

import json
import re

import pytest

from redeem.accounts.audit import Change
from redeem.accounts.roles import Role
from redeem.coupons.campaigns import leaves
from redeem.coupons.customer_view import BEING_GIVEN
from redeem.domain.acts import Kind, Outcome, Refusal
from redeem.domain.rules import Verdict
from redeem.domain.terms import parse_terms
from redeem.web.manager import words
from redeem.web.manager.descriptions import browser, skew
from redeem.webhooks.attempts import Outcome as SendOutcome
from redeem.webhooks.endpoints import DisabledReason, State
from tests.domain.test_terms import AT_RISK
from tests.vectors.of_rules import NORTH, terms


@pytest.mark.parametrize(
    ("vocabulary", "codes"),
    [
        (words.DECLINES, set(Verdict) - {Verdict.GOOD}),
        (words.REFUSALS, set(Refusal)),
        (words.STATES, {*Verdict, BEING_GIVEN}),
        (words.ACTS, set(Kind)),
        (words.ANSWERS, set(Outcome) | set(Verdict) - {Verdict.GOOD}),
        (words.ROLES, set(Role)),
        (words.CHANGES, set(Change)),
        (words.WEBHOOK_STATES, set(State)),
        (words.WEBHOOK_DISABLED, set(DisabledReason)),
        (words.WEBHOOK_OUTCOMES, set(SendOutcome)),
    ],
)
def test_each_code_has_its_word(vocabulary, codes):
    assert set(vocabulary) == codes


def test_whatever_may_change_of_a_campaign_has_a_word():
    """At risk is the longer form of what may be given offline."""
    told = terms(stores=(NORTH,)) | {"offline": {**AT_RISK}, "undo_minutes": 30}
    names = set(leaves(parse_terms(json.dumps(told)).model_dump(mode="json"))) - {"v"}
    assert {re.sub(r"^offer\.\w+", "offer", name) for name in names} <= set(words.FIELDS)


def test_an_unknown_code_is_shown_as_it_is(app):
    with app.test_request_context():
        assert words.word(words.REFUSALS, "moon_phase") == "moon_phase"


@pytest.mark.parametrize(
    ("ms", "told"),
    [(180_000, "3 min fast"), (-130_000, "2 min slow"), (31_536_000_000, "8760 h fast"), (5_400_000, "2 h fast")],
)
def test_a_clock_that_is_off_is_told_in_words(app, ms, told):
    with app.test_request_context():
        assert skew(ms) == told


@pytest.mark.parametrize(
    ("agent", "told"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0", "Firefox · Linux"),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1 (KHTML, like Gecko) Version/17.0 Safari/604.1",
            "Safari · iPhone",
        ),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/128.0 Safari/537.36 Edg/128.0", "Edge · Windows"),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/128.0 YaBrowser/24.7 Safari/537.36", "Yandex Browser · Windows"),
        ("curl/8.0", "curl/8.0"),
        ("", ""),
    ],
)
def test_a_browser_is_called_by_its_name(agent, told):
    assert browser(agent) == told
