"""Coupons from the shop's side: issue, look up, change the home, void.

A coupon's number is taken by counting up its campaign's row, so no two are alike. Only a restore skips numbers. The token is
not stored: it is signed again whenever it is asked for, and Ed25519 gives the same bytes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from redeem.coupons.campaigns import CampaignStopped, NotIssuing, get_campaign
from redeem.db.engine import Retry
from redeem.db.lines import line_or_none, page_of_lines, select_as
from redeem.db.models.coupons import Campaign, Coupon, HomeChange
from redeem.db.models.ledger import Redemption
from redeem.db.models.partners import Store
from redeem.db.paging import Page, Slice
from redeem.domain import short_codes
from redeem.domain.presented import ShownCoupon
from redeem.domain.rules import can_issue, is_good_at, last_day
from redeem.domain.status import is_void
from redeem.domain.terms import Terms, parse_terms
from redeem.holds import holds
from redeem.ledger import lost_coupons
from redeem.ledger.sql import IS_COMPROMISED
from redeem.lib.errors import Conflict, Invalid, NotFound
from redeem.lib.ids import campaign_id, coupon_id, serial_of
from redeem.lib.times import Ms, local_day, rfc3339
from redeem.partners.directory import is_good_at_store


class AlreadyRedeemed(Conflict):
    """The gift was given; the coupon can't be voided, and its home can't be changed any more."""

    code = "already_redeemed"
    default_detail = "Nothing was changed: the gift of this coupon was given already."


class VoidCoupon(Conflict):
    """The coupon was cancelled by the shop."""

    code = "void"
    default_detail = "Issue another coupon; this one was voided by the shop."


@dataclass(frozen=True, slots=True)
class NewCoupon:
    """What the shop says of a coupon to issue. `metadata` is the shop's own, given back as it came."""

    campaign: int
    order_ref: str | None = None
    home_store_id: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CouponView:
    """A coupon as the shop sees it; `redeemed_at` is of the redemption that stands. `compromised`: the key that signed it is."""

    serial: int
    key_id: int
    last_day: int
    short_code: str
    order_ref: str | None
    home_store_id: str | None
    metadata: Mapping[str, str]
    issued_at: Ms
    voided_at: Ms | None = None
    void_reason: str | None = None
    redeemed_at: Ms | None = None
    void_requested_at: Ms | None = None
    holder_id: str | None = None
    compromised: bool = False

    @property
    def id(self) -> str:
        return coupon_id(self.serial)

    @property
    def campaign_id(self) -> str:
        return campaign_id(self.serial >> 32)


@dataclass(frozen=True, slots=True)
class CouponFilter:
    """Which coupons to list; what is None is not asked for."""

    campaign: int | None = None
    order_ref: str | None = None


COUPON = select_as(
    CouponView,
    serial=Coupon.serial,
    key_id=Coupon.key_id,
    last_day=Coupon.last_day,
    short_code=Coupon.short_code,
    order_ref=Coupon.order_ref,
    home_store_id=Coupon.home_store_id,
    metadata=Coupon.details,
    issued_at=Coupon.issued_at,
    voided_at=Coupon.voided_at,
    void_reason=Coupon.void_reason,
    redeemed_at=Redemption.at,
    void_requested_at=Coupon.void_requested_at,
    holder_id=Coupon.holder_id,
    compromised=IS_COMPROMISED,
).outerjoin(Redemption, Redemption.serial == Coupon.serial)


# Campaigns.


# Coupons.


def issue(session: Session, new: NewCoupon, key_id: int, now: Ms, zone: str) -> CouponView:
    """Issue one coupon. `zone` is the shop's: the issue window goes by its calendar.

    Raises NotFound, Invalid, CampaignStopped, NotIssuing.
    """
    counted = (
        update(Campaign)
        .where(Campaign.number == new.campaign)
        .values(coupons=Campaign.coupons + 1)
        .returning(Campaign.coupons, Campaign.terms, Campaign.stopped_at)
    )
    row = session.execute(counted).one_or_none()
    if row is None:
        raise NotFound("Check the campaign's id; no such campaign is here.")
    if row.stopped_at is not None:
        raise CampaignStopped
    terms, day = parse_terms(row.terms), local_day(now, zone)
    if not can_issue(terms, day):
        raise NotIssuing
    check_home(session, terms, new.home_store_id)
    home = new.home_store_id or only_store(session, terms)
    coupon = CouponView(
        serial=serial_of(new.campaign, row.coupons - 1),
        key_id=key_id,
        last_day=last_day(terms, day),
        short_code=short_codes.new_code(),
        order_ref=new.order_ref,
        home_store_id=home,
        metadata=dict(new.metadata),
        issued_at=now,
    )
    add(session, coupon, holds.tablet_for(session, coupon.serial, home, now))
    return coupon


def only_store(session: Session, terms: Terms) -> str | None:
    """Return the campaign's only store, which is then each coupon's home without being named."""
    good_at = session.scalars(select(Store.id).where(is_good_at_store(terms)).limit(2)).all()
    return good_at[0] if len(good_at) == 1 else None


def add(session: Session, coupon: CouponView, promised_to_id: str | None) -> None:
    """Insert the coupon's row. The tablet that it is promised to holds it from its next sync on."""
    row = Coupon(
        serial=coupon.serial,
        campaign_number=coupon.serial >> 32,
        key_id=coupon.key_id,
        last_day=coupon.last_day,
        short_code=coupon.short_code,
        order_ref=coupon.order_ref,
        home_store_id=coupon.home_store_id,
        details=dict(coupon.metadata),
        issued_at=coupon.issued_at,
        promised_to_id=promised_to_id,
        promised_from=coupon.issued_at if promised_to_id else None,
    )
    session.add(row)
    try:
        session.flush()
    except IntegrityError as error:
        raise Retry from error  # a short code drawn twice: once in some thousand million


def check_home(session: Session, terms: Terms, store_id: str | None) -> None:
    """Raises Invalid unless the home is a store at which the campaign's coupons are good."""
    if store_id is None:
        return
    partner_id = session.scalar(select(Store.partner_id).where(Store.id == store_id))
    if partner_id is None or not is_good_at(terms, store_id, partner_id):
        fault = {"pointer": "/home_store", "detail": "not one of the campaign's stores"}
        raise Invalid("Name a store at which this campaign's coupons are good.", errors=[fault])


def get_coupon(session: Session, serial: int | None, *, lock: bool = False) -> CouponView:
    """Return the coupon. With `lock`, no act on it is settled before this transaction ends. Raises NotFound.

    The lock is a statement of its own: a statement that waits for a lock reads the other tables as they were before it waited.
    """
    if lock:
        session.execute(select(Coupon.serial).where(Coupon.serial == serial).with_for_update())
    coupon = line_or_none(session, CouponView, COUPON.where(Coupon.serial == serial))
    if coupon is None or serial is None:
        raise NotFound("Check the coupon's id; no such coupon is here.")
    return coupon


def get_or_adopt(session: Session, serial: int | None, now: Ms) -> CouponView:
    """Return the coupon, locked. One that a restore has lost gets its row again: the shop, which issued it, names it. Raises NotFound."""
    try:
        return get_coupon(session, serial, lock=True)
    except NotFound:
        if serial is None or lost_coupons.adopt(session, ShownCoupon(serial), now) is None:
            raise
    return get_coupon(session, serial, lock=True)


def title_of(session: Session, serial: int | None) -> str:
    """Return what the coupon gives, in the first language of its offer. Raises NotFound."""
    terms = parse_terms(get_campaign(session, get_coupon(session, serial).serial >> 32).terms)
    return next(iter(terms.offer.values())).title


def list_coupons(session: Session, wanted: CouponFilter, page: Page) -> Slice[CouponView]:
    """Return coupons by serial, newest first within a campaign."""
    statement = COUPON
    if wanted.campaign is not None:
        statement = statement.where(Coupon.campaign_number == wanted.campaign)
    if wanted.order_ref is not None:
        statement = statement.where(Coupon.order_ref == wanted.order_ref)
    return page_of_lines(session, CouponView, statement, Coupon.serial.expression, page)


def void(session: Session, serial: int | None, reason: str, now: Ms) -> CouponView:
    """Void a coupon before its use. Repeating it changes nothing. Raises NotFound, AlreadyRedeemed.

    The void of a held coupon waits for its holder: what was given under the hold before the holder heard of the void is honoured.
    """
    coupon = get_or_adopt(session, serial, now)
    if coupon.redeemed_at is not None:
        raise AlreadyRedeemed(redeemed_at=rfc3339(coupon.redeemed_at))
    if not is_void(coupon):
        holds.void(session, coupon.serial, reason, now)
    return get_coupon(session, serial)


def change_home(session: Session, serial: int | None, store_id: str | None, now: Ms) -> CouponView:
    """Set the store at which the coupon is expected, or none. A hold elsewhere is recalled.

    Raises NotFound, Invalid, AlreadyRedeemed, VoidCoupon.
    """
    coupon = get_coupon(session, serial, lock=True)
    if coupon.redeemed_at is not None:
        raise AlreadyRedeemed(redeemed_at=rfc3339(coupon.redeemed_at))
    if is_void(coupon):
        raise VoidCoupon
    check_home(session, parse_terms(get_campaign(session, coupon.serial >> 32).terms), store_id)
    if store_id != coupon.home_store_id:
        session.merge(HomeChange(serial=coupon.serial, at=now, store_id=store_id))
    holds.change_home(session, coupon.serial, store_id, now)
    return get_coupon(session, serial)
