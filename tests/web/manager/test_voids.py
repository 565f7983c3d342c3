"""Many coupons voided at once: counted first, confirmed with the password, done once however often it is interrupted."""

from csv import reader
from io import BytesIO, StringIO

import pytest

from redeem.coupons import bulk_void
from redeem.coupons.bulk_void import What
from redeem.db.models.coupons import BulkVoid, Coupon
from redeem.web.context import now_ms
from redeem.web.manager import steps
from tests import factories
from tests.cast import PASSWORD, TABLET_KEY
from tests.databases import on_both_databases
from tests.factories import all_of, day, noted
from tests.tablets import Tablet

NEW = "/manager/voids/new"
WHY = {"reason": "the orders were returned", "confirm_password": PASSWORD}


def counted(manager, **form):
    answer = manager.send(NEW, form)
    assert answer.status_code == 303, answer.text
    return answer.headers["Location"]


def counts(database, address):
    run_id = address.rpartition("/")[2]
    return database.read(lambda db: dict(bulk_void.get_run(db, run_id).counts))


def void_serials(database):
    rows = database.read(lambda db: all_of(db, Coupon))
    return {row.serial for row in rows if row.voided_at is not None}


@pytest.fixture
def six(cast, database, north):
    """An open one with its order, two of an order, one given, one void, one that a tablet holds."""
    names = {"open": "A-1", "first": "A-2", "second": "A-2", "given": None, "void": None}
    made = {
        name: database.write(lambda db, order=order: factories.coupon(db, cast.north_only, order_ref=order))
        for name, order in names.items()
    }
    made["held"] = database.write(lambda db: factories.coupon(db, cast.north_only, home_store_id=cast.north))
    Tablet(database, cast.tablet_id, TABLET_KEY).sync(now=now_ms())
    north.redeem(made["given"].token)
    database.write(lambda db: factories.void(db, made["void"]))
    return made


def named(six):
    return "\n".join(
        [six["open"].short_code, "A-2", six["given"].id, six["void"].token, six["held"].short_code, "nobody", "A-1"]
    )


@on_both_databases
def test_a_list_is_counted_and_nothing_is_done(office, database, six):
    before = void_serials(database)
    manager = office("shop_manager")
    address = counted(manager, texts=named(six))
    assert counts(database, address) == {
        "void": 3,
        "redeemed": 1,
        "already_void": 1,
        "waiting": 1,
        "unknown": 1,
        "repeated": 1,
    }
    assert "Void 4 coupons" in manager.open(address).text
    assert void_serials(database) == before


@on_both_databases
def test_it_is_done_once_it_is_confirmed_with_a_reason(office, database, six):
    manager = office("shop_manager")
    address = counted(manager, texts=named(six))
    assert manager.send(f"{address}/begin", WHY).status_code == 303
    wanted = {six[name].serial for name in ("open", "first", "second", "void")}
    assert void_serials(database) == wanted
    held = database.read(lambda db: db.get(Coupon, six["held"].serial))
    assert (held.void_requested_at is not None, held.voided_at) == (True, None)
    assert database.read(lambda db: db.get(Coupon, six["void"].serial).void_reason) == "the order was returned"
    [entry] = database.read(lambda db: [row for row in noted(db) if row.what == "coupons_voided"])
    assert (entry.details["reason"], entry.details["lines"]) == ("the orders were returned", 8)


@pytest.mark.usefixtures("_long_ago")
def test_the_password_is_asked_for_again(office, database, six):
    manager = office("shop_manager")
    address = counted(manager, texts=six["open"].short_code)
    assert manager.send(f"{address}/begin", {"reason": "x"}).status_code == 401
    assert manager.send(f"{address}/begin", WHY | {"confirm_password": "wrong"}).status_code == 401
    assert six["open"].serial not in void_serials(database)
    assert manager.send(f"{address}/begin", WHY).status_code == 303
    assert six["open"].serial in void_serials(database)


@pytest.fixture
def _long_ago(monkeypatch):
    """The password was typed too long ago."""
    monkeypatch.setattr("redeem.accounts.reauthentication.is_fresh", lambda *_said: False)


def test_what_was_given_after_the_counting_is_honoured(office, database, six, north):
    manager = office("shop_manager")
    address = counted(manager, texts=six["open"].short_code + "," + six["first"].id)
    north.redeem(six["open"].token)
    manager.send(f"{address}/begin", WHY)
    assert counts(database, address) == {"redeemed": 1, "void": 1}


@on_both_databases
def test_an_interrupted_run_goes_on_where_it_stopped(office, cast, database, monkeypatch):
    coupons = [database.write(lambda db: factories.coupon(db, cast.anywhere)) for _ in range(7)]
    monkeypatch.setattr(bulk_void, "VOIDED_PER_STEP", 2)
    monkeypatch.setattr(bulk_void, "TAKEN_IN_PER_STEP", 3)
    monkeypatch.setattr(steps, "WORK_SECONDS", 0.0)  # a step a request, as if each were cut off
    manager = office("shop_manager")
    address = counted(manager, which="campaign", campaign=f"cmp_{cast.anywhere}")
    for so_far in (6, 7):
        assert "Counting goes on" in manager.open(address).text
        manager.send(f"{address}/go")
        assert sum(counts(database, address).values()) == so_far
    assert "Void 7 coupons" in manager.open(address).text
    manager.send(f"{address}/begin", WHY)
    for so_far in (2, 4, 6):
        assert len(void_serials(database)) == so_far
        assert f"{so_far} of 7 are done" in manager.open(address).text
        manager.send(f"{address}/go")
    assert void_serials(database) == {coupon.serial for coupon in coupons}
    manager.send(f"{address}/go")
    assert database.read(lambda db: all_of(db, BulkVoid)[0].ended_at) is not None
    assert counts(database, address) == {"void": 7}


def test_a_double_click_and_a_second_browser_change_nothing_more(office, database, six):
    manager = office("shop_manager")
    address = counted(manager, texts=named(six))
    for _ in range(3):
        assert manager.send(f"{address}/begin", WHY).status_code == 303
        assert manager.send(f"{address}/go").status_code == 303
    assert counts(database, address)["void"] == 3
    rows = database.read(lambda db: [row for row in noted(db) if row.what == "coupons_voided"])
    assert len(rows) == 1


def test_a_campaign_s_coupons_are_of_the_days_and_open(office, cast, database, north):
    def issue(days):
        return database.write(lambda db: factories.coupon(db, cast.north_only, now_ms() + days * 86_400_000))

    old, young, given = issue(-5), issue(-1), issue(-1)
    north.redeem(given.token)
    manager = office("shop_manager")
    form = {"which": "campaign", "campaign": f"cmp_{cast.north_only}", "first": day(-2, now_ms())}
    address = counted(manager, **form, last=day(1, now_ms()))
    manager.send(f"{address}/begin", WHY)
    assert void_serials(database) == {young.serial}
    assert old.serial not in void_serials(database)


def test_a_file_s_first_column_is_read(office, database, six):
    file = f'\ufeffcode;name\r\n"{six["open"].short_code}";"Anna"\r\n{six["first"].id},x\r\n'.encode()
    address = counted(office("shop_manager"), texts="", file=(BytesIO(file), "list.csv"))
    assert counts(database, address) == {"void": 2, "unknown": 1}


@pytest.mark.parametrize("file", ["cpn_1_0\n".encode("utf-16"), b"cpn_1_0\0\n"])
def test_a_file_that_is_not_in_utf_8_is_not_taken(office, six, file):
    form = {"which": "texts", "texts": "", "file": (BytesIO(file), "list.csv")}
    answer = office("shop_manager").send("/manager/voids/new", form, content_type="multipart/form-data")
    assert answer.status_code == 422
    assert "Save the file as CSV in UTF-8" in answer.text


def test_the_result_is_a_csv_without_formulas_and_without_tokens(office, database, six):
    manager = office("shop_manager")
    hostile = '=HYPERLINK("https://evil.example")'
    address = counted(manager, texts=f"{six['open'].token}\n{hostile}\n{'🎁' * 40_000}")
    manager.send(f"{address}/begin", WHY)
    text = manager.open(f"{address}/result.csv").text
    rows = list(reader(StringIO(text.lstrip("\ufeff"))))
    assert rows[1] == [six["open"].id, six["open"].id, What.VOID, "Void"]
    assert rows[2] == [f"'{hostile}", "", What.UNKNOWN, "Not a coupon of this shop"]
    assert len(rows[3][0]) == 100
    kept = database.read(lambda db: all_of(db, BulkVoid)[0].wanted)
    assert six["open"].token not in text + str(kept)


@pytest.mark.parametrize(
    "form",
    [
        {"texts": " \n,;"},
        {"texts": "\0"},
        {"texts": "x\n" * 20_001},
        {"which": "campaign", "campaign": ""},
        {"which": "campaign", "campaign": "cmp_1", "first": "yesterday"},
        {"which": "campaign", "campaign": "cmp_1", "first": "2026-02-02", "last": "2026-02-01"},
    ],
)
def test_nonsense_is_told_and_makes_no_run(office, database, form):
    assert office("shop_manager").send(NEW, form).status_code == 422
    assert database.read(lambda db: all_of(db, BulkVoid)) == []


def test_there_is_no_void_without_a_reason_or_of_nothing(office, database, six):
    manager = office("shop_manager")
    address = counted(manager, texts=six["open"].short_code)
    assert manager.send(f"{address}/begin", WHY | {"reason": "  "}).status_code == 422
    nothing = counted(manager, texts=six["void"].short_code)
    assert "None of these coupons can be voided" in manager.send(f"{nothing}/begin", WHY).text
    assert six["open"].serial not in void_serials(database)
