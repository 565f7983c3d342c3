"""GET /v1/redemptions and /v1/refusals: what happened at the stores, for the shop."""

import pytest

from redeem.domain.acts import Act, Kind
from redeem.domain.presented import Actor
from redeem.lib.times import rfc3339
from redeem.redemptions.settle import settle
from tests.databases import on_both_databases
from tests.factories import MOSCOW, NOW
from tests.web.programs import assert_problem

REFUSAL = '{"v":1,"n":1,"prev":"","at":0,"kind":"refusal","reason":"out_of_stock"}'


def redeemed(till, issue, campaign):
    return till.redeem(issue(campaign).token).json


def test_redemptions_are_listed_newest_first(shop, north, south, issue, cast):
    made = [redeemed(till, issue, cast.anywhere)["id"] for till in (north, south, north)]
    told = shop.get("/redemptions").json["data"]
    assert sorted(one["id"] for one in told) == sorted(made)
    assert [one["id"] for one in told] == sorted(made, reverse=True)
    assert {one["status"] for one in told} == {"standing"}
    assert shop.get(f"/redemptions/{made[1]}").json["store"] == {"id": cast.south, "name": "South, by the river"}


def test_they_are_filtered(shop, north, south, issue, cast):
    here, there, other = (
        redeemed(north, issue, cast.anywhere),
        redeemed(south, issue, cast.anywhere),
        redeemed(north, issue, cast.north_only),
    )

    def listed(**query):
        return {one["id"] for one in shop.get("/redemptions", **query).json["data"]}

    assert listed(store=cast.south) == {there["id"]}
    assert listed(campaign=f"cmp_{cast.north_only}") == {other["id"]}
    assert listed(coupon=here["coupon"]) == {here["id"]}
    assert listed(since="2020-01-01T00:00:00Z") == {here["id"], there["id"], other["id"]}
    assert listed(until="2020-01-01T00:00:00+03:00") == set()


def test_a_reversal_is_told_and_a_cancelled_attempt_is_no_redemption(shop, north, issue, cast):
    taken_back, never = redeemed(north, issue, cast.anywhere), issue(cast.anywhere)
    north.post(f"/redemptions/{taken_back['id']}/reverse", {"reason": "spilled"})
    north.redeem(never.token, "never")
    north.post("/redemptions/never/cancel")
    (told,) = shop.get("/redemptions").json["data"]
    assert (told["id"], told["status"], told["reversal"]["reason"]) == (taken_back["id"], "reversed", "spilled")


@on_both_databases
def test_redemptions_are_listed_by_what_became_of_them(shop, north, issue, cast):
    standing, taken_back, never = (
        redeemed(north, issue, cast.anywhere),
        redeemed(north, issue, cast.anywhere),
        issue(cast.anywhere),
    )
    north.post(f"/redemptions/{taken_back['id']}/reverse", {"reason": "spilled"})
    given = north.redeem(never.token, "never").json
    north.post("/redemptions/never/cancel")
    north.post('/redemptions/"before it came"/cancel')

    def listed(status):
        return shop.get("/redemptions", status=status).json["data"]

    assert [one["id"] for one in listed("standing")] == [standing["id"]]
    assert [one["id"] for one in listed("reversed")] == [taken_back["id"]]
    assert listed("pending") == []
    told = {one["attempt"]: one for one in listed("cancelled")}
    before, after = told["before it came"], told["never"]
    assert (after["id"], after["attempt"], after["coupon"]) == (given["id"], "never", never.id)
    assert (before["attempt"], before["coupon"], before["campaign"], before["redeemed_at"]) == (
        "before it came",
        None,
        None,
        None,
    )
    assert [one["reversal"]["reason"] for one in (before, after)] == ["cancelled", "cancelled"]
    assert [shop.get(f"/redemptions/{one['id']}").json for one in (before, after)] == [before, after]
    assert {one["status"] for one in (before, after)} == {"cancelled"}
    assert_problem(shop.get("/redemptions", status="lost"), "invalid")


def test_cancelled_attempts_are_paged_and_filtered(shop, north, south, cast):
    for till in (north, south, north):
        till.post(f"/redemptions/att-{till is south}/cancel")
        till.post(f"/redemptions/other-{till is south}/cancel")
    first = shop.get("/redemptions", status="cancelled", limit=3).json
    second = shop.get("/redemptions", status="cancelled", limit=3, starting_after=first["data"][-1]["id"]).json
    ids = [one["id"] for one in (*first["data"], *second["data"])]
    assert (ids, len(ids), second["has_more"]) == (sorted(ids, reverse=True), 4, False)
    there = shop.get("/redemptions", status="cancelled", store=cast.south).json["data"]
    assert {one["attempt"] for one in there} == {"att-True", "other-True"}


def test_pages_join_without_gap_or_overlap(shop, north, issue, cast):
    made = [redeemed(north, issue, cast.anywhere)["id"] for _ in range(5)]
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        told = shop.get("/redemptions", limit=2, **cursor).json
        seen += [one["id"] for one in told["data"]]
        if not told["has_more"]:
            break
        cursor = {"starting_after": seen[-1]}
    assert seen == sorted(made, reverse=True)


@pytest.mark.parametrize(
    "query", [{"since": "yesterday"}, {"since": "2026-01-01"}, {"since": "1700000000"}, {"store": "1"}]
)
def test_a_wrong_filter_is_refused(shop, query):
    assert_problem(shop.get("/redemptions", **query), "invalid")


def test_an_unknown_redemption_is_not_found(shop):
    for nonsense in ("rdm_01JD8ZQ7T3K5V9W2X4Y6ABCDEF", "rdm_", "%00"):
        assert_problem(shop.get(f"/redemptions/{nonsense}"), "not_found")


def test_a_refusal_is_listed_with_its_reason(shop, database, cast, coupon):
    actor = Actor(cast.tablet_id, "North counter", cast.north, "North", cast.north_partner, MOSCOW)
    refusal = Act(actor, "1", Kind.REFUSAL, "x" * 43, serial=coupon.serial, reason="out_of_stock", entry=REFUSAL)
    database.write(lambda session: settle(session, refusal, NOW))
    (told,) = shop.get("/refusals", store=cast.north).json["data"]
    assert (told["object"], told["reason"], told["coupon"]) == ("refusal", "out_of_stock", coupon.id)
    assert (told["refused_at"], told["device"]["id"]) == (rfc3339(NOW), cast.tablet_id)
    assert shop.get("/refusals", store=cast.south).json["data"] == []


def test_tills_list_no_refusals(north):
    assert_problem(north.get("/refusals"), "insufficient_scope")
    assert_problem(north.get("/refusals"), "insufficient_scope")
