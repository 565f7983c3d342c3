"""GET /v1/redemptions with a till's key: a till reads its own store's day, and nothing of another store."""

import pytest

from redeem.accounts import roles
from redeem.lib.times import rfc3339
from redeem.redemptions import listing
from tests.databases import on_both_databases
from tests.factories import NOW
from tests.web.programs import assert_problem


@pytest.fixture
def gifts(north, annex, south, issue, cast):
    """The id of one gift of each store's till."""
    tills = {"north": north, "annex": annex, "south": south}
    return {name: till.redeem(issue(cast.anywhere).token, f"of {name}").json["id"] for name, till in tills.items()}


def listed(till, **query):
    return [one["id"] for one in till.get("/redemptions", **query).json["data"]]


@on_both_databases
def test_a_till_lists_what_its_store_gave_and_nothing_else(north, annex, south, shop, gifts):
    assert listed(north) == [gifts["north"]]
    assert listed(annex) == [gifts["annex"]]
    assert listed(south) == [gifts["south"]]
    assert sorted(listed(shop)) == sorted(gifts.values())


def test_it_is_told_of_its_own_attempts(north, gifts):
    [one] = north.get("/redemptions").json["data"]
    assert (one["id"], one["attempt"], one["status"]) == (gifts["north"], "of north", "standing")


def test_no_filter_shows_anothers(north, gifts, cast):
    assert listed(north, store=cast.annex) == []
    assert listed(north, store=cast.north) == [gifts["north"]]
    for cursor in ({"starting_after": gifts["south"]}, {"ending_before": gifts["annex"]}):
        assert set(listed(north, **cursor)) <= {gifts["north"]}


def test_a_day_is_a_span_of_time(north, gifts):
    assert listed(north, since=rfc3339(NOW - 1000)) == [gifts["north"]]
    assert listed(north, until=rfc3339(NOW - 1000)) == []


def test_a_till_looks_up_what_its_store_gave(north, gifts):
    assert north.get(f"/redemptions/{gifts['north']}").json["id"] == gifts["north"]
    for other in ("annex", "south"):
        assert_problem(north.get(f"/redemptions/{gifts[other]}"), "not_found")


def test_without_the_scope_all_would_be_told(north, gifts, monkeypatch):
    """The control: it is the scope in the query that keeps stores apart."""
    monkeypatch.setattr(
        listing, "within", lambda statement, _scope, column: roles.within(statement, roles.WHOLE, column)
    )
    assert sorted(listed(north)) == sorted(gifts.values())


def test_a_key_of_the_shop_needs_its_own_scope(client, cast, north):
    """A till's scope is of tills: no key of the shop reads by it."""
    for name in ("refusals", "statements", "coupons", "stores"):
        assert_problem(north.get(f"/{name}"), "insufficient_scope")


def test_the_document_says_whose_key_is_taken(client):
    paths = client.get("/v1/openapi.json").json["paths"]
    for path in ("/v1/redemptions", "/v1/redemptions/{redemption}"):
        assert paths[path]["get"]["security"] == [{"shop_key": ["read"]}, {"till_key": ["redeem"]}]
