"""Keys: the ring of public keys that say which tokens are ours, and the sealing of secrets at rest.

Keys have a number (0 to 255, it rides in the token) and a status. Numbers are never used again for another key.
"""

import base64
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from nacl.bindings import crypto_core_ed25519_is_valid_point
from nacl.exceptions import BadSignatureError, CryptoError
from nacl.secret import SecretBox
from nacl.signing import SigningKey, VerifyKey

from redeem.errors import BadKey

KEY_ID_LIMIT = 256
PUBLIC_KEY_BYTES = 32
SEED_BYTES = 32
SECRET_MIN_CHARACTERS = 16


class KeyStatus(StrEnum):
    """`active` signs and verifies, `verify_only` was rotated out, `compromised` is refused whatever it signed."""

    ACTIVE = "active"
    VERIFY_ONLY = "verify_only"
    COMPROMISED = "compromised"


class Fault(StrEnum):
    """Why a key can't be used."""

    BAD_KEY_ID = "bad_key_id"
    BAD_PUBLIC_KEY = "bad_public_key"
    REPEATED_KEY_ID = "repeated_key_id"
    BAD_SEED = "bad_seed"
    WEAK_SECRET = "weak_secret"  # noqa: S105  (a name)
    CANNOT_UNSEAL = "cannot_unseal"


@dataclass(frozen=True, slots=True)
class PublicKey:
    """One public key: its number, its 32 bytes, its status.

    Points of small order are refused here, at load: under such a key one signature fits many messages.
    """

    kid: int
    public_key: bytes
    status: KeyStatus

    def __post_init__(self) -> None:
        if not 0 <= self.kid < KEY_ID_LIMIT:
            raise BadKey(Fault.BAD_KEY_ID, "Number signing keys from 0 to 255.")
        if not is_sound_point(self.public_key):
            raise BadKey(Fault.BAD_PUBLIC_KEY, "Make a new signing key; this one is no sound Ed25519 key.")

    def accepts(self, message: bytes, signature: bytes) -> bool:
        """Say whether this key made the 64-byte Ed25519 signature over the message; status is not looked at."""
        return verifies(self.public_key, message, signature)


class KeyRing:
    """The public keys by number. Immutable: a rotation makes a new ring."""

    def __init__(self, keys: Iterable[PublicKey]) -> None:
        self._keys: dict[int, PublicKey] = {}
        for key in keys:
            if key.kid in self._keys:
                raise BadKey(Fault.REPEATED_KEY_ID, f"Give one key the number {key.kid}, not two.")
            self._keys[key.kid] = key

    def get(self, kid: int) -> PublicKey | None:
        """Return the key of this number, compromised ones too, or None."""
        return self._keys.get(kid)

    def __iter__(self) -> Iterator[PublicKey]:
        return iter(sorted(self._keys.values(), key=lambda key: key.kid))

    def published(self) -> list[dict[str, str | int]]:
        """Return the keys as `/.well-known/redeem-keys.json` and the tablet's snapshot list them."""
        return [
            {"kid": key.kid, "alg": "Ed25519", "public_key": base64url(key.public_key), "status": key.status.value}
            for key in self
        ]


class Sealer:
    """Seals secrets for the database (XSalsa20-Poly1305) under keys derived from the configured secrets.

    `secret_keys` run from oldest to newest: the newest seals, any opens. `purpose` parts the uses from each other:
    what was sealed for one purpose doesn't open for another.
    """

    def __init__(self, secret_keys: Sequence[str], purpose: str = "redeem") -> None:
        if not secret_keys or any(len(secret) < SECRET_MIN_CHARACTERS for secret in secret_keys):
            raise BadKey(Fault.WEAK_SECRET, f"Configure secrets of {SECRET_MIN_CHARACTERS} characters or more.")
        self._boxes = [SecretBox(_derive(secret, purpose)) for secret in secret_keys]

    def seal(self, plain: bytes) -> bytes:
        """Return nonce and ciphertext, 40 bytes longer than the plain."""
        return bytes(self._boxes[-1].encrypt(plain))

    def unseal(self, sealed: bytes) -> bytes:
        """Return the plain; `BadKey` if it was altered or sealed under a secret that is no longer configured."""
        for box in reversed(self._boxes):
            try:
                return box.decrypt(sealed)
            except (CryptoError, ValueError):
                continue
        raise BadKey(Fault.CANNOT_UNSEAL, "Add the older secret key again; none of these opens what is stored.")


def generate() -> SigningKey:
    """Make a new signing key from the system's randomness."""
    return SigningKey.generate()


def signing_key(seed: bytes) -> SigningKey:
    """Return the signing key of a 32-byte seed, which is what the database keeps sealed."""
    if len(seed) != SEED_BYTES:
        raise BadKey(Fault.BAD_SEED, f"A signing key's seed has {SEED_BYTES} bytes.")
    return SigningKey(seed)


def is_sound_point(public_key: bytes) -> bool:
    """Say whether these 32 bytes are a canonical point of the main subgroup, so neither small nor mixed order."""
    return len(public_key) == PUBLIC_KEY_BYTES and bool(crypto_core_ed25519_is_valid_point(public_key))


def verifies(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Check an Ed25519 signature; anything malformed is False."""
    try:
        VerifyKey(public_key).verify(message, signature)
    except (BadSignatureError, ValueError, TypeError):
        return False
    return True


def base64url(data: bytes) -> str:
    """Write bytes in base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _derive(secret: str, purpose: str) -> bytes:
    return hashlib.blake2b(
        secret.encode(), digest_size=SecretBox.KEY_SIZE, key=purpose.encode(), person=b"redeem-seal-v1"
    ).digest()
