"""The overview: cards, charts, tables and CSV of one filter, which the address carries."""

import csv
import re
from io import StringIO

import pytest
from sqlalchemy import insert

from redeem.db.models.reports import Tally
from redeem.ledger.ledger import count_outcome
from redeem.lib.csvfile import BYTE_ORDER_MARK
from redeem.lib.days import to_day
from redeem.lib.times import local_date, local_day
from redeem.reports import rollups
from redeem.web.context import now_ms
from tests import factories
from tests.databases import on_both_databases
from tests.factories import MOSCOW, NOW
from tests.tills import till_of

TODAY = local_date(NOW, MOSCOW)
DAYS = f"days=custom&from={factories.day(-6)}&until={factories.day(0)}"


@pytest.fixture
def given(database, cast):
    """Three gifts at the north store, one at the south, and one coupon shown twice."""
    north, south = till_of(database, cast.north_till), till_of(database, cast.south_till)
    coupons = database.write(lambda db: [factories.coupon(db, cast.anywhere) for _ in range(4)])
    for coupon in coupons[:3]:
        north.redeem(coupon)
    north.redeem(coupons[0])
    south.redeem(coupons[3])


def table(answer):
    return list(csv.reader(StringIO(answer.text.removeprefix(BYTE_ORDER_MARK))))


def cards(text):
    return re.findall(r'stat-value">([^<]+)<', text)


def test_it_shows_what_was_given_and_who_was_turned_away(office, given):
    text = office("shop_manager").open(f"/manager/?{DAYS}").text
    assert cards(text) == ["4", "0", "1", "0"]
    for words in ("Share of 4 gifts given", "Share of 1 declines", "20% of 5 times shown", "Given already"):
        assert words in text


@pytest.mark.parametrize(
    ("role", "shown"), [("partner_manager", "3"), ("store_manager", "3"), ("south_manager", "1"), ("auditor", "4")]
)
def test_each_manager_sees_what_is_theirs(office, given, role, shown):
    assert cards(office(role).open(f"/manager/?{DAYS}").text)[0] == shown


def test_one_filter_is_for_cards_tables_and_csv_alike(office, cast, given):
    manager, narrow = office("shop_manager"), f"{DAYS}&partner={cast.south_partner}"
    text = manager.open(f"/manager/?{narrow}").text
    assert cards(text)[0] == "1"
    for link in re.findall(r'href="(/manager/figures\.csv[^"]+)"', text):
        assert f"partner={cast.south_partner}" in link
        assert f"from={factories.day(-6)}" in link
    rows = table(manager.open(f"/manager/figures.csv?table=stores&{narrow}"))
    assert [row[0] for row in rows] == ["Store", "South, by the river", "Total"]


def test_a_bar_leads_to_its_own_figures(office, cast, given):
    text = office("shop_manager").open(f"/manager/?{DAYS}").text
    assert re.search(rf'href="/manager/\?[^"]*store={cast.north}"', text)
    assert re.search(rf'href="/manager/\?[^"]*campaign=cmp_{cast.anywhere}"', text)


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        (
            "campaigns",
            [
                ["Campaign", "Given", "Waiting for the clerk", "Reversed", "Declined"],
                ["Autumn gifts", "4", "0", "0", "1"],
            ],
        ),
        ("declines", [["Reason", "Times"], ["Given already", "1"], ["Total", "1"]]),
        ("refusals", [["Reason", "Times"], ["Total", "0"]]),
    ],
)
def test_each_table_is_had_as_csv(office, given, name, rows):
    answer = office("shop_manager").open(f"/manager/figures.csv?table={name}&{DAYS}")
    assert answer.mimetype == "text/csv"
    assert answer.headers["Content-Disposition"].startswith(f'attachment; filename="{name}-')
    assert table(answer)[: len(rows)] == rows


def test_the_days_of_a_csv_are_dates_and_add_up(office, given):
    header, *rows, total = table(office("shop_manager").open(f"/manager/figures.csv?{DAYS}"))
    assert header[0] == "Day"
    assert [row[0] for row in rows] == [factories.day(number) for number in range(-6, 1)]
    assert sum(int(row[1]) for row in rows) == int(total[1]) == 4


def test_a_table_that_is_none_is_not_found(office):
    assert office("shop_manager").open("/manager/figures.csv?table=passwords").status_code == 404


def test_no_cell_is_a_formula(office, cast, database):
    def name_badly(db):
        store = factories.store(db, factories.partner(db, "@partner").id, '=HYPERLINK("http://evil.example")')
        count_outcome(
            db, to_day(TODAY), factories.campaign(db, "+cmd|calc", stores=[store.id]).number, store.id, "redeemed"
        )
        count_outcome(db, to_day(TODAY), 1, store.id, "refusal:-1+1")

    database.write(name_badly)
    for name in ("stores", "campaigns", "refusals"):
        rows = table(office("shop_manager").open(f"/manager/figures.csv?table={name}&{DAYS}"))
        assert [cell for row in rows for cell in row if cell[:1] in "=+-@" and cell] == []


@pytest.mark.parametrize(
    "period",
    [
        "days=custom",
        "days=custom&from=2026-11-21",
        "days=custom&from=yesterday&until=2026-11-21",
        "days=custom&from=2026-11-21&until=2026-11-20",
        "days=custom&from=2000-01-01&until=2026-11-21",
        "days=custom&from=0000-00-00&until=9999-99-99",
        "days=custom&from=1026-11-01&until=1026-11-29",
        "days=custom&from=2019-12-31&until=2020-01-01",
        "days=custom&from=2099-12-31&until=2100-01-01",
        "days=custom&from=9999-12-01&until=9999-12-31",
        "days=31",
        "days=-1",
        "days=" + "9" * 400,
    ],
)
@on_both_databases
def test_dates_that_can_t_be_shown_are_said_so(office, period):
    answer = office("shop_manager").open(f"/manager/?{period}")
    assert answer.status_code == 200
    assert "These dates can't be shown." in answer.text


@on_both_databases
@pytest.mark.parametrize("period", ["from=2020-01-01&until=2020-01-31", "from=2099-12-01&until=2099-12-31"])
def test_the_first_and_the_last_dates_are_shown(office, period):
    answer = office("shop_manager").open(f"/manager/?days=custom&{period}")
    assert answer.status_code == 200
    assert "These dates can't be shown." not in answer.text


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("/manager/", "As soon as a clerk scans the first coupon"),
        (f"/manager/?{DAYS}", "Show the last 30 days"),
        ("/manager/?campaign=cmp_1", "Show all campaigns and stores"),
    ],
)
def test_an_empty_page_says_what_to_do(office, address, words):
    assert words in office("shop_manager").open(address).text


def test_each_chart_has_its_table_beside_it(office, given):
    text = office("shop_manager").open(f"/manager/?{DAYS}").text
    assert text.count('<details class="twin">') == 4  # refusals are empty, and say so
    assert "No clerk refused a coupon in this period." in text
    assert text.count("<caption") == 4


def test_a_chart_says_its_figures_to_whoever_can_t_see_it(office, given):
    text = office("shop_manager").open(f"/manager/?{DAYS}").text
    assert 'role="img" aria-label="Gifts by day: 4 given, 0 reversed.' in text
    assert re.search(r"<title>[^<]* · Given: 4</title>", text)


def test_figures_are_written_as_the_reader_s_language_does(office, cast, database):
    def many(db):
        for _ in range(1234):
            count_outcome(db, to_day(TODAY), cast.anywhere, cast.north, "redeemed")

    database.write(many)
    manager = office("shop_manager")
    assert cards(manager.open(f"/manager/?{DAYS}&lang=en").text)[0] == "1,234"
    text = manager.open(f"/manager/?{DAYS}&lang=ru").text
    assert cards(text)[0] == "1\xa0234"
    assert '<html lang="ru">' in text
    assert "Выдано подарков" in text


def test_a_language_that_was_asked_for_stays(office):
    manager = office("shop_manager")
    manager.open("/manager/?lang=ru")
    assert '<html lang="ru">' in manager.open("/manager/devices", headers={"Accept-Language": "en"}).text
    manager.open("/manager/?lang=xx")
    assert '<html lang="ru">' in manager.open("/manager/devices").text


def test_the_figures_are_the_same_however_many_days_are_added_up(office, database, cast):
    today = local_day(now_ms(), "UTC")
    row = {"campaign_number": cast.anywhere, "store_id": cast.north, "outcome": "redeemed", "slot": 0}
    rows = [{**row, "day": day, "count": 1 + today - day} for day in range(today - 40, today + 1)]
    database.write(lambda db: db.execute(insert(Tally), rows))
    manager, address = office("shop_manager"), "/manager/figures.csv?table=days&days=30"
    shown = {manager.open(address).text}
    assert database.read(rollups.closed_until) is None
    while database.write(lambda db: rollups.add_up(db, today), one_moment=True):
        shown.add(manager.open(address).text)
    assert database.read(rollups.closed_until) == today - rollups.CLOSED_AFTER_DAYS
    assert len(shown) == 1
