"""Workers are killed while they make batches: between every two statements, and at any moment. Each item gets one coupon all the same."""

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest
from sqlalchemy import select

from redeem.accounts.audit import OPERATOR
from redeem.coupons import batches
from redeem.coupons.issue import NewCoupon
from redeem.db.models.coupons import BatchBlock, BatchPart, Campaign, Coupon
from redeem.jobs.queue import LEASE_MS
from tests.books import faults
from tests.crash.acts import ACTS
from tests.crash.dying import Dying, Program
from tests.databases import on_both_databases
from tests.factories import MOSCOW, NOW, all_of

pytestmark = pytest.mark.slow
ITEMS_PER_BLOCK = batches.ITEMS_PER_BLOCK


@pytest.fixture
def two_programs(dying):
    other = Program()
    yield dying, Dying(other, dying.url)
    other.close()


def plan(database, campaign, wanted):
    return database.write(lambda s: batches.plan(s, OPERATOR, campaign, wanted, MOSCOW, NOW)).id


def look(database, batch):
    return database.read(lambda s: batches.get_batch(s, batch))


def numbers_of(database, batch):
    """The numbers of the batch's coupons, by item."""
    blocks = database.read(lambda s: s.scalars(select(BatchBlock).where(BatchBlock.batch_id == batch)).all())
    by_item = sorted((block.item + each, block.serial + each) for block in blocks for each in range(block.items))
    assert [item for item, _ in by_item] == list(range(look(database, batch).items))  # each once
    return [serial & 0xFFFFFFFF for _, serial in by_item]


def assert_exact(database, campaign, planned):
    """All batches are done, each item has one coupon, no coupon is anything else, no number is lost."""
    assert {look(database, batch).state for batch in planned} == {"done"}
    numbers = [number for batch in planned for number in numbers_of(database, batch)]
    coupons = database.read(lambda s: all_of(s, Coupon))
    assert sorted(numbers) == sorted(each.serial & 0xFFFFFFFF for each in coupons) == list(range(len(coupons)))
    assert database.read(lambda s: s.get(Campaign, campaign)).coupons == len(coupons)
    assert database.read(lambda s: all_of(s, BatchPart)) == []
    assert database.read(faults) == []


@on_both_databases
def test_killed_between_every_two_statements(database, cast, dying, monkeypatch):
    monkeypatch.setattr(batches, "ITEMS_PER_BLOCK", 2)
    planned = []
    for step in count(1):
        planned.append(plan(database, cast.anywhere, [NewCoupon(cast.anywhere, f"A-{number}") for number in range(4)]))
        came_through = dying.do("work", step, lease=f"lea_{step}", now=NOW)
        ACTS["work"](database, {"lease": f"another_{step}", "now": NOW + LEASE_MS})()
        if came_through:
            break
    assert step > 40
    assert_exact(database, cast.anywhere, planned)
    orders = Counter(each.order_ref for each in database.read(lambda s: all_of(s, Coupon)))
    assert orders == {f"A-{number}": len(planned) for number in range(4)}


@on_both_databases
@pytest.mark.parametrize("kills", [6, pytest.param(50, marks=pytest.mark.soak)])
def test_two_workers_killed_at_any_moment(database, cast, two_programs, kills):
    """While one is killed, the other may be at the same batch: the leases of the dead are over at once, so that they meet."""
    chance = random.Random(kills)
    planned = [plan(database, cast.anywhere, 2 * kills * ITEMS_PER_BLOCK)]

    def work(who):
        dead = 0
        for turn in count(1):
            if look(database, planned[0]).state != "open":
                break
            now = NOW + 2 * turn * LEASE_MS
            if dead < kills / 2:
                seconds = chance.uniform(0.02, 0.15)
                dead += two_programs[who].do_for("work", seconds, lease=f"lea_{who}_{turn}", now=now) is None
            else:
                two_programs[who].do_for("work", 60, lease=f"lea_{who}_{turn}", now=now)
        return dead

    with ThreadPoolExecutor(2) as pool:
        died = sum(pool.map(work, range(2)))
    assert died > 0
    assert_exact(database, cast.anywhere, planned)
