"""The shop's list of coupons, newest first within a campaign: by order, status, time of issue and time of change."""

from dataclasses import dataclass

from sqlalchemy import and_, exists, or_
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ColumnElement

from redeem.coupons.issue import COUPON, CouponView
from redeem.db.lines import page_of_lines
from redeem.db.models.coupons import Coupon, HomeChange
from redeem.db.models.ledger import Act, Redemption, Reversal
from redeem.db.paging import Page, Slice
from redeem.domain.status import Status
from redeem.ledger.sql import IS_COMPROMISED, IS_VOID
from redeem.lib.times import Ms


@dataclass(frozen=True, slots=True)
class CouponFilter:
    """Which coupons to list; what is None is not asked for. `since` and `until` are of the issue: `since` is included, `until` is not."""

    campaign: int | None = None
    order_ref: str | None = None
    status: Status | None = None
    since: Ms | None = None
    until: Ms | None = None
    updated_since: Ms | None = None


def list_coupons(session: Session, wanted: CouponFilter, today: int, page: Page) -> Slice[CouponView]:
    """Return coupons by serial, newest first within a campaign. `today` is the shop's day, for the status."""
    statement = COUPON.where(*conditions(wanted, today))
    return page_of_lines(session, CouponView, statement, Coupon.serial.expression, page)


def conditions(wanted: CouponFilter, today: int) -> list[ColumnElement[bool]]:
    asked = []
    if wanted.campaign is not None:
        asked.append(Coupon.campaign_number == wanted.campaign)
    if wanted.order_ref is not None:
        asked.append(Coupon.order_ref == wanted.order_ref)
    if wanted.status is not None:
        asked.append(has_status(wanted.status, today))
    if wanted.since is not None:
        asked.append(Coupon.issued_at >= wanted.since)
    if wanted.until is not None:
        asked.append(Coupon.issued_at < wanted.until)
    if wanted.updated_since is not None:
        asked.append(has_changed(wanted.updated_since))
    return asked


def has_status(status: Status, today: int) -> ColumnElement[bool]:
    """`status.status_of` as SQL, over a statement that has the coupon's redemption, if there is one."""
    is_open = and_(Redemption.serial.is_(None), ~IS_VOID, ~IS_COMPROMISED)
    has: dict[Status, ColumnElement[bool]] = {
        "redeemed": Redemption.serial.is_not(None),
        "void": and_(Redemption.serial.is_(None), Coupon.voided_at.is_not(None)),
        "void_requested": and_(Redemption.serial.is_(None), IS_VOID, Coupon.voided_at.is_(None)),
        "compromised": and_(Redemption.serial.is_(None), ~IS_VOID, IS_COMPROMISED),
        "expired": and_(is_open, Coupon.last_day < today),
        "issued": and_(is_open, Coupon.last_day >= today),
    }
    return has[status]


def has_changed(since: Ms) -> ColumnElement[bool]:
    """Whether it was issued, given, undone, voided or moved since then. That a day has passed is no change."""
    undone = exists().where(Act.serial == Coupon.serial, Reversal.act_id == Act.id, Reversal.at >= since)
    moved = exists().where(HomeChange.serial == Coupon.serial, HomeChange.at >= since)
    times = (Coupon.issued_at, Coupon.voided_at, Coupon.void_requested_at, Redemption.at)
    return or_(*(time >= since for time in times), undone, moved)
