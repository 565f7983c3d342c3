import base64
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nacl.signing import SigningKey

from redeem.domain import tokens
from redeem.domain.signing_keys import KeyRing, KeyStatus, PublicKey
from redeem.domain.tokens import Fault
from redeem.lib.errors import BadKey, BadToken
from tests.vectors.read import named, vectors

VECTORS = vectors("tokens")
SEEDS = {each["kid"]: SigningKey(bytes.fromhex(each["seed"])) for each in VECTORS["seeds"]}
KEY = SEEDS[1]

coupons = st.tuples(st.integers(0, 2**31 - 1), st.integers(0, 2**32 - 1), st.integers(0, 2**16 - 1))


def decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def ring_of(published) -> KeyRing:
    return KeyRing(PublicKey(each["kid"], decoded(each["public_key"]), KeyStatus(each["status"])) for each in published)


RING = ring_of(VECTORS["keys"])


def signed(coupon: tuple[int, int, int]) -> tokens.Token:
    return tokens.sign(*coupon, key=KEY, key_id=1)


def accepted(text: str) -> bool:
    try:
        tokens.verify(tokens.read(text), RING)
    except BadToken:
        return False
    return True


@pytest.mark.parametrize(**named(VECTORS["good"]))
def test_it_reads_and_verifies_a_good_token(case):
    token = tokens.verify(tokens.read(case["text"]), RING)
    said = (token.key_id, token.campaign, token.number, token.last_day)
    assert said == (case["key_id"], case["campaign"], case["number"], case["last_day"])
    assert tokens.write(token) == case["digits"]


@pytest.mark.parametrize(**named(VECTORS["good"]))
def test_it_signs_the_very_digits_of_a_good_token(case):
    token = tokens.sign(case["campaign"], case["number"], case["last_day"], SEEDS[case["key_id"]], case["key_id"])
    assert tokens.write(token) == case["digits"]


@pytest.mark.parametrize(**named(VECTORS["bad"]))
def test_it_refuses_a_bad_token_with_its_reason(case):
    with pytest.raises(BadToken) as caught:
        tokens.verify(tokens.read(case["text"]), RING)
    assert caught.value.reason == case["reason"]


@pytest.mark.parametrize(**named(VECTORS["bad_keys"]))
def test_it_refuses_a_bad_key_at_load(case):
    with pytest.raises(BadKey, match="bad_public_key"):
        PublicKey(1, decoded(case["public_key"]), KeyStatus.ACTIVE)


def test_every_reason_has_a_vector():
    assert {case["reason"] for case in VECTORS["bad"]} == set(Fault)


@given(coupons)
@settings(max_examples=10, deadline=None)
def test_it_refuses_a_token_with_any_of_its_608_bits_flipped(coupon):
    good = int(tokens.write(signed(coupon)))
    assert accepted(f"{good:0183d}")
    flipped = [f"{good ^ 1 << bit:0183d}" for bit in range(608)]
    assert [bit for bit, text in enumerate(flipped) if accepted(text)] == []


@given(coupons)
def test_what_it_writes_it_reads(coupon):
    token = signed(coupon)
    text = tokens.write(token)
    assert tokens.read(text) == token
    assert (len(text), text[:2]) == (183, "00")


@given(st.text(max_size=600) | st.text("0123456789 \r\n", min_size=170, max_size=200))
def test_any_text_at_all_is_read_or_refused(text):
    assert not accepted(text)


@given(st.integers(0, 10**183 - 1))
def test_any_number_of_183_digits_is_read_or_refused(number):
    assert not accepted(f"{number:0183d}")


def test_the_same_coupon_gets_the_same_token():
    assert tokens.sign(7, 42, 2500, KEY, 1) == tokens.sign(7, 42, 2500, KEY, 1)


def test_a_token_leads_to_its_row():
    assert tokens.sign(7, 42, 2500, KEY, 1).serial == 7 << 32 | 42


@pytest.mark.parametrize(
    "fields", [{"campaign": 2**31}, {"number": 2**32}, {"last_day": 2**16}, {"number": -1}, {"key_id": 256}]
)
def test_it_signs_nothing_out_of_range(fields):
    with pytest.raises(ValueError, match="out of a token's range"):
        tokens.sign(**{"campaign": 7, "number": 42, "last_day": 2500, "key_id": 1, **fields}, key=KEY)


def test_a_token_altered_after_reading_is_refused():
    token = replace(tokens.sign(7, 42, 2500, KEY, 1), number=43)
    assert tokens.fault(token, RING) is Fault.WRONG_SIGNATURE


def test_tokens_of_a_compromised_key_are_refused():
    token = tokens.sign(7, 42, 2500, KEY, 1)
    stolen = KeyRing([PublicKey(1, bytes(KEY.verify_key), KeyStatus.COMPROMISED)])
    assert (tokens.fault(token, RING), tokens.fault(token, stolen)) == (None, Fault.COMPROMISED_KEY)


def test_all_refusals_look_alike_from_outside():
    forged, unknown = BadToken(Fault.WRONG_SIGNATURE), BadToken(Fault.UNKNOWN_KEY)
    assert (forged.code, forged.detail, forged.extra) == (unknown.code, unknown.detail, unknown.extra)
