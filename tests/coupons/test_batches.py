"""Batches: each item gets one coupon, whatever interrupts it, and what ends a batch before its end."""

from itertools import pairwise

import pytest

from redeem.accounts.audit import OPERATOR
from redeem.coupons import batches, campaigns
from redeem.coupons.batches import ITEMS_PER_BLOCK
from redeem.coupons.campaigns import CampaignStopped, NotIssuing
from redeem.coupons.issue import NewCoupon
from redeem.db.models.coupons import Batch, BatchBlock, BatchPart, Campaign, Coupon
from redeem.db.models.jobs import Job
from redeem.db.paging import Page
from redeem.jobs import queue
from redeem.lib.errors import Invalid, NotFound
from redeem.lib.ids import NUMBER_LIMIT
from redeem.recovery import restore
from tests import factories
from tests.databases import on_both_databases
from tests.factories import MOSCOW, NOW, all_of


def plan(database, campaign, wanted, now=NOW):
    if not isinstance(wanted, int):
        wanted = [NewCoupon(campaign, **said) for said in wanted]
    return database.write(lambda s: batches.plan(s, OPERATOR, campaign, wanted, MOSCOW, now))


def take(database, lease_id="lea_1"):
    return database.write(lambda s: queue.take(s, [batches.KIND], lease_id, NOW))


def part(session, task, has_time=lambda: False):
    return batches.make_some(session, task, factories.mint(), NOW, has_time)


def make(database, steps=1_000, lease=None):
    lease = lease or take(database)
    while steps and database.write(lambda s: queue.step(s, lease, part, NOW)):
        steps -= 1
    return lease


def made(database):
    return sorted(database.read(lambda s: all_of(s, Coupon)), key=lambda coupon: coupon.serial)


def blocks(database):
    return [
        (each.item, each.items, each.serial & 0xFFFFFFFF) for each in database.read(lambda s: all_of(s, BatchBlock))
    ]


@on_both_databases
def test_so_many_coupons_as_were_asked_for_are_made(database, cast):
    asked = 2 * ITEMS_PER_BLOCK + 7
    batch = plan(database, cast.anywhere, asked)
    assert (batch.state, batch.made, batch.items) == ("open", 0, asked)
    make(database)
    coupons = made(database)
    assert [each.serial & 0xFFFFFFFF for each in coupons] == list(range(asked))
    assert len({each.short_code for each in coupons}) == asked
    assert {(each.key_id, each.last_day, each.order_ref, each.issued_at) for each in coupons} == {(1, 65535, None, NOW)}
    assert blocks(database) == [(0, asked, 0)]
    ended = database.read(lambda s: batches.get_batch(s, batch.id))
    assert (ended.state, ended.made, ended.finished_at) == ("done", asked, NOW)


@on_both_databases
def test_an_item_becomes_a_coupon_that_has_what_was_said_of_it(database, cast):
    asked = [
        {
            "order_ref": f"A-{number}",
            "home_store_id": cast.north if number % 2 else None,
            "metadata": {"place": str(number)},
        }
        for number in range(ITEMS_PER_BLOCK + 3)
    ]
    plan(database, cast.anywhere, asked)
    make(database)
    coupons = made(database)
    assert [each.order_ref for each in coupons] == [each["order_ref"] for each in asked]
    assert [each.home_store_id for each in coupons] == [each["home_store_id"] for each in asked]
    assert [each.details for each in coupons] == [each["metadata"] for each in asked]
    assert database.read(lambda s: all_of(s, BatchPart)) == []  # what was said is in the coupons, and nowhere else


def test_coupons_at_home_are_promised_to_a_tablet_as_single_ones_are(database, cast, tablet):
    plan(database, cast.anywhere, [{"home_store_id": cast.north}])
    make(database)
    database.write(lambda s: factories.coupon(s, cast.anywhere, home_store_id=cast.north))
    of_batch, single = made(database)
    assert (of_batch.promised_to_id, of_batch.promised_from) == (cast.tablet_id, NOW)
    assert single.promised_to_id == of_batch.promised_to_id
    tablet.sync()
    assert {each.holder_id for each in made(database)} == {cast.tablet_id}


def test_the_only_store_of_a_campaign_is_the_home_of_each(database, cast):
    campaign = database.write(lambda s: factories.campaign(s, stores=[cast.south])).number
    plan(database, campaign, 3)
    make(database)
    assert {(each.home_store_id, each.promised_to_id) for each in made(database)} == {
        (cast.south, cast.south_tablet_id)
    }


@on_both_databases
def test_coupons_of_a_batch_are_redeemed_as_any(database, cast, till):
    plan(database, cast.anywhere, 1)
    make(database)
    [coupon] = made(database)
    token = database.read(lambda s: factories.token_of(s, coupon.serial, coupon.last_day))
    issued = factories.Issued(coupon.serial, "", token, coupon.short_code)
    assert [till.redeem(issued, name).code for name in ("a", "b")] == ["redeemed", "already_redeemed"]


@on_both_databases
def test_other_coupons_issued_meanwhile_come_in_between(database, cast):
    batch = plan(database, cast.anywhere, 2 * ITEMS_PER_BLOCK)
    lease = make(database, steps=1)
    database.write(lambda s: factories.coupon(s, cast.anywhere))
    make(database, lease=lease)
    assert blocks(database) == [(0, ITEMS_PER_BLOCK, 0), (ITEMS_PER_BLOCK, ITEMS_PER_BLOCK, ITEMS_PER_BLOCK + 1)]
    assert len(made(database)) == 2 * ITEMS_PER_BLOCK + 1
    assert database.read(lambda s: batches.get_batch(s, batch.id)).made == 2 * ITEMS_PER_BLOCK


def test_a_step_makes_further_blocks_while_there_is_time(database, cast):
    plan(database, cast.anywhere, 5 * ITEMS_PER_BLOCK)
    times = iter([True, True, False])
    lease = take(database)
    database.write(lambda s: queue.step(s, lease, lambda a, b: part(a, b, lambda: next(times)), NOW))
    assert len(made(database)) == 3 * ITEMS_PER_BLOCK


@on_both_databases
def test_a_campaign_that_is_stopped_ends_the_batch_and_keeps_what_was_made(database, cast):
    batch = plan(database, cast.anywhere, 3 * ITEMS_PER_BLOCK)
    lease = make(database, steps=1)
    database.write(lambda s: campaigns.patch_campaign(s, OPERATOR, cast.anywhere, NOW, stopped=True))
    with pytest.raises(CampaignStopped) as stopped:
        make(database, lease=lease)
    database.write(lambda s: queue.fail(s, lease, stopped.value.code, NOW))
    ended = database.read(lambda s: batches.get_batch(s, batch.id))
    assert (ended.state, ended.error_code, ended.made) == ("failed", "campaign_stopped", ITEMS_PER_BLOCK)
    assert len(made(database)) == ITEMS_PER_BLOCK
    assert database.read(lambda s: s.get(Campaign, cast.anywhere)).coupons == ITEMS_PER_BLOCK


def test_an_unfinished_batch_of_a_backup_ends_with_the_restore(database, cast):
    """The shop may have exported what it made since the backup. To go on would give the same orders other coupons."""
    batch = plan(database, cast.anywhere, 3 * ITEMS_PER_BLOCK)
    lease = make(database, steps=1)
    database.write(lambda s: restore.begin(s, NOW))
    make(database, lease=lease)
    ended = database.read(lambda s: batches.get_batch(s, batch.id))
    assert (ended.state, ended.error_code, ended.made) == ("failed", batches.RESTORED, ITEMS_PER_BLOCK)


def test_what_can_not_be_issued_is_no_batch(database, cast):
    late = database.write(
        lambda s: factories.campaign(s, partners=[cast.north_partner], windows={"issue": {"until": "2026-01-01"}})
    ).number
    with pytest.raises(NotIssuing):
        plan(database, late, 3)
    with pytest.raises(NotFound):
        plan(database, 999, 3)
    database.write(lambda s: campaigns.patch_campaign(s, OPERATOR, cast.anywhere, NOW, stopped=True))
    with pytest.raises(CampaignStopped):
        plan(database, cast.anywhere, 3)
    assert database.read(lambda s: (all_of(s, Batch), all_of(s, Job))) == ([], [])


def test_a_home_of_another_partner_is_told_item_by_item(database, cast):
    asked = [
        {},
        {"home_store_id": cast.south},
        {"home_store_id": cast.north},
        {"home_store_id": "sto_01J00000000000000000000000"},
    ]
    with pytest.raises(Invalid) as wrong:
        plan(database, cast.north_only, asked)
    assert [each["pointer"] for each in wrong.value.extra["errors"]] == ["/items/1/home_store", "/items/3/home_store"]
    assert database.read(lambda s: all_of(s, Batch)) == []


def test_a_campaign_has_room_for_so_many_numbers_and_no_more(database, cast):
    database.write(lambda s: setattr(s.get(Campaign, cast.anywhere), "coupons", NUMBER_LIMIT - 2))
    with pytest.raises(Invalid):
        plan(database, cast.anywhere, 3)
    plan(database, cast.anywhere, 2)
    make(database)
    assert len(made(database)) == 2


def test_a_campaigns_batches_are_listed_newest_first(database, cast):
    ids = [plan(database, cast.anywhere, 1, NOW + number).id for number in range(3)]
    plan(database, cast.north_only, 1)
    page = database.read(lambda s: batches.list_batches(s, cast.anywhere, Page(2)))
    assert ([each.id for each in page.items], page.has_more) == ([ids[2], ids[1]], True)
    assert all(newer.created_at > older.created_at for newer, older in pairwise(page.items))


@on_both_databases
def test_an_order_that_has_its_coupon_keeps_it(database, cast):
    campaign = database.write(lambda s: factories.campaign(s, partners=[cast.north_partner], once_per="order")).number
    before = database.write(lambda s: factories.coupon(s, campaign, order_ref="B"))
    batch = plan(database, campaign, [{"order_ref": name} for name in "ABCA"])
    make(database)
    assert [each.order_ref for each in made(database)] == ["B", "A", "C"]
    ended = database.read(lambda s: batches.get_batch(s, batch.id))
    assert (ended.state, ended.made, ended.existing) == ("done", 4, 2)
    assert blocks(database) == [(0, 1, 1), (1, 1, 0), (2, 1, 2), (3, 1, 1)]
    assert before.serial & 0xFFFFFFFF == 0
    again = plan(database, campaign, [{"order_ref": name} for name in "ABCA"])  # the same file under another name
    make(database)
    assert len(made(database)) == 3
    assert database.read(lambda s: batches.get_batch(s, again.id)).existing == 4


@pytest.mark.parametrize(("once_per", "missing"), [("order", ["order_ref"]), ("line", ["order_ref", "line"])])
def test_who_gives_one_for_each_order_names_the_order(database, cast, once_per, missing):
    campaign = database.write(lambda s: factories.campaign(s, partners=[cast.north_partner], once_per=once_per)).number
    with pytest.raises(Invalid):
        plan(database, campaign, 3)
    with pytest.raises(Invalid) as wrong:
        plan(database, campaign, [{"order_ref": "A", "line": "1"}, {}])
    assert [each["pointer"] for each in wrong.value.extra["errors"]] == [f"/items/1/{name}" for name in missing]
