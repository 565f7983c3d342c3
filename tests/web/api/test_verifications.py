"""POST /v1/verifications: would it be given here and now? Nothing is changed by asking."""

import pytest

from redeem.db.models.ledger import Act, Redemption
from redeem.db.models.reports import Tally
from tests import factories
from tests.cast import TABLET_KEY
from tests.factories import all_of
from tests.tablets import Tablet
from tests.web.programs import assert_problem


def test_a_good_coupon_says_what_the_gift_is(north, coupon):
    told = north.post("/verifications", {"token": coupon.token}).json
    assert (told["verdict"], told["coupon"], told["valid_until"]) == ("good", coupon.id, None)
    assert told["offer"]["ru"]["title"] == "Капучино в подарок"
    assert told["offer"]["en"]["terms"] == "One for each order."


def test_asking_changes_nothing(north, database, coupon):
    north.post("/verifications", {"token": coupon.token})
    assert [database.read(lambda s, m=model: all_of(s, m)) for model in (Act, Redemption, Tally)] == [[], [], []]


def test_the_short_code_is_not_told_to_who_scanned_the_token(north, coupon):
    assert coupon.short_code not in north.post("/verifications", {"token": coupon.token}).text


def test_a_given_coupon_says_where_to_the_same_partner(north, annex, cast, coupon):
    north.redeem(coupon.token)
    told = annex.post("/verifications", {"token": coupon.token}).json
    assert (told["verdict"], told["store"]["id"], told["device"]["id"]) == (
        "already_redeemed",
        cast.north,
        cast.north_till_id,
    )


def test_a_given_coupon_says_when_to_another_partner(north, south, coupon):
    at = north.redeem(coupon.token).json["redeemed_at"]
    told = south.post("/verifications", {"token": coupon.token}).json
    assert (told["redeemed_at"], told["store"], told["device"]) == (at, None, None)


def test_a_coupon_that_is_held_says_who_can_give_it(north, south, database, issue, cast):
    held = database.write(lambda s: factories.coupon(s, cast.north_only, home_store_id=cast.north))
    Tablet(database, cast.tablet_id, TABLET_KEY).sync()
    told = north.post("/verifications", {"token": held.token}).json
    assert (told["verdict"], told["holder"]["store"]["id"]) == ("held_elsewhere", cast.north)
    assert told["holder"]["device"]["id"] == cast.tablet_id


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("реезыЖ..пшаеюучфьздуюсщь.с.", ""),
        ("\x02", "\x03"),
        ("*", "*"),
        ("~", "\r\n"),
        ("\ufeff\u200e", "\u00a0"),
        ("https://подарок.рф/c/", "/"),
        ("https://gift.example/redeem/c/", ""),
        ("]Q1\\000026https://gift_shop.example/c/", "\x1d"),
    ],
)
def test_it_reads_a_coupon_between_whatever_a_scanner_adds(north, coupon, before, after):
    assert north.post("/verifications", {"token": f"{before}{coupon.token}{after}"}).json["verdict"] == "good"


@pytest.mark.parametrize("typed", ["\u200b{}\u200b", "\ufeff{}", "\u2066{}\u2069", "\x02{}\x03"])
def test_it_reads_a_pasted_code_with_what_nobody_sees(north, coupon, typed):
    assert north.post("/verifications", {"short_code": typed.format(coupon.short_code)}).json["verdict"] == "good"


@pytest.mark.parametrize("text", ["", "nonsense", "0" * 183, "9" * 183])
def test_of_an_unknown_coupon_there_is_nothing_but_the_verdict(north, text):
    told = north.post("/verifications", {"token": text}).json
    assert {name: value for name, value in told.items() if value is not None} == {
        "object": "verification",
        "verdict": "unknown_coupon",
    }


def test_a_shops_key_is_no_tills(shop, coupon):
    assert_problem(shop.post("/verifications", {"token": coupon.token}), "insufficient_scope")
