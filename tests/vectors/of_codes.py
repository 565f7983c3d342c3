"""Vectors of short codes. The check character is reckoned here by another way than in the code: by powers, not by steps."""

from typing import Any

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
BODIES = [
    "00000000000",
    "00000000001",
    "10000000000",
    "7KQ2M4XZ9F3",
    "ZZZZZZZZZZZ",
    "0123456789A",
    "CDEFGHJKMNP",
    "QRSTVWXYZ01",
]


def product(left: int, right: int) -> int:
    """Multiply in GF(32) = GF(2)[x] / (x^5 + x^2 + 1), the long way."""
    long = 0
    for bit in range(5):
        long ^= (left << bit) if right >> bit & 1 else 0
    for bit in (8, 7, 6, 5):
        long ^= (0b100101 << (bit - 5)) if long >> bit & 1 else 0
    return long


def weight(place: int) -> int:
    """x to the power of the characters behind this one: eleven for the first, none for the check character."""
    power = 1
    for _ in range(11 - place):
        power = product(power, 2)
    return power


def coded(body: str) -> str:
    check = 0
    for place, character in enumerate(body):
        check ^= product(weight(place), ALPHABET.index(character))
    return body + ALPHABET[check]


CODE = coded("7KQ2M4XZ9F3")
A, B, C = CODE[:4], CODE[4:8], CODE[8:]
CYRILLIC = coded("ABEKMH0PCTX")
# The rows of a keyboard: what the same keys type in the US layout and in the Russian one.
ROWS = (("QWERTYUIOP", "ЙЦУКЕНГШЩЗ"), ("ASDFGHJKL", "ФЫВАПРОЛД"), ("ZXCVBNM", "ЯЧСМИТЬ"))
RUSSIAN = {ord(us): russian for row in ROWS for us, russian in zip(*row, strict=True)}
# These Cyrillic letters are a code both as what they look like and as keys: found by trying.
TWO_READINGS = "АТМТТЕАНСТУЕ"


def vectors() -> dict[str, Any]:
    return {
        "about": "Short codes as they are typed, as they are kept, and why others are refused.",
        "codes": [{"body": body, "code": coded(body)} for body in BODIES],
        "good": [{"name": name, "text": text, "code": code} for name, text, code in _good()],
        "bad": [{"name": name, "text": text, "reason": reason} for name, text, reason in _bad()],
    }


def _good() -> list[tuple[str, str, str]]:
    return [
        ("plain", CODE, CODE),
        ("grouped", f"{A}-{B}-{C}", CODE),
        ("in small letters", f"{A}-{B}-{C}".lower(), CODE),
        ("with spaces", f"  {A} {B} {C}\r\n", CODE),
        ("with dashes that a phone puts in", f"{A}\u2013{B}\u2014{C}", CODE),
        ("with dots and underscores", f"{A}.{B}_{C}", CODE),
        ("with no-break spaces", f"{A}\u00a0{B}\u00a0{C}", CODE),
        ("with zero-width spaces", f"\u200b{A}\u200b{B}-{C}\u200b", CODE),
        ("with a byte order mark", f"\ufeff{A}-{B}-{C}", CODE),
        ("with marks of direction", f"\u2066\u200e{A}-{B}-{C}\u200f\u2069", CODE),
        ("with soft hyphens and a word joiner", f"{A}\u00ad{B}\u00ad{C}\u2060", CODE),
        ("with thin and narrow spaces", f"{A}\u2009{B}\u202f{C}\u3000", CODE),
        ("between STX and ETX", f"\x02{A}{B}{C}\x03", CODE),
        ("each character apart", " ".join(CODE), CODE),
        ("nothing but O for zero", "o" * 12, "0" * 12),
        ("I and L for one", coded("11000000000").replace("1", "I", 1).replace("1", "l", 1), coded("11000000000")),
        (
            "typed on a Cyrillic keyboard",
            CYRILLIC.translate(str.maketrans("ABEKMH0PCTX", "АВЕКМНОРСТХ")).lower(),
            CYRILLIC,
        ),
        ("typed in a Russian layout", CODE.translate(RUSSIAN), CODE),
        ("typed in a Russian layout in small letters, grouped", f"{A}-{B}-{C}".translate(RUSSIAN).lower(), CODE),
        ("every letter typed in a Russian layout", coded("BCDFGJNQRSV").translate(RUSSIAN), coded("BCDFGJNQRSV")),
        ("every other letter typed in a Russian layout", coded("AEHKMPTWXYZ").translate(RUSSIAN), coded("AEHKMPTWXYZ")),
        (
            "typed in a Russian layout in letters that look like Latin ones",
            coded("FDTRVYJHCNE").translate(RUSSIAN),
            coded("FDTRVYJHCNE"),
        ),
        (
            "O, I and L for zero and one in a Russian layout",
            "щшд" + coded("01100000000")[3:].translate(RUSSIAN),
            coded("01100000000"),
        ),
        (
            "one Cyrillic letter that looks like a Latin one",
            coded("A0000000QQQ").replace("A", "А"),
            coded("A0000000QQQ"),
        ),
        ("with a Cyrillic У", coded("Y0000000000").replace("Y", "у"), coded("Y0000000000")),
    ]


def _bad() -> list[tuple[str, str, str]]:
    wrong = [
        ("nothing", "", "empty"),
        ("only separators", " - - \t", "empty"),
        ("too long to be looked at", " " * 65, "too_long"),
        ("a character less", CODE[:-1], "wrong_length"),
        ("a character more", CODE + "0", "wrong_length"),
        ("a token", "0" * 60, "wrong_length"),
        ("with a U, which the alphabet leaves out", "U" + CODE[1:], "wrong_character"),
        ("with a star", CODE[:-1] + "*", "wrong_character"),
        ("with a Cyrillic letter that looks like none", "Ж" + CODE[1:], "wrong_character"),
        ("with an Arabic digit", "\u0660" + CODE[1:], "wrong_character"),
        ("with a full-width digit", "\uff17" + CODE[1:], "wrong_character"),
        ("in a Russian layout, with a Latin letter", CODE[:-1].translate(RUSSIAN) + CODE[-1], "wrong_character"),
        ("in a Russian layout, with a U", ("U" + CODE[1:]).translate(RUSSIAN), "wrong_character"),
        ("in a Russian layout, with a character wrong", ("8" + CODE[1:]).translate(RUSSIAN), "wrong_character"),
        ("Cyrillic letters that mean two codes", TWO_READINGS, "two_readings"),
        ("with a picture", "🎁" + CODE[1:], "wrong_character"),
    ]
    return [*wrong, *_each_wrong_character(), *_each_swap()]


def _each_wrong_character() -> list[tuple[str, str, str]]:
    """One wrong character at each place, off by one in the alphabet."""
    return [
        (f"character {place + 1} wrong", CODE[:place] + _next(CODE[place]) + CODE[place + 1 :], "wrong_check")
        for place in range(12)
    ]


def _each_swap() -> list[tuple[str, str, str]]:
    """Two neighbours swapped, and the first with the last."""
    pairs = [(place, place + 1) for place in range(11)] + [(0, 11)]
    return [
        (f"characters {one + 1} and {two + 1} swapped", _swapped(one, two), "wrong_check")
        for one, two in pairs
        if CODE[one] != CODE[two]
    ]


def _next(character: str) -> str:
    return ALPHABET[(ALPHABET.index(character) + 1) % 32]


def _swapped(one: int, two: int) -> str:
    characters = list(CODE)
    characters[one], characters[two] = characters[two], characters[one]
    return "".join(characters)
