import pytest
from nacl.bindings import crypto_core_ed25519_add
from nacl.signing import SigningKey

from redeem.domain.signing_keys import KeyRing, KeyStatus, PublicKey, generate, is_sound_point, signing_key, verifies
from redeem.lib.encoding import base64url
from redeem.lib.errors import BadKey
from redeem.lib.sealing import Fault, Sealer
from tests.vectors.of_tokens import SMALL_ORDER

OLD, NEW, STRANGE = "old secret key 0123", "new secret key 0123", "strange secret key 0123"
KEY = SigningKey(b"k" * 32)
PUBLIC = bytes(KEY.verify_key)
OF_ORDER_TWO = bytes.fromhex(SMALL_ORDER["of order 2"])


def key(kid: int = 1, status: KeyStatus = KeyStatus.ACTIVE) -> PublicKey:
    return PublicKey(kid, PUBLIC, status)


def test_a_key_accepts_what_it_signed():
    assert key().accepts(b"message", KEY.sign(b"message").signature)


@pytest.mark.parametrize(
    ("message", "signature"),
    [
        (b"another", KEY.sign(b"message").signature),
        (b"message", b""),
        (b"message", b"\0" * 64),
        (b"message", b"x" * 65),
    ],
)
def test_a_key_refuses_anything_else(message, signature):
    assert not key().accepts(message, signature)


def test_a_malformed_key_verifies_nothing():
    assert not verifies(b"short", b"message", b"\0" * 64)


@pytest.mark.parametrize("kid", [-1, 256])
def test_a_key_number_fits_into_a_byte(kid):
    with pytest.raises(BadKey, match=Fault.BAD_KEY_ID):
        key(kid)


def test_a_key_of_mixed_order_is_refused():
    assert is_sound_point(PUBLIC)
    assert not is_sound_point(crypto_core_ed25519_add(PUBLIC, OF_ORDER_TWO))


@pytest.mark.parametrize("point", list(SMALL_ORDER.values())[:8])
def test_the_points_of_small_order_are_what_they_are_called(point):
    times_eight = bytes.fromhex(point)
    for _ in range(3):
        times_eight = crypto_core_ed25519_add(times_eight, times_eight)
    assert times_eight.hex() == SMALL_ORDER["of order 1"]
    assert not is_sound_point(bytes.fromhex(point))


def test_two_keys_of_one_number_are_refused():
    with pytest.raises(BadKey, match=Fault.REPEATED_KEY_ID):
        KeyRing([key(1), key(1)])


def test_the_ring_finds_keys_by_number():
    ring = KeyRing([key(2, KeyStatus.COMPROMISED), key(1)])
    assert [each.kid for each in ring] == [1, 2]
    assert (ring.get(2), ring.get(3)) == (key(2, KeyStatus.COMPROMISED), None)


def test_a_key_number_may_be_any_byte():
    assert [key(kid).kid for kid in (0, 255)] == [0, 255]


def test_a_key_is_published_in_base64url_without_padding():
    assert base64url(b"\xfb\xff\x00=") == "-_8APQ"


def test_the_ring_is_published_as_documented():
    assert KeyRing([key(1, KeyStatus.VERIFY_ONLY)]).published() == [
        {"kid": 1, "alg": "Ed25519", "public_key": base64url(PUBLIC), "status": "verify_only"}
    ]


def test_a_new_key_comes_back_from_its_seed():
    made = generate()
    assert signing_key(bytes(made)) == made
    assert made != generate()


def test_a_seed_of_another_length_is_refused():
    with pytest.raises(BadKey, match=Fault.BAD_SEED):
        signing_key(b"x" * 31)


def test_what_is_sealed_opens_again_and_shows_nothing():
    sealed = Sealer([OLD]).seal(b"a seed of a key")
    assert b"seed" not in sealed
    assert Sealer([OLD]).unseal(sealed) == b"a seed of a key"


def test_a_secret_of_sixteen_characters_is_enough():
    assert Sealer(["sixteen letters."]).seal(b"x")


def test_sealing_twice_gives_different_texts():
    sealer = Sealer([OLD])
    assert sealer.seal(b"x") != sealer.seal(b"x")


def test_rotation_seals_with_the_newest_and_opens_with_any():
    before = Sealer([OLD]).seal(b"before")
    after = Sealer([OLD, NEW]).seal(b"after")
    assert Sealer([OLD, NEW]).unseal(before) == b"before"
    assert Sealer([NEW]).unseal(after) == b"after"


@pytest.mark.parametrize(("secret", "purpose"), [(STRANGE, "redeem"), (OLD, "another purpose")])
def test_another_secret_or_purpose_does_not_open(secret, purpose):
    with pytest.raises(BadKey, match=Fault.CANNOT_UNSEAL):
        Sealer([secret], purpose).unseal(Sealer([OLD]).seal(b"x"))


@pytest.mark.parametrize("sealed", [b"", b"short", b"\0" * 41])
def test_what_was_never_sealed_does_not_open(sealed):
    with pytest.raises(BadKey, match=Fault.CANNOT_UNSEAL):
        Sealer([OLD]).unseal(sealed)


def test_what_an_earlier_release_sealed_still_opens():
    sealed = (
        "000102030405060708090a0b0c0d0e0f101112131415161762baab1fa9e1be9c449eb427d3237be8795b4e67e38c663d96ec5d29a6"
    )
    assert Sealer([OLD]).unseal(bytes.fromhex(sealed)) == b"sealed before"


def test_an_altered_seal_does_not_open():
    sealed = bytearray(Sealer([OLD]).seal(b"x"))
    sealed[30] ^= 1
    with pytest.raises(BadKey, match=Fault.CANNOT_UNSEAL):
        Sealer([OLD]).unseal(bytes(sealed))


@pytest.mark.parametrize("secrets", [[], [""], ["fifteen letters"], [OLD, "short"]])
def test_weak_secrets_are_refused(secrets):
    with pytest.raises(BadKey, match=Fault.WEAK_SECRET):
        Sealer(secrets)
