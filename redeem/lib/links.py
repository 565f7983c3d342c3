"""Links that carry their own proof and run out: enrolment, invitation, password reset, download, and what else is sealed like them.

Sealing signs, it doesn't hide: a payload is readable by whoever has the link. That a link works once is the
database's business; here it is genuine, made for this purpose, and young enough.
"""

import hashlib
from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from itsdangerous import BadData, SignatureExpired, URLSafeTimedSerializer

from redeem.lib.errors import BadLink

TEXT_MAX_CHARACTERS = 2048


class Purpose(StrEnum):
    """What a link is for; a link of one purpose doesn't open another's door."""

    ENROLMENT = "enrolment"
    INVITATION = "invitation"
    PASSWORD_RESET = "password_reset"  # noqa: S105  (a name)
    DOWNLOAD = "download"
    KNOWN_BROWSER = "known_browser"
    ENROLLED_TABLET = "enrolled_tablet"


class Fault(StrEnum):
    """Why a link doesn't open."""

    EXPIRED = "expired"
    BROKEN = "broken"


class Links:
    """Seals and opens links. `secret_keys` run from oldest to newest: the newest signs, any opens."""

    def __init__(self, secret_keys: Sequence[str]) -> None:
        self._serializers = {purpose: _serializer(secret_keys, purpose) for purpose in Purpose}

    def seal(self, purpose: Purpose, payload: Any) -> str:
        """Return URL-safe text with the payload (JSON), the time and a signature."""
        return self._serializers[purpose].dumps(payload)

    def open(self, purpose: Purpose, text: str, max_age_seconds: int) -> Any:
        """Return the payload; `BadLink` with reason `expired` or `broken`."""
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
