"""Short codes: what a clerk types when the QR won't scan. Twelve characters, `7KQ2M4XZ9F3C`, the last a check.

They are stored plain and shown `grouped`, `7KQ2-M4XZ-9F3C`.

The check is a sum over GF(32) with a different weight at each place, so that any one wrong character and any two
characters swapped are found, and not only swapped neighbours. The first eleven are random: 55 bits.
"""

import re
import secrets
from enum import StrEnum

from redeem.lib.errors import BadCode
from redeem.lib.ids import CROCKFORD, crockford

CHARACTERS = 12
ENTROPY_BITS = 5 * (CHARACTERS - 1)
TEXT_MAX_CHARACTERS = 64

_VALUES = {character: value for value, character in enumerate(CROCKFORD)}
_SEPARATORS = re.compile(r"[\t-\r \u00a0_.\-\u2010-\u2015\u2212]")
# Look-alikes mean what they look like: Crockford's three, and the capitals of a Cyrillic keyboard.
_ALIKE = str.maketrans("OILАВЕКМНОРСТУХ", "011ABEKMH0PCTYX")


class Fault(StrEnum):
    """Why a text is no short code: the closed set, the same in `codes.js`."""

    EMPTY = "empty"
    TOO_LONG = "too_long"
    WRONG_CHARACTER = "wrong_character"
    WRONG_LENGTH = "wrong_length"
    WRONG_CHECK = "wrong_check"


def new_code(entropy: int | None = None) -> str:
    """Draw a short code, as it is stored; `entropy` (55 bits) makes it come out the same each time."""
    chance = secrets.randbits(ENTROPY_BITS) if entropy is None else entropy
    if not 0 <= chance < 1 << ENTROPY_BITS:
        raise ValueError(f"a short code holds {ENTROPY_BITS} bits")
    body = crockford(chance, CHARACTERS - 1)
    return body + check_character(body)


def normalise(text: str) -> str:
    """Return a typed code as it is stored, or raise `BadCode` with the reason."""
    if len(text) > TEXT_MAX_CHARACTERS:
        raise BadCode(Fault.TOO_LONG)
    plain = _SEPARATORS.sub("", text).upper().translate(_ALIKE)
    reason = _fault(plain)
    if reason is not None:
        raise BadCode(reason)
    return plain


def grouped(code: str) -> str:
    """Return a stored code as people read it, in groups of four."""
    return "-".join(code[start : start + 4] for start in range(0, CHARACTERS, 4))


def check_character(body: str) -> str:
    """Return the check character of the first eleven."""
    return CROCKFORD[_times_alpha(_sum(body))]


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
