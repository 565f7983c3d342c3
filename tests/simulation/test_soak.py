"""For as long as there is time: worlds that nobody has seen before."""

import os
import time
from collections.abc import Iterator
from secrets import randbits

import pytest

from tests.simulation.pool import run_all
from tests.simulation.report import report

MINUTES = float(os.environ.get("REDEEM_SOAK_MINUTES", "60"))
SEEDS_PER_ROUND = 200


def seeds(end: float) -> Iterator[range]:
    """Rounds of them, until the time is up."""
    first = randbits(40)
    while time.monotonic() < end:
        yield range(first, first + SEEDS_PER_ROUND)
        first += SEEDS_PER_ROUND


@pytest.mark.soak
def test_no_promise_is_broken_for_long() -> None:
    for some in seeds(time.monotonic() + MINUTES * 60):
        broken = [report(outcome) for outcome in run_all(some) if outcome.faults]
        if broken:
            pytest.fail("\n\n".join(broken), pytrace=False)
