"""What a text may name a coupon by: its token as scanned, or its short code as typed. `static/clerk/domain/names.js` is its twin, and
both are held to `tests/vectors/names.json`.
"""

from redeem.domain import short_codes, tokens
from redeem.domain.tokens import Token
from redeem.lib.errors import BadCode, BadToken


def read_or_none(text: str) -> Token | None:
    """Return the token in a text, not verified."""
    try:
        return tokens.read(text)
    except BadToken:
        return None


def normalise_or_none(text: str) -> str | None:
    """Return the short code in a text, as it is stored."""
    try:
        return short_codes.normalise(text)
    except BadCode:
        return None


def digits_in(text: str) -> str | None:
    """Return the digits of the token in a text. They are not verified."""
    token = read_or_none(text)
    return tokens.write(token) if token else None
