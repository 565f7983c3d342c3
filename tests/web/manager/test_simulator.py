"""The simulator says what a till would say, there and then, and changes nothing."""

import re
from datetime import datetime, timedelta
from html import unescape
from zoneinfo import ZoneInfo

import pytest

from redeem.db.models.ledger import Act, Redemption
from redeem.db.models.reports import Tally
from redeem.web.context import now_ms
from tests import factories
from tests.cast import TABLET_KEY
from tests.factories import MOSCOW, all_of, day
from tests.tablets import Tablet

CODE = re.compile(r'"code": "(\w+)"')
DAY_MS = 86_400_000


def simulate(office, role="shop_manager", **query):
    return office(role).client.get("/manager/simulator", query_string=query)


def code_of(answer):
    assert answer.status_code == 200
    found = CODE.search(unescape(answer.text))
    return found and found[1]


def test_it_says_what_the_till_says(office, cast, database, north, south, coupon, issue):
    here_only = issue(cast.north_only)
    void = issue(cast.anywhere)
    database.write(lambda db: factories.void(db, void))
    north.redeem(coupon.token)
    for one in (coupon, here_only, void, issue(cast.anywhere)):
        for till, store in ((north, cast.north), (south, cast.south)):
            assert code_of(simulate(office, q=one.short_code, at_store=store)) == till.verify(one.token)


@pytest.mark.parametrize("written", ["token", "short_code", "id"])
def test_a_coupon_is_named_by_whatever_is_at_hand(office, cast, coupon, written):
    assert code_of(simulate(office, q=getattr(coupon, written), at_store=cast.north)) == "good"


@pytest.mark.parametrize(
    ("days", "time", "code"),
    [(-1, "23:59", "not_yet_valid"), (0, "00:00", "good"), (3, "23:59", "good"), (4, "00:00", "expired")],
)
def test_the_store_s_own_calendar_decides(office, cast, database, days, time, code):
    windows = {"redeem": {"from": day(10, now_ms()), "until": day(13, now_ms())}}

    def make(db):
        far = factories.store(db, cast.north_partner, "Far in the east", "Pacific/Kiritimati").id
        campaign = factories.campaign(db, "Later", stores=[far, cast.north], windows=windows)
        return far, factories.coupon(db, campaign.number, now=now_ms())

    far, coupon = database.write(make)
    asked = {"q": coupon.id, "at_date": day(10 + days, now_ms()), "at_time": time}
    assert code_of(simulate(office, at_store=far, **asked)) == code
    assert code_of(simulate(office, at_store=cast.north, **asked)) == code


def test_offline_only_the_holder_gives_it(office, cast, database):
    free = database.write(lambda db: factories.coupon(db, cast.north_only))
    held = database.write(lambda db: factories.coupon(db, cast.north_only, home_store_id=cast.north))
    Tablet(database, cast.tablet_id, TABLET_KEY).sync()
    here = simulate(office, q=held.id, at_store=cast.north, network="offline")
    assert code_of(here) == "good"
    assert "North counter holds it" in here.text
    assert code_of(simulate(office, q=held.id, at_store=cast.annex)) == "held_elsewhere"
    assert code_of(simulate(office, q=free.id, at_store=cast.north, network="offline")) == "offline"


def test_a_coupon_that_is_not_issued_yet_is_judged_by_its_day_of_issue(office, cast, database):
    here = datetime.fromtimestamp(
        now_ms() / 1000, ZoneInfo(MOSCOW)
    )  # it is issued today by the shop's calendar, a day ahead at night

    def day(offset):
        return (here.date() + timedelta(offset)).isoformat()

    windows = {"valid_days": 2, "issue": {"until": day(5)}}
    number = database.write(lambda db: factories.campaign(db, "Short", stores=[cast.north], windows=windows).number)
    asked = {"campaign": f"cmp_{number}", "at_store": cast.north, "at_date": day(3)}
    assert code_of(simulate(office, **asked)) == "expired"
    assert code_of(simulate(office, **asked, issued_on=day(2))) == "good"
    late = simulate(office, **asked, issued_on=day(6))
    assert code_of(late) is None
    assert "does not issue coupons on that day" in late.text


@pytest.mark.parametrize(
    "query",
    [
        {"q": "nothing"},
        {"q": "' OR 1=1 --"},
        {"q": "x" * 5000},
        {"at_date": "x"},
        {"at_date": "0001-01-01"},
        {"at_date": "9999-12-31"},
        {},
    ],
)
def test_nonsense_is_told_kindly(office, cast, query):
    assert code_of(simulate(office, **query)) is None


def test_nothing_is_changed(office, cast, database, coupon):
    tables = (Act, Redemption, Tally)
    before = [len(database.read(lambda db, one=one: all_of(db, one))) for one in tables]
    simulate(office, q=coupon.token, at_store=cast.north)
    assert [len(database.read(lambda db, one=one: all_of(db, one))) for one in tables] == before


def test_a_partner_asks_about_its_own_stores_and_coupons_alone(office, cast, database, coupon, south):
    assert code_of(simulate(office, "partner_manager", q=coupon.id, at_store=cast.north)) == "good"
    assert simulate(office, "partner_manager", q=coupon.id, at_store=cast.south).status_code == 404
    theirs = database.write(lambda db: factories.campaign(db, "South only", stores=[cast.south]).number)
    assert simulate(office, "partner_manager", campaign=f"cmp_{theirs}", at_store=cast.north).status_code == 404
    hidden = database.write(lambda db: factories.coupon(db, theirs))
    assert "No such coupon" in simulate(office, "partner_manager", q=hidden.id).text
    south.redeem(coupon.token)
    told = simulate(office, "partner_manager", q=coupon.id, at_store=cast.north)
    assert code_of(told) == "already_redeemed"
    assert "South" not in told.text
