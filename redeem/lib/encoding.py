"""Base64url without padding, as hashes, keys and bitmaps are sent."""

import base64


def base64url(data: bytes) -> str:
    """Encode bytes in base64url (RFC 4648, section 5) without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")
