"""A coupon's status, as the shop sees it. Whether the coupon is good at a store on a day is in rules.py.

`redeem/ledger/sql.py` has `is_void` in SQL, and a test compares both.
"""

from typing import Literal, Protocol

from redeem.lib.times import Ms

Status = Literal["issued", "void_requested", "void", "compromised", "redeemed", "expired"]


class Fate(Protocol):
    """What has happened to a coupon, and when. None means that it has not happened.

    A requested void waits for the tablet that holds the coupon, which may have given the gift already. `compromised`: the key that signed
    the coupon is, so no store takes it.
    """

    @property
    def last_day(self) -> int: ...
    @property
    def redeemed_at(self) -> Ms | None: ...
    @property
    def voided_at(self) -> Ms | None: ...
    @property
    def void_requested_at(self) -> Ms | None: ...
    @property
    def compromised(self) -> bool: ...


def is_void(coupon: Fate) -> bool:
    """Return whether the coupon is void for everybody but its holder: it is void, or a void is requested."""
    return coupon.voided_at is not None or coupon.void_requested_at is not None


def status_of(coupon: Fate, today: int) -> Status:
    """Return the status on this day. What happened to the coupon comes before its last day, as in `why_declined`."""
    if coupon.redeemed_at is not None:
        return "redeemed"
    if is_void(coupon):
        return "void" if coupon.voided_at is not None else "void_requested"
    if coupon.compromised:
        return "compromised"
    return "expired" if today > coupon.last_day else "issued"
