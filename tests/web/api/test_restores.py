"""/v1/status and /v1/restores: the shop is told that the server was restored, and says again what it did since the backup."""

import pytest

from redeem.db.models.coupons import Coupon
from redeem.recovery import restore
from redeem.web import context as web_context
from redeem.web.context import now_ms
from tests import factories
from tests.databases import on_both_databases
from tests.factories import all_of
from tests.web.programs import assert_problem


@pytest.fixture
def by_order(database, cast):
    number = database.write(lambda s: factories.campaign(s, partners=[cast.north_partner], once_per="order")).number
    return f"cmp_{number}"


@pytest.fixture
def restored(database, vault, shop, by_order, monkeypatch):
    """Issues for an order, and puts a backup back that is older; returns the coupon as the shop was answered."""
    monkeypatch.setattr(web_context, "KEYS_FRESH_SECONDS", -1.0)  # in a test the server is not started again
    vault.back_up()
    told = shop.post("/coupons", {"campaign": by_order, "order_ref": "A-17", "metadata": {"a": "b"}}).json
    vault.put_back()
    database.write(lambda s: restore.begin(s, now_ms(), none_enrolled=True))
    return told


def again(told):
    return {name: told[name] for name in ("token", "short_code", "order_ref", "metadata")}


def test_every_answer_to_a_key_has_the_generation(shop, north, client, database, monkeypatch):
    monkeypatch.setattr(web_context, "KEYS_FRESH_SECONDS", -1.0)
    answers = [shop.get("/status"), shop.get("/coupons/cpn_9_9"), north.get("/coupons"), client.get("/v1/status")]
    assert [each.status_code for each in answers] == [200, 404, 403, 401]
    assert [each.headers["Redeem-Generation"] for each in answers] == ["1"] * 4
    database.write(lambda s: restore.begin(s, now_ms()))
    assert shop.get("/status").headers["Redeem-Generation"] == "2"


def test_the_generation_is_not_read_anew_for_each_answer(shop, app, monkeypatch):
    shop.get("/status")
    monkeypatch.setattr(app.extensions["redeem"].database, "read", None)
    tools = app.extensions["redeem"]
    assert tools.generation() == 1


def test_the_status_says_who_is_awaited(shop, database):
    status = {"object": "status", "generation": 1, "recovering_since": None, "awaits_shop": False, "old_copy": False}
    assert shop.get("/status").json == status | {"webhooks": []}
    database.write(lambda s: restore.begin(s, now_ms()))
    told = shop.get("/status").json
    assert (told["generation"], told["awaits_shop"], told["old_copy"]) == (2, True, False)
    assert told["recovering_since"].endswith("Z")


@on_both_databases
def test_the_shop_says_its_coupons_again_and_goes_on(shop, restored, by_order, database):
    wanted = {"campaign": by_order, "order_ref": "A-17"}
    refused = shop.post("/coupons", wanted, "sweep")
    assert_problem(refused, "awaits_shop")
    assert refused.headers["Retry-After"] == "60"
    said = shop.post("/restores/2/coupons", again(restored))
    assert said.status_code == 200
    for member in ("id", "token", "url", "short_code", "order_ref", "metadata", "valid_until", "status"):
        assert said.json[member] == restored[member]
    assert shop.post("/restores/2/complete").json["awaits_shop"] is False
    answer = shop.post("/coupons", wanted, "sweep")
    assert (answer.status_code, answer.json["id"]) == (200, restored["id"])
    assert len(database.read(lambda s: all_of(s, Coupon))) == 1


def test_what_is_not_the_shops_is_not_taken_back(shop, restored, database):
    assert_problem(shop.post("/restores/2/coupons", again(restored) | {"token": "1" * 183}), "unknown_coupon")
    assert_problem(shop.post("/restores/2/coupons", again(restored) | {"short_code": "1234"}), "bad_short_code")
    assert_problem(shop.post("/restores/1/coupons", again(restored)), "restored_again", generation=2)
    assert_problem(shop.post("/restores/9/complete"), "restored_again", generation=2)
    assert_problem(shop.post("/restores/99999999999999999999999/complete"), "restored_again")
    assert_problem(shop.post("/restores/two/complete"), "not_found")
    assert database.read(lambda s: all_of(s, Coupon)) == []


def test_an_order_with_another_good_coupon_is_named(shop, restored, by_order):
    shop.post("/restores/2/complete")
    second = shop.post("/coupons", {"campaign": by_order, "order_ref": "A-17"}).json
    assert_problem(shop.post("/restores/2/coupons", again(restored)), "order_has_coupon", coupon=second["id"])
    assert shop.post(f"/coupons/{second['id']}/void", {}).status_code == 200
    assert shop.post("/restores/2/coupons", again(restored)).status_code == 200


def test_a_key_that_reads_alone_says_nothing(reader, restored):
    assert reader.get("/status").status_code == 200
    assert_problem(reader.post("/restores/2/coupons", again(restored)), "insufficient_scope")
    assert_problem(reader.post("/restores/2/complete"), "insufficient_scope")
