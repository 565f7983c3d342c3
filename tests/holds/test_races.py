"""Holds under concurrency: real threads, a real database, and a barrier.

PostgreSQL detects and breaks a deadlock, but only after a second. No clerk should wait that long, so none may arise.
"""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy import text

from tests.counters import serials
from tests.databases import on_both_databases
from tests.tills import tills_of

pytestmark = on_both_databases
ROUNDS = 12


@pytest.fixture(autouse=True)
def no_deadlock_arose(database):
    yield
    if not database.is_sqlite:
        deadlocks = text("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        assert database.read(lambda session: session.scalar(deadlocks)) == 0


def in_parallel(*works):
    """Run all works concurrently, and return their results in order."""
    barrier = Barrier(len(works))

    def begin(work):
        barrier.wait()
        return work()

    with ThreadPoolExecutor(len(works)) as pool:
        return [future.result() for future in [pool.submit(begin, work) for work in works]]


def test_two_tablets_that_release_to_each_other_do_not_deadlock(counters):
    north, south = counters.tablet, counters.south
    for _ in range(ROUNDS):
        coupon, epoch = counters.held()
        other = counters.coupon(counters.cast.south)
        (its,) = [grant for grant in south.sync().grants if grant.serial == other.serial]
        south.act("ask", coupon=coupon.token)
        north.act("ask", coupon=other.token)
        north.write("release", id=coupon.id, epoch=epoch)
        south.write("release", id=other.id, epoch=its.epoch)
        in_parallel(north.sync, south.sync)
        assert serials(south.sync(epoch=its.epoch).grants)[-1] == coupon.serial


def test_two_journals_with_the_same_coupons_in_opposite_order_do_not_deadlock(counters):
    for _ in range(ROUNDS):
        coupons = [counters.coupon() for _ in range(8)]
        for coupon in coupons:
            counters.tablet.write("ask", coupon=coupon.token)
        for coupon in reversed(coupons):
            counters.south.write("ask", coupon=coupon.token)
        replies = in_parallel(counters.tablet.sync, counters.south.sync)
        codes = [answer["code"] for reply in replies for answer in reply.answers.values()]
        assert sorted(codes[-16:]) == ["already_redeemed"] * 8 + ["redeemed"] * 8


def test_a_coupon_is_granted_or_redeemed_by_a_till_but_not_both(counters, database, cast):
    till = tills_of(database, cast)["south"]
    for _ in range(ROUNDS):
        coupon = counters.homed()
        reply, answer = in_parallel(counters.tablet.sync, lambda coupon=coupon: till.redeem(coupon))
        granted = coupon.serial in serials(reply.grants)
        assert (granted, answer.code) in [(True, "held_elsewhere"), (False, "redeemed")]


def test_issuing_does_not_deadlock_with_the_tablet_that_is_promised_the_coupon(counters):
    def issue_many():
        return [counters.homed() for _ in range(5)]

    for _ in range(ROUNDS):
        issued, *_ = in_parallel(issue_many, *[counters.tablet.sync] * 2)
        counters.tablet.sync()
        assert {counters.holder(coupon) for coupon in issued} == {counters.tablet.device_id}
