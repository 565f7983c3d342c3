"""For as long as there is time: worlds that nobody has seen before."""

import os
import time
from itertools import count
from secrets import randbits

import pytest

from tests.simulation.happenings import OF_A_PAIR
from tests.simulation.pool import Where, run_until
from tests.simulation.postgres_stage import stage_of_a_pair
from tests.simulation.report import report
from tests.simulation.run import stage

MINUTES = float(os.environ.get("REDEEM_SOAK_MINUTES", "60"))


@pytest.mark.soak
@pytest.mark.parametrize("where", [stage, stage_of_a_pair], ids=["sqlite", "two processes on postgresql"])
def test_no_promise_is_broken_for_long(where: Where) -> None:
    often = tuple(OF_A_PAIR) if where is stage_of_a_pair else ()
    for outcome in run_until(time.monotonic() + MINUTES * 60, count(randbits(40)), where, often):
        if outcome.faults:
            pytest.fail(report(outcome), pytrace=False)
