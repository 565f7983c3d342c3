"""The throttle: some failures are free, then each further try must wait, longer each time, up to a maximum."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from redeem.accounts import throttle
from redeem.accounts.throttle import FIRST_WAIT_MS, FORGET_MS, FREE_FAILURES, LONGEST_WAIT_MS
from tests.databases import on_both_databases
from tests.factories import NOW

SUBJECT = "pin:dev_1:clk_1"


@pytest.fixture
def book(database):
    class Book:
        def fail(self, times=1, now=NOW):
            for _ in range(times):
                database.write(lambda session: throttle.count_failure(session, SUBJECT, now))

        def wait(self, now=NOW, subject=SUBJECT):
            return database.read(lambda session: throttle.wait_ms(session, subject, now))

        def succeed(self):
            database.write(lambda session: throttle.reset(session, SUBJECT))

        def forgive(self):
            database.write(lambda session: throttle.uncount_failure(session, SUBJECT))

    return Book()


@on_both_databases
def test_some_failures_are_free(book):
    book.fail(FREE_FAILURES - 1)
    assert book.wait() == 0
    book.fail()
    assert book.wait() == FIRST_WAIT_MS


@on_both_databases
def test_each_further_failure_doubles_the_wait_up_to_a_limit(book):
    book.fail(FREE_FAILURES)
    waits = []
    for _ in range(7):
        waits.append(book.wait())
        book.fail()
    assert waits == [min(FIRST_WAIT_MS << step, LONGEST_WAIT_MS) for step in range(7)]


def test_the_wait_runs_out(book):
    book.fail(FREE_FAILURES)
    assert [book.wait(NOW + FIRST_WAIT_MS - 1), book.wait(NOW + FIRST_WAIT_MS)] == [1, 0]


@on_both_databases
def test_a_success_resets_the_count(book):
    book.fail(FREE_FAILURES + 3)
    book.succeed()
    book.fail()
    assert book.wait() == 0


def test_the_count_expires(book):
    book.fail(FREE_FAILURES + 3)
    later = NOW + FORGET_MS + 1
    assert book.wait(later) == 0
    book.fail(FREE_FAILURES - 1, later)
    assert book.wait(later) == 0


def test_uncounting_takes_one_failure_back_and_no_more(book):
    book.fail(FREE_FAILURES)
    book.forgive()
    assert book.wait() == 0
    for _ in range(FREE_FAILURES + 3):
        book.forgive()
    book.fail(FREE_FAILURES)
    assert book.wait() == FIRST_WAIT_MS


def test_failures_are_counted_for_each_subject(book):
    book.fail(FREE_FAILURES + 3)
    assert book.wait(subject="pin:dev_2:clk_1") == 0


@on_both_databases
def test_of_many_concurrent_tries_only_the_free_ones_go_through(database):
    """Also at the first try of all, when there is no row yet to lock."""
    tries = 3 * FREE_FAILURES
    barrier = Barrier(tries)

    def attempt(_):
        def work(session):
            throttle.lock(session, [SUBJECT])
            wait = throttle.wait_ms(session, SUBJECT, NOW)
            if not wait:
                throttle.count_failure(session, SUBJECT, NOW)
            return not wait

        barrier.wait()
        return database.write(work)

    with ThreadPoolExecutor(tries) as pool:
        assert sum(pool.map(attempt, range(tries))) == FREE_FAILURES
