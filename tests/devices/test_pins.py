"""A clerk's PIN at a tablet: the tries are counted, and after some wrong ones the next must wait."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from nacl.signing import SigningKey

from redeem.accounts.throttle import FIRST_WAIT_MS, FREE_FAILURES
from redeem.devices import enrolment, pins
from tests import factories
from tests.cast import PIN
from tests.databases import on_both_databases
from tests.factories import NOW


@pytest.fixture
def pin(database, cast):
    """Tries a PIN as the edge does, and answers (was it right, how long the next one waits); None if it may not try."""
    tablet = database.read(lambda session: enrolment.find_tablet(session, cast.tablet_id))

    def attempt(pin, clerk_id=cast.clerk_id, now=NOW):
        clerk, wait = database.write(lambda session: pins.begin_try(session, tablet, clerk_id, now))
        if wait:
            return None
        right = pins.is_right(clerk, pin)
        return right, database.write(lambda session: pins.finish_try(session, tablet, clerk_id, right=right, now=now))

    return attempt


def test_the_right_pin_opens(pin):
    assert pin(PIN) == (True, 0)


def test_wrong_pins_are_counted(pin):
    assert [pin("0007") for _ in range(FREE_FAILURES)] == [
        *[(False, 0)] * (FREE_FAILURES - 1),
        (False, FIRST_WAIT_MS),
    ]
    assert pin(PIN) is None
    assert pin(PIN, now=NOW + FIRST_WAIT_MS) == (True, 0)


def test_the_right_one_forgets_the_wrong_ones(pin):
    for _ in range(3):
        assert [pin("0007")[0] for _ in range(FREE_FAILURES - 1)] == [False] * (FREE_FAILURES - 1)
        assert pin(PIN) == (True, 0)


@on_both_databases
def test_many_guesses_at_once_are_no_more_than_many_in_a_row(pin):
    parallel = 3 * FREE_FAILURES
    barrier = Barrier(parallel)

    def attempt(_):
        barrier.wait()
        return pin("0007")

    with ThreadPoolExecutor(parallel) as pool:
        assert sum(answer is not None for answer in pool.map(attempt, range(parallel))) == FREE_FAILURES


@pytest.mark.parametrize("clerk", ["south_clerk", "nobody", "nul"])
def test_who_is_not_of_this_store_has_no_pin(cast, pin, clerk):
    clerk_id = {"south_clerk": cast.south_clerk_id, "nobody": "clk_" + "0" * 26, "nul": "a\0b"}[clerk]
    assert pin("5280", clerk_id) == (False, 0)


def test_wrong_pins_at_one_tablet_lock_nobody_out_at_another(database, cast, pin):
    """The wait is the guessed tablet's own: the clerk goes to the next one."""
    for _ in range(FREE_FAILURES):
        pin("0007")
    assert pin(PIN) is None
    made = database.write(lambda db: factories.tablet(db, cast.north, SigningKey.generate(), "North window").id)
    other = database.read(lambda db: enrolment.find_tablet(db, made))
    clerk, wait = database.write(lambda db: pins.begin_try(db, other, cast.clerk_id, NOW))
    assert (wait, pins.is_right(clerk, PIN)) == (0, True)
