"""Short codes: what a clerk types if the QR does not scan. They are stored as `7KQ2M4XZ9F3S` and shown as `7KQ2-M4XZ-9F3S`.

The first eleven characters are random (55 bits). The twelfth is a check: a sum over GF(32) with a different weight for each
position. It detects every single wrong character, and every swap of two characters, also of two that are not neighbours.
"""

import re
import secrets
from enum import StrEnum
from hashlib import sha256

from redeem.lib.errors import BadCode
from redeem.lib.ids import CROCKFORD, coupon_id, crockford
from redeem.lib.text import UNSEEN

CHARACTERS = 12
ENTROPY_BITS = 5 * (CHARACTERS - 1)
TEXT_MAX_CHARACTERS = 64

_VALUES = {character: value for value, character in enumerate(CROCKFORD)}
# Between the characters: a dash of any kind, a dot, an underscore, and what nobody sees, which pages and mails add to what is copied.
_SEPARATORS = re.compile(rf"[{UNSEEN}_.\-\u2010-\u2015\u2212]")
_CROCKFORD_ALIKE = str.maketrans("OIL", "011")
# Cyrillic letters stand for what they look like, or for the Latin letters on the same keys: a Russian layout types ЛЙ for KQ.
_CYRILLIC_ALIKE = str.maketrans("АВЕКМНОРСТУХ", "ABEKMHOPCTYX")
_SAME_KEY = str.maketrans("ЙЦУКЕНГШЩЗФЫВАПРОЛДЯЧСМИТЬ", "QWERTYUIOPASDFGHJKLZXCVBNM")
_LATIN = re.compile(r"[A-Z]")


class Fault(StrEnum):
    """Why a text is not a short code. `static/clerk/domain/codes.js` has the same set."""

    EMPTY = "empty"
    TOO_LONG = "too_long"
    WRONG_CHARACTER = "wrong_character"
    WRONG_LENGTH = "wrong_length"
    WRONG_CHECK = "wrong_check"
    TWO_READINGS = "two_readings"


def new_code(entropy: int | None = None) -> str:
    """Return a random short code as it is stored. Pass `entropy` (55 bits) for a code that is the same each time."""
    chance = secrets.randbits(ENTROPY_BITS) if entropy is None else entropy
    if not 0 <= chance < 1 << ENTROPY_BITS:
        raise ValueError(f"a short code holds {ENTROPY_BITS} bits")
    body = crockford(chance, CHARACTERS - 1)
    return body + check_character(body)


def normalise(text: str) -> str:
    """Return a typed code as it is stored. Raises BadCode, with a `Fault` as its reason.

    Cyrillic letters can be meant in two ways. The check character says in which; if it fits both, nothing is guessed.
    """
    if len(text) > TEXT_MAX_CHARACTERS:
        raise BadCode(Fault.TOO_LONG)
    readings = _readings(_SEPARATORS.sub("", text).upper())
    codes = [each for each in readings if _fault(each) is None]
    if len(codes) != 1:
        raise BadCode(_fault(readings[0]) or Fault.TWO_READINGS)
    return codes[0]


def grouped(code: str) -> str:
    """Return a stored code in groups of four, as people read it."""
    return "-".join(code[start : start + 4] for start in range(0, CHARACTERS, 4))


def check_character(body: str) -> str:
    """Return the check character for the first eleven characters."""
    return CROCKFORD[_times_alpha(_sum(body))]


def _readings(typed: str) -> list[str]:
    """What may be meant, each once. A Russian layout types no Latin letter, so a text with one was not typed in it."""
    layouts = (_CYRILLIC_ALIKE,) if _LATIN.search(typed) else (_CYRILLIC_ALIKE, _SAME_KEY)
    return list(dict.fromkeys(typed.translate(each).translate(_CROCKFORD_ALIKE) for each in layouts))


def _fault(plain: str) -> Fault | None:
    if not plain:
        return Fault.EMPTY
    if not all(character in _VALUES for character in plain):
        return Fault.WRONG_CHARACTER
    if len(plain) != CHARACTERS:
        return Fault.WRONG_LENGTH
    return Fault.WRONG_CHECK if _sum(plain) else None


def _sum(characters: str) -> int:
    total = 0
    for character in characters:
        total = _times_alpha(total) ^ _VALUES[character]
    return total


def _times_alpha(value: int) -> int:
    """Multiply by x in GF(2)[x] / (x^5 + x^2 + 1)."""
    return value << 1 ^ (0b100101 if value & 16 else 0)


def hash_for_holder(serial: int, short_code: str) -> str:
    """Return the hash that a device gets instead of a short code: 24 bits in hex, salted with the coupon's id.

    So few bits recognise what a customer types and give no code away: of the 2^55 codes, 2^31 have the same hash, and each coupon takes a
    search of its own. Every device gets the same bits: those that hold a coupon one after the other know no more of its code together.
    Which code it is, the server looks at when the gift is booked.
    """
    return sha256(f"redeem-short-code-v2/{coupon_id(serial)}/{short_code}".encode()).hexdigest()[:6]
