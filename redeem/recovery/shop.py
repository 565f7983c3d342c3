"""After a restore: the shop says again the coupons that it issued since the backup, and then that this is complete.

Until then nothing is issued under `once_per`: the ledger does not know which orders have got their coupons since the backup.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from redeem.accounts import audit
from redeem.accounts.audit import Author, Change
from redeem.coupons import issue
from redeem.coupons.issue import CouponView
from redeem.coupons.order_keys import OrderKeys, once_key
from redeem.db.engine import Retry
from redeem.db.models.coupons import Coupon
from redeem.db.models.ledger import Deployment
from redeem.domain.tokens import Fault
from redeem.ledger import generation, ledger, lost_coupons, recovery_reports
from redeem.ledger.generation import Life
from redeem.ledger.sealed_copies import lacks
from redeem.ledger.signing import load_ring
from redeem.lib.errors import BadToken, Conflict, Invalid, RedeemError
from redeem.lib.ids import coupon_id
from redeem.lib.times import Ms
from redeem.redemptions.identify import read_name


class RestoredAgain(Conflict):
    """What is said is about another restore than the last one, which began `generation`."""

    code = "restored_again"
    default_detail = "Look up the status: the last restore began another generation. Say again what the server lacks since that backup."


class AnotherOrder(Conflict):
    """The coupon is here with another order or another line."""

    code = "another_order"
    default_detail = (
        "Nothing was changed: this coupon was issued for another order, or for another line. Check what you sent."
    )


class OrderHasCoupon(Conflict):
    """The order has another coupon of the campaign, which is not void."""

    code = "order_has_coupon"
    default_detail = (
        "The order has another coupon, too: `coupon`. Void one of the two. If it is the other, send this again."
    )


class NotKnownYet(RedeemError):
    """The coupon's campaign or signing key is younger than the backup, and a tablet's report may bring it back."""

    code = "recovering"
    default_detail = "The coupon's campaign or signing key is younger than the backup. A tablet may bring it back: send this again later."


@dataclass(frozen=True, slots=True)
class IssuedBefore:
    """A coupon as the shop was answered when it was issued."""

    token: str
    short_code: str | None = None
    order_ref: str | None = None
    line: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


def say_again(session: Session, number: int, said: IssuedBefore, order_keys: OrderKeys, now: Ms) -> CouponView:
    """Take a coupon back that the backup lacks, with its order. Of one that is here, only what is missing is added.

    Its own signature proves that it was issued. Raises RestoredAgain, BadToken, NotKnownYet, AnotherOrder, OrderHasCoupon, Invalid.
    """
    check_generation(generation.current(session), number)
    serial = take_back(session, said, now)
    coupon = issue.get_coupon(session, serial, lock=True)
    if said.metadata and not coupon.metadata:
        change(session, serial, details=dict(said.metadata))
    if said.order_ref is not None:
        name_order(session, coupon, said.order_ref, said.line, order_keys)
    return issue.get_coupon(session, serial)


def take_back(session: Session, said: IssuedBefore, now: Ms) -> int:
    """Return the serial of the coupon, which has a row afterwards."""
    ring = load_ring(session)  # a report may have just brought a key back
    if lacks(session, ring, said.token, None) and recovery_reports.awaits_tablets(session):
        raise NotKnownYet
    coupon = read_name(said.token, ring).shown
    found = ledger.find_coupon(session, coupon.serial, lock=True) if coupon else None
    if coupon and found is None:
        check_short_code(session, said.short_code)
        found = lost_coupons.adopt(session, replace(coupon, short_code=said.short_code), now)
    if found is None:
        raise BadToken(Fault.WRONG_SIGNATURE)
    return found.serial


def check_short_code(session: Session, short_code: str | None) -> None:
    """Raises Invalid if another coupon has this short code."""
    if short_code is not None and ledger.find_serial_by_short_code(session, short_code) is not None:
        fault = {"pointer": "/short_code", "detail": "is another coupon's"}
        raise Invalid("Check the short code: another coupon has it.", errors=[fault])


def name_order(session: Session, coupon: CouponView, order_ref: str, line: str | None, order_keys: OrderKeys) -> None:
    """Give the coupon its order, and its once key if the campaign asks for one."""
    if coupon.order_ref is not None and (coupon.order_ref, coupon.line) != (order_ref, line):
        raise AnotherOrder
    terms = issue.terms_of(session, coupon.serial >> 32)
    secret = b"" if terms.once_per == "none" else order_keys.secret(session)
    key = once_key(secret, coupon.serial >> 32, terms.once_per, order_ref, line)
    other = issue.with_once_keys(session, [key]).get(key) if key else None
    if other is not None and other.serial != coupon.serial:
        give_up_key(session, other)
    change(session, coupon.serial, order_ref=order_ref, line=line, once_key=key)


def give_up_key(session: Session, other: CouponView) -> None:
    """Let a void coupon of the order make room for one that was issued in its place. Raises OrderHasCoupon if it is not void."""
    now_so = issue.get_coupon(session, other.serial, lock=True)
    if now_so.voided_at is None:
        raise OrderHasCoupon(coupon=coupon_id(other.serial))
    change(session, other.serial, once_key=None)


def change(session: Session, serial: int, **values: Any) -> None:
    try:
        session.execute(
            update(Coupon).where(Coupon.serial == serial).values(**values),
            execution_options={"synchronize_session": False},
        )
    except IntegrityError as error:
        raise Retry from error  # another request has just said a coupon of this order


def complete(session: Session, author: Author, number: int, now: Ms) -> Life:
    """Record the shop's word that it has said again all that it issued and voided since the backup. Repeating it changes nothing.

    From now on orders without a coupon get one. Raises RestoredAgain.
    """
    life = generation.current(session, lock=True)
    check_generation(life, number)
    if life.awaits_shop:
        session.execute(update(Deployment).values(awaits_shop=False))
        audit.note(session, author.id, Change.ORDERS_COMPLETE, f"generation {number}", now)
    return generation.current(session)


def check_generation(life: Life, number: int) -> None:
    if life.generation != number:
        raise RestoredAgain(generation=life.generation)
