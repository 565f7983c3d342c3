"""Runs many worlds on all cores. Each process has a stage of its own and returns the outcome of each seed.

`where`: the stage, on SQLite or for a pair. `often`: what shall happen more than it usually does.
"""

import atexit
import gc
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from multiprocessing import get_context

from tests.simulation import schedule
from tests.simulation.report import shrunk
from tests.simulation.run import Outcome, Stage, stage
from tests.simulation.tally import TALLY

Where = Callable[[], AbstractContextManager[Stage]]

PROCESSES = 2
SEEDS_PER_TURN = 4

_stages: list[Stage] = []


def run_all(seeds: Iterable[int], where: Where = stage, often: Sequence[str] = ()) -> Iterator[Outcome]:
    """Yields the outcomes in any order. A world that breaks no promise comes without its events, one that breaks a promise comes shrunk."""
    with pool_of(where) as pool:
        yield from map(TALLY.note, pool.map(partial(run_one, often=often), seeds, chunksize=SEEDS_PER_TURN))


def run_until(end: float, seeds: Iterator[int], where: Where = stage, often: Sequence[str] = ()) -> Iterator[Outcome]:
    """Runs one seed after the other until time.monotonic() is `end`. Worlds that have begun by then are finished."""
    with pool_of(where) as pool:
        under_way = {pool.submit(run_one, next(seeds), often) for _ in range(PROCESSES)}
        while under_way:
            done, under_way = wait(under_way, return_when=FIRST_COMPLETED)
            if time.monotonic() < end:
                under_way |= {pool.submit(run_one, next(seeds), often) for _ in done}
            yield from (TALLY.note(each.result()) for each in done)


def pool_of(where: Where) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(PROCESSES, get_context("spawn"), initializer=open_stage, initargs=(where,))


def open_stage(where: Where) -> None:
    opened = where()
    _stages.append(opened.__enter__())
    atexit.register(opened.__exit__, None, None, None)
    # The application stays: to go through it again and again for garbage takes a tenth of the time.
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def run_one(seed: int, often: Sequence[str]) -> Outcome:
    outcome = _stages[0].run(seed, schedule.draw(seed, often))
    if outcome.faults:
        return shrunk(_stages[0], outcome)
    return replace(outcome, told=[], schedule=(), journals={})
