"""Closed days are added up beside the requests: each once, whoever does it, and a failure is told and tried again."""

import json
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, func, insert, select, text

from redeem.db.engine import Database
from redeem.db.models.events import Event
from redeem.db.models.reports import Rollup, Tally
from redeem.lib.days import to_date
from redeem.lib.times import MS_PER_DAY, local_day
from redeem.ops import daily_sums
from redeem.ops.daily_sums import DailySums, add_up_one
from redeem.reports import rollups
from redeem.web.context import now_ms
from redeem.web.logs import LOG
from tests import factories
from tests.cast import Cast
from tests.commands import SECONDS, started, until_ready
from tests.databases import on_both_databases
from tests.factories import NOW
from tests.ports import kept_port

TODAY = local_day(now_ms(), "UTC")
DAYS = range(TODAY - 20, TODAY + 1)
CLOSED = range(TODAY - 20, TODAY + 1 - rollups.CLOSED_AFTER_DAYS)


@pytest.fixture
def counted(database: Database, cast: Cast) -> None:
    """A gift on the first day, two on the second, and so on, up to today."""
    row = {"campaign_number": cast.anywhere, "store_id": cast.north, "outcome": "redeemed", "slot": 0}
    rows = [{**row, "day": day, "count": number} for number, day in enumerate(DAYS, 1)]
    database.write(lambda db: db.execute(insert(Tally), rows))


def sums_by_day(database: Database) -> dict[int, int]:
    everywhere = Rollup.place == rollups.EVERYWHERE, Rollup.campaign_number == rollups.EVERY_CAMPAIGN
    statement = select(Rollup.day, Rollup.count).where(Rollup.days == 1, *everywhere)
    return dict(database.read(lambda db: [(row.day, row.count) for row in db.execute(statement)]))


EXPECTED = {day: number for number, day in enumerate(CLOSED, 1)}


def until(true: Any) -> None:
    end = time.monotonic() + SECONDS
    while not true() and time.monotonic() < end:
        time.sleep(0.01)
    assert true()


def test_it_adds_up_all_closed_days_and_stops_when_told(
    app: Flask, database: Database, counted: None, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(daily_sums, "PAUSE_SECONDS", 0.0)
    sums = daily_sums.start(app)
    until(lambda: not database.read(lambda db: rollups.is_behind(db, TODAY)))
    sums.stop()  # it would look again in a minute
    assert not sums.is_alive()
    assert sums_by_day(database) == EXPECTED


@on_both_databases
def test_servers_that_do_it_at_once_add_each_day_up_once(
    app: Flask, database: Database, counted: None, capsys: pytest.CaptureFixture[str]
):
    servers = 4
    barrier, added = Barrier(servers), [0] * servers

    def serve(number: int) -> None:
        sums = DailySums(database, app.extensions[LOG])
        barrier.wait()
        while sums.step():
            added[number] += 1

    threads = [Thread(target=serve, args=(number,)) for number in range(servers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert capsys.readouterr().err == ""  # without the lock they insert the same sums, and all but one fail
    assert sum(added) == len(CLOSED)
    assert sums_by_day(database) == EXPECTED


def test_where_no_day_is_left_it_takes_no_lock(app: Flask, database: Database, counted: None):
    while add_up_one(database, now_ms()):
        pass
    asked: list[str] = []
    event.listen(database.engine, "before_cursor_execute", lambda *said: asked.append(said[2]))
    assert not DailySums(database, app.extensions[LOG]).step()
    assert asked[0] == "BEGIN"
    assert "BEGIN IMMEDIATE" not in asked


@on_both_databases
def test_a_failure_is_told_as_an_error_and_it_goes_on(
    app: Flask, database: Database, counted: None, capsys: pytest.CaptureFixture[str]
):
    sums = DailySums(database, app.extensions[LOG])
    database.write(lambda db: db.execute(text("ALTER TABLE rollup RENAME TO rollup_away")))
    assert sums.step() is False
    [line] = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert (line["level"], line["event"]) == ("error", "daily_sums_failed")
    assert "rollup" in line["exception"]
    database.write(lambda db: db.execute(text("ALTER TABLE rollup_away RENAME TO rollup")))
    assert sums.step() is True
    assert sums_by_day(database) == {CLOSED[0]: 1}


def test_one_that_died_in_a_day_leaves_it_to_the_next(database: Database, counted: None):
    class Death(BaseException):
        """The process ends before the commit."""

    def die(db: Any) -> None:
        rollups.add_up(db, TODAY)
        raise Death

    with pytest.raises(Death):
        database.write(die)
    assert add_up_one(database, now_ms())
    assert sums_by_day(database) == {CLOSED[0]: 1}


def test_the_command_adds_up_all_closed_days_and_says_until_when(app: Flask, database: Database, counted: None):
    runner = app.test_cli_runner()
    said = f"All days up to {to_date(CLOSED[-1])} are.\n"
    assert runner.invoke(args=["add-up"]).output == f"{len(CLOSED)} days were added up. {said}"
    assert sums_by_day(database) == EXPECTED
    assert runner.invoke(args=["add-up"]).output == f"0 days were added up. {said}"


def test_the_command_says_that_nothing_is_closed(app: Flask, database: Database):
    output = app.test_cli_runner().invoke(args=["add-up"]).output
    assert output == "0 days were added up. No day is closed yet.\n"
    assert database.read(lambda db: db.scalar(select(func.count()).select_from(Rollup))) == 0


@pytest.mark.slow
def test_a_server_adds_up_while_nobody_reads(tmp_path: Path):
    with started(tmp_path, "demo", PORT=str(kept_port())) as (_, lines):
        until_ready(lines)
        with closing(sqlite3.connect(tmp_path / "redeem.sqlite")) as opened:
            until(lambda: opened.execute("SELECT added_up_until FROM deployment").fetchall() not in ([], [(None,)]))


@on_both_databases
def test_old_events_are_deleted_when_the_days_are_added_up(app: Flask, database: Database, counted: None, cast: Cast):
    for at in (NOW, NOW + 1, NOW + 2 * MS_PER_DAY):
        database.write(lambda db, at=at: factories.coupon(db, cast.anywhere, at))  # type: ignore[misc]
    sums = DailySums(database, app.extensions[LOG], clock=lambda: NOW + 5 * MS_PER_DAY, event_days=4)
    while sums.step():
        pass
    assert database.read(lambda db: [event.recorded_at for event in factories.all_of(db, Event)]) == [
        NOW + 2 * MS_PER_DAY
    ]
