"""Siblings: which coupons the store's other tablets hold, so that a tablet without a network can say who gives a coupon now.

It is advice and never a permission: what a tablet heard of may have changed since, and then the other one says so. A device's grants
are numbered by its epochs, which only grow: a tablet says up to which it has heard, and is told those behind it. What is given back,
redeemed or void is heard of as a change of that coupon, see snapshots.py.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row, bindparam, select
from sqlalchemy.orm import Session

from redeem.bitmaps import to_gaps
from redeem.holding import AT_WORK, IS_VOID, REDEEMED, run
from redeem.keys import base64url
from redeem.models import Coupon, Device
from redeem.verifying import Actor

# Each takes a byte or two. A tablet that has more to hear goes on at its next sync.
HOLDS_PER_REPLY_MAX = 5_000
OTHERS = (
    select(Device.id, Device.name, Device.newest_epoch)
    .where(Device.store_id == bindparam("store_id"), Device.id != bindparam("device_id"), AT_WORK)
    .order_by(Device.id)
)
HELD = (
    select(Coupon.serial, Coupon.epoch)
    .where(Coupon.holder_id == bindparam("holder_id"), Coupon.epoch > bindparam("after"), ~IS_VOID, ~REDEEMED)
    .order_by(Coupon.epoch)
    .limit(bindparam("limit"))
)


def names(session: Session, store_id: str, device_id: str) -> list[dict[str, str]]:
    """The other tablets of the store."""
    return [{"id": other.id, "name": other.name} for other in _others(session, store_id, device_id)]


def holds_after(session: Session, to: Actor, heard: Mapping[str, int]) -> dict[str, Any] | None:
    """By device, what it was granted behind the epoch that was heard of: the newest `epoch`, and by campaign the numbers, as gaps.

    None if there is nothing new.
    """
    told, room = {}, HOLDS_PER_REPLY_MAX
    for other in _others(session, to.store_id, to.device_id):
        after = heard.get(other.id, 0)
        if other.newest_epoch <= after or not room:
            continue
        rows = run(session, HELD, {"holder_id": other.id, "after": after, "limit": room}).all()
        # All that there is was read, unless the room is used up: then the next reply goes on behind the last of them.
        epoch = rows[-1].epoch if len(rows) == room else max(other.newest_epoch, *(row.epoch for row in rows[-1:]), 0)
        room -= len(rows)
        told[other.id] = {"epoch": epoch, "held": _by_campaign(rows)}
    return told or None


def _others(session: Session, store_id: str, device_id: str) -> Sequence[Row[*tuple[Any, ...]]]:
    return run(session, OTHERS, {"store_id": store_id, "device_id": device_id}).all()


def _by_campaign(rows: Sequence[Row[*tuple[Any, ...]]]) -> dict[str, str]:
    numbers: dict[str, list[int]] = {}
    for row in rows:
        numbers.setdefault(str(row.serial >> 32), []).append(row.serial & 0xFFFFFFFF)
    return {campaign: base64url(to_gaps(found)) for campaign, found in numbers.items()}
