"""Encrypt secrets at rest, under keys derived from REDEEM_SECRET_KEYS."""

import hashlib
from collections.abc import Sequence
from enum import StrEnum

from nacl.exceptions import CryptoError
from nacl.secret import SecretBox

from redeem.lib.errors import BadKey

SECRET_MIN_CHARACTERS = 16
KEY_BYTES = SecretBox.KEY_SIZE


class Fault(StrEnum):
    """Why a signing key or a secret can't be used."""

    BAD_KEY_ID = "bad_key_id"
    BAD_PUBLIC_KEY = "bad_public_key"
    REPEATED_KEY_ID = "repeated_key_id"
    BAD_SEED = "bad_seed"
    WEAK_SECRET = "weak_secret"  # noqa: S105  (a name)
    CANNOT_UNSEAL = "cannot_unseal"


class Sealer:
    """Encrypts secrets for the database with XSalsa20-Poly1305.

    `secret_keys` are ordered from oldest to newest: the newest seals, and each one opens. What was sealed for one `purpose`
    doesn't open for another. Raises BadKey for a secret that is too short.
    """

    def __init__(self, secret_keys: Sequence[str], purpose: str = "redeem") -> None:
        if not secret_keys or any(len(secret) < SECRET_MIN_CHARACTERS for secret in secret_keys):
            raise BadKey(Fault.WEAK_SECRET, f"Configure secrets of {SECRET_MIN_CHARACTERS} characters or more.")
        self._boxes = [SecretBox(_seal_key(secret, purpose)) for secret in secret_keys]

    def seal(self, plain: bytes) -> bytes:
        """Return nonce and ciphertext: 40 bytes more than `plain`."""
        return bytes(self._boxes[-1].encrypt(plain))

    def unseal(self, sealed: bytes) -> bytes:
        """Return the plaintext. Raises BadKey if it was altered, or sealed under a secret that is not configured any more."""
        for box in reversed(self._boxes):
            try:
                return box.decrypt(sealed)
            except (CryptoError, ValueError):
                continue
        raise BadKey(Fault.CANNOT_UNSEAL, "Add the older secret key again; none of these opens what is stored.")


def derive(secret: str, purpose: str) -> bytes:
    """Return 32 bytes that are this secret's for one purpose, such as `proofs`. They tell nothing of the secret or of another purpose."""
    return _derive(secret, purpose, b"redeem-key-v1")


def _seal_key(secret: str, purpose: str) -> bytes:
    return _derive(secret, purpose, b"redeem-seal-v1")


def _derive(secret: str, purpose: str, use: bytes) -> bytes:
    return hashlib.blake2b(secret.encode(), digest_size=KEY_BYTES, key=purpose.encode(), person=use).digest()
