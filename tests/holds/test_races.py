"""Holds under concurrency: real threads, a real database, and a barrier.

PostgreSQL detects and breaks a deadlock, but only after a second. No clerk should wait that long, so none may arise.
"""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Thread

import pytest
from nacl.signing import SigningKey
from sqlalchemy import event, text

from redeem.coupons import issue
from redeem.devices.write_off import write_off
from tests.counters import serials
from tests.databases import on_both_databases
from tests.factories import NOW
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


def test_a_void_that_comes_while_the_holder_is_written_off_happens(counters, database, tablet, manager_id):
    coupon, _ = counters.held()
    voids: list[Thread] = []

    def void():
        counters.write(lambda session: issue.void(session, coupon.serial, "returned", NOW))

    def void_meanwhile(_connection, _cursor, statement, *_):
        if statement.startswith("UPDATE coupon SET holder_id") and not voids:
            voids.append(Thread(target=void))
            voids[0].start()
            voids[0].join(1)

    event.listen(database.engine, "before_cursor_execute", void_meanwhile)
    counters.write(lambda session: write_off(session, tablet.device_id, manager_id, NOW))
    event.remove(database.engine, "before_cursor_execute", void_meanwhile)
    voids[0].join()
    assert counters.view(coupon).voided_at
    assert counters.view(coupon).void_requested_at is None


def test_writing_off_does_not_deadlock_with_who_asks_for_its_coupons(counters, manager_id):
    """Of each coupon either void or holder goes first, and none is left with a void that waits for nobody."""
    for each in range(ROUNDS // 2):
        lost = counters.add_tablet(SigningKey(bytes([each]) * 32))
        coupons = [counters.homed() for _ in range(8)]
        counters.tablet.sync()
        held = [coupon for coupon in coupons if coupon.serial in serials(lost.sync().grants)]
        for coupon in reversed(held[2:]):
            counters.south.write("ask", coupon=coupon.token)
        in_parallel(
            lambda lost=lost: counters.write(lambda session: write_off(session, lost.device_id, manager_id, NOW)),
            counters.south.sync,
            *[
                lambda coupon=coupon: counters.write(lambda session: issue.void(session, coupon.serial, "", NOW))
                for coupon in held[:2]
            ],
        )
        assert [counters.view(coupon).void_requested_at for coupon in held] == [None] * len(held)
