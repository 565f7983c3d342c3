"""API keys: `rsk_` for a shop, `rtk_` for a till; then an id of 8, a secret of 32 and a checksum of 6 characters.

The prefix (`rsk_` and the id) is stored and shown, the key itself only as its SHA-256: with 190 random bits there is
nothing to guess, so a slow hash would buy nothing. The checksum tells a mangled key from a wrong one without a
database, and lets secret scanners find keys that leak.
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
    """Why a text is no API key."""

    WRONG_FORM = "wrong_form"
    WRONG_CHECKSUM = "wrong_checksum"


class Minted(NamedTuple):
    """A new key: the text to show once, the prefix to store and show, the hash to store (32 bytes)."""

    text: str
    prefix: str
    hash: bytes


class Presented(NamedTuple):
    """A key as a caller sent it: find the row by prefix, then compare hashes with `same`."""

    prefix: str
    hash: bytes

    @property
    def kind(self) -> Kind:
        """Whose key the prefix says it is."""
        return _KINDS[self.prefix[:3]]


def mint(kind: Kind) -> Minted:
    """Make a key of this kind."""
    prefix = f"{_TAGS[kind]}_{_random(ID_CHARACTERS)}"
    body = f"{prefix}_{_random(SECRET_CHARACTERS)}"
    text = body + _checksum(body)
    return Minted(text, prefix, _hash(text))


def parse(text: str) -> Presented:
    """Read a key as it was sent; `BadKey` if it is none or was mangled. Whether it is known, the database says."""
    match = _FORM.fullmatch(text)
    if match is None:
        raise BadKey(Fault.WRONG_FORM)
    if _checksum(text[:-CHECKSUM_CHARACTERS]) != text[-CHECKSUM_CHARACTERS:]:
        raise BadKey(Fault.WRONG_CHECKSUM)
    return Presented(match[1], _hash(text))


def is_prefix(text: str) -> bool:
    """Whether a key could begin so."""
    return _PREFIX.fullmatch(text) is not None


def same(left: bytes, right: bytes) -> bool:
    """Compare two hashes in a time that doesn't tell where they differ."""
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
