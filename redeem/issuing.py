"""Issuing: campaigns and their coupons, from the shop's side: make, look up, change, void.

A coupon's number is taken by counting up its campaign's row, so no two are alike and none is skipped. The token is not
stored: it is signed again whenever it is asked for, and comes out the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from redeem.db.engine import Again
from redeem.db.models.coupons import Campaign, Coupon, Move
from redeem.db.models.ledger import Redemption
from redeem.db.models.partners import Partner, Store
from redeem.db.paging import Page, Slice, take
from redeem.domain import short_codes
from redeem.domain.rules import can_issue, last_day
from redeem.domain.terms import Terms, parse_terms
from redeem.holds import holds
from redeem.ledger import generation
from redeem.lib.errors import Conflict, Invalid, NotFound
from redeem.lib.ids import campaign_id, coupon_id, serial_of
from redeem.lib.times import Ms, local_day, rfc3339


class NotIssuing(Conflict):
    """The campaign issues no coupons today."""

    code = "not_issuing"
    default_detail = "Issue within the campaign's issue window, and while its coupons can still be redeemed."


class CampaignStopped(Conflict):
    """The shop has stopped the campaign for now. What was issued before stays good."""

    code = "campaign_stopped"
    default_detail = "Nothing was issued: the campaign is stopped. Issue from another one, or let it go on: PATCH it with `stopped` false."


class CampaignInUse(Conflict):
    """Coupons of the campaign are out, and this would change what their holders or the partners were promised."""

    code = "campaign_in_use"
    default_detail = "Make a new campaign for this; coupons of this one are out already."


class AlreadyRedeemed(Conflict):
    """The gift was given; the coupon can't be voided or moved any more."""

    code = "already_redeemed"
    default_detail = "Nothing was changed: the gift of this coupon was given already."


class VoidCoupon(Conflict):
    """The coupon was cancelled by the shop."""

    code = "void"
    default_detail = "Issue another coupon; this one was cancelled by the shop."


@dataclass(frozen=True, slots=True)
class NewCoupon:
    """What the shop says of a coupon to issue. `metadata` is the shop's own, given back as it came."""

    campaign: int
    order_ref: str | None = None
    home_store_id: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CouponView:
    """A coupon as the shop sees it; `redeemed_at` is of the redemption that stands."""

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


COUPON = select(
    Coupon.serial,
    Coupon.key_id,
    Coupon.last_day,
    Coupon.short_code,
    Coupon.order_ref,
    Coupon.home_store_id,
    Coupon.details,
    Coupon.issued_at,
    Coupon.voided_at,
    Coupon.void_reason,
    Redemption.at,
    Coupon.void_requested_at,
    Coupon.holder_id,
).outerjoin(Redemption, Redemption.serial == Coupon.serial)


# Campaigns.


def create_campaign(session: Session, name: str, terms: Terms, now: Ms) -> Campaign:
    """A new campaign under the next number. Raises Invalid if the terms name a partner or store that is not here."""
    check_places(session, terms)
    newest = session.scalar(select(func.max(Campaign.number))) or 0
    number = max(newest + 1, generation.current(session).campaigns_from)
    campaign = Campaign(number=number, name=name, terms=terms.text(), version=1, coupons=0, created_at=now)
    session.add(campaign)
    try:
        session.flush()
    except IntegrityError as error:
        raise Again from error  # another campaign took the number at the same moment
    return campaign


def get_campaign(session: Session, number: int | None) -> Campaign:
    """Raises NotFound."""
    campaign = session.get(Campaign, number) if number is not None else None
    if campaign is None:
        raise NotFound("Check the campaign's id; no such campaign is here.")
    return campaign


def list_campaigns(session: Session, page: Page) -> Slice[Campaign]:
    found = take(session, select(Campaign), Campaign.number.expression, page)
    return Slice([row[0] for row in found.items], found.has_more)


def patch_campaign(
    session: Session,
    number: int | None,
    name: str | None,
    changes: Mapping[str, Any],
    now: Ms,
    stopped: bool | None = None,
) -> Campaign:
    """`changes` are members of the terms, each replaced whole; what is None stays. Raises NotFound, Invalid, CampaignInUse."""
    campaign = lock_campaign(session, number)
    if name is not None or changes:
        rewrite(session, campaign, name, changes)
    if stopped is not None:
        set_stopped(campaign, stopped, now)
    session.flush()
    return campaign


def rewrite(session: Session, campaign: Campaign, name: str | None, changes: Mapping[str, Any]) -> None:
    before = parse_terms(campaign.terms)
    after = changed(before, changes)
    check_places(session, after)
    if campaign.coupons:
        check_promises(session, before, after)
    campaign.name, campaign.terms, campaign.version = name or campaign.name, after.text(), campaign.version + 1


def lock_campaign(session: Session, number: int | None) -> Campaign:
    """Nobody issues of it before this transaction ends. Raises NotFound."""
    locked = select(Campaign).where(Campaign.number == number).with_for_update()
    campaign = session.scalar(locked) if number is not None else None
    if campaign is None:
        raise NotFound("Check the campaign's id; no such campaign is here.")
    return campaign


def set_stopped(campaign: Campaign, stopped: bool, now: Ms) -> None:
    """Stops issuing at once, or lets it go on; coupons that are out stay good. Doing it twice changes nothing.

    The version stays: it is that of the terms, for each of which tablets are told all campaigns again.
    """
    if stopped != (campaign.stopped_at is not None):
        campaign.stopped_at = now if stopped else None


def changed(terms: Terms, changes: Mapping[str, Any]) -> Terms:
    """The terms with some members replaced, looked at as a whole again."""
    return parse_terms(Terms.model_construct(**(dict(terms) | dict(changes))).model_dump_json())


def check_promises(session: Session, before: Terms, after: Terms) -> None:
    """What customers hold never gets worse: money that was agreed stays, what is good today is not put off, and no store is taken away.

    Ending earlier harms nobody: each token says its own last day.
    """
    fixed = ("value", "handling_fee", "funding")
    altered = [name for name in fixed if getattr(before, name) != getattr(after, name)]
    first_before, first_after = before.windows.redeem.first, after.windows.redeem.first
    if first_after and (first_before is None or first_after > first_before):
        altered.append("windows")
    if after.bearer == "partner" and before.bearer != "partner":
        altered.append("offline")
    altered += places_taken(session, before, after)
    if altered:
        errors = [{"pointer": f"/{name}", "detail": "can't change once coupons are out"} for name in altered]
        raise CampaignInUse(errors=errors)


def places_taken(session: Session, before: Terms, after: Terms) -> list[str]:
    """The members by which a store is no longer good; a store may be named by its partner instead."""
    gone = set(before.stores) - set(after.stores)
    covered = session.scalars(select(Store.id).where(Store.id.in_(gone), Store.partner_id.in_(after.partners)))
    taken = {"partners": set(before.partners) - set(after.partners), "stores": gone - set(covered)}
    return [name for name, ids in taken.items() if ids]


def check_places(session: Session, terms: Terms) -> None:
    """Raises Invalid, pointing at each partner or store that is not here."""
    partners = set(session.scalars(select(Partner.id).where(Partner.id.in_(terms.partners))))
    stores = set(session.scalars(select(Store.id).where(Store.id.in_(terms.stores))))
    unknown = [
        {"pointer": f"/{name}/{place}", "detail": "no such id is here"}
        for name, named, known in (("partners", terms.partners, partners), ("stores", terms.stores, stores))
        for place, one in enumerate(named)
        if one not in known
    ]
    if unknown:
        raise Invalid("Name partners and stores that are here.", errors=unknown)


# Coupons.


def issue(session: Session, new: NewCoupon, key_id: int, now: Ms, zone: str) -> CouponView:
    """Issues one coupon; `zone` is the shop's, whose calendar the issue window goes by.

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
    add(session, coupon, holds.holder_at(session, coupon.serial, home, now))
    return coupon


def only_store(session: Session, terms: Terms) -> str | None:
    """A coupon that is good at one store alone is expected there, without anybody saying so."""
    listed = list(terms.stores)
    if terms.partners:
        listed += session.scalars(select(Store.id).where(Store.partner_id.in_(terms.partners)).limit(2))
    return listed[0] if len(set(listed)) == 1 else None


def add(session: Session, coupon: CouponView, promised_to_id: str | None) -> None:
    """The coupon's row; the tablet that it is promised to holds it from its next sync on."""
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
        raise Again from error  # a short code drawn twice: once in some thousand million


def check_home(session: Session, terms: Terms, store_id: str | None) -> None:
    """Raises Invalid unless the home is a store at which the campaign's coupons are good."""
    if store_id is None:
        return
    partner_id = session.scalar(select(Store.partner_id).where(Store.id == store_id))
    if partner_id is None or not (store_id in terms.stores or partner_id in terms.partners):
        fault = {"pointer": "/home_store", "detail": "not one of the campaign's stores"}
        raise Invalid("Name a store at which this campaign's coupons are good.", errors=[fault])


def get_coupon(session: Session, serial: int | None, *, lock: bool = False) -> CouponView:
    """Raises NotFound. With `lock`, nobody settles an act on it before this transaction ends.

    The lock is taken first and by itself: a statement that waits for a lock reads the other tables as they were before it waited.
    """
    if lock:
        session.execute(select(Coupon.serial).where(Coupon.serial == serial).with_for_update())
    row = session.execute(COUPON.where(Coupon.serial == serial)).one_or_none()
    if row is None or serial is None:
        raise NotFound("Check the coupon's id; no such coupon is here.")
    return CouponView(*row)


def list_coupons(session: Session, wanted: CouponFilter, page: Page) -> Slice[CouponView]:
    """By serial: newest first within a campaign."""
    statement = COUPON
    if wanted.campaign is not None:
        statement = statement.where(Coupon.campaign_number == wanted.campaign)
    if wanted.order_ref is not None:
        statement = statement.where(Coupon.order_ref == wanted.order_ref)
    found = take(session, statement, Coupon.serial.expression, page)
    return Slice([CouponView(*row) for row in found.items], found.has_more)


def void(session: Session, serial: int | None, reason: str, now: Ms) -> CouponView:
    """Cancels a coupon before its use. Doing it twice changes nothing. Raises NotFound, AlreadyRedeemed.

    A held coupon's void waits for its holder: what was given under the hold before the holder heard of it is honoured.
    """
    coupon = get_coupon(session, serial, lock=True)
    if coupon.redeemed_at is not None:
        raise AlreadyRedeemed(redeemed_at=rfc3339(coupon.redeemed_at))
    if coupon.voided_at is None and coupon.void_requested_at is None:
        holds.void(session, coupon.serial, reason, now)
    return get_coupon(session, serial)


def move_home(session: Session, serial: int | None, store_id: str | None, now: Ms) -> CouponView:
    """Says at which store the coupon is expected, or none; a hold elsewhere is recalled.

    Raises NotFound, Invalid, AlreadyRedeemed, VoidCoupon.
    """
    coupon = get_coupon(session, serial, lock=True)
    if coupon.redeemed_at is not None:
        raise AlreadyRedeemed(redeemed_at=rfc3339(coupon.redeemed_at))
    if coupon.voided_at is not None or coupon.void_requested_at is not None:
        raise VoidCoupon
    check_home(session, parse_terms(get_campaign(session, coupon.serial >> 32).terms), store_id)
    if store_id != coupon.home_store_id:
        session.merge(Move(serial=coupon.serial, at=now, store_id=store_id))
    holds.move_home(session, coupon.serial, store_id, now)
    return get_coupon(session, serial)
