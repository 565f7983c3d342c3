"""/v1/coupons: the shop issues, looks up, voids and moves."""

import pytest
import zxingcpp
from PIL import Image

from redeem.db.models.coupons import Campaign, Coupon
from redeem.lib.days import to_date
from redeem.lib.times import local_day
from tests import factories
from tests.cast import TABLET_KEY
from tests.databases import on_both_databases
from tests.factories import MOSCOW, all_of
from tests.tablets import Tablet
from tests.web.programs import assert_problem, replayed


def ask(cast, **more):
    return {"campaign": f"cmp_{cast.anywhere}", **more}


@on_both_databases
def test_a_coupon_is_issued_with_all_that_a_customer_needs(shop, north, cast):
    response = shop.post("/coupons", ask(cast, order_ref="A-17", metadata={"channel": "web"}))
    told = response.json
    assert response.status_code == 201
    assert (told["object"], told["id"], told["status"]) == ("coupon", f"cpn_{cast.anywhere}_0", "issued")
    assert told["url"] == f"http://localhost/c/{told['token']}"
    assert len(told["token"]) == 183
    assert (told["order_ref"], told["metadata"], told["home_store"]) == ("A-17", {"channel": "web"}, None)
    assert north.redeem(told["token"]).status_code == 201


@on_both_databases
def test_a_retry_gets_the_same_coupon(shop, cast, database):
    first, again = (shop.post("/coupons", ask(cast), "order-17") for _ in range(2))
    assert (again.status_code, again.data) == (201, first.data)
    assert (replayed(first), replayed(again)) == (False, True)
    assert len(database.read(lambda s: all_of(s, Coupon))) == 1


@on_both_databases
def test_an_order_gets_one_coupon_under_any_key(shop, database, cast):
    number = database.write(lambda s: factories.campaign(s, partners=[cast.north_partner], once_per="line")).number
    wanted = {"campaign": f"cmp_{number}", "order_ref": "A-17", "line": "2"}
    first, again = shop.post("/coupons", wanted), shop.post("/coupons", wanted | {"metadata": {"channel": "sweep"}})
    assert (first.status_code, again.status_code) == (201, 200)
    assert (first.json["existing"], first.json["line"]) == (False, "2")
    assert again.json == first.json | {"existing": True}


def test_an_order_is_named_where_each_gets_one_coupon(shop, database, cast):
    number = database.write(lambda s: factories.campaign(s, partners=[cast.north_partner], once_per="order")).number
    problem = assert_problem(shop.post("/coupons", {"campaign": f"cmp_{number}"}), "invalid")
    assert problem["errors"] == [{"pointer": "/order_ref", "detail": "required by the campaign's once_per"}]


def test_a_retry_may_write_the_same_body_another_way(shop, cast):
    one = shop.post("/coupons", ask(cast, metadata={"a": "1", "b": "2"}), "k")
    other = shop.post("/coupons", {"metadata": {"b": "2", "a": "1"}, "campaign": f"cmp_{cast.anywhere}"}, "k")
    assert other.data == one.data


def test_a_key_used_for_another_coupon_is_refused(shop, cast, database):
    shop.post("/coupons", ask(cast, order_ref="A"), "order-17")
    assert_problem(shop.post("/coupons", ask(cast, order_ref="B"), "order-17"), "idempotency_key_reused")
    assert len(database.read(lambda s: all_of(s, Coupon))) == 1


def test_a_refused_request_may_be_corrected_under_the_same_key(shop, cast):
    assert_problem(shop.post("/coupons", {"campaign": "cmp_999"}, "order-17"), "not_found")
    assert shop.post("/coupons", ask(cast), "order-17").status_code == 201


def test_outside_the_issue_window_nothing_is_issued(shop, database, cast):
    windows = {"issue": {"until": "2020-06-01"}}
    number = database.write(lambda s: factories.campaign(s, partners=[cast.north_partner], windows=windows)).number
    assert_problem(shop.post("/coupons", {"campaign": f"cmp_{number}"}), "not_issuing")
    assert database.read(lambda s: s.get(Campaign, number)).coupons == 0


def test_days_of_validity_are_counted_on_the_shops_calendar(shop, database, cast, app):
    number = database.write(
        lambda s: factories.campaign(s, partners=[cast.north_partner], windows={"valid_days": 10})
    ).number
    told = shop.post("/coupons", {"campaign": f"cmp_{number}"}).json
    issued_at = database.read(lambda s: all_of(s, Coupon))[0].issued_at
    assert told["valid_until"] == to_date(local_day(issued_at, MOSCOW) + 10).isoformat()


def test_a_home_must_be_one_of_the_campaigns_stores(shop, cast):
    answer = shop.post("/coupons", {"campaign": f"cmp_{cast.north_only}", "home_store": cast.south})
    assert assert_problem(answer, "invalid")["errors"][0]["pointer"] == "/home_store"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("campaign", 1),
        ("campaign", "7"),
        ("order_ref", ""),
        ("order_ref", "x" * 201),
        ("order_ref", "a\nb"),
        ("metadata", {"a": 1}),
        ("metadata", {"a": {"b": "c"}}),
        ("metadata", {"a": "x" * 501}),
        ("metadata", {f"k{n}": "v" for n in range(21)}),
        ("metadata", []),
        ("home_store", "sto_1"),
        ("status", "redeemed"),
        ("token", "1" * 183),
    ],
)
def test_a_wrong_member_is_pointed_at(shop, database, cast, name, value):
    problem = assert_problem(shop.post("/coupons", ask(cast, **{name: value})), "invalid")
    assert all(error["pointer"].startswith(f"/{name}") for error in problem["errors"])
    assert database.read(lambda s: all_of(s, Coupon)) == []


def test_a_coupon_is_found_by_its_id_and_by_its_order(shop, cast):
    made = [shop.post("/coupons", ask(cast, order_ref=ref)).json for ref in ("A-1", "A-2", "A-1")]
    assert not any(told.pop("existing") for told in made)
    assert shop.get(f"/coupons/{made[1]['id']}").json == made[1]
    found = shop.get("/coupons", order_ref="A-1").json
    assert found == {"object": "list", "data": [made[2], made[0]], "has_more": False, "next": None}


def test_a_list_is_paged_forwards_and_backwards(shop, issue, cast):
    made = [issue(cast.anywhere).id for _ in range(5)][::-1]

    def page(**where):
        told = shop.get("/coupons", limit=2, **where).json
        return [coupon["id"] for coupon in told["data"]], told["has_more"]

    assert page() == (made[:2], True)
    assert page(starting_after=made[1]) == (made[2:4], True)
    assert page(starting_after=made[3]) == (made[4:], False)
    assert page(ending_before=made[4]) == (made[2:4], True)
    assert page(ending_before=made[2]) == (made[:2], False)
    assert page(starting_after=made[0], ending_before=made[3]) == (made[1:3], False)


@pytest.mark.parametrize(
    "query",
    [
        *({"limit": text} for text in ("0", "101", "x", "1_0", "+5", " 5", "1.0", "")),
        {"starting_after": "cpn_1"},
        {"campaign": "1"},
        {"unknown": "1"},
    ],
)
def test_a_wrong_query_is_said_to_be_wrong(shop, query):
    assert assert_problem(shop.get("/coupons", **query), "invalid")["errors"][0].keys() == {"parameter", "detail"}


def test_a_cursor_or_a_filter_that_nothing_can_have_is_not_ignored(shop, coupon):
    assert_problem(shop.get("/coupons", starting_after="cpn_9999999999_1"), "not_found")
    assert shop.get("/coupons", campaign="cmp_9999999999").json["data"] == []
    assert shop.get("/redemptions", campaign="cmp_9999999999").json["data"] == []
    assert shop.get("/redemptions", coupon="cpn_9999999999_1").json["data"] == []


def test_a_repeated_parameter_is_refused(shop):
    assert_problem(shop.get("/coupons", limit=["1", "2"]), "invalid")


def test_who_only_reads_gets_no_gift_to_hold(shop, reader, cast):
    made = shop.post("/coupons", ask(cast)).json
    told = reader.get(f"/coupons/{made['id']}").json
    assert (told["id"], told["token"], told["url"], told["short_code"]) == (made["id"], None, None, None)
    assert_problem(reader.get(f"/coupons/{made['id']}/qr.svg"), "insufficient_scope")
    assert_problem(reader.post("/coupons", ask(cast)), "insufficient_scope")


@pytest.mark.parametrize(
    "nonsense", ["cpn_1_99", "cpn_9_0", "cpn_01_0", "cpn_1", "%00", "cpn_99999999999_1", "CPN_1_0"]
)
def test_an_unknown_coupon_is_not_found(shop, coupon, nonsense):
    for path in ("", "/qr.svg", "/qr.png"):
        assert_problem(shop.get(f"/coupons/{nonsense}{path}"), "not_found")
    assert_problem(shop.post(f"/coupons/{nonsense}/void", {"reason": "x"}), "not_found")
    assert_problem(shop.post(f"/coupons/{nonsense}/home", {"store": None}), "not_found")


@on_both_databases
def test_a_void_coupon_stays_void(shop, north, coupon):
    first = shop.post(f"/coupons/{coupon.id}/void", {"reason": "returned"})
    assert (first.status_code, first.json["status"], first.json["void_reason"]) == (200, "void", "returned")
    again = shop.post(f"/coupons/{coupon.id}/void", {"reason": "another"})
    assert again.json == first.json
    assert_problem(north.redeem(coupon.token), "void")


def test_what_was_given_can_not_be_voided(shop, north, coupon):
    at = north.redeem(coupon.token).json["redeemed_at"]
    assert_problem(shop.post(f"/coupons/{coupon.id}/void", {"reason": "x"}), "already_redeemed", redeemed_at=at)
    assert shop.get(f"/coupons/{coupon.id}").json["status"] == "redeemed"


def test_the_void_of_a_held_coupon_waits_for_its_holder(shop, database, cast):
    held = database.write(lambda s: factories.coupon(s, cast.north_only, home_store_id=cast.north))
    Tablet(database, cast.tablet_id, TABLET_KEY).sync()
    told = shop.post(f"/coupons/{held.id}/void", {"reason": "returned"}).json
    assert (told["status"], told["voided_at"], told["void_reason"]) == ("void_requested", None, "returned")


def test_a_coupon_is_moved_home_and_away(shop, cast, coupon):
    path = f"/coupons/{coupon.id}/home"
    assert shop.post(path, {"store": cast.south}).json["home_store"] == cast.south
    assert shop.post(path, {"store": None}).json["home_store"] is None
    assert_problem(shop.post(path, {}), "invalid")


def test_what_is_void_or_given_moves_no_more(shop, north, issue, cast):
    given, void = issue(cast.anywhere), issue(cast.anywhere)
    north.redeem(given.token)
    shop.post(f"/coupons/{void.id}/void", {"reason": "x"})
    assert_problem(shop.post(f"/coupons/{given.id}/home", {"store": cast.south}), "already_redeemed")
    assert_problem(shop.post(f"/coupons/{void.id}/home", {"store": cast.south}), "void")


def test_the_artwork_scans_as_the_coupons_link(shop, coupon, tmp_path):
    link = f"http://localhost/c/{coupon.token}"
    png = shop.get(f"/coupons/{coupon.id}/qr.png")
    svg = shop.get(f"/coupons/{coupon.id}/qr.svg")
    (tmp_path / "qr.png").write_bytes(png.data)
    assert [symbol.text for symbol in zxingcpp.read_barcodes(Image.open(tmp_path / "qr.png"))] == [link]
    assert (png.mimetype, svg.mimetype) == ("image/png", "image/svg+xml")
    assert "<title>A free cappuccino</title>" in svg.text  # it is read aloud, to a customer
    assert coupon.id not in svg.text
    assert coupon.token not in svg.text  # the gift is in the modules, not in words
