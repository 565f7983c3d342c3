"""POST /v1/stores/{id}/close and /reopen, and the same of a partner. What closing does is shown in tests/partners/test_closing.py."""

import pytest

from redeem.web.api.auth import CACHE
from tests.databases import on_both_databases
from tests.web.programs import assert_problem, replayed

NOTHING = "sto_01JD8ZQ7T3K5V9W2X4Y6ABCDEF", "prt_01JD8ZQ7T3K5V9W2X4Y6ABCDEF"


@pytest.fixture
def paths(cast):
    return f"/stores/{cast.north}", f"/partners/{cast.north_partner}"


@on_both_databases
def test_what_is_closed_says_so_and_can_be_opened_again(shop, paths):
    for path in paths:
        closed = shop.post(f"{path}/close")
        assert (closed.status_code, closed.json["version"], closed.headers["ETag"]) == (200, 2, '"2"')
        assert closed.json["closed_at"] is not None
        assert shop.get(path).json == closed.json
        assert shop.post(f"{path}/close").json == closed.json
        assert shop.post(f"{path}/reopen").json["closed_at"] is None
        assert shop.get(path).headers["ETag"] == '"3"'


def test_a_retry_closes_nothing_again(shop, paths):
    first = shop.post(f"{paths[0]}/close", attempt="close")
    shop.post(f"{paths[0]}/reopen")
    again = shop.post(f"{paths[0]}/close", attempt="close")
    assert (again.data, replayed(again)) == (first.data, True)
    assert shop.get(paths[0]).json["closed_at"] is None


def test_a_change_from_before_the_end_is_refused(shop, paths):
    for path in paths:
        shop.post(f"{path}/close")
        assert_problem(shop.patch(path, {"name": "New"}, tag='"1"'), "precondition_failed")
        assert shop.patch(path, shop.get(path).json, tag='"2"').status_code == 200


@on_both_databases
@pytest.mark.parametrize("which", [0, 1])
def test_its_till_gives_nothing_until_it_is_open_again(app, shop, north, south, issue, cast, paths, which):
    keys = app.extensions[CACHE]
    path, coupon = paths[which], issue(cast.anywhere)
    assert north.verify(coupon.token) == "good"
    shop.post(f"{path}/close")
    keys.clear()  # a key that was looked up is kept for a second
    assert north.verify(coupon.token) == "wrong_store"
    assert_problem(north.redeem(coupon.token), "wrong_store")
    assert south.verify(coupon.token) == "good"
    shop.post(f"{path}/reopen")
    keys.clear()
    assert north.redeem(coupon.token).status_code == 201


def test_nobody_closes_what_is_not_there_or_without_the_scope(shop, reader, paths):
    for end in ("close", "reopen"):
        for path in (f"/stores/{NOTHING[0]}", f"/partners/{NOTHING[1]}", "/stores/x"):
            assert_problem(shop.post(f"{path}/{end}"), "not_found")
        assert_problem(reader.post(f"{paths[0]}/{end}"), "insufficient_scope")


def test_no_coupon_is_issued_to_a_home_that_is_closed(shop, cast, paths):
    shop.post(f"{paths[1]}/close")
    body = {"campaign": f"cmp_{cast.anywhere}", "home_store": cast.north}
    assert assert_problem(shop.post("/coupons", body), "invalid")["errors"][0]["pointer"] == "/home_store"
