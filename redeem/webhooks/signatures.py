"""Sign webhooks as Standard Webhooks has it (https://www.standardwebhooks.com): `v1`, an HMAC, and `v1a`, Ed25519.

What is signed is `{id}.{timestamp}.{body}`, byte for byte as it is sent. The receiver checks whichever of the signatures it can: the HMAC
with the secret (`whsec_…`), or Ed25519 with the public key (`whpk_…`), which is no secret. While a secret is rotated each message carries
the signatures of both.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from nacl.signing import SigningKey

from redeem.lib.errors import Invalid
from redeem.lib.times import Ms

SECRET_PREFIX, PUBLIC_KEY_PREFIX = "whsec_", "whpk_"
SECRET_BYTES = 32
SECRET_BYTES_MIN, SECRET_BYTES_MAX = 24, 64


@dataclass(frozen=True, slots=True)
class Secret:
    """What an endpoint's messages are signed with: the HMAC's key, and the seed of the Ed25519 key."""

    hmac_key: bytes
    seed: bytes

    @classmethod
    def new(cls) -> Self:
        return cls(secrets.token_bytes(SECRET_BYTES), secrets.token_bytes(SECRET_BYTES))

    @classmethod
    def of_bytes(cls, packed: bytes) -> Self:
        """The secret that `packed` was made of."""
        return cls(packed[:SECRET_BYTES], packed[SECRET_BYTES:])

    @property
    def packed(self) -> bytes:
        return self.hmac_key + self.seed

    @property
    def text(self) -> str:
        """The HMAC's key as it is shown to the receiver: `whsec_…`."""
        return SECRET_PREFIX + base64.b64encode(self.hmac_key).decode()

    @property
    def public_key(self) -> str:
        """The key to check Ed25519 signatures with: `whpk_…`."""
        return PUBLIC_KEY_PREFIX + base64.b64encode(bytes(SigningKey(self.seed).verify_key)).decode()


def read_secret(text: str) -> bytes:
    """Return the HMAC's key of a secret such as `whsec_…`. Raises Invalid."""
    try:
        key = base64.b64decode(text.removeprefix(SECRET_PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if not SECRET_BYTES_MIN <= len(key) <= SECRET_BYTES_MAX:
        raise Invalid("Give the whole secret, as it was shown: whsec_ and 44 characters after it.")
    return key


def sign(message_id: str, at: Ms, body: bytes, secrets: Sequence[Secret]) -> dict[str, str]:
    """Return the headers of a message that is sent at `at`, signed with each of the secrets.

    Libraries that know only one of the two kinds pass over the other.
    """
    seconds = at // 1000
    signed = f"{message_id}.{seconds}.".encode() + body
    signatures = [each for secret in secrets for each in (hmac_of(secret.hmac_key, signed), ed25519_of(secret, signed))]
    return {"webhook-id": message_id, "webhook-timestamp": str(seconds), "webhook-signature": " ".join(signatures)}


def sign_with(key: bytes, message_id: str, at: Ms, body: bytes) -> dict[str, str]:
    """Return the headers of a message that is signed with an HMAC's key alone."""
    seconds = at // 1000
    signed = f"{message_id}.{seconds}.".encode() + body
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(seconds),
        "webhook-signature": hmac_of(key, signed),
    }


def hmac_of(key: bytes, signed: bytes) -> str:
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def ed25519_of(secret: Secret, signed: bytes) -> str:
    return "v1a," + base64.b64encode(SigningKey(secret.seed).sign(signed).signature).decode()
