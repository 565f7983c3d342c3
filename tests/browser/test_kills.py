"""The browser is killed while gifts are given: every act whose screen was shown is there when it opens again."""

import pytest

from tests.browser import kills
from tests.browser.conftest import MakeTablet, Shop
from tests.browser.kills import Rounds
from tests.browser.live import LiveServer

pytestmark = pytest.mark.browser
FORGET_EVERY = 5
# The control: a journal that answers before it has written an entry.
DURABLE = "append: async (text) => append(opened(), writeRecord(text)),"
LATER = "void setTimeout(() => append(opened(), writeRecord(text)), 60_000)"
HASTY = f'append: async (text) => text.includes("signature") ? {LATER} : append(opened(), writeRecord(text)),'


def survive(many: int, seed: int, at_work: MakeTablet, live: LiveServer, shop: Shop) -> Rounds:
    rounds = kills.rounds(at_work, live, shop, seed)
    for at in range(many):
        rounds.go(forget_indexeddb=at % FORGET_EVERY == FORGET_EVERY - 2)
        assert rounds.lost == [], f"seed {seed}, kill {at + 1}"
    return rounds


def nothing_is_missing(rounds: Rounds) -> None:
    """At the end the server has every act, what was recorded under a lost key too; and no gift was given twice."""
    journals = kills.everything_told(rounds.on)
    current = journals.pop("journal.redeem")
    assert len(rounds.live.handed_in()) == sum(len(journal) for journal in journals.values())
    assert len(journals) == rounds.forgotten
    once = kills.given([current, *journals.values()])
    assert set(once.values()) <= {1}
    assert [token for token in kills.given([current]) if not rounds.live.stands(token)] == []
    shown = {link for kind, act, link in rounds.said if (kind, act) == ("shown", "given")}
    assert len(shown) >= rounds.kills, "it was hardly at work"
    assert rounds.in_the_middle >= rounds.kills // 4, "it was hardly ever killed in the middle of something"


@pytest.mark.slow
def test_what_was_shown_survives_a_dozen_kills(at_work: MakeTablet, live: LiveServer, shop: Shop) -> None:
    nothing_is_missing(survive(12, 1, at_work, live, shop))


@pytest.mark.soak
@pytest.mark.parametrize("seed", [2, 3])
def test_what_was_shown_survives_fifty_kills(at_work: MakeTablet, live: LiveServer, shop: Shop, seed: int) -> None:
    nothing_is_missing(survive(50, seed, at_work, live, shop))


@pytest.mark.slow
def test_a_journal_that_answers_before_it_has_written_is_found_out(
    at_work: MakeTablet, live: LiveServer, shop: Shop
) -> None:
    live.network.altered["/clerk/static/clerk/storage/journal-worker.js"] = (DURABLE, HASTY)
    rounds = kills.rounds(at_work, live, shop, 4)
    rounds.go(forget_indexeddb=False)
    assert rounds.lost
