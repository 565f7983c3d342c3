"""Whatever happens, no promise is broken: a fixed set of worlds, and some that nobody has seen before."""

import hashlib
import os
from collections import Counter

import pytest

from redeem.lib.files import ROOT
from tests.simulation.happenings import HAPPENINGS
from tests.simulation.pool import run_all
from tests.simulation.report import report
from tests.simulation.run import Outcome

FIXED = range(40)
NEW_COUNT = int(os.environ.get("REDEEM_SIMULATION_SEEDS", "200"))
PROGRAM = (("redeem", "*.py"), ("static/clerk", "*.js"), ("tests/simulation", "*.py"), ("tests/simulation", "*.js"))
# What a batch of worlds must meet, or they have become too quiet to prove anything.
SCREENS = [
    "locked",
    "checking",
    "asking",
    "fetching",
    "unconfirmed",
    "given",
    "unfinished",
    "undone",
    "elsewhere",
    "damaged",
]
VERDICTS = ["good", "at_risk", "offline", "already_redeemed", "void", "held_elsewhere", "wrong_store", "not_a_coupon"]
ANSWERED = (
    *("ask redeemed", "ask already_redeemed", "ask held_elsewhere", "ask void", "gave noted", "done noted"),
    *("drop reversed", "drop nothing_to_undo", "gave-held redeemed", "gave-at-risk redeemed", "gave-at-risk conflict"),
    *(
        "undo reversed",
        "release released",
        "move moved",
        "decline noted",
        "refusal noted",
        "unlock noted",
        "lock noted",
    ),
    *(
        "redeem redeemed",
        "redeem already_redeemed",
        "redeem held_elsewhere",
        "cancel attempt_cancelled",
        "reverse reversed",
    ),
)
MUST_MEET = {
    *(f"happening {name}" for name in HAPPENINGS),
    *(f"screen {name}" for name in SCREENS),
    *(f"screen verdict {code}" for code in VERDICTS),
    *(f"act {answered}" for answered in ANSWERED),
    *("advice: a till", "advice: a store"),
}


@pytest.fixture(scope="module")
def outcomes() -> list[Outcome]:
    first = first_seed()
    return list(run_all([*FIXED, *range(first, first + NEW_COUNT)]))


def first_seed() -> int:
    """The new worlds are others after each change of the program, and the same wherever it is tested: who has seen them pass need not fear
    others elsewhere. `make soak` draws others each time.
    """
    files = sorted(path for folder, kind in PROGRAM for path in (ROOT / folder).rglob(kind))
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in files)).digest()
    return int.from_bytes(digest[:5])


@pytest.mark.slow
def test_no_promise_is_broken(outcomes: list[Outcome]) -> None:
    broken = [report(outcome) for outcome in outcomes if outcome.faults]
    if broken:
        pytest.fail("\n\n".join(broken), pytrace=False)


@pytest.mark.slow
def test_the_worlds_are_busy(outcomes: list[Outcome]) -> None:
    met = sum((outcome.met for outcome in outcomes), Counter[str]())
    assert not [what for what in sorted(MUST_MEET) if not met[what]]
    assert sum(outcome.scans for outcome in outcomes) > 40 * len(outcomes)
