"""The format of API keys: `rsk_` (shop) or `rtk_` (till), an id of 8 characters, `_`, a secret of 32 and a checksum of 6.

The prefix (such as `rsk_` and the id) is stored and shown. Of the whole key only the SHA-256 is stored: a secret of 190 random bits
can't be guessed, so a slow hash is not needed. The checksum detects a damaged key without the database, and lets secret scanners
recognise keys that leaked.
"""

import hashlib
import hmac
import re
import secrets
import zlib
from enum import StrEnum
from typing import Literal, NamedTuple

from redeem.lib.errors import BadKey

Kind = Literal["shop", "till"]

BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
ID_CHARACTERS, SECRET_CHARACTERS, CHECKSUM_CHARACTERS = 8, 32, 6
PREFIX_CHARACTERS = 4 + ID_CHARACTERS

_TAGS: dict[Kind, str] = {"shop": "rsk", "till": "rtk"}
_KINDS: dict[str, Kind] = {tag: kind for kind, tag in _TAGS.items()}
_PREFIX = re.compile(rf"(?:rsk|rtk)_[0-9A-Za-z]{{{ID_CHARACTERS}}}", re.ASCII)
_FORM = re.compile(
    rf"((?:rsk|rtk)_[0-9A-Za-z]{{{ID_CHARACTERS}}})_[0-9A-Za-z]{{{SECRET_CHARACTERS + CHECKSUM_CHARACTERS}}}", re.ASCII
)


class Fault(StrEnum):
    """Why a text is not an API key."""

    WRONG_FORM = "wrong_form"
    WRONG_CHECKSUM = "wrong_checksum"


class Minted(NamedTuple):
    """A new key: the text, to be shown once; the prefix, to be stored and shown; the hash (32 bytes), to be stored."""

    text: str
    prefix: str
    hash: bytes


class Presented(NamedTuple):
    """A key as a caller sent it. Find its row by the prefix, then compare the hashes with `same`."""

    prefix: str
    hash: bytes

    @property
    def kind(self) -> Kind:
        """Whether the prefix is of a shop's key or of a till's."""
        return _KINDS[self.prefix[:3]]


def mint(kind: Kind) -> Minted:
    """Return a new random key of this kind."""
    prefix = f"{_TAGS[kind]}_{_random(ID_CHARACTERS)}"
    body = f"{prefix}_{_random(SECRET_CHARACTERS)}"
    text = body + _checksum(body)
    return Minted(text, prefix, _hash(text))


def parse(text: str) -> Presented:
    """Parse a key as it was sent. Raises BadKey with a `Fault`. The database is not asked."""
    match = _FORM.fullmatch(text)
    if match is None:
        raise BadKey(Fault.WRONG_FORM)
    if _checksum(text[:-CHECKSUM_CHARACTERS]) != text[-CHECKSUM_CHARACTERS:]:
        raise BadKey(Fault.WRONG_CHECKSUM)
    return Presented(match[1], _hash(text))


def is_prefix(text: str) -> bool:
    """Return whether the text has the form of a key's prefix."""
    return _PREFIX.fullmatch(text) is not None


def same(left: bytes, right: bytes) -> bool:
    """Compare two hashes in constant time."""
    return hmac.compare_digest(left, right)


def _random(characters: int) -> str:
    return "".join(secrets.choice(BASE62) for _ in range(characters))


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode("ascii")).digest()


def _checksum(body: str) -> str:
    return _base62(zlib.crc32(body.encode("ascii")), CHECKSUM_CHARACTERS)


def _base62(value: int, characters: int) -> str:
    written = ""
    for _ in range(characters):
        value, digit = divmod(value, 62)
        written = BASE62[digit] + written
    return written
