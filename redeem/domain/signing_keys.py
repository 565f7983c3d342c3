"""Signing keys: the ring of public keys that verifies tokens, and Ed25519.

A key has a number from 0 to 255, which is part of each token that it signed, and a status. A number is never reused.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from nacl.bindings import crypto_core_ed25519_is_valid_point
from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey, VerifyKey

from redeem.lib.encoding import base64url
from redeem.lib.errors import BadKey
from redeem.lib.sealing import Fault

KEY_ID_LIMIT = 256
PUBLIC_KEY_BYTES = 32
SEED_BYTES = 32


class KeyStatus(StrEnum):
    """`active` signs and verifies. `verify_only` was rotated out. Every token that a `compromised` key signed is refused."""

    ACTIVE = "active"
    VERIFY_ONLY = "verify_only"
    COMPROMISED = "compromised"


@dataclass(frozen=True, slots=True)
class PublicKey:
    """One public key: its number, its 32 bytes and its status. Raises BadKey.

    Points of small order are refused: under such a key one signature verifies for many messages.
    """

    kid: int
    public_key: bytes
    status: KeyStatus

    def __post_init__(self) -> None:
        if not 0 <= self.kid < KEY_ID_LIMIT:
            raise BadKey(Fault.BAD_KEY_ID, "Number signing keys from 0 to 255.")
        if not is_sound_point(self.public_key):
            raise BadKey(Fault.BAD_PUBLIC_KEY, "Make a new signing key; this one is not a valid Ed25519 key.")

    def accepts(self, message: bytes, signature: bytes) -> bool:
        """Return whether this key made the signature (64 bytes) of the message. The key's status is not considered."""
        return verifies(self.public_key, message, signature)


class KeyRing:
    """The public keys by number. Immutable: a rotation makes a new ring. Raises BadKey if two keys have one number."""

    def __init__(self, keys: Iterable[PublicKey]) -> None:
        self._keys: dict[int, PublicKey] = {}
        for key in keys:
            if key.kid in self._keys:
                raise BadKey(Fault.REPEATED_KEY_ID, f"Give one key the number {key.kid}, not two.")
            self._keys[key.kid] = key

    def get(self, kid: int) -> PublicKey | None:
        """Return the key with this number, even if it is compromised, or None."""
        return self._keys.get(kid)

    @property
    def compromised(self) -> list[int]:
        """The numbers of the keys that are compromised."""
        return [key.kid for key in self if key.status is KeyStatus.COMPROMISED]

    def __iter__(self) -> Iterator[PublicKey]:
        return iter(sorted(self._keys.values(), key=lambda key: key.kid))

    def published(self) -> list[dict[str, str | int]]:
        """Return the keys as JSON values, for `/.well-known/redeem-keys.json` and for the tablet's snapshot."""
        return [
            {"kid": key.kid, "alg": "Ed25519", "public_key": base64url(key.public_key), "status": key.status.value}
            for key in self
        ]


def generate() -> SigningKey:
    """Return a new random signing key."""
    return SigningKey.generate()


def signing_key(seed: bytes) -> SigningKey:
    """Return the signing key of a seed of 32 bytes. The database stores the seed, sealed. Raises BadKey."""
    if len(seed) != SEED_BYTES:
        raise BadKey(Fault.BAD_SEED, f"A signing key's seed has {SEED_BYTES} bytes.")
    return SigningKey(seed)


def is_sound_point(public_key: bytes) -> bool:
    """Return whether these bytes are a canonical point of the main subgroup, so neither of small nor of mixed order."""
    return len(public_key) == PUBLIC_KEY_BYTES and bool(crypto_core_ed25519_is_valid_point(public_key))


def verifies(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Return whether the Ed25519 signature is valid. False also for a malformed key or signature."""
    try:
        VerifyKey(public_key).verify(message, signature)
    except (BadSignatureError, ValueError, TypeError):
        return False
    return True
