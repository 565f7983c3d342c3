"""Runs many worlds on all cores. Each process has a stage of its own and returns the outcome of each seed."""

import atexit
import gc
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from dataclasses import replace
from multiprocessing import get_context

from tests.simulation.report import shrunk
from tests.simulation.run import Outcome, Stage, stage
from tests.simulation.tally import TALLY

PROCESSES = 2
SEEDS_PER_TURN = 4

_stages: list[Stage] = []


def run_all(seeds: Iterable[int], processes: int = PROCESSES) -> Iterator[Outcome]:
    """Yields the outcomes in any order. A world that breaks no promise comes without its events, one that breaks a promise comes shrunk."""
    with pool_of(processes) as pool:
        yield from map(TALLY.note, pool.map(run_one, seeds, chunksize=SEEDS_PER_TURN))


def run_until(end: float, seeds: Iterator[int], processes: int = PROCESSES) -> Iterator[Outcome]:
    """Runs one seed after the other until time.monotonic() is `end`. Worlds that have begun by then are finished."""
    with pool_of(processes) as pool:
        under_way = {pool.submit(run_one, next(seeds)) for _ in range(processes)}
        while under_way:
            done, under_way = wait(under_way, return_when=FIRST_COMPLETED)
            if time.monotonic() < end:
                under_way |= {pool.submit(run_one, next(seeds)) for _ in done}
            yield from (TALLY.note(each.result()) for each in done)


def pool_of(processes: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(processes, mp_context=get_context("spawn"), initializer=open_stage)


def open_stage() -> None:
    opened = stage()
    _stages.append(opened.__enter__())
    atexit.register(opened.__exit__, None, None, None)
    # The application stays: to go through it again and again for garbage takes a tenth of the time.
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def run_one(seed: int) -> Outcome:
    outcome = _stages[0].run(seed)
    if outcome.faults:
        return shrunk(_stages[0], outcome)
    return replace(outcome, told=[], schedule=(), journals={})
