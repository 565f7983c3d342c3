"""Transactions and retries: the only module that begins, commits or retries one.

`Database.write(work)` runs `work(session)` in one transaction and returns once it is durable. `work` may run more than once
(after a lost connection or a serialization failure), so it must be idempotent and have no effect except through its session.
The reply to a commit can be lost: `work` must also cope with finding its own commit. So every use case looks for a replay first.

`Database.read(work)` sees one moment: all its statements read the database as it was when the first of them began. So what is added
up from several tables fits together. A `write` sees with each statement what has committed by then, because whoever has waited for a
lock needs the newest rows. `write(work, one_moment=True)` is for the few that add up and write the sum.

SQLite allows one writer at a time, and competing connections starve each other: two processes were seen to split the writes 1 to
10,489. So one thread writes, in order of arrival. All that queued up during a commit goes into the next one: one fsync for many.

PostgreSQL writes on as many connections as it has. There the round trips to the server are the cost: see `autocommit`.
"""

import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import closing
from typing import Any, TypeVar

from psycopg import IsolationLevel
from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

T = TypeVar("T")
Work = Callable[[Session], T]
Noted = Callable[[Mapping[Any, Any]], None]
Driver = Any  # the driver's own connection, psycopg's

WRITES_PER_COMMIT = 64
BUSY_TIMEOUT_MS = 10_000
# A lost race is over at once, a database that restarts takes a moment. After the last pause the failure is raised to the caller.
PAUSES_SECONDS = (0.0, 0.0, 0.01, 0.05, 0.2, 0.5, 1.0)
# serialization_failure, deadlock_detected, too_many_connections, admin_shutdown, crash_shutdown, cannot_connect_now,
# read_only_sql_transaction, lock_not_available. In each case nothing was committed, or the leader changed, so the same work can be run
# again.
RETRIED_SQLSTATES = {"40001", "40P01", "53300", "57P01", "57P02", "57P03", "25006", "55P03"}


# How PostgreSQL runs a transaction that sees one moment. A transaction on SQLite always does.
ONE_MOMENT = IsolationLevel.REPEATABLE_READ


class Retry(Exception):
    """Raised by `work` when another transaction has just committed what it needs: roll back, and run it again."""


class Database:
    """Runs work in transactions on `engine`. `close` returns once all queued work is durable."""

    def __init__(self, engine: Engine, before_commit: Noted = lambda _: None) -> None:
        """`before_commit` is called with what a `write` has noted in `session.info`. If it raises, nothing is committed."""
        self.engine = engine
        self.is_sqlite = engine.dialect.name == "sqlite"
        (prepare_sqlite if self.is_sqlite else prepare_postgresql)(engine)
        self._at_one_moment = engine.execution_options(one_moment=True)
        self._before_commit = before_commit
        self._writer = _Writer(engine, before_commit) if self.is_sqlite else None

    def write(self, work: Work[T], *, one_moment: bool = False) -> T:
        """Run `work(session)` in one transaction, commit it, and return its result.

        With `one_moment` it does not see what commits after its first statement. If it writes a row that was written meanwhile, or is
        refused a duplicate and raises Retry, it runs again at a later moment.
        """
        if self._writer:
            commit = self._writer.commit
            return retried(lambda: commit(work))
        engine = self._at_one_moment if one_moment else self.engine
        return retried(lambda: _commit(engine, work, self._before_commit))

    def read(self, work: Work[T]) -> T:
        """Run `work(session)` in one transaction that sees one moment and is never committed, and return its result."""
        return retried(lambda: _read(self._at_one_moment, work))

    def autocommit(self, work: Callable[[Driver], T | None]) -> T | None:
        """Run `work(driver)` in autocommit mode, on PostgreSQL only: each statement is durable once it has returned.

        Returns None on SQLite, and if the connection or a constraint fails. Nothing is retried here. The caller falls back to
        `write`, which must cope with finding that this has been done.
        """
        if self.is_sqlite:
            return None
        errors: Any = self.engine.dialect.dbapi
        try:
            with closing(self.engine.raw_connection()) as connection:
                driver: Driver = connection.driver_connection
                if not driver.autocommit:
                    driver.autocommit = True
                return work(driver)
        except (OperationalError, errors.OperationalError, errors.IntegrityError):
            return None

    def close(self) -> None:
        if self._writer:
            self._writer.stop()


def _commit(engine: Engine, work: Work[T], before_commit: Noted) -> T:
    with engine.begin() as connection:
        return run_in(connection, [work], before_commit)[0]


def _read(engine: Engine, work: Work[T]) -> T:
    with engine.connect() as connection:
        return run_in(connection, [work])[0]


def run_in(connection: Connection, works: Sequence[Work[T]], before_commit: Noted | None = None) -> list[T]:
    """Run `works` one after another in the connection's transaction. A transaction of the session's own would take three times as long."""
    with Session(connection, expire_on_commit=False) as session:
        answers = [run(session, work) for work in works]
        if before_commit and session.info:
            before_commit(session.info)
        return answers


def run(session: Session, work: Work[T]) -> T:
    """Run and flush one work, and empty the session, so that the next work in this transaction loads its own rows."""
    answer = work(session)
    session.flush()
    session.expunge_all()
    return answer


def retried(run: Callable[[], T]) -> T:
    """Return run(). On a transient failure, pause and try again; after the last pause, raise the failure."""
    for pause in PAUSES_SECONDS:
        try:
            return run()
        except Retry:
            time.sleep(pause)
        except DBAPIError as error:
            if not is_transient(error):
                raise
            time.sleep(pause)
    return run()


def is_temporary(error: Exception) -> bool:
    """Return whether the client may simply retry: the database is down or locked, or too many requests came at once."""
    return isinstance(error, Retry | PoolTimeout) or (
        isinstance(error, DBAPIError) and (is_transient(error) or is_locked(error))
    )


def is_transient(error: DBAPIError) -> bool:
    """Return whether the same work may succeed if it is run again."""
    return error.connection_invalidated or is_unreached(error) or sqlstate(error) in RETRIED_SQLSTATES


def is_unreached(error: DBAPIError) -> bool:
    """Return whether PostgreSQL refused or dropped the connection. Then the error is the driver's, and has no SQLSTATE."""
    return isinstance(error, OperationalError) and sqlstate(error) is None


def is_locked(error: DBAPIError) -> bool:
    """Return whether SQLite has waited BUSY_TIMEOUT_MS for another program's lock. That was the retry: there is no other."""
    code = getattr(error.orig, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def sqlstate(error: DBAPIError) -> str | None:
    """Return the SQLSTATE of an error, None if PostgreSQL's driver has none, or "" for SQLite, whose errors have no such code."""
    return getattr(error.orig, "sqlstate", "")


def prepare_sqlite(engine: Engine) -> None:
    """Make SQLite durable (synchronous=FULL) and let it read while it writes (WAL).

    BEGIN is sent here: the driver's own would take the write lock only at the first write, which can then fail.
    """

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={BUSY_TIMEOUT_MS}"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def prepare_postgresql(engine: Engine) -> None:
    """Have each BEGIN say what the transaction sees. Turn autocommit off: `Database.autocommit` may have turned it on."""

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        driver: Driver = connection.connection.driver_connection
        if driver.autocommit:
            driver.autocommit = False
        one_moment = connection.get_execution_options().get("one_moment", False)
        level = ONE_MOMENT if one_moment else IsolationLevel.READ_COMMITTED
        if driver.isolation_level != level:
            driver.isolation_level = level


class _Writer:
    """The one thread that writes to SQLite. It starts at the first write, so that each forked process has its own."""

    def __init__(self, engine: Engine, before_commit: Noted) -> None:
        self._before_commit = before_commit
        self._engine = engine.execution_options(writes=True)
        self._queue: queue.SimpleQueue[tuple[Work[Any], Future[Any]] | None] = queue.SimpleQueue()
        self._turn = threading.Lock()
        self._thread: threading.Thread | None = None

    def commit(self, work: Work[T]) -> T:
        if threading.current_thread() is self._thread:
            raise RuntimeError("work may not call write: it would wait for its own end")
        future: Future[T] = Future()
        with self._turn:  # no work may be queued behind the end marker of stop()
            self._queue.put((work, future))
            self._ensure_started()
        return future.result()

    def stop(self) -> None:
        with self._turn:
            if self._thread:
                self._queue.put(None)
                self._thread.join()
                self._thread = None

    def _ensure_started(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="sqlite-writer", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while (first := self._queue.get()) is not None:
            group = [first]
            while len(group) < WRITES_PER_COMMIT and not self._queue.empty():
                waiting = self._queue.get()
                if waiting is None:
                    self._queue.put(None)
                    break
                group.append(waiting)
            self._commit_group(group)

    def _commit_group(self, group: list[tuple[Work[Any], Future[Any]]]) -> None:
        """Run the whole group in one transaction. If that fails, run each half by itself, until only the faulty work fails."""
        try:
            answers = self._commit_together([work for work, _ in group])
        except BaseException as error:  # noqa: BLE001 - the caller who waits for this work gets it, whatever it is
            if len(group) == 1:
                group[0][1].set_exception(error)
                return
            middle = len(group) // 2
            self._commit_group(group[:middle])
            self._commit_group(group[middle:])
            return
        for (_, future), answer in zip(group, answers, strict=True):
            future.set_result(answer)

    def _commit_together(self, works: list[Work[Any]]) -> list[Any]:
        with self._engine.connect() as connection, connection.begin():
            return run_in(connection, works, self._before_commit)


def engine_options(database_url: str) -> dict[str, object]:
    """Return the options of create_engine: a connection for each thread that may read. SQLite connections pass between threads."""
    shared = {"connect_args": {"check_same_thread": False}} if database_url.startswith("sqlite") else {}
    # Without hide_parameters, an error's text would carry the values of the statement into the log.
    return {"pool_size": 20, "max_overflow": 44, "hide_parameters": True, **shared}
