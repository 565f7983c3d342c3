"""The database: one engine, whole transactions, and the only place that retries.

`Database.write(work)` runs `work(session)` in one transaction and returns when the transaction is durable, never before.
`work` may run more than once (a lost connection, a serialization failure), so it must have no effect but through its session,
and what it does must be safe to meet its own commit: replay before rules.

SQLite has one writer at a time whatever we do: several racing connections starve each other (two processes were seen to split
the work 1 to 10 489). So there one thread writes, in order of arrival, and everything that queued up while the disk was busy
goes into the next commit together: fair, and one fsync for many.

PostgreSQL has as many writers as it has connections. There it is each way to the server and back that costs: see `autocommit`.
"""

import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import closing
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

T = TypeVar("T")
Work = Callable[[Session], T]
Driver = Any  # the driver's own connection, psycopg's

WRITES_PER_COMMIT = 64
BUSY_TIMEOUT_MS = 10_000
# A lost race is over at once; a database that restarts takes a moment. After these, whoever called is told.
PAUSES_SECONDS = (0.0, 0.0, 0.01, 0.05, 0.2, 0.5, 1.0)
# serialization_failure, deadlock_detected, too_many_connections, admin_shutdown, crash_shutdown, cannot_connect_now,
# read_only_sql_transaction: each says "nothing was done, or the leader changed"; the same work may simply be run again.
RETRIED_SQLSTATES = {"40001", "40P01", "53300", "57P01", "57P02", "57P03", "25006"}


class Retry(Exception):
    """Raised by a work that met somebody else's fresh commit: roll back and look again."""


class Database:
    """Runs work in transactions on `engine`; close() returns when everything queued is durable."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.is_sqlite = engine.dialect.name == "sqlite"
        (prepare_sqlite if self.is_sqlite else prepare_postgresql)(engine)
        self._writer = _Writer(engine) if self.is_sqlite else None

    def write(self, work: Work[T]) -> T:
        commit = self._writer.commit if self._writer else self._commit
        return retried(lambda: commit(work))

    def read(self, work: Work[T]) -> T:
        return retried(lambda: self._look(work))

    def autocommit(self, work: Callable[[Driver], T | None]) -> T | None:
        """work(driver) with no transaction around it: each of its statements is one, and durable when it is answered.

        On PostgreSQL alone; on SQLite, and if anything is in the way, it is None. Nothing is retried: that is for `write` to do,
        which must be safe to meet what this did.
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

    def _commit(self, work: Work[T]) -> T:
        with self.engine.begin() as connection:
            return run_in(connection, [work])[0]

    def _look(self, work: Work[T]) -> T:
        with self.engine.connect() as connection:
            return run_in(connection, [work])[0]


def run_in(connection: Connection, works: Sequence[Work[T]]) -> list[T]:
    """Runs `works` one after another in the connection's transaction, which takes a third of the time that a session's own would."""
    with Session(connection, expire_on_commit=False) as session:
        return [run(session, work) for work in works]


def run(session: Session, work: Work[T]) -> T:
    """work(session), written down; what it loaded is not left for the next one to find."""
    answer = work(session)
    session.flush()
    session.expunge_all()
    return answer


def retried(run: Callable[[], T]) -> T:
    """run(), again after a failure that says nothing about the work itself. After the last pause the failure is the caller's."""
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
    """Whether whoever was told of this failure may just come again: the database is away, or too many ask at once."""
    return isinstance(error, Retry | PoolTimeout) or (isinstance(error, DBAPIError) and is_transient(error))


def is_transient(error: DBAPIError) -> bool:
    return error.connection_invalidated or is_unreached(error) or sqlstate(error) in RETRIED_SQLSTATES


def is_unreached(error: DBAPIError) -> bool:
    """PostgreSQL refused or dropped the connection: then the driver speaks, without the server's code."""
    return isinstance(error, OperationalError) and sqlstate(error) is None


def sqlstate(error: DBAPIError) -> str | None:
    """The server's code; "" where the driver knows no such thing, as SQLite's."""
    return getattr(error.orig, "sqlstate", "")


def prepare_sqlite(engine: Engine) -> None:
    """Durable (FULL), readers beside the writer (WAL), and our own BEGIN: the driver's would take the write lock late."""

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
    """A transaction is one, also on a connection on which something was done at once before."""

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        driver: Driver = connection.connection.driver_connection
        if driver.autocommit:
            driver.autocommit = False


class _Writer:
    """The one thread that writes to SQLite. It starts with the first work, so that a forked server has its own."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine.execution_options(writes=True)
        self._queue: queue.SimpleQueue[tuple[Work[Any], Future[Any]] | None] = queue.SimpleQueue()
        self._turn = threading.Lock()
        self._thread: threading.Thread | None = None

    def commit(self, work: Work[T]) -> T:
        if threading.current_thread() is self._thread:
            raise RuntimeError("a work may not write by itself: it would wait for its own end")
        future: Future[T] = Future()
        with self._turn:  # so that nothing is queued behind the end that stop() asks for
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
        """All of the group in one transaction; if any of it fails, each half by itself, so that one's fault is not another's."""
        try:
            answers = self._together([work for work, _ in group])
        except BaseException as error:  # noqa: BLE001 - whatever it was is handed to whoever asked for the work
            if len(group) == 1:
                group[0][1].set_exception(error)
                return
            middle = len(group) // 2
            self._commit_group(group[:middle])
            self._commit_group(group[middle:])
            return
        for (_, future), answer in zip(group, answers, strict=True):
            future.set_result(answer)

    def _together(self, works: list[Work[Any]]) -> list[Any]:
        with self._engine.connect() as connection, connection.begin():
            return run_in(connection, works)


def engine_options(database_url: str) -> dict[str, object]:
    """Connections for every thread that may read at once; SQLite's are shared by threads, one at a time."""
    shared = {"connect_args": {"check_same_thread": False}} if database_url.startswith("sqlite") else {}
    # No value of a statement may reach a log by way of an error's text.
    return {"pool_size": 20, "max_overflow": 44, "hide_parameters": True, **shared}
