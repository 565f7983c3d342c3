"""A few worlds on PostgreSQL: what is true of one database is true of the other."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from random import Random

import pytest

from tests.postgres import Cluster
from tests.simulation.happenings import OF_A_PAIR, Happening
from tests.simulation.pool import run_all
from tests.simulation.postgres_stage import stage_of_a_pair, stage_on
from tests.simulation.report import report
from tests.simulation.run import Stage
from tests.simulation.server import Server
from tests.simulation.tally import TALLY

SEEDS = range(6)
# A till's ordinary redemption looks with one statement and redeems with another, and no transaction is around them.
PLACES = {f"death at once, {when} {statement}" for when in ("before", "after") for statement in ("SELECT", "WITH")}
DEADLY_SEEDS = range(3)
PAIR_SEEDS = range(20)
OF_TWO = {"held up", "cut off", "death while it was held up", "request waits for another", "manager waits for another"}
DEADLY_ROUNDS = 100


@pytest.fixture
def made(postgres_cluster: Cluster) -> Iterator[Stage]:
    with stage_on(postgres_cluster, Server) as opened:
        yield opened


def deadly(chance: Random) -> list[Happening]:
    """Tills at work; their requests kill the server soon, which then takes the next ones."""
    soon = [each for each in range(400) if Random(each).randint(0, 40) < 10]
    names = ("issue", "till_works", "kill_server", "carry", "till_works", "carry", "pass_time")
    drawn = [Happening(name, chance.randrange(60), chance.getrandbits(32)) for name in names * DEADLY_ROUNDS]
    return [replace(one, chance=chance.choice(soon)) if one.name == "kill_server" else one for one in drawn]


@pytest.mark.slow
def test_a_server_that_dies_between_the_quick_statements_breaks_none(made: Stage) -> None:
    met = Counter[str]()
    for seed in DEADLY_SEEDS:
        outcome = TALLY.note(made.run(seed, deadly(Random(seed))))
        if outcome.faults:
            pytest.fail(report(outcome), pytrace=False)
        met += outcome.met
    assert sorted(PLACES - met.keys()) == []


@pytest.mark.slow
def test_no_promise_is_broken_on_postgresql(made: Stage) -> None:
    broken = [report(outcome) for outcome in map(TALLY.note, map(made.run, SEEDS)) if outcome.faults]
    if broken:
        pytest.fail("\n\n".join(broken), pytrace=False)


@pytest.mark.slow
def test_no_promise_is_broken_where_two_processes_serve() -> None:
    met = Counter[str]()
    for outcome in run_all(PAIR_SEEDS, where=stage_of_a_pair, often=tuple(OF_A_PAIR)):
        if outcome.faults:
            pytest.fail(report(outcome), pytrace=False)
        met += outcome.met
    assert sorted(OF_TWO - met.keys()) == []
