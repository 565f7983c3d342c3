"""A seed is a world: it comes out the same each time, and its schedule can be cut down and run again."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace

import pytest

from redeem.lib.files import ROOT
from tests.simulation import schedule
from tests.simulation.guards import GUARDS
from tests.simulation.happenings import Happening
from tests.simulation.report import report, shrunk
from tests.simulation.run import Stage, stage
from tests.simulation.shrink import shrink

SEED = 11


@pytest.fixture(scope="module")
def made() -> Iterator[Stage]:
    with stage() as opened:
        yield opened


def test_a_seed_is_told_the_same_each_time(made: Stage) -> None:
    assert made.run(SEED) == made.run(SEED)


def test_a_seed_is_told_the_same_by_another_process(made: Stage) -> None:
    command = [sys.executable, "-m", "tests.simulation", str(SEED)]
    done = subprocess.run(command, cwd=ROOT, env={"PYTHONHASHSEED": "4711"}, check=True, capture_output=True, text=True)
    assert done.stdout.rstrip() == report(made.run(SEED))


def test_another_seed_is_another_world(made: Stage) -> None:
    assert made.run(SEED).journals != made.run(SEED + 1).journals


def test_a_schedule_that_is_written_down_is_the_same_world(made: Stage) -> None:
    drawn = schedule.draw(SEED)
    assert made.run(SEED, schedule.read(schedule.write(drawn))) == replace(made.run(SEED), schedule=drawn)


def test_shrinking_leaves_what_is_needed() -> None:
    happenings = [Happening("carry", place, 0) for place in range(200)]
    needed = {happenings[3], happenings[77], happenings[199]}
    assert set(shrink(happenings, lambda some: needed <= set(some))) == needed


def test_shrinking_ends_when_the_time_is_up() -> None:
    happenings = [Happening("carry", place, 0) for place in range(200)]
    assert shrink(happenings, lambda _: True, seconds=0) == happenings


def test_a_broken_promise_is_told_with_the_least_that_breaks_it() -> None:
    (guard,) = (guard for guard in GUARDS if guard.name == "the constraint")
    with stage(guard) as opened:
        broken = next(outcome for outcome in map(opened.run, range(20)) if outcome.faults)
        less = shrunk(opened, broken, seconds=60)
    assert less.kind == broken.kind
    assert len(less.schedule) < len(broken.schedule) / 4
    assert f"python -m tests.simulation {broken.seed} --shrink" in report(less)
