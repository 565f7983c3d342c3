"""Many worlds on all cores: each process has a stage of its own, and gives back what came of each seed."""

import atexit
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context

from tests.simulation.report import shrunk
from tests.simulation.run import Outcome, Stage, stage
from tests.simulation.tally import TALLY

PROCESSES = 2
SEEDS_PER_TURN = 4

_stages: list[Stage] = []


def run_all(seeds: Iterable[int], processes: int = PROCESSES) -> Iterator[Outcome]:
    """In any order. Of those that break nothing, what was told is left out; what breaks a promise comes back shrunken."""
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn"), initializer=open_stage) as pool:
        yield from map(TALLY.note, pool.map(run_one, seeds, chunksize=SEEDS_PER_TURN))


def open_stage() -> None:
    opened = stage()
    _stages.append(opened.__enter__())
    atexit.register(opened.__exit__, None, None, None)


def run_one(seed: int) -> Outcome:
    outcome = _stages[0].run(seed)
    if outcome.faults:
        return shrunk(_stages[0], outcome)
    return replace(outcome, told=[], schedule=(), journals={})
