"""Overseeing: the lists of the office: stores, devices, clerks, keys, changes. Every query is kept to a manager's scope."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from redeem.errors import NotFound
from redeem.ids import campaign_id
from redeem.models import ApiKey, AuditEntry, Campaign, Clerk, Device, Enrolment, Manager, Partner, Store
from redeem.paging import Page, Slice, take
from redeem.staffing import Scope, partners_within, within
from redeem.terms import Terms, parse_terms
from redeem.times import Ms

Line = TypeVar("Line")


@dataclass(frozen=True, slots=True)
class PartnerLine:
    id: str
    name: str


@dataclass(frozen=True, slots=True)
class StoreLine:
    id: str
    name: str
    address: str
    hours: str
    time_zone: str
    partner_id: str
    partner_name: str


@dataclass(frozen=True, slots=True)
class CampaignLine:
    """`coupons`: how many were issued so far."""

    number: int
    name: str
    terms_text: str
    coupons: int

    @property
    def id(self) -> str:
        return campaign_id(self.number)

    @property
    def terms(self) -> Terms:
        return parse_terms(self.terms_text)


@dataclass(frozen=True, slots=True)
class DeviceLine:
    """`last_number`: how many entries of its journal the server has."""

    id: str
    name: str
    kind: str
    last_number: int
    last_seen_at: Ms | None
    clock_skew_ms: Ms | None
    created_at: Ms
    revoked_at: Ms | None
    store_id: str
    store_name: str
    time_zone: str
    partner_name: str


@dataclass(frozen=True, slots=True)
class ClerkLine:
    id: str
    name: str
    created_at: Ms
    left_at: Ms | None
    store_id: str
    store_name: str


@dataclass(frozen=True, slots=True)
class EnrolmentLine:
    """A link for one tablet; `device_id` is the tablet that used it."""

    id: str
    device_name: str
    expires_at: Ms
    store_id: str
    store_name: str
    device_id: str | None


@dataclass(frozen=True, slots=True)
class KeyLine:
    prefix: str
    name: str
    scopes: str
    created_at: Ms
    last_used_at: Ms | None
    revoked_at: Ms | None


@dataclass(frozen=True, slots=True)
class ChangeLine:
    """Who changed what, and when; `details` say what it was called at that time."""

    id: str
    what: str
    subject_id: str
    details: dict[str, Any]
    at: Ms
    manager_name: str


STORE = select(Store.id, Store.name, Store.address, Store.hours, Store.time_zone, Store.partner_id, Partner.name).join(
    Partner, Partner.id == Store.partner_id
)

DEVICE = (
    select(
        Device.id,
        Device.name,
        Device.kind,
        Device.last_number,
        Device.last_seen_at,
        Device.clock_skew_ms,
        Device.created_at,
        Device.revoked_at,
        Store.id,
        Store.name,
        Store.time_zone,
        Partner.name,
    )
    .join(Store, Store.id == Device.store_id)
    .join(Partner, Partner.id == Store.partner_id)
)

CLERK = select(Clerk.id, Clerk.name, Clerk.created_at, Clerk.left_at, Store.id, Store.name).join(
    Store, Store.id == Clerk.store_id
)

ENROLMENT = (
    select(Enrolment.id, Enrolment.device_name, Enrolment.expires_at, Store.id, Store.name, Device.id)
    .join(Store, Store.id == Enrolment.store_id)
    .outerjoin(Device, Device.enrolment_id == Enrolment.id)
)

KEY = select(ApiKey.prefix, ApiKey.name, ApiKey.scopes, ApiKey.created_at, ApiKey.last_used_at, ApiKey.revoked_at)

CHANGE = select(
    AuditEntry.id, AuditEntry.what, AuditEntry.subject_id, AuditEntry.details, AuditEntry.at, Manager.name
).join(Manager, Manager.id == AuditEntry.manager_id)


def list_partners(session: Session, scope: Scope) -> list[PartnerLine]:
    statement = select(Partner.id, Partner.name).where(partners_within(scope)).order_by(Partner.name, Partner.id)
    return lines(session, PartnerLine, statement)


def list_stores(session: Session, scope: Scope) -> list[StoreLine]:
    statement = within(STORE, scope, Store.id).order_by(Partner.name, Store.name, Store.id)
    return lines(session, StoreLine, statement)


def get_store(session: Session, scope: Scope, store_id: str) -> StoreLine:
    return line(session, StoreLine, within(STORE, scope, Store.id).where(Store.id == store_id))


def list_campaigns(session: Session, scope: Scope) -> list[CampaignLine]:
    """Those whose coupons are good at one of the scope's stores."""
    rows = session.execute(
        select(Campaign.number, Campaign.name, Campaign.terms, Campaign.coupons - Campaign.skipped).order_by(
            Campaign.number.desc()
        )
    )
    campaigns = [CampaignLine(*row) for row in rows]
    if scope.is_whole:
        return campaigns
    stores = list_stores(session, scope)
    return [campaign for campaign in campaigns if is_good_at_any(campaign.terms, stores)]


def is_good_at_any(terms: Terms, stores: Sequence[StoreLine]) -> bool:
    return any(store.id in terms.stores or store.partner_id in terms.partners for store in stores)


def list_devices(session: Session, scope: Scope) -> list[DeviceLine]:
    """Those at work first, then the revoked ones."""
    statement = within(DEVICE, scope, Device.store_id).order_by(
        Device.revoked_at.is_not(None), Partner.name, Store.name, Device.name, Device.id
    )
    return lines(session, DeviceLine, statement)


def get_device(session: Session, scope: Scope, device_id: str) -> DeviceLine:
    return line(session, DeviceLine, within(DEVICE, scope, Device.store_id).where(Device.id == device_id))


def list_clerks(session: Session, scope: Scope) -> list[ClerkLine]:
    """Those who work here, by name."""
    statement = within(CLERK, scope, Clerk.store_id).where(Clerk.left_at.is_(None)).order_by(Clerk.name, Clerk.id)
    return lines(session, ClerkLine, statement)


def get_clerk(session: Session, scope: Scope, clerk_id: str) -> ClerkLine:
    return line(session, ClerkLine, within(CLERK, scope, Clerk.store_id).where(Clerk.id == clerk_id))


def get_enrolment(session: Session, scope: Scope, enrolment_id: str) -> EnrolmentLine:
    statement = within(ENROLMENT, scope, Enrolment.store_id).where(Enrolment.id == enrolment_id)
    return line(session, EnrolmentLine, statement)


def list_shop_keys(session: Session) -> list[KeyLine]:
    """The shop's own; a till's key is its device's. Those that work first."""
    statement = KEY.where(ApiKey.kind == "shop").order_by(ApiKey.revoked_at.is_not(None), ApiKey.created_at.desc())
    return lines(session, KeyLine, statement)


def get_shop_key(session: Session, prefix: str) -> KeyLine:
    return line(session, KeyLine, KEY.where(ApiKey.kind == "shop", ApiKey.prefix == prefix))


def list_changes(session: Session, page: Page) -> Slice[ChangeLine]:
    found = take(session, CHANGE, AuditEntry.id.expression, page)
    return Slice([ChangeLine(*row) for row in found.items], found.has_more)


def lines(session: Session, kind: Callable[..., Line], statement: Select[*tuple[Any, ...]]) -> list[Line]:
    return [kind(*row) for row in session.execute(statement)]


def line(session: Session, kind: Callable[..., Line], statement: Select[*tuple[Any, ...]]) -> Line:
    """The one line, or NotFound: whether it is unknown or of another's, the answer is the same."""
    row = session.execute(statement).one_or_none()
    if row is None:
        raise NotFound
    return kind(*row)
