"""The token in a coupon's QR: 76 bytes, written as one number of exactly 183 decimal digits.

    version (1) · key id (1) · campaign (4) · number (4) · last day (2) · Ed25519 signature (64), big-endian

The signature covers `b"redeem-coupon-v1\\0"` and the 12 bytes before it. Each token has exactly one text: every token of version 1
begins with `00`, and any 183 digits fit into 76 bytes. Even so, (campaign, number) identifies a coupon, never the text.
"""

import re
import struct
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain

from nacl.signing import SigningKey

from redeem.domain.signing_keys import KEY_ID_LIMIT, KeyRing, KeyStatus
from redeem.lib.errors import BadToken
from redeem.lib.ids import CAMPAIGN_LIMIT, NUMBER_LIMIT, serial_of

VERSION = 1
TOKEN_BYTES = 76
DIGITS = 183
TEXT_MAX_CHARACTERS = 2048  # a link with what shops and mailers hang on to it
LAST_DAY_LIMIT = 2**16
DOMAIN = b"redeem-coupon-v1\0"

_FIELDS = struct.Struct(">BBIIH")

# A scanner's keyboard, a link or a person may put anything before and after a coupon's digits, so only the digits count: the signature
# decides. A symbology id (]Q1, which a Russian layout types as ъЙ1), an ECI as literal text (\000026) and an encoded character (%20) end
# in digits that are not the coupon's. What nobody sees may stand between the digits: pages and mails put it where a line may break.
_ADDED = re.compile(r"\][A-Za-z][0-9A-Za-z]|[ъЪ][йЙ][0-9]|\\[0-9]{6}|%[0-9A-Fa-f]{2}")
_SOFT_BREAKS = re.compile(r"[\u00ad\u200b-\u200f\u2060\ufeff]")
_DIGITS = re.compile(r"[0-9]+")


class Fault(StrEnum):
    """Why a text is not a token of this shop. `static/clerk/domain/tokens.js` has the same set."""

    TOO_LONG = "too_long"
    NO_DIGITS = "no_digits"
    UNKNOWN_VERSION = "unknown_version"
    BAD_CAMPAIGN = "bad_campaign"
    UNKNOWN_KEY = "unknown_key"
    COMPROMISED_KEY = "compromised_key"
    WRONG_SIGNATURE = "wrong_signature"


@dataclass(frozen=True, slots=True)
class Token:
    """The members of a token. They are not to be trusted before `verify`."""

    key_id: int
    campaign: int
    number: int
    last_day: int
    signature: bytes

    @property
    def serial(self) -> int:
        """The coupon's primary key in the ledger."""
        return serial_of(self.campaign, self.number)

    @property
    def payload(self) -> bytes:
        """The 12 bytes that are signed."""
        return _payload(self.key_id, self.campaign, self.number, self.last_day)


def sign(campaign: int, number: int, last_day: int, key: SigningKey, key_id: int) -> Token:
    """Return the signed token of a coupon. Ed25519 is deterministic, so the same coupon always gets the same token. Raises ValueError."""
    payload = _payload(key_id, campaign, number, last_day)
    return Token(key_id, campaign, number, last_day, key.sign(DOMAIN + payload).signature)


def write(token: Token) -> str:
    """Return the token's text: 183 digits."""
    return f"{int.from_bytes(token.payload + token.signature):0{DIGITS}d}"


def read(text: str) -> Token:
    """Parse what a scanner read: the one run of 183 digits in it, which may be there twice. The signature is not checked.

    Raises BadToken with a `Fault`.
    """
    data = int(_digits(text)).to_bytes(TOKEN_BYTES)
    version, key_id, campaign, number, last_day = _FIELDS.unpack(data[: _FIELDS.size])
    if version != VERSION:
        raise BadToken(Fault.UNKNOWN_VERSION)
    if campaign >= CAMPAIGN_LIMIT:
        raise BadToken(Fault.BAD_CAMPAIGN)
    return Token(key_id, campaign, number, last_day, data[_FIELDS.size :])


def fault(token: Token, ring: KeyRing) -> Fault | None:
    """Return why this token is refused, or None. Only of a token that a compromised key did sign, COMPROMISED_KEY is returned."""
    key = ring.get(token.key_id)
    if key is None:
        return Fault.UNKNOWN_KEY
    if not key.accepts(DOMAIN + token.payload, token.signature):
        return Fault.WRONG_SIGNATURE
    return Fault.COMPROMISED_KEY if key.status is KeyStatus.COMPROMISED else None


def verify(token: Token, ring: KeyRing) -> Token:
    """Return the token if a key of the ring signed it. Raises BadToken with a `Fault`."""
    reason = fault(token, ring)
    if reason is not None:
        raise BadToken(reason)
    return token


def _digits(text: str) -> str:
    if len(text) > TEXT_MAX_CHARACTERS:
        raise BadToken(Fault.TOO_LONG)
    plain = _ADDED.sub(" ", text)
    runs = chain.from_iterable(map(_DIGITS.findall, (text, plain, _SOFT_BREAKS.sub("", plain))))
    found: set[str] = {run for run in runs if len(run) == DIGITS}
    if len(found) != 1:
        raise BadToken(Fault.NO_DIGITS)
    return found.pop()


def _payload(key_id: int, campaign: int, number: int, last_day: int) -> bytes:
    limits = ((key_id, KEY_ID_LIMIT), (campaign, CAMPAIGN_LIMIT), (number, NUMBER_LIMIT), (last_day, LAST_DAY_LIMIT))
    if not all(0 <= value < limit for value, limit in limits):
        raise ValueError(f"out of a token's range: key {key_id}, coupon {campaign}/{number}, day {last_day}")
    return _FIELDS.pack(VERSION, key_id, campaign, number, last_day)
