"""The worker: takes jobs beside the requests, in turn, and no failure stops it."""

import json
import time
from threading import Event, Thread

import pytest
from sqlalchemy import select, update

from redeem.accounts.audit import OPERATOR
from redeem.coupons import batches
from redeem.coupons.batches import ITEMS_PER_BLOCK
from redeem.db.models.coupons import Campaign, SigningKey
from redeem.db.models.jobs import Job
from redeem.jobs import queue
from redeem.ops import worker
from redeem.ops.worker import Jobs, Worker
from redeem.web.context import now_ms
from redeem.web.logs import LOG
from tests.commands import SECONDS, started, until_ready
from tests.databases import on_both_databases
from tests.factories import MOSCOW, SECRET


@pytest.fixture
def log(app):
    return app.extensions[LOG]


def plan(database, campaign, count):
    return database.write(lambda s: batches.plan(s, OPERATOR, campaign, count, MOSCOW, now_ms())).id


def job(database):
    return database.read(lambda s: s.scalars(select(Job)).one())


def until(true):
    end = time.monotonic() + SECONDS
    while not true() and time.monotonic() < end:
        time.sleep(0.01)
    assert true()


@on_both_databases
def test_it_does_a_job_that_is_put_in_while_it_runs(app, database, cast):
    working = worker.start(app)
    plan(database, cast.anywhere, 2_000)
    until(lambda: job(database).state == "done")
    working.stop()
    assert not working.is_alive()
    assert database.read(lambda s: s.get(Campaign, cast.anywhere)).coupons == 2_000


def test_where_nothing_is_to_be_done_it_takes_no_lock(app, database, log):
    asked: list[object] = []
    database.write = asked.append
    assert not Jobs(app.extensions["redeem"], log).step()
    assert asked == []


def test_jobs_take_turns(app, database, log, cast, monkeypatch):
    monkeypatch.setattr(worker, "TURN_SECONDS", 0.0)
    monkeypatch.setattr(worker, "STEP_SECONDS", 0.0)
    first, second = (plan(database, cast.anywhere, 3 * ITEMS_PER_BLOCK) for _ in range(2))
    jobs = Jobs(app.extensions["redeem"], log)
    for _ in range(4):
        jobs.step()
    assert {database.read(lambda s, i=i: batches.get_batch(s, i)).made for i in (first, second)} == {
        2 * ITEMS_PER_BLOCK
    }


@on_both_databases
def test_an_accident_is_told_and_tried_again(app, database, log, capsys):
    def break_down(_tools, _seconds):
        return lambda _session, _task: 1 // 0

    database.write(lambda s: queue.put(s, "count", "one", 1, now_ms()))
    jobs = Jobs(app.extensions["redeem"], log, {"count": break_down})
    assert jobs.step() is True
    assert jobs.step() is False  # it waits
    [line] = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert (line["level"], line["event"], line["kind"]) == ("error", "job_put_off", "count")
    assert "ZeroDivisionError" in line["exception"]
    database.write(lambda s: s.execute(update(Job).values(due_at=0)))
    repaired = Jobs(app.extensions["redeem"], log, {"count": lambda _tools, _seconds: lambda _session, _task: 1})
    assert repaired.step() is True
    assert job(database).state == "done"


def test_without_an_active_key_a_batch_fails_and_says_so(app, database, log, cast):
    batch = plan(database, cast.anywhere, 5)
    database.write(lambda s: s.execute(update(SigningKey).values(status="verify_only")))
    assert Jobs(app.extensions["redeem"], log).step() is True
    assert database.read(lambda s: batches.get_batch(s, batch)).error_code == "no_signing_key"


def test_one_thing_that_fails_does_not_stop_the_others(log, capsys):
    did = []

    def fail():
        raise ZeroDivisionError

    def do():
        did.append(1)
        return False

    working = Worker([fail, do], log)
    working.start()
    until(lambda: did)
    working.stop()
    assert "worker_failed" in capsys.readouterr().err


@pytest.mark.slow
def test_the_command_works_until_it_is_told_to_stop(stage, database, cast, tmp_path):
    words = {"REDEEM_DATABASE_URL": stage.url, "REDEEM_SECRET_KEYS": SECRET}
    with started(tmp_path, "worker", **words) as (process, lines):
        assert until_ready(lines)[-1] == "ready"
        plan(database, cast.anywhere, 3_000)
        until(lambda: job(database).state == "done")
        process.terminate()
        assert process.wait(SECONDS) == 0


def test_where_others_write_steps_are_short(app, database, log, cast, monkeypatch):
    """A step that has waited for the writer takes its time as others who wait do: it leaves them most of it."""
    asked = []

    def make_ready(_tools, seconds):
        asked.append(seconds)
        return lambda _session, _task: 1

    database.write(lambda s: queue.put(s, "count", "one", 5, now_ms()))
    jobs = Jobs(app.extensions["redeem"], log, {"count": make_ready})
    assert jobs.step()
    together = Event()

    def hold():
        together.set()
        time.sleep(0.1)

    other = Thread(target=lambda: database.write(lambda _session: hold()))
    other.start()
    together.wait()
    monkeypatch.setattr(worker, "STEP_SECONDS", 1.0)
    assert jobs.step()
    other.join()
    assert jobs.step()
    assert asked == [0.03, 1.0, worker.BUSY_STEP_SECONDS]
