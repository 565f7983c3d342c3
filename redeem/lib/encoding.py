"""Base64url without padding, as hashes, keys, signatures and bitmaps are sent."""

import base64
import binascii
import re

_BASE64URL = re.compile("[A-Za-z0-9_-]*", re.ASCII)


def base64url(data: bytes) -> str:
    """Encode bytes in base64url (RFC 4648, section 5) without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def from_base64url(text: str) -> bytes:
    """Decode base64url without padding. Raises binascii.Error for any other text."""
    if not _BASE64URL.fullmatch(text):
        raise binascii.Error("not base64url")
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
