"""Snapshots: a tablet knows exactly which coupons were redeemed or void when it last heard, and misses no change."""

from base64 import urlsafe_b64decode

import pytest
from sqlalchemy import func, select

from redeem.coupons import issue
from redeem.db.models.ledger import CouponChange, Deployment
from redeem.lib.errors import NotFound
from redeem.sync import changes
from tests.databases import on_both_databases
from tests.factories import NOW
from tests.gaps import from_gaps

pytestmark = on_both_databases


def sets(counters):
    return counters.read(lambda session: changes.sets(session, counters.cast.anywhere))


def members(bitmap):
    return {number for number in range(len(bitmap) * 8) if bitmap[number >> 3] >> (number & 7) & 1}


def told(reply):
    """state -> numbers, of the one campaign that the changes are about."""
    (by,) = reply.changes["campaigns"].values() or [{}]
    return {state: from_gaps(urlsafe_b64decode(gaps + "==")) for state, gaps in by.items()}


def void(counters, coupon):
    counters.write(lambda session: issue.void(session, coupon.serial, "returned", NOW))


def test_the_sets_are_exact(counters, till):
    coupons = [counters.coupon() for _ in range(12)]
    for coupon in (coupons[0], coupons[9]):
        till.redeem(coupon)
    void(counters, coupons[3])
    found = sets(counters)
    assert (members(found.redeemed), members(found.void), found.size) == ({0, 9}, {3}, 12)


def test_a_void_that_waits_for_its_holder_is_one_for_everybody_else(counters):
    coupon, _ = counters.held()
    void(counters, coupon)
    assert members(sets(counters).void) == {0}


def test_of_a_campaign_that_is_not_there_nothing_is_told(counters):
    with pytest.raises(NotFound):
        counters.read(lambda session: changes.sets(session, 99))


def test_changes_are_told_from_the_position_of_the_sets_on(counters, till):
    coupons = [counters.coupon() for _ in range(5)]
    till.redeem(coupons[0])
    position = sets(counters).position
    given = till.redeem(coupons[1]).details["redemption"]
    till.redeem(coupons[4])
    till.reverse(given)
    void(counters, coupons[2])
    assert told(counters.tablet.sync(position=position)) == {"redeemed": [4], "void": [2], "open": [1]}


def test_what_was_heard_is_not_told_for_ever(counters, till):
    position = sets(counters).position
    till.redeem(counters.coupon())
    for _ in range(2):
        position = counters.tablet.sync(position=position).changes["position"]
    assert counters.tablet.sync(position=position).changes["campaigns"] == {}


def test_another_partners_campaign_is_not_told(counters, till):
    position = sets(counters).position
    till.redeem(counters.coupon(campaign=counters.cast.north_only))
    assert counters.south.sync(position=position).changes["campaigns"] == {}
    assert told(counters.tablet.sync(position=position)) == {"redeemed": [0]}


@pytest.mark.parametrize("position", [None, "", "1", "1.2", "x.1.0", "1.-1.0", "1.1.0.0", "0.1.0", "1.1.999", "1.²1.0"])
def test_a_position_that_means_nothing_here_is_answered_with_nothing(counters, position):
    assert counters.tablet.sync(position=position).changes is None


def test_a_position_that_lies_ahead_is_another_servers(counters):
    generation, number, series = sets(counters).position.split(".")
    ahead = f"{generation}.{int(number) + 10**15}.{series}"
    assert counters.tablet.sync(position=ahead).changes is None


def test_a_restored_ledger_tells_no_changes_of_the_life_before(counters):
    position = sets(counters).position
    counters.write(lambda session: session.add(Deployment(id=1, generation=2)))
    assert counters.tablet.sync(position=position).changes is None


def test_too_many_changes_are_fetched_as_sets(counters, till, monkeypatch):
    monkeypatch.setattr(changes, "CHANGES_PER_REPLY_MAX", 2)
    position = sets(counters).position
    for _ in range(3):
        till.redeem(counters.coupon())
    assert counters.tablet.sync(position=position).changes is None


# Forgetting.


@pytest.fixture
def short_memory(monkeypatch):
    monkeypatch.setattr(changes, "CHANGES_KEPT_MAX", 3)


def prune(counters):
    return counters.write(changes.prune)


def test_old_changes_are_forgotten_and_their_readers_fetch_the_sets(counters, till, short_memory):
    old = sets(counters).position
    for _ in range(5):
        till.redeem(counters.coupon())
    assert prune(counters) == 2
    assert counters.tablet.sync(position=old).changes is None
    assert counters.read(lambda session: session.scalar(select(func.count()).select_from(CouponChange))) == 3


def test_what_came_after_what_was_forgotten_is_still_told(counters, till, short_memory):
    for _ in range(3):
        till.redeem(counters.coupon())
    position = sets(counters).position
    for _ in range(3):
        till.redeem(counters.coupon())
    prune(counters)
    assert told(counters.tablet.sync(position=position)) == {"redeemed": [3, 4, 5]}


def test_with_few_changes_nothing_is_forgotten(counters, till):
    till.redeem(counters.coupon())
    assert prune(counters) == 0


def test_positions_go_on_behind_what_was_forgotten(counters, till, short_memory):
    for _ in range(5):
        till.redeem(counters.coupon())
    before = sets(counters).position
    prune(counters)
    till.redeem(counters.coupon())
    assert told(counters.tablet.sync(position=before)) == {"redeemed": [5]}


def test_the_first_sync_of_a_day_forgets_by_itself(counters, till, short_memory):
    for _ in range(5):
        till.redeem(counters.coupon())
    counters.tablet.sync()
    assert counters.read(lambda session: session.scalar(select(func.count()).select_from(CouponChange))) == 3


def test_a_long_past_is_forgotten_in_parts(counters, till, short_memory, monkeypatch):
    monkeypatch.setattr(changes, "CHANGES_PER_PRUNING_MAX", 2)
    for _ in range(8):
        till.redeem(counters.coupon())
    assert [prune(counters) for _ in range(4)] == [2, 2, 1, 0]
