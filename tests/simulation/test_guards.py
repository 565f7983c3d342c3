"""Take one guard away, and the simulation finds what goes wrong: so it would find it if the guard were forgotten."""

import pytest

from tests.simulation.guards import GUARDS, Guard
from tests.simulation.run import stage

SEEDS_MAX = 150


@pytest.mark.slow
@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.name)
def test_without_it_a_promise_is_broken(guard: Guard) -> None:
    with stage(guard) as made:
        assert any(made.run(seed, guard.schedule(seed)).faults for seed in range(guard.begin, guard.begin + SEEDS_MAX))
