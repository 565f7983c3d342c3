"""A coupon's status: what has become of it, in the shop's words. Whether it is good at a store on a day is in rules.py.

`redeem/ledger/sql.py` says in SQL whether a coupon is void, and a test holds both to the same answers.
"""

from typing import Literal, Protocol

from redeem.lib.times import Ms

Status = Literal["issued", "void_requested", "void", "redeemed", "expired"]


class Fate(Protocol):
    """What is on record of one coupon: the times of what happened to it, None for what did not.

    A void that was asked for waits for the tablet that holds the coupon, which may have given it before it hears of that.
    """

    @property
    def last_day(self) -> int: ...
    @property
    def redeemed_at(self) -> Ms | None: ...
    @property
    def voided_at(self) -> Ms | None: ...
    @property
    def void_requested_at(self) -> Ms | None: ...


def is_void(coupon: Fate) -> bool:
    """Say whether it is void for everybody but the tablet that may hold it."""
    return coupon.voided_at is not None or coupon.void_requested_at is not None


def status_of(coupon: Fate, today: int) -> Status:
    """Return the status on this day. What has happened to the coupon comes before what was promised, as in `why_declined`."""
    if coupon.redeemed_at is not None:
        return "redeemed"
    if is_void(coupon):
        return "void" if coupon.voided_at is not None else "void_requested"
    return "expired" if today > coupon.last_day else "issued"
