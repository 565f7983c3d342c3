"""Transactions: atomic, durable before `write` returns, retried if that is safe, and independent of others in the same commit."""

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
    """The exception that a test's work raises."""


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    monkeypatch.setattr(engine, "PAUSES_SECONDS", (0.0,) * len(PAUSES_SECONDS))


@pytest.fixture
def names(database):
    """Create a table with one column. The fixture is a function that returns its rows."""
    database.write(lambda session: session.execute(text("CREATE TABLE noted (name varchar(40) PRIMARY KEY)")))
    return lambda: sorted(database.read(lambda session: list(session.scalars(text("SELECT name FROM noted")))))


def note(session, name):
    session.execute(text("INSERT INTO noted VALUES (:name)"), {"name": name})
    return name


# Atomic.


@on_both_databases
def test_what_is_written_can_be_read(database, names):
    assert database.write(lambda session: note(session, "a")) == "a"
    assert names() == ["a"]


@on_both_databases
def test_work_that_fails_is_rolled_back(database, names):
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
def test_a_deferred_constraint_is_checked_at_the_commit(database, cast):
    """A redemption may be inserted before its act, but the act must exist at the commit."""
    coupon = database.write(lambda session: factories.coupon(session, cast.anywhere))
    orphan = text("INSERT INTO redemption (serial, act_id, device_id, at) VALUES (:serial, 'rdm_none', :device, 0)")
    values = {"serial": coupon.serial, "device": cast.north_till_id}
    with pytest.raises(IntegrityError):
        database.write(lambda session: session.execute(orphan, values))
    assert tills_of(database, cast)["north"].verify(coupon).verdict == "good"


# What a transaction sees of others that commit while it runs.


def seen_twice(database):
    """Work that reads the rows, has another transaction add one, and reads them again."""
    more = iter(range(MANY))

    def work(session):
        def look():
            return sorted(session.scalars(text("SELECT name FROM noted")))

        before = look()
        with database.engine.connect().execution_options(writes=True) as other, other.begin():
            other.execute(text("INSERT INTO noted VALUES (:name)"), {"name": f"row {next(more)}"})
        return before, look()

    return work


@on_both_databases
def test_what_is_read_is_of_one_moment(database, names):
    work = seen_twice(database)
    for times in range(3):
        before, after = database.read(work)
        assert before == after
        assert len(names()) == times + 1


@on_postgresql
def test_what_is_written_at_one_moment_sees_that_moment_and_any_other_write_what_has_committed(database, names):
    work = seen_twice(database)
    before, after = database.write(work, one_moment=True)
    assert before == after
    before, after = database.write(work)
    assert len(after) == len(before) + 1
    before, after = database.write(work, one_moment=True)
    assert before == after


@on_postgresql
def test_a_write_at_one_moment_that_meets_a_newer_row_is_run_again(database, names):
    database.write(lambda session: note(session, "a"))
    seen = []

    def work(session):
        seen.append(list(session.scalars(text("SELECT name FROM noted"))))
        if len(seen) == 1:
            database.write(lambda other: other.execute(text("UPDATE noted SET name = 'b'")))
        session.execute(text("UPDATE noted SET name = name || '!'"))

    database.write(work, one_moment=True)
    assert (seen, names()) == ([["a"], ["b"]], ["b!"])


# Retries.


def test_work_that_raises_retry_is_run_again():
    runs = iter([Retry, Retry, "done"])

    def run():
        came = next(runs)
        if came is Retry:
            raise Retry
        return came

    assert retried(run) == "done"


def test_retries_end():
    runs = []

    def run():
        runs.append(1)
        raise Retry

    with pytest.raises(Retry):
        retried(run)
    assert len(runs) == TRIES


def test_any_other_failure_is_not_retried():
    runs = []

    def run():
        runs.append(1)
        raise Mishap

    with pytest.raises(Mishap):
        retried(run)
    assert len(runs) == 1


@on_both_databases
def test_a_retry_begins_in_a_new_transaction(database, names):
    runs = []

    def work(session):
        runs.append(1)
        note(session, "a")
        if len(runs) < 3:
            raise Retry
        return len(runs)

    assert database.write(work) == 3
    assert names() == ["a"]


# PostgreSQL: lost connections, deadlocks and serialization failures.


def first_time(act):
    """Return a function that calls `act` only the first time."""
    called: list[int] = []

    def call(*arguments):
        if not called:
            called.append(1)
            act(*arguments)

    return call


def end(url, session):
    """Terminate the session's connection, as an administrator or a failover does."""
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
def test_a_lost_connection_is_replaced_for_reads_too(stage, database):
    lose = first_time(lambda session: end(stage.url, session))

    def look(session):
        lose(session)
        return session.scalar(text("SELECT 7"))

    assert database.read(look) == 7


@on_postgresql
def test_pooled_connections_that_died_are_replaced(stage, database, names):
    names()
    with psycopg.connect(stage.url, autocommit=True) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid() AND datname = current_database()"
        )
    assert database.write(lambda session: note(session, "a")) == "a"


@on_postgresql
def test_a_retry_after_a_lost_reply_to_the_commit_finds_its_own_commit(database, cast, monkeypatch):
    """The transaction is durable, but the client does not know. The work runs again, and finds its first answer."""
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
def test_a_server_that_is_starting_is_waited_for(stage):
    calls = []

    def connect():
        calls.append(1)
        return psycopg.connect(stage.url if len(calls) > 3 else "postgresql://nobody@127.0.0.1:1/nothing")

    database = Database(create_engine("postgresql+psycopg://", creator=connect))
    assert database.read(lambda session: session.scalar(text("SELECT 7"))) == 7
    database.engine.dispose()


def test_a_server_that_stays_down_is_an_error():
    database = Database(create_engine("postgresql+psycopg://nobody@127.0.0.1:1/nothing"))
    with pytest.raises(OperationalError):
        database.read(lambda session: session.scalar(text("SELECT 7")))


@on_postgresql
def test_both_transactions_of_a_deadlock_succeed(database, names):
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
def test_a_serialization_failure_is_retried(database, names):
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


# SQLite: one writer thread, and group commit.


@pytest.fixture
def commits(database):
    """A list that grows by one at each commit."""
    made = []
    event.listen(database.engine, "commit", lambda _connection: made.append(1))
    return made


class Queued:
    """Keeps the writer busy until `finish`, so that all submitted work goes into the next commits together."""

    def __init__(self, database):
        self.database, self.busy, self.go = database, Event(), Event()
        self.pool = ThreadPoolExecutor(MANY + WRITES_PER_COMMIT)
        self.first = self.pool.submit(database.write, self._wait)
        self.busy.wait()

    def _wait(self, _session):
        self.busy.set()
        self.go.wait()

    def submit(self, work):
        """Queue the work, and return once it is in the queue."""
        before = self.database._writer._queue.qsize()
        future = self.pool.submit(self.database.write, work)
        while self.database._writer._queue.qsize() == before:
            pass
        return future

    def finish(self):
        self.go.set()
        self.first.result()
        self.pool.shutdown()


def test_queued_work_is_committed_together_and_in_order(database, names, commits):
    order: list[str] = []
    queued = Queued(database)

    def work_of(number):
        return lambda session: order.append(note(session, f"{number:02}"))

    for number in range(MANY):
        queued.submit(work_of(number))
    queued.finish()
    assert order == names() == [f"{number:02}" for number in range(MANY)]
    assert len(commits) == 2


def test_a_commit_has_a_limit(database, names, commits):
    queued = Queued(database)
    for number in range(WRITES_PER_COMMIT + 1):
        queued.submit(lambda session, name=str(number): note(session, name))
    queued.finish()
    assert len(commits) == 3


@pytest.mark.parametrize("failing", [{0}, {MANY - 1}, {3, 4, 20}, set(range(MANY))])
def test_work_that_fails_does_not_affect_the_rest_of_its_commit(database, names, failing):
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


def test_a_violated_constraint_does_not_affect_the_rest_of_its_commit(database, names):
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


def test_objects_that_one_work_has_loaded_are_not_shared_with_the_next(database, cast):
    def load(session: Session) -> int:
        found = len(session.identity_map)
        assert session.get(Store, cast.north)
        return found

    queued = Queued(database)
    futures = [queued.submit(load) for _ in range(3)]
    queued.finish()
    assert [future.result() for future in futures] == [0, 0, 0]


@on_both_databases
def test_write_does_not_return_before_the_commit(database, names, monkeypatch):
    answered, early = Event(), []
    commit = database.engine.dialect.do_commit

    def slow_commit(connection):
        early.append(answered.wait(0.3))  # an early answer would come within this time
        commit(connection)

    monkeypatch.setattr(database.engine.dialect, "do_commit", slow_commit)
    database.write(lambda session: note(session, "a"))
    answered.set()
    assert early == [False]


def test_every_connection_is_durable_and_checks_foreign_keys(database):
    pragmas = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
    values = database.read(lambda session: [session.scalar(text(f"PRAGMA {name}")) for name in pragmas])
    assert values == ["wal", 2, 1, engine.BUSY_TIMEOUT_MS]


def test_readers_neither_wait_for_a_writer_nor_see_uncommitted_rows(database, names):
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


def test_the_writer_thread_survives_whatever_work_raises(database, names):
    def work(_session):
        raise SystemExit

    with pytest.raises(SystemExit):
        database.write(work)
    database.write(lambda session: note(session, "a"))
    assert names() == ["a"]


def test_work_that_calls_write_gets_an_error_instead_of_a_deadlock(database, names):
    with pytest.raises(RuntimeError, match="wait for its own end"):
        database.write(lambda _session: database.write(lambda session: note(session, "a")))


def test_close_waits_for_queued_work(database, names):
    queued = Queued(database)
    futures = [queued.submit(lambda session, name=str(n): note(session, name)) for n in range(5)]
    closer = Thread(target=database.close)
    closer.start()
    queued.finish()
    closer.join()
    assert all(future.done() for future in futures)
    assert len(names()) == 5
    assert not [thread for thread in threading.enumerate() if thread.name == "sqlite-writer"]


def test_no_work_is_lost_if_close_comes_at_the_same_time(database, names):
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
