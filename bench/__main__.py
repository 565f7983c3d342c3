"""Measures Redeem on this machine: `make bench`.

Client, server and database share the machine, so figures are for comparison within one run: with one another, with the bare
database, and with the cost of an fsync, which is printed first. To measure one task alone, name it:
`python -m bench redeem`.
"""

import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from http import HTTPStatus
from pathlib import Path

from bench import bare, load, tasks
from bench.machine import describe
from bench.report import Line, RaceResult, keep, table
from bench.stage import Stage, staged
from bench.tasks import Requests
from tests import postgres
from tests.crash import clients
from tests.crash.clients import Race

KINDS = ("SQLite", "PostgreSQL")
REDEMPTIONS = {1: 1_500, 4: 4_000, 16: 8_000, 64: 8_000}
WARM_UP = 400
BARE = 6_000
COUPONS, CLIENTS = 200, 16
# task: requests, connections, how many, the answer that each must have
OTHERS: dict[str, tuple[Callable[[Stage, int, int], Requests], int, int, HTTPStatus]] = {
    "verify": (tasks.verifications, 16, 6_000, HTTPStatus.OK),
    "issue": (tasks.issues, 16, 3_000, HTTPStatus.CREATED),
    "sync": (tasks.syncs, 8, 3_200, HTTPStatus.OK),
}


def main(wanted: list[str]) -> None:
    cluster = postgres.start()
    lines: list[Line] = []
    races: list[RaceResult] = []
    try:
        with tempfile.TemporaryDirectory(prefix="redeem-bench-") as name:
            machine = describe(Path(name), cluster.url)
            print("\n".join(machine.lines()), flush=True)
            for kind in KINDS:
                (folder := Path(name) / kind).mkdir()
                with staged(kind, folder, cluster) as stage:
                    measure(stage, wanted, lines, races)
    finally:
        cluster.stop()
    print(table(lines), *races, f"kept in {keep(machine, lines, races)}", sep="\n")


def measure(stage: Stage, wanted: list[str], lines: list[Line], races: list[RaceResult]) -> None:
    warm_up(stage)
    for line in measurements(stage, wanted):
        print(" ".join(filter(None, line.cells())), flush=True)
        lines.append(line)
    if not wanted or "race" in wanted:
        races.append(race(stage))


def measurements(stage: Stage, wanted: list[str]) -> Iterator[Line]:
    if not wanted or "redeem" in wanted:
        for connections, many in REDEMPTIONS.items():
            alone = bare.per_second(stage, connections, BARE)
            requests = tasks.redemptions(stage, connections, many)
            yield one(stage, "redeem", connections, requests, HTTPStatus.CREATED, alone)
    for task, (make, connections, many, status) in OTHERS.items():
        if not wanted or task in wanted:
            yield one(stage, task, connections, make(stage, connections, many), status)


def warm_up(stage: Stage) -> None:
    """Has every process load, connect and prepare what it needs."""
    load.run(stage.server.port, tasks.redemptions(stage, 16, WARM_UP))


def one(
    stage: Stage, task: str, connections: int, requests: Requests, status: HTTPStatus, alone: float | None = None
) -> Line:
    worked = stage.worked()
    figures = load.run(stage.server.port, requests)
    worked = stage.worked() - worked
    if figures.statuses != {int(status): figures.requests}:
        raise SystemExit(f"{stage.kind}, {task}: not every answer was {int(status)}: {figures.statuses}")
    return Line(stage.kind, task, connections, figures, worked / figures.requests * 1000, alone)


def race(stage: Stage) -> RaceResult:
    coupons = stage.coupons(COUPONS)
    began = time.perf_counter()
    heard = clients.run(Race(stage.server.port, stage.till_keys, coupons, CLIENTS), "race")
    seconds = time.perf_counter() - began
    given = Counter(Counter(answer.coupon for answer in heard if answer.code == "redeemed").values())
    errors = sum(answer.code not in ("redeemed", "already_redeemed") for answer in heard)
    twice = sum(many for times, many in given.items() if times > 1)
    return RaceResult(stage.kind, COUPONS, CLIENTS, given[1], twice, errors, seconds)


if __name__ == "__main__":
    main(sys.argv[1:])
