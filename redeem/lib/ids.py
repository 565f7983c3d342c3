"""Names of things: `sto_01J…` for what is made one by one, `cmp_7` and `cpn_7_42` for what the token numbers.

A coupon's serial is `(campaign << 32) | number`, one 63-bit integer: a token leads to its row without a look-up.
"""

import re
import secrets
import time

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
CAMPAIGN_LIMIT = 2**31
NUMBER_LIMIT = 2**32

_TIME_BITS, _RANDOM_BITS, _ULID_CHARACTERS = 48, 80, 26
_ULID = "[0-7][0-9A-HJKMNP-TV-Z]{25}"
_NAMED = re.compile(rf"([a-z]{{3}})_({_ULID})", re.ASCII)
_NUMBER = "(0|[1-9][0-9]{0,9})"
_CAMPAIGN_ID = re.compile(f"cmp_{_NUMBER}", re.ASCII)
_COUPON_ID = re.compile(f"cpn_{_NUMBER}_{_NUMBER}", re.ASCII)


def new_id(prefix: str, at_ms: int | None = None, entropy: int | None = None) -> str:
    """Mint `prefix_` + ULID: 48 bits of milliseconds since 1970, 80 random bits.

    The time only keeps neighbours together in an index and nothing may read a meaning from it, which is why this
    function looks at the clock by itself. Give `at_ms` and `entropy` where ids must come out the same each time.
    """
    moment = time.time_ns() // 1_000_000 if at_ms is None else at_ms
    chance = secrets.randbits(_RANDOM_BITS) if entropy is None else entropy
    return f"{prefix}_{_ulid(moment, chance)}"


def is_id(prefix: str, text: str) -> bool:
    """Say whether `text` has the form of an id of this kind; whether such a thing exists is another question."""
    match = _NAMED.fullmatch(text)
    return match is not None and match[1] == prefix


def serial_of(campaign: int, number: int) -> int:
    """Join a campaign number (31 bits) and a coupon number within it (32 bits) to the coupon's serial."""
    if not (0 <= campaign < CAMPAIGN_LIMIT and 0 <= number < NUMBER_LIMIT):
        raise ValueError(f"no serial for campaign {campaign}, number {number}")
    return campaign << 32 | number


def split_serial(serial: int) -> tuple[int, int]:
    """Part a serial into campaign number and coupon number."""
    if not 0 <= serial < CAMPAIGN_LIMIT << 32:
        raise ValueError(f"no such serial: {serial}")
    return serial >> 32, serial & (NUMBER_LIMIT - 1)


def campaign_id(campaign: int) -> str:
    """Write a campaign's number as its id, `cmp_7`."""
    return f"cmp_{campaign}"


def campaign_of(text: str) -> int | None:
    """Read `cmp_7` as 7; None if no campaign can have this id."""
    match = _CAMPAIGN_ID.fullmatch(text)
    if match is None or int(match[1]) >= CAMPAIGN_LIMIT:
        return None
    return int(match[1])


def coupon_id(serial: int) -> str:
    """Write a serial as the coupon's id, `cpn_7_42`."""
    campaign, number = split_serial(serial)
    return f"cpn_{campaign}_{number}"


def coupon_of(text: str) -> int | None:
    """Read `cpn_7_42` as the coupon's serial; None if no coupon can have this id."""
    match = _COUPON_ID.fullmatch(text)
    if match is None or int(match[1]) >= CAMPAIGN_LIMIT or int(match[2]) >= NUMBER_LIMIT:
        return None
    return serial_of(int(match[1]), int(match[2]))


def _ulid(at_ms: int, entropy: int) -> str:
    if not (0 <= at_ms < 1 << _TIME_BITS and 0 <= entropy < 1 << _RANDOM_BITS):
        raise ValueError("a ULID holds 48 bits of milliseconds and 80 bits of chance")
    return crockford(at_ms << _RANDOM_BITS | entropy, _ULID_CHARACTERS)


def crockford(value: int, characters: int) -> str:
    """Write the lowest `5 * characters` bits of `value` in Crockford's alphabet, highest first."""
    return "".join(CROCKFORD[value >> shift & 31] for shift in range(5 * (characters - 1), -1, -5))
