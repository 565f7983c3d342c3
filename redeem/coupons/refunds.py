"""Refunds: an order came back, whole or in part. What is open is voided; what was given stays given, and is told."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from redeem.coupons import issue
from redeem.coupons.issue import CouponView
from redeem.db.models.coupons import Coupon
from redeem.ledger import ledger
from redeem.lib.errors import Invalid, NotFound
from redeem.lib.times import Ms
from redeem.redemptions import listing
from redeem.redemptions.listing import Redeemed

COUPONS_PER_REFUND_MAX = 200


@dataclass(frozen=True, slots=True)
class Refunded:
    """What has become of one coupon of the order. `redemption` is the one that stands: the gift was given before."""

    coupon: CouponView
    redemption: Redeemed | None


def refund(session: Session, order_ref: str, lines: Collection[str] | None, reason: str, now: Ms) -> list[Refunded]:
    """Void the open coupons of an order, or of these lines of it, and return what has become of each, in the order of their numbers.

    Repeating it changes nothing. Raises NotFound if no coupon has this order; AwaitsShop and LedgerBehind, because a restored ledger may
    not know all coupons of the order; Invalid if there are too many.
    """
    issue.refuse_if_orders_may_be_missing(session)
    found = select(Coupon.serial, Coupon.line).where(Coupon.order_ref == order_ref).order_by(Coupon.serial)
    rows = session.execute(found).all()
    if not rows:
        raise NotFound("Check the order: no coupon was issued for it.")
    serials = [row.serial for row in rows if lines is None or row.line in lines]
    if len(serials) > COUPONS_PER_REFUND_MAX:
        raise Invalid(
            f"Name some of the order's lines, or void the coupons in the office: these are more than {COUPONS_PER_REFUND_MAX} coupons."
        )
    # In the order of their numbers, as every other act that locks several: nobody waits in a circle.
    return [refund_one(session, serial, reason, now) for serial in serials]


def refund_one(session: Session, serial: int, reason: str, now: Ms) -> Refunded:
    coupon = issue.get_coupon(session, serial, lock=True)
    if coupon.redeemed_at is None:
        return Refunded(issue.void(session, serial, reason, now), None)
    standing = ledger.find_standing(session, serial)
    return Refunded(coupon, listing.get_redemption(session, standing.act_id) if standing else None)
