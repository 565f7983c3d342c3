"""Ids: a prefix and a ULID (`sto_01J…`), except for campaigns (`cmp_7`) and coupons (`cpn_7_42`), which the token numbers.

A coupon's serial is `(campaign << 32) | number`, a 63-bit integer. It is the coupon's primary key, and its token contains it.
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
    """Return a new id: `prefix_` and a ULID (48 bits of milliseconds since 1970, then 80 random bits).

    The time only keeps ids that are made together close to each other in an index. No code may read the time from an id, so
    this function may read the clock itself. Pass `at_ms` and `entropy` for an id that is the same each time.
    """
    moment = time.time_ns() // 1_000_000 if at_ms is None else at_ms
    chance = secrets.randbits(_RANDOM_BITS) if entropy is None else entropy
    return f"{prefix}_{_ulid(moment, chance)}"


def is_id(prefix: str, text: str) -> bool:
    """Return whether `text` is a well-formed id with this prefix. It need not exist."""
    match = _NAMED.fullmatch(text)
    return match is not None and match[1] == prefix


def serial_of(campaign: int, number: int) -> int:
    """Return the serial of a coupon: its campaign number (31 bits) and its number in the campaign (32 bits). Raises ValueError."""
    if not (0 <= campaign < CAMPAIGN_LIMIT and 0 <= number < NUMBER_LIMIT):
        raise ValueError(f"no serial for campaign {campaign}, number {number}")
    return campaign << 32 | number


def split_serial(serial: int) -> tuple[int, int]:
    """Return the campaign number and the coupon number of a serial. Raises ValueError."""
    if not 0 <= serial < CAMPAIGN_LIMIT << 32:
        raise ValueError(f"no such serial: {serial}")
    return serial >> 32, serial & (NUMBER_LIMIT - 1)


def campaign_id(campaign: int) -> str:
    """Return the id of a campaign, such as `cmp_7`."""
    return f"cmp_{campaign}"


def campaign_of(text: str) -> int | None:
    """Return the campaign number of an id such as `cmp_7`, or None if the id is malformed or out of range."""
    match = _CAMPAIGN_ID.fullmatch(text)
    if match is None or int(match[1]) >= CAMPAIGN_LIMIT:
        return None
    return int(match[1])


def coupon_id(serial: int) -> str:
    """Return the id of the coupon with this serial, such as `cpn_7_42`."""
    campaign, number = split_serial(serial)
    return f"cpn_{campaign}_{number}"


def coupon_of(text: str) -> int | None:
    """Return the serial of an id such as `cpn_7_42`, or None if the id is malformed or out of range."""
    match = _COUPON_ID.fullmatch(text)
    if match is None or int(match[1]) >= CAMPAIGN_LIMIT or int(match[2]) >= NUMBER_LIMIT:
        return None
    return serial_of(int(match[1]), int(match[2]))


def _ulid(at_ms: int, entropy: int) -> str:
    if not (0 <= at_ms < 1 << _TIME_BITS and 0 <= entropy < 1 << _RANDOM_BITS):
        raise ValueError("a ULID holds 48 bits of milliseconds and 80 bits of chance")
    return crockford(at_ms << _RANDOM_BITS | entropy, _ULID_CHARACTERS)


def crockford(value: int, characters: int) -> str:
    """Write the lowest `5 * characters` bits of `value` in Crockford's base 32, most significant first."""
    return "".join(CROCKFORD[value >> shift & 31] for shift in range(5 * (characters - 1), -1, -5))
