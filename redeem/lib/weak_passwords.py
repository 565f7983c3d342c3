"""Passwords that are guessed first: common ones and what people make of them, and those with the own name or address in them."""

import gzip
import re
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path

LIST = Path(__file__).parent / "common_passwords" / "passwords.txt.gz"
COMMON_MIN_CHARACTERS = 4
UNIT_MAX_CHARACTERS = 4  # what is typed over and over: any unit of so few characters is guessed
OWN_MIN_CHARACTERS = 4  # shorter names are found in many words
# A password that was typed with the Russian layout switched on is guessed as what its keys say.
KEYS = str.maketrans("йцукенгшщзхъфывапролджэячсмитьбюё", "qwertyuiop[]asdfghjkl;'zxcvbnm,.`")
_EDGES = re.compile(r"^[\W\d_]+|[\W\d_]+$")
_WORDS = re.compile(r"[^\W\d_]+")


def is_common(password: str) -> bool:
    """Return whether the password is a common one, one with digits or marks around it, one typed twice, or consecutive keys or numbers."""
    lower = password.casefold()
    return any(is_guessed(text) for text in (lower, lower.translate(KEYS)))


def contains_own(password: str, own: Iterable[str]) -> bool:
    """Return whether one of a person's own texts (name, address), or a word of it, is in the password."""
    lower = password.casefold()
    return any(part in lower for text in own for part in parts_of(text.casefold()))


def parts_of(own: str) -> Iterator[str]:
    local, _, _ = own.partition("@")
    for part in (local, *_WORDS.findall(local)):
        if len(part) >= OWN_MIN_CHARACTERS:
            yield part


def is_guessed(text: str) -> bool:
    core, letters = _EDGES.sub("", text), "".join(_WORDS.findall(text))
    return any(is_listed(unit_of(each)) or is_listed(each) or is_consecutive(each) for each in (text, core, letters))


def is_listed(text: str) -> bool:
    return len(text) <= UNIT_MAX_CHARACTERS or text in common()


def is_consecutive(text: str) -> bool:
    """`123456789012` and `abcdefgh`, in either direction; a nine is followed by a nought."""
    steps = {ord(after) - ord(before) for before, after in pairwise(text)}
    return steps <= {1, -9} or steps <= {-1, 9}


def unit_of(text: str) -> str:
    """The part that the text repeats, the text itself if it repeats none."""
    return text[: (text + text).find(text, 1)] if text else ""


@cache
def common() -> frozenset[str]:
    listed = gzip.decompress(LIST.read_bytes()).decode().split()
    return frozenset(each for each in listed if len(each) >= COMMON_MIN_CHARACTERS)
