"""Issuing: numbers, windows, voids, moves, and what a campaign may still change."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier

import pytest

from redeem.accounts.audit import OPERATOR
from redeem.coupons import campaigns, issue, listing
from redeem.coupons.campaigns import CampaignInUse, CampaignStopped, NotIssuing
from redeem.coupons.issue import NewCoupon
from redeem.coupons.listing import CouponFilter
from redeem.db.models.coupons import Campaign, Coupon
from redeem.db.paging import Page
from redeem.domain.terms import parse_terms
from redeem.lib.days import to_date
from redeem.lib.errors import Invalid, NotFound
from tests import factories
from tests.databases import on_both_databases
from tests.factories import NOW, all_of, day

DAY_MS = 86_400_000


def campaign_with(database, cast, **changes):
    return database.write(lambda s: factories.campaign(s, partners=[cast.north_partner], **changes)).number


@on_both_databases
def test_coupons_are_numbered_in_order_from_nought(database, cast):
    issued = [database.write(lambda s: factories.coupon(s, cast.anywhere)) for _ in range(3)]
    assert [coupon.id for coupon in issued] == [f"cpn_{cast.anywhere}_{number}" for number in range(3)]
    assert len({coupon.short_code for coupon in issued}) == 3


@on_both_databases
def test_eight_issuers_at_once_skip_no_number_and_share_none(database, cast):
    together = Barrier(8)

    def issue(_):
        together.wait()
        return [database.write(lambda s: factories.coupon(s, cast.anywhere)).serial & 0xFFFFFFFF for _ in range(5)]

    with ThreadPoolExecutor(8) as pool:
        numbers = [number for batch in pool.map(issue, range(8)) for number in batch]
    assert sorted(numbers) == list(range(40))


def test_a_refused_coupon_takes_no_number(database, cast):
    number = campaign_with(database, cast, windows={"issue": {"until": "2026-01-01"}})
    with pytest.raises(NotIssuing):
        database.write(lambda s: factories.coupon(s, number))
    assert database.read(lambda s: s.get(Campaign, number)).coupons == 0


@pytest.mark.parametrize(("now", "is_open"), [(-1, False), (0, True), (DAY_MS - 1, True), (DAY_MS, False)])
def test_the_issue_window_is_a_day_on_the_shops_calendar(database, cast, now, is_open):
    number = campaign_with(database, cast, windows={"issue": {"from": "2026-11-21", "until": "2026-11-21"}})
    midnight_in_moscow = 1_795_208_400_000
    try:
        database.write(lambda s: factories.coupon(s, number, now=midnight_in_moscow + now))
    except NotIssuing:
        assert not is_open
    else:
        assert is_open


def test_a_coupon_of_one_store_is_at_home_there(database, cast):
    number = database.write(lambda s: factories.campaign(s, stores=[cast.south])).number
    database.write(lambda s: factories.coupon(s, number))
    (row,) = database.read(lambda s: all_of(s, Coupon))
    assert row.home_store_id == cast.south


def test_the_last_day_is_signed_and_stays(database, cast):
    number = campaign_with(database, cast, windows={"valid_days": 14})
    database.write(lambda s: factories.coupon(s, number))
    changes = {"windows": parse_terms(factories.terms(partners=[cast.north_partner]).text()).windows}
    database.write(lambda s: campaigns.patch_campaign(s, OPERATOR, number, NOW, changes=changes))
    (row,) = database.read(lambda s: all_of(s, Coupon))
    assert to_date(row.last_day).isoformat() == day(14)


@on_both_databases
def test_a_campaign_gets_the_next_number(database, cast):
    made = [campaign_with(database, cast) for _ in range(2)]
    assert made == [3, 4]


def test_a_campaign_names_only_places_that_are_here(database, cast):
    with pytest.raises(Invalid) as refused:
        database.write(lambda s: factories.campaign(s, stores=[cast.north, "sto_01JD8ZQ7T3K5V9W2X4Y6ABCDEF"]))
    assert refused.value.extra["errors"] == [{"pointer": "/stores/1", "detail": "no such id is here"}]


def test_money_stays_once_coupons_are_out(database, cast):
    changes = {"value": factories.terms(partners=["prt_" + "0" * 26]).handling_fee}
    database.write(lambda s: campaigns.patch_campaign(s, OPERATOR, cast.anywhere, NOW, changes=changes))
    database.write(lambda s: factories.coupon(s, cast.anywhere))
    back = {"value": factories.terms(partners=["prt_" + "0" * 26]).value}
    with pytest.raises(CampaignInUse):
        database.write(lambda s: campaigns.patch_campaign(s, OPERATOR, cast.anywhere, NOW, changes=back))


def test_metadata_comes_back_as_it_went(database, cast):
    said = {"Ключ": "значение", "empty": "", "emoji": "🎁"}
    issued = database.write(lambda s: factories.coupon(s, cast.anywhere, metadata=said, order_ref="№ 5"))
    view = database.read(lambda s: issue.get_coupon(s, issued.serial))
    assert (view.metadata, view.order_ref) == (said, "№ 5")


def test_an_order_may_have_several_coupons(database, cast):
    for ref in ("A", "B", "A"):
        database.write(lambda s, ref=ref: factories.coupon(s, cast.anywhere, order_ref=ref))
    found = database.read(lambda s: listing.list_coupons(s, CouponFilter(order_ref="A"), 0, Page()))
    assert [view.serial & 0xFFFFFFFF for view in found.items] == [2, 0]


def test_of_an_unknown_campaign_nothing_is_issued(database, cast):
    with pytest.raises(NotFound):
        database.write(lambda s: issue.issue(s, NewCoupon(99), factories.mint(), NOW))


@on_both_databases
def test_after_a_stop_nothing_is_issued_whatever_is_under_way(database, cast):
    """Four programs issue as fast as they can; what was issued as the stop was answered is all that there ever is."""
    together = Barrier(5)

    def issue_until_stopped(_):
        issued = 0
        together.wait()
        with suppress(CampaignStopped):
            while True:
                database.write(lambda s: factories.coupon(s, cast.anywhere))
                issued += 1
        return issued

    def issued_so_far():
        return len(database.read(lambda s: all_of(s, Coupon)))

    with ThreadPoolExecutor(4) as programs:
        issued = [programs.submit(issue_until_stopped, number) for number in range(4)]
        together.wait()
        while not issued_so_far():
            pass
        database.write(lambda s: stop(s, cast.anywhere))
        at_the_stop = issued_so_far()
    assert sum(each.result() for each in issued) == issued_so_far() == at_the_stop > 0


def stop(session, number):
    campaigns.patch_campaign(session, OPERATOR, number, NOW, stopped=True)
