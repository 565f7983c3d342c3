"""/v1/partners and /v1/stores."""

import pytest

from redeem.db.models.partners import Store
from tests.factories import all_of
from tests.web.programs import assert_problem, replayed


def test_a_partner_and_its_store_are_added(shop):
    partner = shop.post("/partners", {"name": "East Tea"}).json
    body = {"partner": partner["id"], "name": "At the gate", "time_zone": "Asia/Yekaterinburg", "hours": "8–20"}
    response = shop.post("/stores", body)
    assert response.status_code == 201
    assert {name: response.json[name] for name in body} == body
    assert shop.get("/stores", partner=partner["id"]).json["data"] == [response.json]
    assert partner in shop.get("/partners").json["data"]


def test_a_retry_adds_nothing(shop, cast, database):
    body = {"partner": cast.north_partner, "name": "New", "time_zone": "Europe/Moscow"}
    first, again = (shop.post("/stores", body, "new-store") for _ in range(2))
    assert again.data == first.data
    assert replayed(again)
    assert [row.name for row in database.read(lambda s: all_of(s, Store))].count("New") == 1


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"time_zone": "Moscow"}, "/time_zone"),
        ({"time_zone": "../../etc/passwd"}, "/time_zone"),
        ({"partner": "prt_01JD8ZQ7T3K5V9W2X4Y6ABCDEF"}, "/partner"),
        ({"partner": "sto_01JD8ZQ7T3K5V9W2X4Y6ABCDEF"}, "/partner"),
        ({"name": ""}, "/name"),
    ],
)
def test_a_wrong_member_is_pointed_at(shop, cast, changes, pointer):
    body = {"partner": cast.north_partner, "name": "New", "time_zone": "Europe/Moscow"} | changes
    assert assert_problem(shop.post("/stores", body), "invalid")["errors"][0]["pointer"] == pointer


def test_readers_list_and_add_nothing(reader, cast):
    assert len(reader.get("/stores").json["data"]) == 3
    assert_problem(reader.post("/partners", {"name": "East"}), "insufficient_scope")
