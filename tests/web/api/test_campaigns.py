"""/v1/campaigns: what the shop promises, and what it may still change."""

from typing import Any

import pytest

from redeem.db.models.coupons import Campaign
from tests.databases import on_both_databases
from tests.factories import all_of
from tests.web.programs import assert_problem, replayed


def plain(cast, **changes: Any) -> dict[str, Any]:
    return {
        "name": "Winter gifts",
        "offer": {"en": {"title": "A warm croissant"}},
        "partners": [cast.south_partner],
        "value": {"amount": 20_000, "currency": "RUB"},
        "handling_fee": {"amount": 0, "currency": "RUB"},
        "funding": "issuer",
        **changes,
    }


@on_both_databases
def test_a_campaign_is_made_with_its_terms(shop, cast):
    response = shop.post("/campaigns", plain(cast))
    told = response.json
    assert response.status_code == 201
    assert (told["object"], told["id"], told["name"], told["version"], told["coupons"]) == (
        "campaign",
        "cmp_3",
        "Winter gifts",
        1,
        0,
    )
    assert told["offline"] == {"policy": "held_only"}
    assert told["windows"]["redeem"] == {"from": None, "until": None}
    assert shop.get("/campaigns/cmp_3").json == told


def test_a_retry_makes_no_second_campaign(shop, cast, database):
    first, again = (shop.post("/campaigns", plain(cast), "winter") for _ in range(2))
    assert again.data == first.data
    assert replayed(again)
    assert len(database.read(lambda s: all_of(s, Campaign))) == 3


def test_campaigns_are_listed_newest_first(shop, reader, cast):
    shop.post("/campaigns", plain(cast))
    assert [one["id"] for one in reader.get("/campaigns").json["data"]] == ["cmp_3", "cmp_2", "cmp_1"]
    assert [one["id"] for one in reader.get("/campaigns", starting_after="cmp_2").json["data"]] == ["cmp_1"]


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"partners": []}, ""),
        ({"partners": ["prt_01JD8ZQ7T3K5V9W2X4Y6ABCDEF"]}, "/partners/0"),
        ({"stores": ["sto_01JD8ZQ7T3K5V9W2X4Y6ABCDEF"]}, "/stores/0"),
        ({"offer": {}}, "/offer"),
        ({"offer": {"en": {"title": ""}}}, "/offer/en/title"),
        ({"offer": {"en": {"title": "x", "picture": "javascript:alert(1)"}}}, "/offer/en/picture"),
        ({"value": {"amount": 1.5, "currency": "RUB"}}, "/value/amount"),
        ({"value": {"amount": True, "currency": "RUB"}}, "/value/amount"),
        ({"value": {"amount": -1, "currency": "RUB"}}, "/value"),
        ({"handling_fee": {"amount": 0, "currency": "EUR"}}, ""),
        ({"windows": {"redeem": {"from": "2026-02-30"}}}, "/windows/redeem/from"),
        ({"windows": {"redeem": {"from": "2026-03-02", "until": "2026-03-01"}}}, "/windows/redeem"),
        ({"name": " "}, "/name"),
        ({"id": "cmp_77"}, "/id"),
        ({"coupons": 5}, "/coupons"),
    ],
)
def test_a_wrong_member_is_pointed_at(shop, cast, database, changes, pointer):
    problem = assert_problem(shop.post("/campaigns", plain(cast, **changes)), "invalid")
    assert [error["pointer"] for error in problem["errors"]] == [pointer]
    assert len(database.read(lambda s: all_of(s, Campaign))) == 2


def test_a_campaign_without_coupons_may_change_wholly(shop, cast):
    made = shop.post("/campaigns", plain(cast)).json
    changes = {
        "name": "Spring",
        "value": {"amount": 1, "currency": "EUR"},
        "handling_fee": {"amount": 0, "currency": "EUR"},
    }
    told = shop.patch(f"/campaigns/{made['id']}", changes).json
    assert told == made | changes | {"version": 2}


def test_offer_windows_and_stores_may_change_while_coupons_are_out(shop, cast, coupon):
    changes = {
        "offer": {"en": {"title": "A larger cappuccino"}},
        "partners": [cast.south_partner, cast.north_partner],
        "stores": [cast.north],
        "windows": {"redeem": {"until": "2027-01-31"}},
    }
    told = shop.patch(f"/campaigns/cmp_{cast.anywhere}", changes).json
    assert (told["offer"]["en"]["title"], told["stores"], told["version"]) == ("A larger cappuccino", [cast.north], 2)


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"value": {"amount": 1, "currency": "RUB"}}, "/value"),
        ({"handling_fee": {"amount": 1, "currency": "RUB"}}, "/handling_fee"),
        ({"funding": "partner"}, "/funding"),
        ({"windows": {"redeem": {"from": "2030-01-01"}}}, "/windows"),
        ({"partners": ["NORTH"]}, "/partners"),
        ({"offline": {"policy": "at_risk", "coupons": 1, "value": 1, "hours": 1, "bearer": "partner"}}, "/offline"),
    ],
)
def test_what_holders_and_partners_were_promised_stays(shop, cast, coupon, changes, pointer):
    if changes.get("partners"):
        changes = {"partners": [cast.north_partner]}
    problem = assert_problem(shop.patch(f"/campaigns/cmp_{cast.anywhere}", changes), "campaign_in_use")
    assert [error["pointer"] for error in problem["errors"]] == [pointer]
    assert shop.get(f"/campaigns/cmp_{cast.anywhere}").json["version"] == 1


def test_a_store_may_be_named_by_its_partner_instead_but_not_taken_away(shop, cast):
    made = shop.post("/campaigns", plain(cast, partners=[], stores=[cast.north, cast.south])).json
    assert shop.post("/coupons", {"campaign": made["id"]}).status_code == 201
    address = f"/campaigns/{made['id']}"
    problem = assert_problem(shop.patch(address, {"stores": [cast.south]}), "campaign_in_use")
    assert [error["pointer"] for error in problem["errors"]] == ["/stores"]
    wider = {"partners": [cast.north_partner], "stores": [cast.south, cast.annex]}
    assert shop.patch(address, wider).status_code == 200


def test_an_early_end_shortens_no_coupon_that_is_out(shop, north, cast, coupon):
    shop.patch(f"/campaigns/cmp_{cast.anywhere}", {"windows": {"redeem": {"until": "2020-01-02"}}})
    assert north.redeem(coupon.token).status_code == 201


def test_a_patch_says_only_what_changes(shop, cast):
    before = shop.get(f"/campaigns/cmp_{cast.anywhere}").json
    after = shop.patch(f"/campaigns/cmp_{cast.anywhere}", {"name": "Renamed"}).json
    assert after == before | {"name": "Renamed", "version": 2}


def test_the_whole_must_still_make_sense(shop, cast):
    answer = shop.patch(f"/campaigns/cmp_{cast.anywhere}", {"partners": []})
    assert_problem(answer, "invalid")


def test_an_unknown_campaign_is_not_found(shop):
    for nonsense in ("cmp_99", "7", "cmp_", "%00"):
        assert_problem(shop.get(f"/campaigns/{nonsense}"), "not_found")
        assert_problem(shop.patch(f"/campaigns/{nonsense}", {"name": "x"}), "not_found")


def test_it_takes_a_key_that_may(reader, north, cast):
    assert_problem(reader.post("/campaigns", plain(cast)), "insufficient_scope")
    assert_problem(north.get("/campaigns"), "insufficient_scope")
