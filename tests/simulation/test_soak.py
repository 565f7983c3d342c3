"""For as long as there is time: worlds that nobody has seen before."""

import os
import time
from itertools import count
from secrets import randbits

import pytest

from tests.simulation.pool import run_until
from tests.simulation.report import report

MINUTES = float(os.environ.get("REDEEM_SOAK_MINUTES", "60"))


@pytest.mark.soak
def test_no_promise_is_broken_for_long() -> None:
    for outcome in run_until(time.monotonic() + MINUTES * 60, count(randbits(40))):
        if outcome.faults:
            pytest.fail(report(outcome), pytrace=False)
