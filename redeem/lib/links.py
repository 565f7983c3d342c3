"""Signed links that expire: for enrolment, invitations, password resets, and cookies that are signed the same way.

A link is signed and not encrypted: anybody who has it can read its payload. This module checks the signature, the purpose and
the age. That a link works only once is checked in the database.
"""

import hashlib
from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from itsdangerous import BadData, SignatureExpired, URLSafeTimedSerializer

from redeem.lib.errors import BadLink

TEXT_MAX_CHARACTERS = 2048


class Purpose(StrEnum):
    """What a link is for. A link made for one purpose is refused for any other."""

    ENROLMENT = "enrolment"
    INVITATION = "invitation"
    PASSWORD_RESET = "password_reset"  # noqa: S105  (a name)
    KNOWN_BROWSER = "known_browser"
    ENROLLED_TABLET = "enrolled_tablet"


class Fault(StrEnum):
    """Why a link is refused."""

    EXPIRED = "expired"
    BROKEN = "broken"


class Links:
    """Seals and opens links. `secret_keys` are ordered from oldest to newest: the newest signs, and each one verifies."""

    def __init__(self, secret_keys: Sequence[str]) -> None:
        self._serializers = {purpose: _serializer(secret_keys, purpose) for purpose in Purpose}

    def seal(self, purpose: Purpose, payload: Any) -> str:
        """Return URL-safe text: the payload (any JSON value), the present time and a signature."""
        return self._serializers[purpose].dumps(payload)

    def open(self, purpose: Purpose, text: str, max_age_seconds: int) -> Any:
        """Return the payload of a link. Raises BadLink, with a `Fault` as its reason."""
        if len(text) > TEXT_MAX_CHARACTERS:
            raise BadLink(Fault.BROKEN)
        try:
            return self._serializers[purpose].loads(text, max_age=max_age_seconds)
        except SignatureExpired as error:
            raise BadLink(Fault.EXPIRED) from error
        except BadData as error:
            raise BadLink(Fault.BROKEN) from error


def _serializer(secret_keys: Sequence[str], purpose: Purpose) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(
        list(secret_keys),
        salt=f"redeem-link-v1:{purpose}",
        signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256},
    )
