"""/v1/campaigns/{id}/batches and /v1/batches: many coupons at once, asked for once."""

import csv
from io import BytesIO, StringIO
from zipfile import ZipFile

import pytest

from redeem.coupons.batches import COUNT_MAX, ITEMS_MAX
from redeem.db.models.coupons import Batch, Coupon
from redeem.lib import csvfile, qr
from redeem.ops import worker
from redeem.web import batch_files
from redeem.web.logs import LOG
from tests import factories
from tests.databases import on_both_databases
from tests.factories import all_of, day
from tests.web.programs import assert_problem, replayed


@pytest.fixture
def work(app):
    """Does all jobs, as a worker does."""

    def until_nothing_is_left():
        jobs = worker.Jobs(app.extensions["redeem"], app.extensions[LOG])
        while jobs.step():
            pass

    return until_nothing_is_left


@pytest.fixture
def path(cast):
    return f"/campaigns/cmp_{cast.anywhere}/batches"


@on_both_databases
def test_a_batch_by_count_is_asked_for_and_then_made(shop, reader, path, cast, work, database):
    response = shop.post(path, {"count": 1_234})
    asked = response.json
    assert response.status_code == 202
    assert asked | {"id": "", "created_at": ""} == {
        "id": "",
        "object": "batch",
        "campaign": f"cmp_{cast.anywhere}",
        "status": "running",
        "count": 1_234,
        "made": 0,
        "existing": 0,
        "error": None,
        "created_at": "",
        "finished_at": None,
    }
    assert database.read(lambda s: all_of(s, Coupon)) == []
    work()
    done = reader.get(f"/batches/{asked['id']}").json
    assert (done["status"], done["made"], done["finished_at"] is None) == ("done", 1_234, False)
    assert len(database.read(lambda s: all_of(s, Coupon))) == 1_234


@on_both_databases
def test_the_same_key_is_the_same_batch(shop, path, work, database):
    first = shop.post(path, {"count": 3}, "sunday")
    work()
    again = shop.post(path, {"count": 3}, "sunday")
    assert (again.status_code, again.data, replayed(again)) == (202, first.data, True)
    assert_problem(shop.post(path, {"count": 4}, "sunday"), "idempotency_key_reused")
    work()
    assert len(database.read(lambda s: all_of(s, Batch))) == 1
    assert len(database.read(lambda s: all_of(s, Coupon))) == 3


def test_a_batch_by_items_says_something_of_each(shop, path, cast, work):
    items = [{"order_ref": "A-1", "home_store": cast.north, "metadata": {"line": "1"}}, {"order_ref": "Б-2"}, {}]
    assert shop.post(path, {"items": items}).json["count"] == 3
    work()
    coupons = shop.get("/coupons", campaign=f"cmp_{cast.anywhere}").json["data"][::-1]
    assert [each["order_ref"] for each in coupons] == ["A-1", "Б-2", None]
    assert [each["home_store"] for each in coupons] == [cast.north, None, None]
    assert [each["metadata"] for each in coupons] == [{"line": "1"}, {}, {}]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, ""),
        ({"count": 3, "items": [{}]}, ""),
        ({"count": None}, "/count"),
        ({"count": 3, "items": None}, "/items"),
        ({"count": 0}, "/count"),
        ({"count": COUNT_MAX + 1}, "/count"),
        ({"count": True}, "/count"),
        ({"count": "3"}, "/count"),
        ({"items": []}, "/items"),
        ({"items": [{}] * (ITEMS_MAX + 1)}, "/items"),
        ({"items": [{}, {"order": "A"}]}, "/items/1/order"),
        ({"items": [{"order_ref": ""}]}, "/items/0/order_ref"),
        ({"items": [{"home_store": "the north"}]}, "/items/0/home_store"),
    ],
)
def test_a_fault_is_told_and_nothing_is_made(shop, path, body, pointer, database):
    problem = assert_problem(shop.post(path, body), "invalid")
    assert [each["pointer"] for each in problem["errors"]] == [pointer]
    assert database.read(lambda s: all_of(s, Batch)) == []


def test_a_home_must_be_one_of_the_campaigns_stores(shop, cast):
    answer = shop.post(f"/campaigns/cmp_{cast.north_only}/batches", {"items": [{}, {"home_store": cast.south}]})
    assert assert_problem(answer, "invalid")["errors"][0]["pointer"] == "/items/1/home_store"


def test_a_reader_may_look_and_ask_for_none(reader, shop, path):
    assert_problem(reader.post(path, {"count": 1}), "insufficient_scope")
    asked = shop.post(path, {"count": 1}).json
    assert [each["id"] for each in reader.get(path).json["data"]] == [asked["id"]]


def test_a_campaign_stopped_in_mid_batch_ends_it_with_a_code(shop, path, cast, work, database):
    asked = shop.post(path, {"count": 3}).json
    shop.patch(f"/campaigns/cmp_{cast.anywhere}", {"stopped": True})
    work()
    ended = shop.get(f"/batches/{asked['id']}").json
    assert (ended["status"], ended["error"], ended["made"]) == ("failed", "campaign_stopped", 0)
    assert_problem(shop.post(path, {"count": 3}), "campaign_stopped")
    assert database.read(lambda s: all_of(s, Coupon)) == []


@pytest.mark.parametrize("batch", ["bat_01J00000000000000000000000", "bat_1", "cmp_1"])
def test_an_unknown_batch_is_not_found(shop, batch):
    assert_problem(shop.get(f"/batches/{batch}"), "not_found")


def test_batches_of_an_unknown_campaign_are_not_found(shop):
    assert_problem(shop.get("/campaigns/cmp_99/batches"), "not_found")
    assert_problem(shop.post("/campaigns/cmp_99/batches", {"count": 1}), "not_found")


def rows_of(response):
    assert (response.status_code, response.mimetype) == (200, "text/csv")
    text = response.data.decode()
    assert text[0] == "\ufeff"
    return list(csv.reader(StringIO(text[1:], newline="")))


@on_both_databases
def test_the_coupons_are_exported_in_the_order_of_the_items(shop, north, path, cast, work, monkeypatch):
    monkeypatch.setattr(batch_files, "COUPONS_PER_PART", 2)
    items = [{"order_ref": f"A-{number}", "home_store": cast.north} for number in range(5)]
    batch = shop.post(path, {"items": items}).json["id"]
    assert_problem(shop.get(f"/batches/{batch}/coupons.csv"), "batch_not_finished", made=0, count=5)
    work()
    header, *rows = rows_of(shop.get(f"/batches/{batch}/coupons.csv"))
    assert header == ["coupon", "link", "short_code", "order_ref", "home_store", "valid_until"]
    assert [row[3] for row in rows] == [each["order_ref"] for each in items]
    told = [shop.get(f"/coupons/{row[0]}").json for row in rows]
    assert [[each["url"], each["short_code"], each["home_store"]] for each in told] == [
        [row[1], row[2], row[4]] for row in rows
    ]
    assert north.redeem(rows[3][1]).status_code == 201


def test_an_order_twice_in_a_batch_has_the_same_coupon_in_both_lines(shop, database, cast, work):
    campaign = database.write(
        lambda s: factories.campaign(
            s, partners=[cast.north_partner], once_per="order", windows={"redeem": {"until": day(30)}}
        )
    ).number
    shop.post("/coupons", {"campaign": f"cmp_{campaign}", "order_ref": "B"})
    asked = shop.post(f"/campaigns/cmp_{campaign}/batches", {"items": [{"order_ref": name} for name in "ABAC"]}).json
    work()
    _, *rows = rows_of(shop.get(f"/batches/{asked['id']}/coupons.csv"))
    assert [row[3] for row in rows] == ["A", "B", "A", "C"]
    assert [row[0].rpartition("_")[2] for row in rows] == ["1", "0", "1", "2"]
    assert {row[5] for row in rows} == {day(30)}


@pytest.mark.parametrize("text", ['=HYPERLINK("http://x")', "+7", "-1", "@x", "a;=1+1", "😀" * 200])
def test_no_cell_is_a_formula_and_none_is_lost(shop, path, work, text):
    batch = shop.post(path, {"items": [{"order_ref": text}]}).json["id"]
    work()
    [_, row] = rows_of(shop.get(f"/batches/{batch}/coupons.csv"))
    assert row[3] == csvfile.escape_formula(text)
    assert row[3][0] not in "=+-@"


def test_what_was_made_of_a_batch_that_failed_is_exported(shop, path, cast, work):
    batch = shop.post(path, {"count": 3}).json["id"]
    shop.patch(f"/campaigns/cmp_{cast.anywhere}", {"stopped": True})
    work()
    assert len(rows_of(shop.get(f"/batches/{batch}/coupons.csv"))) == 1


def test_who_may_not_issue_gets_no_links(reader, shop, path, work):
    batch = shop.post(path, {"count": 1}).json["id"]
    work()
    assert_problem(reader.get(f"/batches/{batch}/coupons.csv"), "insufficient_scope")


def test_the_pictures_are_a_zip_with_one_for_each_item(shop, path, work, monkeypatch):
    monkeypatch.setattr(batch_files, "COUPONS_PER_PART", 2)
    batch = shop.post(path, {"count": 3}).json["id"]
    assert_problem(shop.get(f"/batches/{batch}/qr.zip"), "batch_not_finished")
    work()
    answer = shop.get(f"/batches/{batch}/qr.zip")
    assert (answer.status_code, answer.mimetype) == (200, "application/zip")
    archive = ZipFile(BytesIO(answer.data))
    assert archive.testzip() is None
    rows = rows_of(shop.get(f"/batches/{batch}/coupons.csv"))[1:]
    assert archive.namelist() == [f"{number:06}-{row[0]}.svg" for number, row in enumerate(rows, 1)]
    for name, row in zip(archive.namelist(), rows, strict=True):
        assert archive.read(name).decode() == qr.svg(row[1], f"Coupon {row[2]}")


def test_a_zip_of_too_many_pictures_is_refused(shop, path, work, monkeypatch):
    monkeypatch.setattr(batch_files, "PICTURES_MAX", 2)
    batch = shop.post(path, {"count": 3}).json["id"]
    work()
    assert_problem(shop.get(f"/batches/{batch}/qr.zip"), "invalid")
