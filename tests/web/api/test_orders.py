"""/v1/orders: the shop refunds an order, and sees what has become of its coupons."""

from urllib.parse import quote

import pytest
from sqlalchemy import update

from redeem.coupons import refunds
from redeem.db.models.coupons import Coupon
from redeem.db.models.ledger import Deployment
from tests import factories
from tests.databases import on_both_databases
from tests.factories import all_of
from tests.web.programs import assert_problem, replayed

WHOLE = {"reason": "The order was returned"}


@pytest.fixture
def ordered(shop, cast):
    """Issues a coupon for an order."""
    return lambda order_ref="A-17", **more: (
        shop.post("/coupons", {"campaign": f"cmp_{cast.anywhere}", "order_ref": order_ref, **more}).json
    )


def refund(shop, order_ref="A-17", body=None, attempt=None):
    return shop.post(f"/orders/{quote(order_ref, safe='')}/refund", WHOLE if body is None else body, attempt)


def outcomes(answer):
    return {each["coupon"]["id"]: each["outcome"] for each in answer.json["coupons"]}


@on_both_databases
def test_what_is_open_is_voided_and_what_was_given_is_told(shop, north, ordered, cast):
    opened, given, other = ordered(), ordered(), ordered("B-2")
    assert north.redeem(given["token"]).status_code == 201
    answer = refund(shop)
    assert answer.status_code == 200
    assert outcomes(answer) == {opened["id"]: "void", given["id"]: "redeemed"}
    first, second = answer.json["coupons"]
    assert (first["coupon"]["status"], first["coupon"]["void_reason"]) == ("void", "The order was returned")
    assert (first["redemption"], second["redemption"]["store"]["id"]) == (None, cast.north)
    assert second["redemption"]["redeemed_at"] == second["coupon"]["redeemed_at"]
    assert_problem(north.redeem(opened["token"]), "void")
    assert shop.get(f"/coupons/{other['id']}").json["status"] == "issued"
    assert {each["status"] for each in shop.get("/coupons", order_ref="A-17").json["data"]} == {"void", "redeemed"}


def test_what_a_tablet_holds_waits_for_it(shop, counters, cast):
    coupon = counters.write(lambda s: factories.coupon(s, cast.anywhere, order_ref="A-17", home_store_id=cast.north))
    counters.tablet.sync()
    assert outcomes(refund(shop)) == {coupon.id: "void_requested"}
    assert outcomes(refund(shop)) == {coupon.id: "void_requested"}


def test_lines_of_an_order_are_refunded_by_themselves(shop, ordered):
    one, two, whole = ordered(line="1"), ordered(line="2"), ordered()
    assert outcomes(refund(shop, body={"lines": ["2", "3"]})) == {two["id"]: "void"}
    assert {shop.get(f"/coupons/{each['id']}").json["status"] for each in (one, whole)} == {"issued"}
    assert outcomes(refund(shop, body={"lines": ["9"]})) == {}
    assert len(outcomes(refund(shop))) == 3


@on_both_databases
def test_a_retry_gets_the_first_answer_and_a_new_key_how_things_stand(shop, ordered, database):
    coupon = ordered()
    first, again = refund(shop, attempt="one"), refund(shop, attempt="one")
    assert (again.data, replayed(again)) == (first.data, True)
    voided_at = database.read(lambda s: all_of(s, Coupon))[0].voided_at
    assert outcomes(refund(shop, attempt="two")) == {coupon["id"]: "void"}
    assert database.read(lambda s: all_of(s, Coupon))[0].voided_at == voided_at
    assert_problem(refund(shop, body={"lines": ["1"]}, attempt="one"), "idempotency_key_reused")


@pytest.mark.parametrize(
    "order_ref", ["a/b", "/a", "a//b", "a/refund", "№ 5 🎁", '=HYPERLINK("http://x";"y")', "a?b#c", "a%2Fb", "+", "..a"]
)
def test_any_reference_names_its_order(shop, ordered, order_ref):
    coupon = ordered(order_ref)
    answer = refund(shop, order_ref)
    assert answer.json["order_ref"] == order_ref
    assert outcomes(answer) == {coupon["id"]: "void"}


@pytest.mark.parametrize("order_ref", ["B-2", "🎁" * 40_000, "a\0b", "x" * 201])
def test_an_order_without_coupons_is_not_found(shop, ordered, order_ref):
    ordered()
    assert_problem(refund(shop, order_ref), "not_found")


def test_an_order_of_very_many_coupons_is_refunded_by_lines(shop, ordered, monkeypatch):
    monkeypatch.setattr(refunds, "COUPONS_PER_REFUND_MAX", 1)
    first, _ = ordered(line="1"), ordered(line="2")
    assert_problem(refund(shop), "invalid")
    assert outcomes(refund(shop, body={"lines": ["1"]})) == {first["id"]: "void"}


def test_no_refund_is_judged_on_a_ledger_that_may_lack_the_orders_coupons(shop, ordered, database):
    ordered()
    database.write(lambda s: s.merge(Deployment(id=1, generation=2, awaits_shop=True)))
    assert_problem(refund(shop, attempt="one"), "awaits_shop")
    database.write(lambda s: s.execute(update(Deployment).values(awaits_shop=False)))
    assert refund(shop, attempt="one").status_code == 200


def test_a_gift_that_was_undone_meanwhile_is_voided(shop, north, ordered):
    coupon = ordered()
    redemption = north.redeem(coupon["token"]).json["id"]
    assert outcomes(refund(shop)) == {coupon["id"]: "redeemed"}
    assert north.post(f"/redemptions/{redemption}/reverse", {"reason": "mistake"}).status_code == 200
    assert outcomes(refund(shop)) == {coupon["id"]: "void"}


def test_a_refunded_order_gets_no_second_coupon(shop, database, cast):
    number = database.write(lambda s: factories.campaign(s, partners=[cast.north_partner], once_per="order")).number
    wanted = {"campaign": f"cmp_{number}", "order_ref": "A-17"}
    first = shop.post("/coupons", wanted).json
    refund(shop)
    again = shop.post("/coupons", wanted)
    assert (again.status_code, again.json["id"], again.json["status"]) == (200, first["id"], "void")


def test_a_key_that_reads_alone_refunds_nothing(reader, ordered):
    ordered()
    assert_problem(refund(reader), "insufficient_scope")
