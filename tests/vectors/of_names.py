"""Vectors of what a text names: a token's digits, a short code as it is kept, or nothing. No text names two things."""

from typing import Any

from tests.vectors.of_codes import CODE, RUSSIAN, TWO_READINGS
from tests.vectors.of_tokens import TEXT, digits, made

LINK = f"https://gift.example/c/{TEXT}"
GROUPED = f"{CODE[:4]}-{CODE[4:8]}-{CODE[8:]}"
OTHER = digits(made(number=43))


def vectors() -> dict[str, Any]:
    return {
        "about": "What a text names a coupon by: `names` has a token's digits or a short code as it is kept, null for nothing.",
        "names": [{"name": name, "text": text, "names": meant} for name, text, meant in [*_coupons(), *_nothing()]],
    }


def _coupons() -> list[tuple[str, str, str | None]]:
    return [
        ("the QR's text", LINK, TEXT),
        ("the digits alone", TEXT, TEXT),
        (
            "the link in capitals, of another host, with a query and a slash",
            f"HTTPS://OTHER.EXAMPLE/C/{TEXT}/?utm_source=x",
            TEXT,
        ),
        ("the link without a scheme, after a byte order mark", f"\ufeffgift.example/c/{TEXT}", TEXT),
        ("the link between no-break spaces", f"\u00a0{LINK}\u00a0", TEXT),
        ("the link as a scanner types it in a Russian layout", f"ъЙ1реезыЖ..пшаеюучфьздуюсщь.с.{TEXT}\r\n", TEXT),
        ("the link twice", f"{LINK}\n{LINK}", TEXT),
        ("the link and its short code", f"{LINK} {GROUPED}", TEXT),
        ("a short code", GROUPED, CODE),
        ("a short code in small letters", GROUPED.lower(), CODE),
        (
            "a short code in a Russian layout",
            GROUPED.lower().translate({ord(chr(us).lower()): ru.lower() for us, ru in RUSSIAN.items()}),
            CODE,
        ),
    ]


def _nothing() -> list[tuple[str, str, str | None]]:
    return [
        ("nothing", "", None),
        ("two coupons", f"{TEXT} {OTHER}", None),
        ("two links", f"{LINK}\nhttps://gift.example/c/{OTHER}", None),
        ("182 digits", TEXT[1:], None),
        ("184 digits", f"0{TEXT}", None),
        ("digits with a space between", f"{TEXT[:90]} {TEXT[90:]}", None),
        ("two short codes", f"{CODE} {CODE}", None),
        ("a short code in a link", f"https://gift.example/c/{CODE}", None),
        ("a short code between words", f"Code: {CODE}", None),
        ("Cyrillic letters that mean two short codes", TWO_READINGS, None),
        ("an article's number", "4006381333931", None),
    ]
