"""Coupons from the shop's side: issue, look up, change the home, void.

`issue_many` is the only way in which coupons are made; `issue` makes one by it. Under `once_per` an order, or a line of it, has at most one
coupon: the unique once key decides, and whoever asks again gets the coupon that is there, whatever has become of it.

A coupon's number is taken by counting up its campaign's row, so no two are alike. Only a restore skips numbers. The token is
not stored: it is signed again whenever it is asked for, and Ed25519 gives the same bytes.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from redeem.coupons.campaigns import CampaignStopped, NotIssuing, get_campaign
from redeem.coupons.order_keys import OrderKeys, once_key
from redeem.db.engine import Retry
from redeem.db.lines import line_or_none, lines, select_as
from redeem.db.models.coupons import Campaign, Coupon, HomeChange
from redeem.db.models.ledger import Redemption
from redeem.db.models.partners import CLOSED_SINCE, Store
from redeem.domain import short_codes
from redeem.domain.events import EventType
from redeem.domain.presented import ShownCoupon
from redeem.domain.rules import can_issue, is_good_at, last_day
from redeem.domain.status import is_void
from redeem.domain.terms import Terms, parse_terms
from redeem.events import log
from redeem.holds import holds
from redeem.ledger import generation, lost_coupons
from redeem.ledger.generation import LedgerBehind
from redeem.ledger.high_water import hand_out
from redeem.ledger.sql import IS_COMPROMISED
from redeem.lib.errors import Conflict, Invalid, NotFound, RedeemError
from redeem.lib.ids import campaign_id, coupon_id, serial_of
from redeem.lib.times import Ms, local_day, rfc3339
from redeem.partners.directory import is_good_at_store


class AlreadyRedeemed(Conflict):
    """The gift was given; the coupon can't be voided, and its home can't be changed any more."""

    code = "already_redeemed"
    default_detail = "Nothing was changed: the gift of this coupon was given already."


class AwaitsShop(RedeemError):
    """The server was restored from a backup, and the shop has not said yet that it has said again what it issued since."""

    code = "awaits_shop"
    default_detail = (
        "Nothing was done: the server was restored from a backup and may not know which orders have their coupons. Say again what you"
        " issued since the backup, then that this is complete. Then send this again, with the same Idempotency-Key."
    )


class VoidCoupon(Conflict):
    """The coupon was cancelled by the shop."""

    code = "void"
    default_detail = "Issue another coupon; this one was voided by the shop."


@dataclass(frozen=True, slots=True)
class NewCoupon:
    """What the shop says of a coupon to issue. `metadata` is the shop's own, given back as it came."""

    campaign: int
    order_ref: str | None = None
    line: str | None = None
    home_store_id: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Mint:
    """What makes coupons: the key that signs them, the shop's time zone, whose calendar the issue window goes by, and the order keys."""

    key_id: int
    zone: str
    order_keys: OrderKeys


@dataclass(frozen=True, slots=True)
class CouponView:
    """A coupon as the shop sees it; `redeemed_at` is of the redemption that stands. `compromised`: the key that signed it is."""

    serial: int
    key_id: int
    last_day: int
    short_code: str
    order_ref: str | None
    line: str | None
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
class Issued:
    """The answer to a wish for a coupon. `existing`: the order had it before, and nothing was issued."""

    coupon: CouponView
    existing: bool = False


COUPON = select_as(
    CouponView,
    serial=Coupon.serial,
    key_id=Coupon.key_id,
    last_day=Coupon.last_day,
    short_code=Coupon.short_code,
    order_ref=Coupon.order_ref,
    line=Coupon.line,
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


def issue(session: Session, new: NewCoupon, mint: Mint, now: Ms) -> Issued:
    """Issue one coupon, and tell of it, or return the one that the order has. Raises as `issue_many`, which tells nothing."""
    issued = issue_many(session, new.campaign, [new], mint, now)[0]
    if not issued.existing:
        log.append(session, EventType.ISSUED, issued.coupon.id, issued.coupon.serial, now)
    return issued


def issue_many(session: Session, campaign: int, wanted: Sequence[NewCoupon], mint: Mint, now: Ms) -> list[Issued]:
    """Issue coupons of one campaign, all or none, and return them in the order in which they are wanted.

    Under `once_per`, an order that has its coupon gets that one, also if it is wanted twice here. Raises NotFound, Invalid,
    CampaignStopped, NotIssuing, AwaitsShop, LedgerBehind; Retry if another transaction has just issued for one of the orders.
    """
    terms = terms_of(session, campaign)
    keys = once_keys(session, campaign, terms, wanted, mint)
    there = with_once_keys(session, [key for key in keys if key])
    places = first_places(keys, there)
    made = issue_new(session, campaign, terms, [(wanted[place], keys[place]) for place in places], mint, now)
    new = dict(zip(places, made, strict=True))
    there |= {keys[place]: coupon for place, coupon in new.items()}
    return [Issued(new[place]) if place in new else Issued(there[key], existing=True) for place, key in enumerate(keys)]


def first_places(keys: Sequence[str | None], there: Collection[str | None]) -> list[int]:
    """Return the places at which a coupon is to be issued: those without a once key, and the first of each key that has no coupon yet."""
    first = {key or place: place for place, key in reversed([*enumerate(keys)]) if key not in there}
    return sorted(first.values())


def terms_of(session: Session, campaign: int) -> Terms:
    text = session.scalar(select(Campaign.terms).where(Campaign.number == campaign))
    if text is None:
        raise NotFound("Check the campaign's id; no such campaign is here.")
    return parse_terms(text)


def once_keys(
    session: Session, campaign: int, terms: Terms, wanted: Sequence[NewCoupon], mint: Mint
) -> list[str | None]:
    """Return the once key of each coupon. Raises Invalid."""
    if terms.once_per == "none":
        return [None] * len(wanted)
    secret = mint.order_keys.secret(session)
    return [once_key(secret, campaign, terms.once_per, one.order_ref, one.line) for one in wanted]


def with_once_keys(session: Session, keys: Collection[str]) -> dict[str | None, CouponView]:
    """Return the coupons that have these once keys."""
    if not keys:
        return {}
    rows = session.execute(select(Coupon.serial, Coupon.once_key).where(Coupon.once_key.in_(keys)))
    serials: dict[int, str | None] = {row.serial: row.once_key for row in rows}
    found = lines(session, CouponView, COUPON.where(Coupon.serial.in_([*serials])))
    return {serials[coupon.serial]: coupon for coupon in found}


def issue_new(
    session: Session,
    campaign: int,
    terms: Terms,
    wanted: Sequence[tuple[NewCoupon, str | None]],
    mint: Mint,
    now: Ms,
) -> list[CouponView]:
    """Issue a coupon for each wish and once key. Raises Retry if the campaign's terms have just changed."""
    if not wanted:
        return []
    if terms.once_per != "none":
        refuse_if_orders_may_be_missing(session)
    first = draw_numbers(session, campaign, terms, len(wanted))
    day = local_day(now, mint.zone)
    if not can_issue(terms, day):
        raise NotIssuing
    for store_id in {one.home_store_id for one, _ in wanted}:
        check_home(session, terms, store_id)
    only = only_store(session, terms)
    coupons = [
        CouponView(
            serial=serial_of(campaign, number),
            key_id=mint.key_id,
            last_day=last_day(terms, day),
            short_code=short_codes.new_code(),
            order_ref=one.order_ref,
            line=one.line,
            home_store_id=one.home_store_id or only,
            metadata=dict(one.metadata),
            issued_at=now,
        )
        for number, (one, _) in enumerate(wanted, start=first)
    ]
    add(session, coupons, [key for _, key in wanted], now)
    return coupons


def draw_numbers(session: Session, campaign: int, terms: Terms, count: int) -> int:
    """Take the campaign's next numbers, and return the first. Raises CampaignStopped, or Retry if the terms are no longer these."""
    counted = (
        update(Campaign)
        .where(Campaign.number == campaign)
        .values(coupons=Campaign.coupons + count)
        .returning(Campaign.coupons, Campaign.terms, Campaign.stopped_at)
    )
    row = session.execute(counted).one()
    if row.stopped_at is not None:
        raise CampaignStopped
    if parse_terms(row.terms) != terms:
        raise Retry
    hand_out(session, str(campaign), row.coupons)
    return int(row.coupons) - count


def refuse_if_orders_may_be_missing(session: Session) -> None:
    """Raises AwaitsShop after a restore, until the shop has said again what it issued since the backup; LedgerBehind on an old copy."""
    life = generation.current(session)
    if life.behind_generation is not None:
        raise LedgerBehind(life.behind_generation)
    if life.awaits_shop:
        raise AwaitsShop


def only_store(session: Session, terms: Terms) -> str | None:
    """Return the campaign's only open store, which is then each coupon's home without being named."""
    good_at = session.scalars(select(Store.id).where(is_good_at_store(terms), CLOSED_SINCE.is_(None)).limit(2)).all()
    return good_at[0] if len(good_at) == 1 else None


def add(session: Session, coupons: Sequence[CouponView], once_keys: Sequence[str | None], now: Ms) -> None:
    """Insert the coupons' rows. The tablet that a coupon is promised to holds it from its next sync on. Raises Retry."""
    homes = {coupon.home_store_id for coupon in coupons} - {None}
    tablets = {store_id: holds.tablets_of(session, store_id, now) for store_id in homes if store_id}
    rows = []
    for coupon, key in zip(coupons, once_keys, strict=True):
        devices = tablets.get(coupon.home_store_id or "", [])
        promised_to_id = holds.choose_device(devices, coupon.serial) if devices else None
        rows.append(
            {
                "serial": coupon.serial,
                "campaign_number": coupon.serial >> 32,
                "key_id": coupon.key_id,
                "last_day": coupon.last_day,
                "short_code": coupon.short_code,
                "order_ref": coupon.order_ref,
                "line": coupon.line,
                "once_key": key,
                "home_store_id": coupon.home_store_id,
                "metadata": dict(coupon.metadata),
                "issued_at": coupon.issued_at,
                "promised_to_id": promised_to_id,
                "promised_from": coupon.issued_at if promised_to_id else None,
            }
        )
    try:
        session.connection().execute(insert(Coupon), rows)  # not by the ORM, which takes half as long again
    except IntegrityError as error:
        # The order got its coupon at the same moment; or a short code was drawn twice, once in some thousand million.
        raise Retry from error


def check_home(session: Session, terms: Terms, store_id: str | None) -> None:
    """Raises Invalid unless the home is a store at which the campaign's coupons are good, and open."""
    if store_id is None:
        return
    store = session.execute(select(Store.partner_id, CLOSED_SINCE).where(Store.id == store_id)).one_or_none()
    partner_id, closed_since = store or ("", None)
    if closed_since is not None or not is_good_at(terms, store_id, partner_id):
        fault = {"pointer": "/home_store", "detail": "closed" if closed_since else "not one of the campaign's stores"}
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
