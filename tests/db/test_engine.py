"""Transactions: whole, durable before the answer, run again when that is safe, and one's fault is not another's."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier, Event, Thread

import psycopg
import pytest
from sqlalchemy import create_engine, event, text
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import Session

from redeem.db import engine
from redeem.db.engine import PAUSES_SECONDS, WRITES_PER_COMMIT, Database, Retry, retried
from redeem.db.models.partners import Store
from tests import factories
from tests.databases import on_both_databases
from tests.tills import tills_of

on_postgresql = pytest.mark.parametrize("stage", ["postgresql"], indirect=True)
TRIES = len(PAUSES_SECONDS) + 1
MANY = 40


class Mishap(Exception):
    """What a test's work raises."""


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    monkeypatch.setattr(engine, "PAUSES_SECONDS", (0.0,) * len(PAUSES_SECONDS))


@pytest.fixture
def names(database):
    """A table of one column, and a word to read it."""
    database.write(lambda session: session.execute(text("CREATE TABLE noted (name varchar(40) PRIMARY KEY)")))
    return lambda: sorted(database.read(lambda session: list(session.scalars(text("SELECT name FROM noted")))))


def note(session, name):
    session.execute(text("INSERT INTO noted VALUES (:name)"), {"name": name})
    return name


# Whole.


@on_both_databases
def test_what_is_written_is_there(database, names):
    assert database.write(lambda session: note(session, "a")) == "a"
    assert names() == ["a"]


@on_both_databases
def test_a_failing_work_leaves_nothing(database, names):
    def work(session):
        note(session, "a")
        raise Mishap

    with pytest.raises(Mishap):
        database.write(work)
    assert names() == []


@on_both_databases
def test_reading_changes_nothing(database, names):
    database.read(lambda session: note(session, "a"))
    assert names() == []


@on_both_databases
def test_a_promise_that_is_checked_at_the_commit_is_kept(database, cast):
    """A redemption names its act, which may be written after it, but must be there in the end."""
    coupon = database.write(lambda session: factories.coupon(session, cast.anywhere))
    orphan = text("INSERT INTO redemption (serial, act_id, device_id, at) VALUES (:serial, 'rdm_none', :device, 0)")
    values = {"serial": coupon.serial, "device": cast.north_till_id}
    with pytest.raises(IntegrityError):
        database.write(lambda session: session.execute(orphan, values))
    assert tills_of(database, cast)["north"].verify(coupon).verdict == "good"


# Retries.


def test_what_asks_for_it_is_run_again():
    runs = iter([Retry, Retry, "done"])

    def run():
        came = next(runs)
        if came is Retry:
            raise Retry
        return came

    assert retried(run) == "done"


def test_but_not_for_ever():
    runs = []

    def run():
        runs.append(1)
        raise Retry

    with pytest.raises(Retry):
        retried(run)
    assert len(runs) == TRIES


def test_what_is_the_works_own_fault_is_not_run_again():
    runs = []

    def run():
        runs.append(1)
        raise Mishap

    with pytest.raises(Mishap):
        retried(run)
    assert len(runs) == 1


@on_both_databases
def test_a_work_that_is_run_again_begins_with_nothing_done(database, names):
    runs = []

    def work(session):
        runs.append(1)
        note(session, "a")
        if len(runs) < 3:
            raise Retry
        return len(runs)

    assert database.write(work) == 3
    assert names() == ["a"]


# PostgreSQL: connections break, and transactions meet.


def first_time(act):
    """`act` at the first call alone."""
    called: list[int] = []

    def call(*arguments):
        if not called:
            called.append(1)
            act(*arguments)

    return call


def end(url, session):
    """What an administrator, or a failing leader, does to the session's connection."""
    pid = session.scalar(text("SELECT pg_backend_pid()"))
    with psycopg.connect(url, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 10000)", [pid])


@on_postgresql
@pytest.mark.parametrize("moment", ["before", "between", "at the commit"])
def test_a_lost_connection_is_replaced(stage, database, names, moment):
    lose = first_time(lambda session: end(stage.url, session))

    def work(session):
        if moment == "before":
            lose(session)
        note(session, "a")
        if moment == "between":
            lose(session)
        note(session, "b")
        if moment == "at the commit":
            lose(session)

    database.write(work)
    assert names() == ["a", "b"]


@on_postgresql
def test_a_reader_gets_a_new_connection_too(stage, database):
    lose = first_time(lambda session: end(stage.url, session))

    def look(session):
        lose(session)
        return session.scalar(text("SELECT 7"))

    assert database.read(look) == 7


@on_postgresql
def test_connections_that_died_while_nobody_used_them_harm_nobody(stage, database, names):
    names()
    with psycopg.connect(stage.url, autocommit=True) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid() AND datname = current_database()"
        )
    assert database.write(lambda session: note(session, "a")) == "a"


@on_postgresql
def test_a_commit_whose_reply_is_lost_is_met_by_its_own_retry(database, cast, monkeypatch):
    """The worst moment: it is durable, and nobody has heard. The work runs again, and finds its first answer."""
    coupon = database.write(lambda session: factories.coupon(session, cast.anywhere))
    till = replace(tills_of(database, cast)["north"], quickly=False)
    commit = database.engine.dialect.do_commit

    @first_time
    def lose_the_reply(connection):
        commit(connection)
        connection.dbapi_connection.close()
        raise psycopg.OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(database.engine.dialect, "do_commit", lambda c: (lose_the_reply(c), commit(c)))
    answer = till.redeem(coupon, "a")
    assert (answer.code, answer.replayed) == ("redeemed", True)


@on_postgresql
def test_a_server_that_is_not_there_yet_is_waited_for(stage):
    calls = []

    def connect():
        calls.append(1)
        return psycopg.connect(stage.url if len(calls) > 3 else "postgresql://nobody@127.0.0.1:1/nothing")

    database = Database(create_engine("postgresql+psycopg://", creator=connect))
    assert database.read(lambda session: session.scalar(text("SELECT 7"))) == 7
    database.engine.dispose()


def test_a_server_that_does_not_come_is_told_of():
    database = Database(create_engine("postgresql+psycopg://nobody@127.0.0.1:1/nothing"))
    with pytest.raises(OperationalError):
        database.read(lambda session: session.scalar(text("SELECT 7")))


@on_postgresql
def test_of_two_that_lock_each_other_out_both_come_through(database, names):
    database.write(lambda session: [note(session, "a"), note(session, "b")])
    met = Barrier(2)
    touch = text("UPDATE noted SET name = name WHERE name = :name")

    def crosswise(first, second):
        meet = first_time(met.wait)

        def work(session):
            session.execute(text("SET LOCAL deadlock_timeout = '10ms'"))
            session.execute(touch, {"name": first})
            meet()
            session.execute(touch, {"name": second})
            return first

        return database.write(work)

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(crosswise, "ab", "ba")) == ["a", "b"]


@on_postgresql
def test_a_serialization_failure_is_run_again(database, names):
    database.write(lambda session: note(session, "a"))
    rename = "UPDATE noted SET name = name || :more"
    interfere = first_time(lambda: database.write(lambda session: session.execute(text(rename), {"more": "b"})))

    def work(session):
        session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
        session.scalar(text("SELECT count(*) FROM noted"))
        interfere()
        session.execute(text(rename), {"more": "c"})

    database.write(work)
    assert names() == ["abc"]


# SQLite: one writer, and many works in one commit.


@pytest.fixture
def commits(database):
    """How many works each commit had, from here on."""
    made = []
    event.listen(database.engine, "commit", lambda _connection: made.append(1))
    return made


class Queued:
    """Works that wait while the writer is busy, so that they go into one commit together."""

    def __init__(self, database):
        self.database, self.busy, self.go = database, Event(), Event()
        self.pool = ThreadPoolExecutor(MANY + WRITES_PER_COMMIT)
        self.first = self.pool.submit(database.write, self._wait)
        self.busy.wait()

    def _wait(self, _session):
        self.busy.set()
        self.go.wait()

    def submit(self, work):
        """Returns when the work is in the queue."""
        before = self.database._writer._queue.qsize()
        future = self.pool.submit(self.database.write, work)
        while self.database._writer._queue.qsize() == before:
            pass
        return future

    def finish(self):
        self.go.set()
        self.first.result()
        self.pool.shutdown()


def test_what_queues_up_is_committed_together_and_in_order(database, names, commits):
    order: list[str] = []
    queued = Queued(database)

    def work_of(number):
        return lambda session: order.append(note(session, f"{number:02}"))

    for number in range(MANY):
        queued.submit(work_of(number))
    queued.finish()
    assert order == names() == [f"{number:02}" for number in range(MANY)]
    assert len(commits) == 2


def test_no_commit_grows_beyond_its_limit(database, names, commits):
    queued = Queued(database)
    for number in range(WRITES_PER_COMMIT + 1):
        queued.submit(lambda session, name=str(number): note(session, name))
    queued.finish()
    assert len(commits) == 3


@pytest.mark.parametrize("failing", [{0}, {MANY - 1}, {3, 4, 20}, set(range(MANY))])
def test_a_failing_work_harms_none_of_its_neighbours(database, names, failing):
    queued = Queued(database)

    def work_of(number):
        def work(session):
            note(session, f"{number:02}")
            if number in failing:
                raise Mishap

        return work

    futures = [queued.submit(work_of(number)) for number in range(MANY)]
    queued.finish()
    assert {number for number, future in enumerate(futures) if isinstance(future.exception(), Mishap)} == failing
    assert names() == [f"{number:02}" for number in range(MANY) if number not in failing]


def test_a_broken_constraint_harms_only_who_broke_it(database, names):
    queued = Queued(database)
    futures = [queued.submit(lambda session, name=name: note(session, name)) for name in ("a", "b", "a", "c")]
    queued.finish()
    assert [type(future.exception()) for future in futures] == [type(None), type(None), IntegrityError, type(None)]
    assert names() == ["a", "b", "c"]


def test_one_failure_costs_few_commits(database, names, commits):
    queued = Queued(database)

    def work_of(number):
        return lambda session: note(session, "00" if number == MANY - 1 else f"{number:02}")

    futures = [queued.submit(work_of(number)) for number in range(MANY)]
    queued.finish()
    assert sum(future.exception() is not None for future in futures) == 1
    assert len(commits) < 10


def test_what_one_work_has_loaded_is_not_there_for_the_next(database, cast):
    def load(session: Session) -> int:
        found = len(session.identity_map)
        assert session.get(Store, cast.north)
        return found

    queued = Queued(database)
    futures = [queued.submit(load) for _ in range(3)]
    queued.finish()
    assert [future.result() for future in futures] == [0, 0, 0]


@on_both_databases
def test_nobody_is_answered_before_it_is_durable(database, names, monkeypatch):
    answered, early = Event(), []
    commit = database.engine.dialect.do_commit

    def slow_commit(connection):
        early.append(answered.wait(0.3))  # who answers too early has this long to show it
        commit(connection)

    monkeypatch.setattr(database.engine.dialect, "do_commit", slow_commit)
    database.write(lambda session: note(session, "a"))
    answered.set()
    assert early == [False]


def test_every_connection_is_durable_and_keeps_its_promises(database):
    pragmas = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
    told = database.read(lambda session: [session.scalar(text(f"PRAGMA {name}")) for name in pragmas])
    assert told == ["wal", 2, 1, engine.BUSY_TIMEOUT_MS]


def test_readers_neither_wait_for_a_writer_nor_see_its_half(database, names):
    met, go = Barrier(2), Event()

    def work(session):
        note(session, "a")
        met.wait()
        go.wait()

    writer = Thread(target=database.write, args=[work])
    writer.start()
    met.wait()
    assert names() == []
    go.set()
    writer.join()
    assert names() == ["a"]


def test_the_writer_outlives_whatever_a_work_raises(database, names):
    def work(_session):
        raise SystemExit

    with pytest.raises(SystemExit):
        database.write(work)
    database.write(lambda session: note(session, "a"))
    assert names() == ["a"]


def test_a_work_that_writes_by_itself_is_told_so_instead_of_waiting_for_ever(database, names):
    with pytest.raises(RuntimeError, match="wait for its own end"):
        database.write(lambda _session: database.write(lambda session: note(session, "a")))


def test_closing_waits_for_what_is_queued(database, names):
    queued = Queued(database)
    futures = [queued.submit(lambda session, name=str(n): note(session, name)) for n in range(5)]
    closer = Thread(target=database.close)
    closer.start()
    queued.finish()
    closer.join()
    assert all(future.done() for future in futures)
    assert len(names()) == 5
    assert not [thread for thread in threading.enumerate() if thread.name == "sqlite-writer"]


def test_no_work_is_stranded_by_a_close_at_the_same_time(database, names):
    together = Barrier(9)

    def write(name):
        together.wait()
        return database.write(lambda session: note(session, name))

    for turn in range(20):
        closer = Thread(target=lambda: (together.wait(), database.close()))
        closer.start()
        with ThreadPoolExecutor(8) as pool:
            assert len(list(pool.map(write, [f"{turn}-{n}" for n in range(8)]))) == 8
        closer.join()
    assert len(names()) == 160
