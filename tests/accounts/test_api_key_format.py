import hashlib

import pytest

from redeem.accounts import api_key_format
from redeem.accounts.api_key_format import Fault
from redeem.lib.errors import BadKey

SHOP = api_key_format.mint("shop").text


@pytest.mark.parametrize(("kind", "tag"), [("shop", "rsk_"), ("till", "rtk_")])
def test_a_minted_key_is_read_back(kind, tag):
    text, prefix, stored = api_key_format.mint(kind)
    presented = api_key_format.parse(text)
    assert presented == (prefix, stored)
    assert presented.kind == kind
    assert text.startswith(prefix + "_")
    assert (prefix[:4], len(prefix), len(text)) == (tag, api_key_format.PREFIX_CHARACTERS, 51)


def test_the_key_itself_is_not_in_what_is_stored():
    text, prefix, stored = api_key_format.mint("shop")
    assert stored == hashlib.sha256(text.encode()).digest()
    assert text[len(prefix) + 1 :] not in prefix


def test_no_two_keys_are_alike():
    minted = [api_key_format.mint("till") for _ in range(100)]
    assert len({key.prefix for key in minted}) == len({key.hash for key in minted}) == 100


@pytest.mark.parametrize("place", range(4, 51))
def test_any_mistyped_character_is_detected_without_a_database(place):
    other = "_" if SHOP[place] == "_" else ("A" if SHOP[place] != "A" else "B")
    text = SHOP[:place] + other + SHOP[place + 1 :]
    if text != SHOP:
        with pytest.raises(BadKey, match=Fault.WRONG_CHECKSUM):
            api_key_format.parse(text)


def test_a_shop_key_does_not_pass_as_a_till_key():
    with pytest.raises(BadKey, match=Fault.WRONG_CHECKSUM):
        api_key_format.parse(SHOP.replace("rsk_", "rtk_"))


@pytest.mark.parametrize(
    "text",
    ["", "rsk_", SHOP[:-1], SHOP + "0", " " + SHOP, SHOP + "\n", SHOP.replace("rsk_", "sk_"), SHOP.replace("_", "-"),
     SHOP[:-1] + "é", "Bearer " + SHOP, "x" * 100_000],
    ids=["nothing", "a prefix", "one short", "one more", "a blank", "a line",
         "another start", "no underscores", "no ASCII", "a scheme", "long"],
)  # fmt: skip
def test_a_malformed_text_is_not_a_key(text):
    with pytest.raises(BadKey, match=Fault.WRONG_FORM):
        api_key_format.parse(text)


def test_hashes_are_compared_whole():
    assert api_key_format.same(b"x" * 32, b"x" * 32)
    assert not api_key_format.same(b"x" * 32, b"x" * 31 + b"y")
