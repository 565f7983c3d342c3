"""Each answer that something was made says where it is."""

from tests.web.api.test_campaigns import plain


def test_what_was_made_is_where_it_says(shop, cast):
    for made in (
        shop.post("/campaigns", plain(cast)),
        shop.post("/coupons", {"campaign": f"cmp_{cast.anywhere}"}),
    ):
        assert made.status_code == 201
        place = made.headers["Location"]
        assert place.endswith(made.json["id"])
        assert shop.get(place.removeprefix("/v1")).json["id"] == made.json["id"]


def test_a_retry_says_the_same_place(shop, cast):
    first, again = (shop.post("/coupons", {"campaign": f"cmp_{cast.anywhere}"}, "once") for _ in range(2))
    assert first.headers["Location"] == again.headers["Location"]


def test_a_redemption_is_where_it_says(shop, north, coupon):
    given = north.redeem(coupon.token)
    assert given.headers["Location"] == f"/v1/redemptions/{given.json['id']}"
    assert shop.get(given.headers["Location"].removeprefix("/v1")).json["id"] == given.json["id"]
