"""Siblings: which coupons the store's other tablets hold, and which are at home at another store of the partner, so that a tablet
without a network can say who gives a coupon now.

It is advice and never a permission: what a tablet heard of may have changed since, and then the other one says so. A device's grants
are numbered by its epochs, which only grow: a tablet says up to which it has heard, and is told those behind it. Of homes it says of each
campaign up to which coupon it has heard, and is told the next, of the newest ones alone. What is given back, moved, redeemed or void is
heard of as a change of that coupon, see snapshots.py; if it is open, its home is told anew.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import BindParameter, Row, bindparam, func, or_, select
from sqlalchemy.orm import Session

from redeem.db.models.coupons import Campaign, Coupon
from redeem.db.models.devices import Device
from redeem.db.models.ledger import CouponChange
from redeem.db.models.partners import Store
from redeem.domain.presented import Actor
from redeem.holds.holds import AT_WORK, execute
from redeem.ledger.sql import IS_REDEEMED, IS_VOID
from redeem.lib.bitmaps import to_gaps
from redeem.lib.encoding import base64url

# Each takes a byte or two. A tablet that has more to hear goes on at its next sync.
HOLDS_PER_REPLY_MAX = 5_000
HOMES_PER_REPLY_MAX = 5_000
# Of each campaign so many numbers; of an older coupon no other store is told. `static/clerk/knowledge/homes.js` keeps as many.
NEWEST_MAX = 10_000

OTHERS = (
    select(Device.id, Device.name, Device.newest_epoch)
    .where(Device.store_id == bindparam("store_id"), Device.id != bindparam("device_id"), AT_WORK)
    .order_by(Device.id)
)
HELD = (
    select(Coupon.serial, Coupon.epoch)
    .where(Coupon.holder_id == bindparam("holder_id"), Coupon.epoch > bindparam("after"), ~IS_VOID, ~IS_REDEEMED)
    .order_by(Coupon.epoch)
    .limit(bindparam("limit"))
)
# Held, or promised, anywhere but at home: then the home can't give it.
_ELSEWHERE = (
    select(Device.id)
    .where(Device.id == func.coalesce(Coupon.holder_id, Coupon.promised_to_id))
    .where(or_(Device.store_id != Coupon.home_store_id, ~AT_WORK))
    .exists()
)
AT_HOME = (
    select(Coupon.serial, Store.name)
    .join(Store, Store.id == Coupon.home_store_id)
    .where(Store.partner_id == bindparam("partner_id"), Store.id != bindparam("store_id"))
    .where(~IS_VOID, ~IS_REDEEMED, ~_ELSEWHERE)
    .order_by(Coupon.serial)
    .limit(bindparam("limit"))
)
NEW = AT_HOME.where(Coupon.serial >= bindparam("low"), Coupon.serial < bindparam("high"))
NUMBERS: BindParameter[list[int]] = bindparam("numbers", expanding=True)
CHANGED = AT_HOME.where(
    Coupon.campaign_number.in_(NUMBERS),
    Coupon.serial.in_(select(CouponChange.serial).where(CouponChange.position >= bindparam("since"))),
)
ISSUED = select(Campaign.number, Campaign.coupons).where(Campaign.number.in_(NUMBERS))


def list_tablets(session: Session, store_id: str, device_id: str) -> list[dict[str, str]]:
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
        rows = execute(session, HELD, {"holder_id": other.id, "after": after, "limit": room}).all()
        # All that there is was read, unless the room is used up: then the next reply goes on behind the last of them.
        epoch = rows[-1].epoch if len(rows) == room else max(other.newest_epoch, *(row.epoch for row in rows[-1:]), 0)
        room -= len(rows)
        told[other.id] = {"epoch": epoch, "held": _by_campaign(rows)}
    return told or None


def homes_after(session: Session, to: Actor, heard: Mapping[int, int], since: int | None) -> dict[str, Any] | None:
    """By campaign, the coupons at home at the partner's other stores: by the store's name the numbers, as gaps. None if nothing is new.

    Told are those from the number that was `heard` on, `until` another, and those that changed `since` a position and are open now. Of
    another partner's stores nothing is told: how much is expected there is not for everybody.
    """
    place = {"partner_id": to.partner_id, "store_id": to.store_id, "numbers": list(heard)}
    rows: list[Row[*tuple[Any, ...]]] = []
    if heard and since is not None:
        rows += execute(session, CHANGED, {**place, "since": since, "limit": HOMES_PER_REPLY_MAX})
    untils = dict(heard)
    for number, coupons in execute(session, ISSUED, place).all() if heard else ():
        after, room = max(heard[number], coupons - NEWEST_MAX), HOMES_PER_REPLY_MAX - len(rows)
        if after < coupons and room:
            low = number << 32
            new = execute(session, NEW, {**place, "low": low + after, "high": low + coupons, "limit": room}).all()
            untils[number] = new[-1].serial - low + 1 if len(new) == room else coupons
            rows += new
    found = _by_store(rows)
    news = [number for number, until in untils.items() if until > heard[number] or number in found]
    return {str(number): {"until": untils[number], "at": found.get(number, {})} for number in news} or None


def _others(session: Session, store_id: str, device_id: str) -> Sequence[Row[*tuple[Any, ...]]]:
    return execute(session, OTHERS, {"store_id": store_id, "device_id": device_id}).all()


def _by_campaign(rows: Sequence[Row[*tuple[Any, ...]]]) -> dict[str, str]:
    numbers: dict[str, list[int]] = {}
    for row in rows:
        numbers.setdefault(str(row.serial >> 32), []).append(row.serial & 0xFFFFFFFF)
    return {campaign: base64url(to_gaps(found)) for campaign, found in numbers.items()}


def _by_store(rows: Sequence[Row[*tuple[Any, ...]]]) -> dict[int, dict[str, str]]:
    numbers: dict[int, dict[str, list[int]]] = {}
    for row in rows:
        numbers.setdefault(row.serial >> 32, {}).setdefault(row.name, []).append(row.serial & 0xFFFFFFFF)
    return {number: {name: base64url(to_gaps(found)) for name, found in at.items()} for number, at in numbers.items()}
