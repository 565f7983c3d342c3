"""The bare database: the same rows of a redemption, by the driver alone, from the same number of connections.

There is no HTTP, no signature, no rule and no look for a first answer, so only the disk and the database are measured. SQLite has one
writer. It is measured with a commit for each redemption, and with one for as many as there are connections, as the ledger does it.
"""

import itertools
import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import Engine
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.elements import ClauseElement

from bench.stage import Stage
from redeem.domain.events import EventType
from redeem.events import log
from redeem.ledger import sql
from redeem.lib.ids import coupon_id, new_id
from redeem.lib.times import rfc3339
from redeem.web.context import now_ms

Row = dict[str, Any]


def rows(stage: Stage, many: int) -> list[Row]:
    """Returns the rows that a redemption writes: redemption, act, tally, change and event."""
    with stage.database.engine.connect() as connection:
        devices = list(connection.exec_driver_sql("SELECT id, store_id FROM device WHERE kind = 'till'"))
    return [row(coupon.serial, *devices[n % len(devices)]) for n, coupon in enumerate(stage.coupons(many))]


def row(serial: int, device_id: str, store_id: str) -> Row:
    now, act_id = now_ms(), new_id("rdm")
    answer = {"coupon": coupon_id(serial), "redemption": act_id, "redeemed_at": rfc3339(now)}
    act = {
        "id": act_id,
        "device_id": device_id,
        "name": act_id,
        "kind": "redeem",
        "store_id": store_id,
        "serial": serial,
    }
    told = {"code": "redeemed", "answer": json.dumps(answer), "fingerprint": "f" * 43, "at": now}
    tally = {"day": 2500, "campaign_number": serial >> 32, "outcome": "redeemed", "slot": 0, "count": 1}
    unused = dict.fromkeys(("clerk_id", "device_at", "entry", "signature"))
    event = log.row_of(EventType.REDEEMED, act_id, serial, now, act_id=act_id)
    return unused | act | told | tally | event | {"handed_over_at": now}


def per_second(stage: Stage, connections: int, many: int) -> float:
    """Redemptions a second."""
    write = sqlite_writer if stage.kind == "SQLite" else postgres_writer
    prepared = rows(stage, many)
    began = time.perf_counter()
    write(stage.database.engine, prepared, connections)
    return many / (time.perf_counter() - began)


def sqlite_writer(engine: Engine, prepared: list[Row], per_commit: int) -> None:
    statements = [text_of(each, sqlite.dialect(paramstyle="named")) for each in (sql.REDEEM, sql.COUNT, sql.APPEND_ACT)]
    statements += [
        text_of(each["sqlite"], sqlite.dialect(paramstyle="named")) for each in (sql.NOTE_CHANGE, log.APPEND)
    ]
    connection = sqlite3.connect(Path(engine.url.database or ""), isolation_level=None)
    for pragma in ("synchronous=FULL", "foreign_keys=ON", "busy_timeout=10000"):
        connection.execute(f"PRAGMA {pragma}")
    for start in range(0, len(prepared), per_commit):
        connection.execute("BEGIN IMMEDIATE")
        for values, statement in itertools.product(prepared[start : start + per_commit], statements):
            connection.execute(statement, values)
        connection.execute("COMMIT")
    connection.close()


def postgres_writer(engine: Engine, prepared: list[Row], connections: int) -> None:
    statement = text_of(sql.REDEEM_IN_ONE_STATEMENT, postgresql.psycopg.dialect())
    url = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    left, turn = iter(prepared), threading.Lock()

    def connection(slot: int) -> None:
        with psycopg.connect(url) as mine:
            for values in taken(left, turn):
                mine.execute(statement, values | {"slot": slot})
                mine.commit()

    with ThreadPoolExecutor(connections) as pool:
        list(pool.map(connection, range(connections)))


def taken(left: Iterator[Row], turn: threading.Lock) -> Iterator[Row]:
    """Yields each row to one of the threads that ask for it."""
    take: Callable[[], Row | None] = lambda: next(left, None)  # noqa: E731 - an iterator is not for several threads
    while True:
        with turn:
            one = take()
        if one is None:
            return
        yield one


def text_of(statement: ClauseElement, dialect: Any) -> str:
    return str(statement.compile(dialect=dialect))
