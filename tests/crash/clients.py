"""Tills that are programs of their own: each with its connection, all let go at once by a barrier."""

import http.client
import json
import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.synchronize import Barrier
from typing import Any

from sqlalchemy import create_engine

from redeem.db.engine import Database, engine_options
from tests.factories import NOW, Issued
from tests.tills import till_of

THREADS = 4
# Nothing of the tests' process, its threads and open files, may be in a client's: they are forked from one that has only imported this.
spawning = multiprocessing.get_context("forkserver")
spawning.set_forkserver_preload([__name__])


@dataclass(frozen=True, slots=True)
class Heard:
    """What one attempt was answered. `redemption` is empty unless it was a yes."""

    coupon: int
    attempt: str
    code: str
    redemption: str = ""


class HttpTill:
    """One connection to a server."""

    def __init__(self, port: int, key: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._key = key

    def redeem(self, coupon: Issued, attempt: str) -> Heard:
        headers = {
            "Authorization": f"Bearer {self._key}",
            "Idempotency-Key": attempt,
            "Content-Type": "application/json",
        }
        self._connection.request("POST", "/v1/redemptions", json.dumps({"token": coupon.token}), headers)
        response = self._connection.getresponse()
        told = json.loads(response.read())
        if response.status == http.client.CREATED:
            return Heard(coupon.serial, attempt, "redeemed", told["id"])
        return Heard(coupon.serial, attempt, told["code"])

    def close(self) -> None:
        self._connection.close()


class DirectTill:
    """The use case on a database connection of the client's own."""

    def __init__(self, database: Database, key: str) -> None:
        self._till = till_of(database, key)

    def redeem(self, coupon: Issued, attempt: str) -> Heard:
        answer = self._till.redeem(coupon, attempt, NOW)
        return Heard(coupon.serial, attempt, answer.code, answer.details.get("redemption", ""))


@dataclass(frozen=True, slots=True)
class Race:
    """Every client tries every coupon, all at the same one at the same time. `where`: a database's URL or a server's port."""

    where: str | int
    keys: Sequence[str]
    coupons: Sequence[Issued]
    clients: int


def run(race: Race, turn: str) -> list[Heard]:
    """With processes of THREADS clients each. `turn` is part of each attempt's name: the same turn again is a retry."""
    processes = race.clients // THREADS
    barrier = spawning.Barrier(race.clients)
    with spawning.Pool(processes, initializer=_begin, initargs=(barrier,)) as pool:
        heard = pool.starmap(_race, [(race, turn, number) for number in range(processes)], chunksize=1)
    return [one for each in heard for one in each]


_barrier: Barrier


def _begin(barrier: Barrier) -> None:
    global _barrier  # noqa: PLW0603 - a barrier can only be handed to a process as it starts
    _barrier = barrier


def _race(race: Race, turn: str, process: int) -> list[Heard]:
    if isinstance(race.where, int):
        port = race.where
        return _threads(race, turn, process, _barrier.wait, lambda key: HttpTill(port, key))
    url = race.where.replace("postgresql://", "postgresql+psycopg://")
    database = Database(create_engine(url, **engine_options(url)))
    try:
        return _threads(race, turn, process, _barrier.wait, lambda key: DirectTill(database, key))
    finally:
        database.close()
        database.engine.dispose()


def _threads(
    race: Race, turn: str, process: int, wait: Callable[[], object], connect: Callable[[str], Any]
) -> list[Heard]:
    def client(number: int) -> list[Heard]:
        till = connect(race.keys[number % len(race.keys)])
        heard = []
        for coupon in race.coupons:
            wait()
            heard.append(till.redeem(coupon, f"{turn}/{number}/{coupon.serial}"))
        return heard

    with ThreadPoolExecutor(THREADS) as pool:
        numbers = range(process * THREADS, (process + 1) * THREADS)
        return [one for each in pool.map(client, numbers) for one in each]
