"""GET /v1/events: everything that happened, in order, for the shop."""

import pytest

from redeem.db.models.ledger import Deployment
from tests.web.programs import assert_problem


def events(shop, **query):
    answer = shop.get("/events", **query)
    assert answer.status_code == 200
    return answer.json


def test_an_event_says_what_happened_to_which_coupon_of_which_order(shop, north, cast):
    issued = shop.post("/coupons", {"campaign": f"cmp_{cast.anywhere}", "order_ref": "order-7"}).json
    given = north.redeem(issued["token"]).json
    told = events(shop)["data"]
    assert [event["type"] for event in told] == ["coupon.issued", "coupon.redeemed"]
    assert {name: said for name, said in told[1]["data"].items() if said is not None} == {
        "coupon": issued["id"],
        "campaign": issued["campaign"],
        "order_ref": "order-7",
        "redemption": given["id"],
        "partner": cast.north_partner,
        "store": cast.north,
    }
    assert told[1]["occurred_at"] == told[1]["recorded_at"] == given["redeemed_at"]
    assert (told[1]["object"], told[1]["generation"]) == ("event", 1)


def test_next_after_reads_on_and_ends_when_nothing_is_new(shop, north, issue, cast):
    for _ in range(2):
        north.redeem(issue(cast.anywhere).token)
    first = events(shop, limit=3)
    second = events(shop, limit=3, after=first["next_after"])
    assert (len(first["data"]), first["has_more"]) == (3, True)
    assert (len(second["data"]), second["has_more"]) == (1, False)
    third = events(shop, after=second["next_after"])
    assert (third["data"], third["has_more"]) == ([], False)
    north.redeem(issue(cast.anywhere).token)
    told = events(shop, after=third["next_after"])["data"]
    assert [event["type"] for event in told] == ["coupon.issued", "coupon.redeemed"]


def test_it_tells_no_token_and_no_short_code(shop, north, issue, cast):
    coupon = issue(cast.anywhere)
    north.redeem(coupon.token)
    text = shop.get("/events").text
    assert coupon.token not in text
    assert coupon.short_code not in text


def test_a_cursor_of_another_generation_is_gone_and_the_answer_says_the_present_one(shop, database):
    after = events(shop)["next_after"]
    database.write(lambda session: session.add(Deployment(id=1, generation=3)))
    assert_problem(shop.get("/events", after=after), "other_generation", generation=3)
    assert events(shop)["data"] == []


@pytest.mark.parametrize(
    "query", [{"after": ""}, {"after": "evt_1"}, {"after": "1.0.2.3"}, {"limit": 0}, {"limit": 101}]
)
def test_a_cursor_that_is_none_and_a_wrong_limit_are_refused(shop, query):
    assert_problem(shop.get("/events", **query), "invalid")


def test_a_till_may_not_read_them(north):
    assert_problem(north.get("/events"), "insufficient_scope")
