"""Which coupon a text names: one function reads it, and takes nothing for two things."""

import pytest

from redeem.domain import short_codes, tokens
from redeem.domain.presented import ShownCoupon
from redeem.domain.signing_keys import KeyRing
from redeem.domain.tokens import Fault
from redeem.ledger import signing
from redeem.lib.errors import TooMany
from redeem.lib.ids import coupon_id
from redeem.redemptions.identify import Guesser, Named, find_by_code, find_named, read_name
from tests.domain.test_tokens import RING
from tests.factories import NOW
from tests.vectors.read import named, vectors

TOKENS, CODES = vectors("tokens"), vectors("codes")
NO_KEYS = KeyRing([])


@pytest.fixture
def ring(database):
    return database.read(signing.load_ring)


@pytest.mark.parametrize(**named(CODES["good"]))
def test_a_typed_code_is_read_as_it_is_stored(case):
    assert read_name(case["text"], NO_KEYS) == Named(short_code=case["code"])


@pytest.mark.parametrize("text", [None, "", " ", "cpn_", "cpn_1_4294967296", "order 1042"])
def test_other_texts_name_nothing(text):
    assert read_name(text, NO_KEYS) == Named()


@pytest.mark.parametrize(**named(TOKENS["good"]))
def test_a_scanned_token_is_read(case):
    assert read_name(case["text"], RING) == Named(token=tokens.read(case["text"]))


@pytest.mark.parametrize("case", [*CODES["bad"], *TOKENS["bad"]], ids=lambda case: case["name"])
def test_what_is_spoilt_names_nothing(case):
    if case.get("reason") != Fault.COMPROMISED_KEY:
        assert read_name(case["text"], RING) == Named()


def test_a_token_of_a_compromised_key_is_read_and_known_as_that():
    (case,) = (each for each in TOKENS["bad"] if each["reason"] == Fault.COMPROMISED_KEY)
    named = read_name(case["text"], RING)
    assert named == Named(token=tokens.read(case["text"]), compromised=True)
    assert named.shown == ShownCoupon.of(tokens.read(case["text"]), compromised=True)


def test_a_coupon_is_named_by_its_token_its_code_and_its_id(database, ring, coupon):
    ways = {
        f"http://localhost/c/{coupon.token}": Named(token=tokens.read(coupon.token)),
        coupon.short_code.lower(): Named(short_code=coupon.short_code),
        coupon.id: Named(serial_of_id=coupon.serial),
    }
    for text, name in ways.items():
        assert read_name(text, ring) == name
        assert database.read(lambda session, name=name: find_named(session, name)) == coupon.serial


def test_a_token_that_no_key_of_ours_signed_names_nothing(ring, coupon):
    forged = coupon.token[:-1] + ("1" if coupon.token[-1] == "0" else "0")
    assert read_name(forged, ring) == read_name(coupon.token, NO_KEYS) == Named()


def test_an_id_names_a_coupon_that_is_not_here(database, ring, coupon):
    elsewhere = coupon_id(coupon.serial + 1)
    assert database.read(lambda session: find_named(session, read_name(elsewhere, ring))) == coupon.serial + 1


def wrong_code() -> str:
    return short_codes.new_code(7)


def test_wrong_codes_are_counted_for_a_guesser_and_for_nobody_else(database, cast, coupon):
    guesser = Guesser(cast.tablet_id, NOW)
    for _ in range(5):
        assert database.write(lambda session: find_by_code(session, wrong_code(), guesser)) is None
    with pytest.raises(TooMany):
        database.write(lambda session: find_by_code(session, coupon.short_code, guesser))
    for _ in range(10):
        assert database.write(lambda session: find_by_code(session, wrong_code(), None)) is None
    assert database.write(lambda session: find_by_code(session, coupon.short_code, None)) == coupon.serial
    assert (
        database.write(lambda session: find_by_code(session, coupon.short_code, Guesser("dev_2", NOW))) == coupon.serial
    )
