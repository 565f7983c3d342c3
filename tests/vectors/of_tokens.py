"""Vectors of tokens: good ones, and each way of being bad with the reason that must be given for it."""

import base64
import struct
from typing import Any

from nacl.signing import SigningKey

DOMAIN = b"redeem-coupon-v1\0"
GROUP_ORDER = 2**252 + 27742317777372353535851937790883648493

ACTIVE, OLD, STOLEN, LAST = 1, 2, 3, 255
STATUSES = {ACTIVE: "active", OLD: "verify_only", STOLEN: "compromised", LAST: "active"}
KEYS = {kid: SigningKey(bytes([kid]) * 32) for kid in STATUSES}

# The eight points of small order as libsodium lists them, and the same written in other, non-canonical ways.
SMALL_ORDER = {
    "of order 1": "01" + "00" * 31,
    "of order 2": "ec" + "ff" * 30 + "7f",
    "of order 4": "00" * 32,
    "of order 4, other sign": "00" * 31 + "80",
    "of order 8": "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "of order 8, other sign": "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "of order 8, the other": "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "of order 8, the other, other sign": "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    "of order 1, with a sign it can't have": "01" + "00" * 30 + "80",
    "of order 2, with a sign it can't have": "ec" + "ff" * 31,
    "of order 4, written as the prime": "ed" + "ff" * 30 + "7f",
    "of order 4, written as the prime, other sign": "ed" + "ff" * 31,
    "of order 1, written as the prime and one": "ee" + "ff" * 30 + "7f",
    "of order 1, written as the prime and one, other sign": "ee" + "ff" * 31,
}
NO_POINTS = {
    "the largest number there is, beyond the prime": "ff" * 31 + "7f",
    "a byte short": "01" * 31,
    "a byte long": bytes(KEYS[ACTIVE].verify_key).hex() + "00",
    "nothing": "",
}


def made(
    kid: int = ACTIVE,
    campaign: int = 7,
    number: int = 42,
    last_day: int = 2500,
    *,
    version: int = 1,
    domain: bytes = DOMAIN,
    signer: SigningKey = KEYS[ACTIVE],
) -> bytes:
    """The 76 bytes of a token, with whatever is to be wrong with it."""
    payload = struct.pack(">BBIIH", version, kid, campaign, number, last_day)
    return payload + signer.sign(domain + payload).signature


def digits(data: bytes, length: int = 183) -> str:
    return str(int.from_bytes(data, "big")).zfill(length)


def flipped(data: bytes, byte: int, bit: int) -> bytes:
    return data[:byte] + bytes([data[byte] ^ 1 << bit]) + data[byte + 1 :]


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


GOOD = made()
TEXT = digits(GOOD)
BODY, R, S = GOOD[:12], GOOD[12:44], GOOD[44:]


def vectors() -> dict[str, Any]:
    return {
        "about": "Coupons' tokens. Every `bad` text is refused with its reason, every key of `bad_keys` at load.",
        "domain": DOMAIN.decode(),
        "seeds": [{"kid": kid, "seed": bytes(key).hex()} for kid, key in KEYS.items()],
        "keys": [_published(kid) for kid in KEYS],
        "good": [*_good_tokens(), *_good_forms()],
        "bad": [
            {"name": name, "text": text, "reason": reason} for name, text, reason in [*_bad_texts(), *_bad_tokens()]
        ],
        "bad_keys": [
            {"name": name, "public_key": base64url(bytes.fromhex(key))}
            for name, key in {**SMALL_ORDER, **NO_POINTS}.items()
        ],
    }


def _published(kid: int) -> dict[str, Any]:
    key = base64url(bytes(KEYS[kid].verify_key))
    return {"kid": kid, "alg": "Ed25519", "public_key": key, "status": STATUSES[kid]}


def _says(name: str, text: str, values: tuple[int, int, int, int], written: str) -> dict[str, Any]:
    kid, campaign, number, last_day = values
    fields = {"key_id": kid, "campaign": campaign, "number": number, "last_day": last_day}
    return {"name": name, "text": text, **fields, "digits": written}


def _good_tokens() -> list[dict[str, Any]]:
    tokens = {
        "an ordinary coupon": (ACTIVE, 7, 42, 2500),
        "the very first": (ACTIVE, 0, 0, 0),
        "the last that there can be": (LAST, 2**31 - 1, 2**32 - 1, 2**16 - 1),
        "signed by a key since rotated out": (OLD, 7, 42, 2500),
        "each byte another": (ACTIVE, 0x01020304, 0x05060708, 0x090A),
    }
    return [
        _says(name, text, values, text)
        for name, values in tokens.items()
        for text in [digits(made(*values, signer=KEYS[values[0]]))]
    ]


def _good_forms() -> list[dict[str, Any]]:
    forms = {**_as_links(), **_as_scanners_add(), **_as_people_copy()}
    return [_says(name, text, (ACTIVE, 7, 42, 2500), TEXT) for name, text in forms.items()]


def _as_links() -> dict[str, str]:
    links = {
        "in the QR": "https://gift.example/c/",
        "of another host": "https://elsewhere.example.org/c/",
        "without TLS, with a port": "http://127.0.0.1:8000/c/",
        "to an IPv6 address": "http://[::1]:8000/c/",
        "in capitals": "HTTPS://GIFT.EXAMPLE/C/",
        "in mixed case": "hTTps://Gift.Example/C/",
        "of an international host": "https://подарок.рф/c/",
        "of an international host in ASCII": "https://xn--80ahtncck.xn--p1ai/c/",
        "of a host with an underscore": "https://gift_shop.example/c/",
        "of a path": "https://gift.example/redeem/c/",
        "of a longer path": "https://gift.example/x/y/c/",
        "of another letter": "https://gift.example/d/",
        "with a user's name": "https://shop@gift.example/c/",
        "in a link": "https://elsewhere.example/?to=https://gift.example/c/",
        "without a scheme": "gift.example/c/",
        "without a host": "https:///c/",
        "of another scheme": "ftp://gift.example/c/",
        "whose host is a number": "https://2130706433/c/",
    }
    return {f"as a link {name}": prefix + TEXT for name, prefix in links.items()}


def _as_scanners_add() -> dict[str, str]:
    link = f"https://gift.example/c/{TEXT}"
    return {
        "ended with CR and LF by a scanner": f"{TEXT}\r\n",
        "ended with a tab by a scanner": f"{TEXT}\t",
        "ended with a group separator": f"{TEXT}\x1d",
        "begun with a group separator": f"\x1d{TEXT}",
        "between STX and ETX": f"\x02{TEXT}\x03",
        "after a star": f"*{TEXT}",
        "between stars": f"*{TEXT}*",
        "after a tilde": f"~{TEXT}",
        "a null at the end": f"{TEXT}\0",
        "between spaces and lines": f" \r\n\t {TEXT} \v\f\n",
        "with an ECI in literal text": f"\\000026{TEXT}",
        "with an ECI of another character set": f"\\000003{TEXT}",
        "with two ECIs": f"\\000026\\000026{TEXT}",
        "as a link with an ECI in literal text": f"\\000026{link}\r",
        "with a symbology id": f"]Q1{TEXT}",
        "with a symbology id behind": f"{TEXT}]Q1",
        "as a link with a symbology id": f"]Q1{link}",
        "with a symbology id and an ECI": f"]Q2\\000026{link}\n",
        "typed in a Russian layout": f"реезыЖ..пшаеюучфьздуюсщь.с.{TEXT}",
        "twice by a scanner without an end": link + link,
        "with a symbology id in a Russian layout": f"ъЙ1реезыЖ..пшаеюучфьздуюсщь.с.{TEXT}",
        "with nothing but a symbology id in a Russian layout": f"ъЙ1{TEXT}",
        "with a symbology id in a Russian layout with Caps Lock": f"Ъй1{TEXT}",
        "with a symbology id and an ECI in a Russian layout": f"ъЙ2\\000026{TEXT}\n",
        "after a backslash": f"\\{TEXT}",
        "at the longest that is read": TEXT + " " * (2048 - 183),
    }


def _as_people_copy() -> dict[str, str]:
    link = f"https://gift.example/c/{TEXT}"
    return {
        "with a byte order mark in front": f"\ufeff{link}",
        "with a no-break space at the end": f"{link}\u00a0",
        "with a left-to-right mark on both sides": f"\u200e{link}\u200e",
        "ended with a full stop": f"{link}.",
        "in brackets": f"({link})",
        "in angle brackets": f"<{link}>",
        "ended with a slash": f"{link}/",
        "ended with an encoded space": f"{link}%20",
        "with a query": f"{link}?utm_source=mail",
        "with all that a mailer hangs on": f"{link}?utm_source=mail&fbclid={'x' * 900}&gclid={'7' * 60}",
        "after an encoded space": f"%20{TEXT}",
        "within a query, encoded": f"https://mail.example/?to=https%3A%2F%2Fgift.example%2Fc%2F{TEXT}%3Futm_source%3Dmail",
        "after a sign for percent": f"100%{TEXT}",
        "beside another number": f"Order 20261130, coupon {TEXT}, 2 of 3",
        "with soft hyphens between the digits": "\u00ad".join((TEXT[:60], TEXT[60:120], TEXT[120:])),
        "with places where a line may break between the digits": "\u200b".join(TEXT),
        "with a word joiner between the digits": TEXT[:90] + "\u2060" + TEXT[90:],
        "twice with a byte order mark between": f"{TEXT}\ufeff{TEXT}",
        "with a fragment": f"{link}#top",
        "as a query": f"https://gift.example/?c={TEXT}",
        "between words": f"Your coupon: {link} Enjoy it",
        "with a sign in front": f"-{TEXT}",
    }


def _bad_texts() -> list[tuple[str, str, str]]:
    """Texts that aren't read."""
    return [(name, text, "too_long") for name, text in _too_long()] + [
        (name, text, "no_digits") for name, text in [*_without_a_token(), *_without_its_digits()]
    ]


def _too_long() -> list[tuple[str, str]]:
    return [("one character too long", TEXT + " " * (2049 - 183)), ("far too long", "0" * 5000)]


def _without_its_digits() -> list[tuple[str, str]]:
    number = int.from_bytes(GOOD, "big")
    return [
        ("one zero more in front", "0" + TEXT),
        ("one digit less in front", TEXT[1:]),
        ("without its leading zeros", str(number)),
        ("one digit less at the end", TEXT[:-1]),
        ("one digit more at the end", TEXT + "0"),
        ("the same modulo 2^608", str(number + 2**608)),
        ("the same modulo 2^608, twice over", str(number + 2 * 2**608)),
        ("twice in one text, as one number", TEXT + TEXT),
        ("a sign for the first digit", "+" + TEXT[1:]),
        ("an underscore between digits", TEXT[:90] + "_" + TEXT[90:]),
        ("a space between digits", TEXT[:90] + " " + TEXT[90:]),
        ("a line break between digits", TEXT[:90] + "\n" + TEXT[90:]),
        ("a no-break space between digits", TEXT[:90] + "\u00a0" + TEXT[90:]),
        ("a line break of an encoded mail between digits", TEXT[:76] + "=\r\n" + TEXT[76:]),
        ("an encoded space between digits", TEXT[:90] + "%20" + TEXT[90:]),
        ("one digit less around a soft break", TEXT[:90] + "\u00ad" + TEXT[91:]),
        ("one digit more around a soft break", TEXT[:90] + "\u00ad0" + TEXT[90:]),
        ("two coupons, one of them with a soft break", f"{TEXT[:90]}\u00ad{TEXT[90:]} {digits(made(number=43))}"),
        ("half an ECI", f"\\0026{TEXT}"),
        ("two coupons", f"{TEXT} {digits(made(number=43))}"),
    ]


def _without_a_token() -> list[tuple[str, str]]:
    return [
        ("nothing", ""),
        ("only spaces", " \r\n\t"),
        ("Arabic digits", TEXT.translate({48 + digit: 0x660 + digit for digit in range(10)})),
        ("full-width digits", TEXT.translate({48 + digit: 0xFF10 + digit for digit in range(10)})),
        ("one Devanagari digit", TEXT[:-1] + chr(0x966 + int(TEXT[-1]))),
        ("one superscript digit", TEXT[:-1] + "²"),
        ("hexadecimal", GOOD.hex()),
        ("hexadecimal, marked", "0x" + GOOD.hex()),
        ("base64url", base64url(GOOD)),
        ("base64", base64.b64encode(GOOD).decode()),
        ("a JWT", "eyJhbGciOiJFZERTQSJ9.eyJjIjo3LCJuIjo0Mn0." + base64url(R + S)),
        ("a short code", "7KQ2-M4XZ-9F3C"),
        ("an article's number", "4006381333931"),
        ("words", "Coupon"),
        ("a link with no more than a digit", "https://gift.example/c/1"),
        ("a link with base64url", f"https://gift.example/c/{base64url(GOOD)}"),
        ("a link without digits", "https://gift.example/c/"),
    ]


def _bad_tokens() -> list[tuple[str, str, str]]:
    """Texts that are read, and aren't ours."""
    swapped_halves = BODY + S + R
    beyond_order = (int.from_bytes(S, "little") + GROUP_ORDER).to_bytes(32, "little")
    other = made(number=43)
    tokens = [
        ("version 0", made(version=0), "unknown_version"),
        ("version 2", made(version=2), "unknown_version"),
        ("a bit of the version flipped", flipped(GOOD, 0, 1), "unknown_version"),
        ("a campaign beyond 31 bits", made(campaign=2**31), "bad_campaign"),
        ("the highest bit of the campaign flipped", flipped(GOOD, 2, 7), "bad_campaign"),
        ("a key that nobody knows", made(kid=9), "unknown_key"),
        ("a bit of the key id flipped, to none", flipped(GOOD, 1, 7), "unknown_key"),
        ("the key id swapped for another's", GOOD[:1] + bytes([OLD]) + GOOD[2:], "wrong_signature"),
        ("the key id swapped for a compromised one's", GOOD[:1] + bytes([STOLEN]) + GOOD[2:], "wrong_signature"),
        ("signed by a compromised key", made(kid=STOLEN, signer=KEYS[STOLEN]), "compromised_key"),
        ("signed by another key than it names", made(signer=KEYS[OLD]), "wrong_signature"),
        ("signed by nobody's key", made(signer=SigningKey(b"x" * 32)), "wrong_signature"),
        ("a low bit of the campaign flipped", flipped(GOOD, 5, 0), "wrong_signature"),
        ("a high bit of the campaign flipped", flipped(GOOD, 2, 6), "wrong_signature"),
        ("a low bit of the number flipped", flipped(GOOD, 9, 0), "wrong_signature"),
        ("a high bit of the number flipped", flipped(GOOD, 6, 7), "wrong_signature"),
        ("a low bit of the last day flipped", flipped(GOOD, 11, 0), "wrong_signature"),
        ("a high bit of the last day flipped", flipped(GOOD, 10, 7), "wrong_signature"),
        ("the first bit of the signature flipped", flipped(GOOD, 12, 0), "wrong_signature"),
        ("the sign of R flipped", flipped(GOOD, 43, 7), "wrong_signature"),
        ("the first bit of S flipped", flipped(GOOD, 44, 0), "wrong_signature"),
        ("the last bit of S flipped", flipped(GOOD, 75, 7), "wrong_signature"),
        ("S and the group's order, which is S again", BODY + R + beyond_order, "wrong_signature"),
        ("R and S swapped", swapped_halves, "wrong_signature"),
        ("a signature of zeros", BODY + bytes(64), "wrong_signature"),
        ("a signature of ones", BODY + b"\xff" * 64, "wrong_signature"),
        ("R the neutral point, S zero", BODY + bytes.fromhex(SMALL_ORDER["of order 1"]) + bytes(32), "wrong_signature"),
        ("another coupon's signature", BODY + other[12:], "wrong_signature"),
        ("no domain before what is signed", made(domain=b""), "wrong_signature"),
        ("the domain without its null", made(domain=DOMAIN[:-1]), "wrong_signature"),
        ("the domain of journal entries", made(domain=b"redeem-entry-v1\0"), "wrong_signature"),
        ("the domain of the next version", made(domain=b"redeem-coupon-v2\0"), "wrong_signature"),
    ]
    numbers = [
        ("the largest number of 183 digits", "9" * 183, "unknown_version"),
        ("nothing but zeros", "0" * 183, "unknown_version"),
    ]
    return [*numbers, *((name, digits(data), reason) for name, data, reason in tokens)]
