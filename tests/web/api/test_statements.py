"""GET /v1/statements: what each partner is owed, for the shop's accounts."""

import pytest

from redeem.partners import settlement
from tests import factories
from tests.factories import NOW
from tests.tills import till_of
from tests.web.programs import assert_problem

UNKNOWN = "stm_01J00000000000000000000000"


@pytest.fixture
def closed(database, cast, manager_id):
    """Two of the north's, of one gift each, and between them one of the south's."""
    tills = {partner: till_of(database, key) for partner, key in partners(cast)}

    def close(session, partner, number, now):
        return settlement.close(session, partner, number, manager_id, now)

    made: list[str | None] = []
    for number, partner in ((1, cast.north_partner), (1, cast.south_partner), (2, cast.north_partner)):
        tills[partner].redeem(database.write(lambda db: factories.coupon(db, cast.anywhere)))
        at = NOW + len(made) * 60_000
        made.append(database.write(lambda db, p=partner, n=number, at=at: close(db, p, n, at), one_moment=True))
    return made


def partners(cast):
    return ((cast.north_partner, cast.north_till), (cast.south_partner, cast.south_till))


def test_a_statement_says_what_is_owed_and_for_what(reader, cast, closed):
    told = reader.get(f"/statements/{closed[2]}").json
    assert told == {
        "id": closed[2],
        "object": "statement",
        "partner": cast.north_partner,
        "number": 2,
        "lines": [
            {
                "campaign": f"cmp_{cast.anywhere}",
                "gifts": 1,
                "second_gifts": 0,
                "partner_bears": 0,
                "value": {"amount": 35_000, "currency": "RUB"},
                "handling_fee": {"amount": 1_500, "currency": "RUB"},
                "owed": {"amount": 36_500, "currency": "RUB"},
            }
        ],
        "owed": [{"amount": 36_500, "currency": "RUB"}],
        "owed_in_all": [{"amount": 73_000, "currency": "RUB"}],
        "closed_at": "2026-11-21T08:35:20.000Z",
    }


def test_they_are_listed_newest_first_by_partner_and_in_pages(reader, cast, closed):
    listed = [each["id"] for each in reader.get("/statements").json["data"]]
    assert listed == closed[::-1]
    page = reader.get("/statements", limit="2", starting_after=closed[2]).json
    assert ([each["id"] for each in page["data"]], page["has_more"]) == ([closed[1], closed[0]], False)
    norths = reader.get("/statements", partner=cast.north_partner).json["data"]
    assert [each["number"] for each in norths] == [2, 1]
    assert reader.get("/statements", partner="prt_01JD8ZQ7T3K5V9W2X4Y6ABCDEF").json["data"] == []


@pytest.mark.parametrize("name", [UNKNOWN, "stm_", "rdm_01JD8ZQ7T3K5V9W2X4Y6ABCDEF", "1", "%00"])
def test_what_is_no_statement_is_not_found(reader, closed, name):
    assert_problem(reader.get(f"/statements/{name}"), "not_found")


def test_a_till_has_no_business_with_them(north, closed):
    assert_problem(north.get("/statements"), "insufficient_scope")
