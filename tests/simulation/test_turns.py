"""What is held up really leaves room for others: a lock that is missing loses what another wrote, and one that is there does not."""

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import create_engine, event, text
from sqlalchemy.orm import Session

from redeem.db.engine import Database
from tests.postgres import Cluster
from tests.simulation.turns import Job, Killed, Turns, step

pytestmark = pytest.mark.postgres
STEPS_TO_THE_WRITE = 3  # before the first statement, behind it, before the second


@pytest.fixture
def turns(postgres_cluster: Cluster) -> Iterator[Turns]:
    maintenance = create_engine(postgres_cluster.url.replace("postgresql://", "postgresql+psycopg://"))
    made = Turns(maintenance)
    yield made
    made.doom()
    made.close()
    maintenance.dispose()


@pytest.fixture
def database(postgres_url: str) -> Iterator[Database]:
    made = Database(create_engine(postgres_url.replace("postgresql://", "postgresql+psycopg://")))
    for name in ("before_cursor_execute", "after_cursor_execute", "commit"):
        event.listen(made.engine, name, lambda connection, *_: step("there", connection.connection.driver_connection))
    made.write(lambda session: session.execute(text("CREATE TABLE sums AS SELECT 0 AS total")))
    yield made
    made.engine.dispose()


def adding(database: Database, lock: str) -> Callable[[], None]:
    def work(session: Session) -> None:
        total = session.scalar(text(f"SELECT total FROM sums {lock}"))
        session.execute(text("UPDATE sums SET total = :total"), {"total": total + 1})

    return lambda: database.write(work)


def total(database: Database) -> int:
    return int(database.read(lambda session: session.scalar(text("SELECT total FROM sums"))))


def held_up(turns: Turns, work: Callable[[], None], steps: int = STEPS_TO_THE_WRITE - 1) -> Job:
    job = Job(work)
    job.steps_left = steps
    assert not turns.run(job)
    return job


@pytest.mark.parametrize(("lock", "added"), [("", 1), ("FOR UPDATE", 2)])
def test_of_two_who_read_before_either_writes_one_is_lost_unless_the_first_locks(turns, database, lock, added):
    first = held_up(turns, adding(database, lock))
    turns.run(Job(adding(database, lock)))
    turns.end(first)
    assert total(database) == added
    assert turns.met["manager waits for another"] == (added == 2)


def test_whoever_is_cut_off_begins_anew(turns, database):
    job = held_up(turns, adding(database, "FOR UPDATE"))
    turns.cut_off(job)
    turns.end(job)
    assert (job.error, total(database)) == (None, 1)


def test_whoever_dies_has_done_nothing(turns, database):
    job = held_up(turns, adding(database, "FOR UPDATE"))
    turns.doom()
    assert (type(job.error), total(database)) == (Killed, 0)


def test_a_deadlock_is_told_by_the_database_and_both_are_done(turns, database):
    database.write(lambda session: session.execute(text("CREATE TABLE others AS SELECT 0 AS total")))

    def both(one: str, other: str) -> Callable[[], None]:
        def work(session: Session) -> None:
            for table in (one, other):
                session.execute(text(f"UPDATE {table} SET total = total + 1"))

        return lambda: database.write(work)

    first = held_up(turns, both("sums", "others"))
    turns.run(Job(both("others", "sums")))
    turns.end(first)
    assert total(database) == 2
