"""The queue of jobs: put in once, taken by one, done in steps of which none is lost or repeated, and what becomes of failures."""

from threading import Barrier, Thread

import pytest
from sqlalchemy import select

from redeem.db.models.jobs import Job
from redeem.jobs import queue
from redeem.jobs.queue import ATTEMPTS_MAX, BACK_OFF_MAX_MS, BACK_OFF_MS, LEASE_MS
from tests.databases import on_both_databases
from tests.factories import NOW, all_of

KINDS = ("count",)


def put(database, subject="one", total=3, kind="count"):
    database.write(lambda s: queue.put(s, kind, subject, total, NOW))


def take(database, lease_id="lea_1", now=NOW):
    return database.write(lambda s: queue.take(s, KINDS, lease_id, now))


def step(database, lease, part=lambda _session, _task: 1, now=NOW):
    return database.write(lambda s: queue.step(s, lease, part, now))


def job(database):
    return database.read(lambda s: all_of(s, Job))[0]


@on_both_databases
def test_put_in_twice_it_is_there_once(database):
    put(database)
    put(database, total=5)
    put(database, kind="other")
    jobs = database.read(lambda s: all_of(s, Job))
    assert sorted((each.kind, each.total) for each in jobs) == [("count", 3), ("other", 3)]


@on_both_databases
def test_it_is_done_in_steps(database):
    put(database)
    lease = take(database)
    assert [step(database, lease) for _ in range(3)] == [True, True, False]
    done = job(database)
    assert (done.state, done.done, done.finished_at, done.lease_id) == ("done", 3, NOW, None)
    assert step(database, lease, part=None) is False  # nothing is done any more
    assert take(database, "lea_2") is None


def test_a_job_of_a_kind_that_a_worker_does_not_know_is_left_alone(database):
    put(database, kind="other")
    assert not database.read(lambda s: queue.is_due(s, KINDS, NOW))
    assert take(database) is None


@on_both_databases
def test_a_job_is_taken_by_one(database):
    put(database)
    assert take(database, "lea_1") is not None
    assert take(database, "lea_2") is None
    assert not database.read(lambda s: queue.is_due(s, KINDS, NOW))


@on_both_databases
def test_a_lost_reply_to_the_taking_is_taken_again(database):
    put(database)
    assert take(database, "lea_1") == take(database, "lea_1")
    assert job(database).attempts == 1


@on_both_databases
def test_after_a_dead_worker_another_goes_on_where_it_was(database):
    put(database)
    dead = take(database, "lea_1")
    step(database, dead)
    assert take(database, "lea_2", NOW + LEASE_MS - 1) is None
    other = take(database, "lea_2", NOW + LEASE_MS)
    assert step(database, other, now=NOW + LEASE_MS)
    assert job(database).done == 2
    assert step(database, dead, part=None) is False  # it was only slow: it does nothing any more
    assert step(database, other, now=NOW + LEASE_MS) is False
    assert job(database).state == "done"


@on_both_databases
def test_a_step_that_fails_leaves_nothing(database):
    put(database)
    lease = take(database)

    def fail(session, _task):
        queue.put(session, "other", "made on the way", 1, NOW)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        step(database, lease, fail)
    assert [each.kind for each in database.read(lambda s: all_of(s, Job))] == ["count"]
    assert job(database).done == 0


def test_an_accident_is_tried_again_later_and_later(database):
    put(database)
    now, waits = NOW, []
    for attempt in range(ATTEMPTS_MAX):
        lease = take(database, f"lea_{attempt}", now)
        database.write(lambda s, lease=lease, now=now: queue.put_off(s, lease, "internal", now))
        waits.append(job(database).due_at - now)
        now = job(database).due_at
    assert waits[:4] == [BACK_OFF_MS, 2 * BACK_OFF_MS, 4 * BACK_OFF_MS, 8 * BACK_OFF_MS]
    assert max(waits) <= BACK_OFF_MAX_MS
    assert (job(database).state, job(database).error_code) == ("failed", "internal")


def test_a_step_that_went_well_ends_the_back_off(database):
    put(database)
    lease = take(database)
    database.write(lambda s: queue.put_off(s, lease, "internal", NOW))
    later = job(database).due_at
    assert take(database, "lea_2", later - 1) is None
    step(database, take(database, "lea_2", later), now=later)
    assert (job(database).attempts, job(database).error_code) == (0, None)


def test_a_job_that_takes_its_workers_down_fails_in_the_end(database):
    put(database)
    now = NOW
    for attempt in range(ATTEMPTS_MAX):
        assert take(database, f"lea_{attempt}", now)
        now += LEASE_MS
    put(database, "two")
    assert take(database, "lea_x", now).job_id != job(database).id  # and the next has its turn
    assert (job(database).state, job(database).error_code) == ("failed", queue.WORKER_DIED)


def test_a_job_that_is_given_back_waits_behind_the_others(database):
    put(database, "one")
    database.write(lambda s: queue.put(s, "count", "two", 3, NOW + 1))
    lease = take(database, now=NOW + 2)
    step(database, lease, now=NOW + 2)
    database.write(lambda s: queue.give_back(s, lease, NOW + 2))
    other = take(database, "lea_2", NOW + 3)
    assert other.job_id != lease.job_id
    assert take(database, "lea_3", NOW + 3).job_id == lease.job_id


def count_up(database, workers, lease_of):
    """Workers that all do a job's steps at once. Each step notes the progress that it began at. Returns these notes."""
    put(database, total=60)
    barrier = Barrier(workers)
    noted: list[int] = []

    def work(number):
        barrier.wait()
        lease = lease_of(number)
        while lease is not None:
            began: list[int] = []

            def part(_session, task, began=began):
                began[:] = [task.done]
                return 1

            more = step(database, lease, part)
            noted.extend(began)
            if not more:
                lease = lease_of(number)

    threads = [Thread(target=work, args=(number,)) for number in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(noted)


@on_both_databases
def test_workers_at_once_do_each_step_once(database):
    assert count_up(database, 4, lambda number: take(database, f"lea_{number}")) == list(range(60))
    assert job(database).state == "done"


@on_both_databases
def test_two_workers_with_one_lease_still_do_each_step_once(database):
    """The lock of the row decides, and not the lease: a lease may have been taken over by clocks that differ."""
    put(database, total=60)
    lease, left = take(database, "lea_1"), list(range(4))

    def same(_number):
        return lease if left and left.pop() is not None else None

    assert count_up(database, 4, same) == list(range(60))


def test_jobs_of_a_kind_can_be_ended_at_once(database):
    put(database, "one")
    put(database, "two", kind="other")
    lease = take(database)
    database.write(lambda s: queue.fail_all(s, "count", "restored", NOW + 5))
    assert step(database, lease, part=None) is False
    states = database.read(lambda s: s.execute(select(Job.kind, Job.state, Job.error_code)).all())
    assert sorted(states) == [("count", "failed", "restored"), ("other", "open", None)]
