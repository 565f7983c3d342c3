"""Siblings: what a tablet knows of the store's other tablets and of the partner's other stores, to say offline who can give a coupon.

It is only advice, and may be out of date. Both lists are sent incrementally. Of another tablet's holds a tablet names the last epoch that
it has, and gets those with greater ones. Of homes it names, for each campaign, the next coupon number, and gets the newest numbers from
there on. Releases, moves, redemptions and voids reach it as changes of the coupons, see sync/changes.py.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import BindParameter, Row, bindparam, func, or_, select
from sqlalchemy.orm import Session

from redeem.db.models.coupons import Campaign, Coupon
from redeem.db.models.devices import Device
from redeem.db.models.ledger import CouponChange
from redeem.db.models.partners import CLOSED_SINCE, Store
from redeem.domain.presented import Actor
from redeem.holds.holds import AT_WORK, execute
from redeem.ledger.sql import IS_REDEEMED, IS_VOID
from redeem.lib.bitmaps import to_gaps
from redeem.lib.encoding import base64url

# Each takes a byte or two. The rest follows at the tablet's next sync.
HOLDS_PER_REPLY_MAX = 5_000
HOMES_PER_REPLY_MAX = 5_000
# Only the newest numbers of each campaign are sent. `static/clerk/knowledge/homes.js` keeps as many.
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
# Held by, or promised to, a device that is not at work at the coupon's home: then the home can't give it.
_ELSEWHERE = (
    select(Device.id)
    .where(Device.id == func.coalesce(Coupon.holder_id, Coupon.promised_to_id))
    .where(or_(Device.store_id != Coupon.home_store_id, ~AT_WORK))
    .exists()
)
AT_HOME = (
    select(Coupon.serial, Store.name)
    .join(Store, Store.id == Coupon.home_store_id)
    .where(Store.partner_id == bindparam("partner_id"), Store.id != bindparam("store_id"), CLOSED_SINCE.is_(None))
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
    """Return the other tablets of the store, as JSON: `[{"id", "name"}, …]`."""
    return [{"id": other.id, "name": other.name} for other in _others(session, store_id, device_id)]


def holds_after(session: Session, to: Actor, known: Mapping[str, int]) -> dict[str, Any] | None:
    """Return, as JSON, the new holds of the store's other tablets, or None if there are none.

    `known` has the last epoch that the tablet has, by device id. The result has, by device id, the new last `epoch`, and `held`: by
    campaign number the coupon numbers, as gaps (see lib/bitmaps.py) in base64url.
    """
    news, room = {}, HOLDS_PER_REPLY_MAX
    for other in _others(session, to.store_id, to.device_id):
        after = known.get(other.id, 0)
        if other.newest_epoch <= after or not room:
            continue
        rows = execute(session, HELD, {"holder_id": other.id, "after": after, "limit": room}).all()
        # If the limit was reached, the next reply goes on after the last row. Otherwise the tablet has all holds up to newest_epoch.
        epoch = rows[-1].epoch if len(rows) == room else max(other.newest_epoch, *(row.epoch for row in rows[-1:]), 0)
        room -= len(rows)
        news[other.id] = {"epoch": epoch, "held": _by_campaign(rows)}
    return news or None


def homes_after(session: Session, to: Actor, known: Mapping[int, int], since: int | None) -> dict[str, Any] | None:
    """Return, as JSON, the coupons at home at the partner's other stores that are new to the tablet, or None if there are none.

    New are those from the number in `known` on, by campaign number, and those that changed since the position `since` and are open. The
    result has, by campaign number, `until` (the number to go on from), and `at`: by store name the coupon numbers, as gaps in base64url.
    Other partners' stores are left out: what is expected there is their business.
    """
    place = {"partner_id": to.partner_id, "store_id": to.store_id, "numbers": list(known)}
    rows: list[Row[*tuple[Any, ...]]] = []
    if known and since is not None:
        rows += execute(session, CHANGED, {**place, "since": since, "limit": HOMES_PER_REPLY_MAX})
    untils = dict(known)
    for number, coupons in execute(session, ISSUED, place).all() if known else ():
        after, room = max(known[number], coupons - NEWEST_MAX), HOMES_PER_REPLY_MAX - len(rows)
        if after < coupons and room:
            low = number << 32
            new = execute(session, NEW, {**place, "low": low + after, "high": low + coupons, "limit": room}).all()
            untils[number] = new[-1].serial - low + 1 if len(new) == room else coupons
            rows += new
    at_stores = _by_store(rows)
    news = [number for number, until in untils.items() if until > known[number] or number in at_stores]
    return {str(number): {"until": untils[number], "at": at_stores.get(number, {})} for number in news} or None


def _others(session: Session, store_id: str, device_id: str) -> Sequence[Row[*tuple[Any, ...]]]:
    return execute(session, OTHERS, {"store_id": store_id, "device_id": device_id}).all()


def _by_campaign(rows: Sequence[Row[*tuple[Any, ...]]]) -> dict[str, str]:
    numbers: dict[str, list[int]] = {}
    for row in rows:
        numbers.setdefault(str(row.serial >> 32), []).append(row.serial & 0xFFFFFFFF)
    return {campaign: base64url(to_gaps(each)) for campaign, each in numbers.items()}


def _by_store(rows: Sequence[Row[*tuple[Any, ...]]]) -> dict[int, dict[str, str]]:
    numbers: dict[int, dict[str, list[int]]] = {}
    for row in rows:
        numbers.setdefault(row.serial >> 32, {}).setdefault(row.name, []).append(row.serial & 0xFFFFFFFF)
    return {number: {name: base64url(to_gaps(each)) for name, each in at.items()} for number, at in numbers.items()}
