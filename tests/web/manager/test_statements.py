"""Statements: what each partner is owed, closed by a shop manager, to read, to print and as a file."""

import csv
import re
from io import StringIO

import pytest

from redeem.lib.csvfile import BYTE_ORDER_MARK
from redeem.partners import settlement
from redeem.recovery import restore
from redeem.web.context import now_ms
from tests import factories
from tests.factories import NOW
from tests.tills import till_of
from tests.web import office_factories

PAGE = "/manager/statements"


@pytest.fixture
def give(database, cast):
    tills = {name: till_of(database, getattr(cast, name)) for name in ("north_till", "south_till")}

    def given(till="north_till", times=1, campaign=None):
        for _ in range(times):
            tills[till].redeem(database.write(lambda db: factories.coupon(db, campaign or cast.anywhere)))

    return given


@pytest.fixture
def close(office, cast):
    def closed(number=1, partner=None):
        return office("shop_manager").send(
            f"/manager/partners/{partner or cast.north_partner}/statements", {"number": str(number)}
        )

    return closed


def test_the_open_account_of_each_partner_is_shown(office, give):
    give(times=2)
    text = office("shop_manager").open(PAGE).text
    assert "RUB 730.00" in text.replace("\xa0", " ")
    assert "Close statement 1" in text
    assert text.count("Nothing was given yet.") == 1


def test_it_is_closed_and_read(office, give, close):
    give(times=2)
    answer = close()
    assert answer.status_code == 303
    assert re.fullmatch(r"/manager/statements/stm_[0-9A-Z]{26}", answer.headers["Location"])
    manager = office("shop_manager")
    text = manager.open(answer.headers["Location"]).text.replace("\xa0", " ")
    assert "North Coffee" in text
    assert "closed by shop_manager" in text
    assert text.count("RUB 730.00") == 4  # the line, its sum, this one, in all
    text = manager.open(PAGE).text
    assert "Nothing since the last statement." in text
    assert "North Coffee, statement 1" in text
    assert "Close statement" not in text


def test_a_second_tap_leads_to_the_same_statement(give, close):
    give()
    first = close().headers["Location"]
    give()
    assert close().headers["Location"] == first


@pytest.mark.parametrize("number", ["", "0", "2", "-1", "1.0", "one", "٣", "9" * 400])
def test_another_number_closes_nothing(give, close, number, database):
    give()
    answer = close(number)
    assert (answer.status_code, answer.headers["Location"]) == (303, PAGE)
    (account, _) = database.read(settlement.list_accounts)
    assert account.number == 1


def test_while_a_restored_ledger_waits_nothing_is_closed(office, give, close, database):
    give()
    database.write(lambda db: restore.begin(db, now_ms()))
    text = office("shop_manager").open(PAGE).text
    assert "Close statement" not in text
    assert "No statement is closed until the restored server knows again what was given." in text
    assert close().headers["Location"] == PAGE


def test_its_file_is_for_a_program(office, give, close, cast, database):
    made = database.write(
        lambda db: factories.campaign(db, "=HYPERLINK(1)", partners=[cast.north_partner], funding="partner")
    )
    give(times=2)
    give(campaign=made.number)
    statement = close().headers["Location"]
    answer = office("partner_manager").open(f"{statement}.csv")
    assert answer.mimetype == "text/csv"
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="statement-1-prt_')
    header, *rows = csv.reader(StringIO(answer.text.removeprefix(BYTE_ORDER_MARK)))
    assert header[:5] == ["Statement", "Partner", "Closed", "Campaign", "Gifts"]
    day = rows[0][2]
    assert rows == [
        ["1", "North Coffee", day, "'=HYPERLINK(1)", "1", "0", "0", "0.00", "15.00", "15.00", "RUB"],
        ["1", "North Coffee", day, "Autumn gifts", "2", "0", "0", "350.00", "15.00", "730.00", "RUB"],
    ]


def test_a_russian_reader_has_cells_and_amounts_as_russian_spreadsheets_read_them(office, give, close):
    give(times=3)
    address, manager = close().headers["Location"], office("shop_manager")
    manager.open(f"{address}?lang=ru")  # the file is in the language of the page that has the link
    answer = manager.open(f"{address}.csv")
    header, row = csv.reader(StringIO(answer.text.removeprefix(BYTE_ORDER_MARK)), delimiter=";")
    assert (header[0], header[-1]) == ("Акт", "Валюта")
    assert row[4:] == ["3", "0", "0", "350,00", "15,00", "1095,00", "RUB"]
    assert manager.open(f"{address}.csv?lang=en").text.splitlines()[1].endswith(",3,0,0,350.00,15.00,1095.00,RUB")


@pytest.mark.parametrize(
    "path", ["figures.csv?table=stores", "figures.csv?table=campaigns", "figures.csv?table=days", "audit.csv"]
)
@pytest.mark.parametrize(("language", "separator"), [("ru", ";"), ("en", ",")])
def test_every_file_is_parted_for_its_reader(office, give, path, language, separator):
    give()
    manager = office("shop_manager")
    manager.open(f"/manager/?lang={language}")
    rows = list(csv.reader(StringIO(manager.open(f"/manager/{path}").text), delimiter=separator))
    assert len({len(row) for row in rows}) == 1
    assert len(rows[0]) > 2


def test_what_came_back_stays_a_number_in_the_file(office, give, close, cast, database):
    coupon = database.write(lambda db: factories.coupon(db, cast.anywhere))
    till = till_of(database, cast.north_till)
    redemption = till.redeem(coupon).details["redemption"]
    close()
    till.reverse(redemption, now=NOW + 60_000)
    statement = close(2).headers["Location"]
    (row,) = list(csv.reader(StringIO(office("shop_manager").open(f"{statement}.csv").text)))[1:]
    assert row[4:] == ["-1", "0", "0", "350.00", "15.00", "-365.00", "RUB"]


@pytest.mark.parametrize(
    ("role", "seen", "closes"),
    [
        ("shop_manager", {"North Coffee", "South Bakery"}, True),
        ("auditor", {"North Coffee", "South Bakery"}, False),
        ("partner_manager", {"North Coffee"}, False),
        ("south_manager", {"South Bakery"}, False),
        ("store_manager", set(), False),
    ],
)
def test_each_sees_what_is_theirs(office, give, role, seen, closes):
    give()
    give("south_till")
    text = office(role).open(PAGE).text
    names = {name for name in ("North Coffee", "South Bakery") if f"<h2>{name}</h2>" in text}
    assert names == seen
    assert ("Close statement" in text) == closes
    assert ("A statement is for a whole partner" in text) == (not seen)


def test_before_it_is_closed_it_is_shown(office, give, cast, database):
    give(times=2)
    database.write(lambda db: office_factories.contested(db, cast.anywhere, cast.north_till_id, cast.north))
    manager, page = office("shop_manager"), f"/manager/partners/{cast.north_partner}/statements"
    text = manager.open(PAGE).text
    assert page in text
    assert "1 gift to decide" in text
    text = manager.open(page).text.replace("\xa0", " ")
    for told in ("Close statement 1?", "RUB 730.00", "Not in this statement:", "1 second or contested gift"):
        assert told in text
    assert 'name="number" value="1"' in text


def test_where_there_is_nothing_to_close_nothing_is_shown(office, cast):
    answer = office("shop_manager").open(f"/manager/partners/{cast.north_partner}/statements")
    assert (answer.status_code, answer.headers["Location"]) == (303, PAGE)
