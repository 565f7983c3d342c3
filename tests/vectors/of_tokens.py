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
    forms = {
        "as the link in the QR": f"https://gift.example/c/{TEXT}",
        "as a link of another host": f"https://elsewhere.example.org/c/{TEXT}",
        "as a link without TLS, with a port": f"http://127.0.0.1:8000/c/{TEXT}",
        "as a link to an IPv6 address": f"http://[::1]:8000/c/{TEXT}",
        "as a link in capitals": f"HTTPS://GIFT.EXAMPLE/C/{TEXT}",
        "as a link in mixed case": f"hTTps://Gift.Example/C/{TEXT}",
        "ended with CR and LF by a scanner": f"{TEXT}\r\n",
        "ended with a tab by a scanner": f"{TEXT}\t",
        "ended with a group separator": f"{TEXT}\x1d",
        "begun with a group separator": f"\x1d{TEXT}",
        "between spaces and lines": f" \r\n\t {TEXT} \v\f\n",
        "with an ECI in literal text": f"\\000026{TEXT}",
        "as a link with an ECI in literal text": f"\\000026https://gift.example/c/{TEXT}\r",
        "with a symbology id": f"]Q1{TEXT}",
        "as a link with a symbology id": f"]Q1https://gift.example/c/{TEXT}",
        "with a symbology id and an ECI": f"]Q2\\000026https://gift.example/c/{TEXT}\n",
        "at the longest that is read": TEXT + " " * (512 - 183),
    }
    return [_says(name, text, (ACTIVE, 7, 42, 2500), TEXT) for name, text in forms.items()]


def _bad_texts() -> list[tuple[str, str, str]]:
    """Texts that aren't read."""
    number = int.from_bytes(GOOD, "big")
    return [
        ("nothing", "", "empty"),
        ("only spaces", " \r\n\t", "empty"),
        ("one character too long", TEXT + " " * (513 - 183), "too_long"),
        ("far too long", "0" * 5000, "too_long"),
        ("one zero more in front", "0" + TEXT, "wrong_length"),
        ("one digit less in front", TEXT[1:], "wrong_length"),
        ("without its leading zeros", str(number), "wrong_length"),
        ("one digit less at the end", TEXT[:-1], "wrong_length"),
        ("one digit more at the end", TEXT + "0", "wrong_length"),
        ("the same modulo 2^608", str(number + 2**608), "wrong_length"),
        ("the same modulo 2^608, twice over", str(number + 2 * 2**608), "wrong_length"),
        ("twice in one text", TEXT + TEXT, "wrong_length"),
        ("a link with no more than a digit", "https://gift.example/c/1", "wrong_length"),
        ("the largest number of 183 digits", "9" * 183, "unknown_version"),
        ("nothing but zeros", "0" * 183, "unknown_version"),
        ("Arabic digits", TEXT.translate({48 + digit: 0x660 + digit for digit in range(10)}), "not_digits"),
        ("full-width digits", TEXT.translate({48 + digit: 0xFF10 + digit for digit in range(10)}), "not_digits"),
        ("one Devanagari digit", TEXT[:-1] + chr(0x966 + int(TEXT[-1])), "not_digits"),
        ("one superscript digit", TEXT[:-1] + "²", "not_digits"),
        ("a sign in front", "+" + TEXT[1:], "not_digits"),
        ("a minus in front", "-" + TEXT, "not_digits"),
        ("an underscore between digits", TEXT[:90] + "_" + TEXT[90:], "not_digits"),
        ("a space between digits", TEXT[:90] + " " + TEXT[90:], "not_digits"),
        ("a line break between digits", TEXT[:90] + "\n" + TEXT[90:], "not_digits"),
        ("a null at the end", TEXT + "\0", "not_digits"),
        ("a byte order mark in front", "\ufeff" + TEXT, "not_digits"),
        ("a no-break space at the end", TEXT + "\u00a0", "not_digits"),
        ("hexadecimal", GOOD.hex(), "not_digits"),
        ("hexadecimal, marked", "0x" + GOOD.hex(), "not_digits"),
        ("base64url", base64url(GOOD), "not_digits"),
        ("base64", base64.b64encode(GOOD).decode(), "not_digits"),
        ("a JWT", "eyJhbGciOiJFZERTQSJ9.eyJjIjo3LCJuIjo0Mn0." + base64url(R + S), "not_digits"),
        ("a short code", "7KQ2-M4XZ-9F3C", "not_digits"),
        ("words", "Coupon", "not_digits"),
        ("a link with another path", f"https://gift.example/d/{TEXT}", "not_digits"),
        ("a link with a longer path", f"https://gift.example/x/c/{TEXT}", "not_digits"),
        ("a link that goes on", f"https://gift.example/c/{TEXT}/", "not_digits"),
        ("a link with a query", f"https://gift.example/c/{TEXT}?x=1", "not_digits"),
        ("a link with a fragment", f"https://gift.example/c/{TEXT}#x", "not_digits"),
        ("a link whose digits are its query", f"https://gift.example/?/c/{TEXT}", "not_digits"),
        ("a link with base64url", f"https://gift.example/c/{base64url(GOOD)}", "not_digits"),
        ("a link without digits", "https://gift.example/c/", "not_digits"),
        ("a link without a host", f"https:///c/{TEXT}", "not_digits"),
        ("a link without a scheme", f"gift.example/c/{TEXT}", "not_digits"),
        ("a link of another scheme", f"ftp://gift.example/c/{TEXT}", "not_digits"),
        ("a link with a user's name", f"https://shop@gift.example/c/{TEXT}", "not_digits"),
        ("a link with a long s in its scheme", f"http\u017f://gift.example/c/{TEXT}", "not_digits"),
        ("a link with a Kelvin sign in its host", f"https://\u212aiosk.example/c/{TEXT}", "not_digits"),
        ("a link in a link", f"https://gift.example/c/https://gift.example/c/{TEXT}", "not_digits"),
        ("a script", f"javascript://gift.example/c/{TEXT}", "not_digits"),
        ("an ECI of another character set", f"\\000003{TEXT}", "not_digits"),
        ("two ECIs", f"\\000026\\000026{TEXT}", "not_digits"),
        ("half an ECI", f"\\0026{TEXT}", "not_digits"),
        ("a symbology id behind", f"{TEXT}]Q1", "not_digits"),
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
        ("the key id swapped for a compromised one's", GOOD[:1] + bytes([STOLEN]) + GOOD[2:], "compromised_key"),
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
    return [(name, digits(data), reason) for name, data, reason in tokens]
