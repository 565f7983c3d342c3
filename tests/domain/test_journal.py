"""Journal entries: parsing, hashes and signatures."""

from json import dumps

import pytest
from nacl.signing import SigningKey

from redeem.domain.journal import ENTRY_MAX_CHARACTERS, FIRST_HASH, BrokenJournal, check_entry, read_entry, signed_bytes
from redeem.lib.errors import Invalid

KEY = SigningKey(bytes(range(32)))
PUBLIC = bytes(KEY.verify_key)
PLAIN = {"v": 1, "n": 1, "prev": FIRST_HASH, "at": 1_795_250_000_000, "kind": "ask"}


def entry(device_id="dev_1", key=KEY, **changes):
    text = dumps(PLAIN | changes)
    return read_entry(text, key.sign(signed_bytes(device_id, text)).signature)


def test_an_entry_says_what_is_in_it():
    read = entry(n=7, coupon="12", of=3)
    assert (read.number, read.previous, read.kind, read.at) == (7, FIRST_HASH, "ask", 1_795_250_000_000)
    assert (read.text_member("coupon"), read.text_member("of"), read.text_member("missing")) == ("12", None, None)


def test_its_hash_is_of_its_exact_text():
    one, other = read_entry(dumps(PLAIN), b""), read_entry(dumps(PLAIN, indent=0), b"")
    assert one.body == other.body
    assert one.hash != other.hash
    assert len(one.hash) == len(FIRST_HASH)


@pytest.mark.parametrize(
    "changes",
    [
        {"n": 0},
        {"n": -1},
        {"n": 1.0},
        {"n": True},
        {"n": "1"},
        {"n": 2**53},
        {"n": None},
        {"at": None},
        {"at": 1.5},
        {"at": False},
        {"at": 2**53},
        {"at": -(2**53)},
        {"prev": None},
        {"prev": 5},
        {"kind": ""},
        {"kind": "k" * 21},
        {"kind": None},
        {"kind": "a\0b"},
        {"kind": "a\nb"},
    ],
)
def test_an_invalid_member_is_refused(changes):
    with pytest.raises(Invalid):
        entry(**changes)


@pytest.mark.parametrize("text", ["", "[]", "5", '"ask"', "{", "{}", "null", '{"n":1,"n":1}', "{}" * 2])
def test_a_text_that_is_not_a_json_object_is_refused(text):
    with pytest.raises(Invalid):
        read_entry(text, b"")


def test_an_entry_has_a_maximum_length():
    room = ENTRY_MAX_CHARACTERS - len(dumps(PLAIN | {"x": ""}))
    assert entry(x="y" * room)
    with pytest.raises(Invalid):
        entry(x="y" * (room + 1))


def test_a_text_member_is_free_of_nul_which_a_database_cannot_hold():
    assert entry(reason="a\0b").text_member("reason") == "ab"


def test_an_entry_that_follows_and_is_signed_is_accepted():
    check_entry(entry(), FIRST_HASH, "dev_1", PUBLIC)


@pytest.mark.parametrize(
    ("previous", "device_id", "public_key"),
    [
        ("B" * 43, "dev_1", PUBLIC),
        (FIRST_HASH, "dev_2", PUBLIC),
        (FIRST_HASH, "dev_1", bytes(SigningKey(bytes(32)).verify_key)),
        (FIRST_HASH, "dev_1", b"short"),
    ],
    ids=["does not follow", "of another device", "under another key", "no key"],
)
def test_any_other_entry_is_refused(previous, device_id, public_key):
    with pytest.raises(BrokenJournal):
        check_entry(entry(), previous, device_id, public_key)


@pytest.mark.parametrize("signature", [b"", b"x" * 63, b"\0" * 64, b"x" * 65])
def test_an_invalid_signature_is_refused(signature):
    with pytest.raises(BrokenJournal):
        check_entry(read_entry(dumps(PLAIN), signature), FIRST_HASH, "dev_1", PUBLIC)
