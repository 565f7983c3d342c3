"""Each answer that something was made says where it is."""

import pytest

from tests.web.api.test_campaigns import plain


@pytest.fixture
def makes(cast, coupon):
    """What is sent to each address that makes something, and is read by the shop's key."""
    store = {"partner": cast.north_partner, "name": "Another", "time_zone": "Europe/Moscow"}
    return {
        "/v1/campaigns": plain(cast),
        "/v1/coupons": {"campaign": f"cmp_{cast.anywhere}"},
        "/v1/partners": {"name": "Another"},
        "/v1/stores": store,
        "/v1/webhook-endpoints": {"url": "https://gift.example/hooks"},
        "/v1/redemptions": {"token": coupon.token},
    }


SAID_AGAIN = {
    "/v1/recovery/redemptions"
}  # by a till that a restored server waits for; its answer is that of a redemption


def test_what_was_made_is_where_it_says(client, shop, north, makes):
    document = client.get("/v1/openapi.json").json
    made = {path for path, item in document["paths"].items() if "201" in item.get("post", {}).get("responses", {})}
    assert made - SAID_AGAIN == set(makes)
    for path, body in makes.items():
        caller = north if path == "/v1/redemptions" else shop
        answer = caller.post(path.removeprefix("/v1"), body)
        assert answer.status_code == 201, answer.json
        place = answer.headers["Location"]
        assert place == f"{path}/{answer.json['id']}"
        assert shop.get(place.removeprefix("/v1")).json["id"] == answer.json["id"]


def test_a_retry_says_the_same_place(shop, cast):
    first, again = (shop.post("/coupons", {"campaign": f"cmp_{cast.anywhere}"}, "once") for _ in range(2))
    assert first.headers["Location"] == again.headers["Location"]
