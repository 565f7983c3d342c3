"""The overview: right counts, by the store's day, within the manager's scope. On both databases."""

import pytest

from redeem.accounts.roles import WHOLE, Scope
from redeem.ledger.ledger import count_outcome
from redeem.lib.days import EPOCH, to_day
from redeem.lib.times import local_date, local_day
from redeem.reports import overview
from redeem.reports.overview import Gifts, Period, Question
from tests import factories
from tests.cast import TABLET_KEY
from tests.databases import on_both_databases
from tests.factories import MOSCOW, NOW
from tests.tablets import Tablet
from tests.tills import till_of

DAY = local_day(NOW, MOSCOW)
WEEK = Period(DAY - 6, DAY)
DAY_MS = 86_400_000

pytestmark = on_both_databases


@pytest.fixture
def ask(database):
    def asked(scope=WHOLE, period=WEEK, campaign=None, narrowed=WHOLE):
        return database.read(lambda db: overview.report(db, Question(scope, period, campaign, narrowed)))

    return asked


@pytest.fixture
def issue(database, cast):
    def issued(campaign=None):
        return database.write(lambda db: factories.coupon(db, campaign or cast.anywhere))

    return issued


def test_a_report_without_counts_is_empty(ask):
    report = ask()
    assert report.is_empty
    assert set(report.days.values()) == {Gifts()}
    assert len(report.days) == 7
    assert (report.campaigns, report.stores, report.declines, report.refusals) == ([], [], {}, {})


def test_given_counts_redemptions_that_were_not_taken_back(database, cast, ask, issue):
    till = till_of(database, cast.north_till)
    redeemed = [till.redeem(issue(), f"attempt {number}") for number in range(4)]
    till.reverse(redeemed[0].details["redemption"], now=NOW + 60_000)
    till.cancel("attempt 1")
    total = ask().total
    assert total == Gifts(redeemed=4, withdrawn=1, reversed=1)
    assert (total.taken, total.given) == (3, 2)


def test_a_gift_that_the_tablet_has_not_reported_is_pending_and_not_given(database, cast, ask, issue):
    tablet = Tablet(database, cast.tablet_id, TABLET_KEY)
    first, _second = (tablet.write("ask", coupon=issue().token) for _ in range(2))
    tablet.sync()
    assert (ask().total.given, ask().total.pending) == (0, 2)
    tablet.write("gave", of=first)
    tablet.sync()
    report = ask()
    assert (report.total.given, report.total.pending) == (1, 1)
    assert (report.days[DAY].given, report.days[DAY].pending) == (1, 1)
    assert [(row.gifts.given, row.gifts.pending) for row in (*report.stores, *report.campaigns)] == [(1, 1)] * 2


def test_a_reversal_is_counted_on_the_day_of_its_gift(database, cast, ask, issue):
    till = till_of(database, cast.north_till)
    before_midnight = NOW - NOW % DAY_MS + 21 * 3_600_000 - 60_000  # in Moscow
    done = till.redeem(issue(), now=before_midnight)
    till.reverse(done.details["redemption"], now=before_midnight + 120_000)
    days = ask(period=Period(DAY, DAY + 1)).days
    assert (days[DAY].redeemed, days[DAY].reversed, days[DAY + 1].reversed) == (1, 1, 0)


def test_days_are_on_the_stores_calendar(database, cast, ask):
    """23:30Z is the next day in Moscow."""
    at = NOW - NOW % DAY_MS + 23 * 3_600_000 + 1_800_000
    campaign = database.write(lambda db: factories.campaign(db, "Far", partners=[cast.north_partner])).number
    coupon = database.write(lambda db: factories.coupon(db, campaign))
    till_of(database, cast.north_till).redeem(coupon, now=at)
    assert [day for day, gifts in ask(period=Period(DAY - 1, DAY + 2)).days.items() if gifts.given] == [DAY + 1]
    assert to_day(local_date(at, MOSCOW)) == DAY + 1


def test_stores_and_campaigns_are_ranked(database, cast, ask, issue):
    for name, times in (("north_till", 1), ("annex_till", 3), ("south_till", 2)):
        till = till_of(database, getattr(cast, name))
        for _ in range(times):
            till.redeem(issue())
    till_of(database, cast.north_till).redeem(issue(cast.north_only), "another attempt")
    report = ask()
    assert [(row.name, row.of, row.gifts.given) for row in report.stores] == [
        ("North, at the station", "North Coffee", 3),
        ("North, on the square", "North Coffee", 2),
        ("South, by the river", "South Bakery", 2),
    ]
    assert [(row.name, row.gifts.given) for row in report.campaigns] == [("Autumn gifts", 6), ("North only", 1)]


def test_declines_are_counted_by_reason_whoever_declined(database, cast, ask, issue):
    till, south = till_of(database, cast.north_till), till_of(database, cast.south_till)
    coupon = issue()
    till.redeem(coupon)
    till.redeem(coupon)
    south.redeem(issue(cast.north_only))
    tablet = Tablet(database, cast.tablet_id, TABLET_KEY)
    tablet.write("decline", coupon=coupon.token, code="already_redeemed")
    tablet.write("refusal", coupon=issue().token, reason="no_receipt")
    tablet.sync()
    till.redeem(None)
    report = ask()
    assert report.declines == {"already_redeemed": 2, "wrong_store": 1, "unknown_coupon": 1}
    assert report.refusals == {"no_receipt": 1}
    assert (report.declined, report.refused, report.shown) == (4, 1, 6)


@pytest.mark.parametrize(
    ("scope", "given"),
    [("whole", 3), ("north_partner", 2), ("north", 1), ("south_partner", 1), ("unknown", 0), ("north of the south", 0)],
)
def test_a_report_holds_what_its_scope_holds(database, cast, ask, issue, scope, given):
    for name in ("north_till", "annex_till", "south_till"):
        till_of(database, getattr(cast, name)).redeem(issue())
    scopes = {
        "whole": WHOLE,
        "north_partner": Scope(cast.north_partner),
        "north": Scope(cast.north_partner, cast.north),
        "south_partner": Scope(cast.south_partner),
        "unknown": Scope("prt_unknown"),
        "north of the south": Scope(cast.south_partner, cast.north),
    }
    for report in (ask(scope=scopes[scope]), ask(narrowed=scopes[scope])):
        assert report.total.given == given
        assert sum(row.gifts.given for row in report.stores) == given
        assert sum(row.gifts.given for row in report.campaigns) == given
        assert sum(gifts.given for gifts in report.days.values()) == given
    if scope != "whole":
        assert ask(scope=scopes[scope], narrowed=Scope(cast.south_partner)).total.given == (scope == "south_partner")


def test_a_report_of_one_campaign_holds_no_other(database, cast, ask, issue):
    till = till_of(database, cast.north_till)
    till.redeem(issue())
    till.redeem(issue(cast.north_only))
    report = ask(campaign=cast.north_only)
    assert (report.total.given, len(report.campaigns)) == (1, 1)


def test_the_period_before_is_as_long(database, cast, ask):
    def kept(db):
        for day, times in ((DAY, 1), (DAY - 6, 1), (DAY - 7, 2), (DAY - 13, 2), (DAY - 14, 100)):
            for _ in range(times):
                count_outcome(db, day, cast.anywhere, cast.north, "redeemed")

    database.write(kept)
    report = ask()
    assert (report.total.given, report.before.given) == (2, 4)


def test_days_may_be_before_the_epoch(ask):
    assert ask(period=Period(-3, 1)).is_empty
    assert to_day(EPOCH) == 0
