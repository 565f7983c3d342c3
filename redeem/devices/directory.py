"""The office's lists of devices, clerks and enrolment links, each kept to a manager's scope."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from redeem.accounts.audit import Change
from redeem.accounts.roles import Scope, within
from redeem.db.lines import line, line_or_none, lines, select_as
from redeem.db.models.api import ApiKey
from redeem.db.models.coupons import Coupon
from redeem.db.models.devices import Clerk, Device, Enrolment, Quarantine
from redeem.db.models.managers import AuditEntry, Manager
from redeem.db.models.partners import Partner, Store
from redeem.ledger.sql import IS_REDEEMED, IS_VOID_FOR_HOLDER
from redeem.lib.times import Ms


@dataclass(frozen=True, slots=True)
class DeviceLine:
    """A device in the office's list. `last_number` is how many entries of its journal the server has.

    `held` counts open coupons that it alone may give, `waiting` entries that it handed in and that wait for a manager.
    `moves_to_…` is the store to which it is to move, and that store's partner.
    """

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
    lost_at: Ms | None
    held: int
    waiting: int
    partner_id: str
    moves_to_id: str | None
    moves_to_name: str | None
    moves_to_partner_id: str | None


@dataclass(frozen=True, slots=True)
class WrittenOff:
    """How a lost device was written off; `details` are what was at risk, as the manager was shown it."""

    at: Ms
    manager_name: str
    details: dict[str, Any]


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


HELD = (
    select(func.count())
    .where(Coupon.holder_id == Device.id, ~IS_VOID_FOR_HOLDER, ~IS_REDEEMED)
    .correlate(Device)
    .scalar_subquery()
)


WAITING = (
    select(func.count())
    .where(Quarantine.handed_in_by_id == Device.id, Quarantine.decided_at.is_(None))
    .scalar_subquery()
)


# A till sends nothing but its requests, so it was last seen when a key of its was last used.
KEYS = select(ApiKey.device_id, func.max(ApiKey.last_used_at).label("used_at")).group_by(ApiKey.device_id).subquery()


NEXT_STORE = aliased(Store)


DEVICE = (
    select_as(
        DeviceLine,
        id=Device.id,
        name=Device.name,
        kind=Device.kind,
        last_number=Device.last_number,
        last_seen_at=func.coalesce(Device.last_seen_at, KEYS.c.used_at),
        clock_skew_ms=Device.clock_skew_ms,
        created_at=Device.created_at,
        revoked_at=Device.revoked_at,
        store_id=Store.id,
        store_name=Store.name,
        time_zone=Store.time_zone,
        partner_name=Partner.name,
        lost_at=Device.lost_at,
        held=HELD,
        waiting=WAITING,
        partner_id=Partner.id,
        moves_to_id=NEXT_STORE.id,
        moves_to_name=NEXT_STORE.name,
        moves_to_partner_id=NEXT_STORE.partner_id,
    )
    .join(Store, Store.id == Device.store_id)
    .join(Partner, Partner.id == Store.partner_id)
    .outerjoin(NEXT_STORE, NEXT_STORE.id == Device.moves_to_id)
    .outerjoin(KEYS, KEYS.c.device_id == Device.id)
)


CLERK = select_as(
    ClerkLine,
    id=Clerk.id,
    name=Clerk.name,
    created_at=Clerk.created_at,
    left_at=Clerk.left_at,
    store_id=Store.id,
    store_name=Store.name,
).join(Store, Store.id == Clerk.store_id)


ENROLMENT = (
    select_as(
        EnrolmentLine,
        id=Enrolment.id,
        device_name=Enrolment.device_name,
        expires_at=Enrolment.expires_at,
        store_id=Store.id,
        store_name=Store.name,
        device_id=Device.id,
    )
    .join(Store, Store.id == Enrolment.store_id)
    .outerjoin(Device, Device.enrolment_id == Enrolment.id)
)


WRITTEN_OFF = (
    select_as(WrittenOff, at=AuditEntry.at, manager_name=Manager.name, details=AuditEntry.details)
    .join(Manager, Manager.id == AuditEntry.manager_id)
    .where(AuditEntry.what == Change.DEVICE_WRITTEN_OFF)
)


def list_devices(session: Session, scope: Scope) -> list[DeviceLine]:
    """Return devices: those at work first, then those that are revoked or lost."""
    statement = within(DEVICE, scope, Device.store_id).order_by(
        func.coalesce(Device.revoked_at, Device.lost_at).is_not(None), Partner.name, Store.name, Device.name, Device.id
    )
    return lines(session, DeviceLine, statement)


def get_device(session: Session, scope: Scope, device_id: str) -> DeviceLine:
    return line(session, DeviceLine, within(DEVICE, scope, Device.store_id).where(Device.id == device_id))


def how_written_off(session: Session, device_id: str) -> WrittenOff | None:
    """Return the newest audit entry about the write-off; None if the device was never written off."""
    entries = WRITTEN_OFF.where(AuditEntry.subject_id == device_id).order_by(AuditEntry.id.desc())
    return line_or_none(session, WrittenOff, entries.limit(1))


def count_at_work(session: Session, scope: Scope) -> int:
    """Devices that are neither revoked nor lost."""
    at_work = select(func.count()).select_from(Device).where(Device.revoked_at.is_(None), Device.lost_at.is_(None))
    return session.scalars(within(at_work, scope, Device.store_id)).one()


def list_clerks(session: Session, scope: Scope) -> list[ClerkLine]:
    """Return the clerks who work here, by name."""
    statement = within(CLERK, scope, Clerk.store_id).where(Clerk.left_at.is_(None)).order_by(Clerk.name, Clerk.id)
    return lines(session, ClerkLine, statement)


def get_clerk(session: Session, scope: Scope, clerk_id: str) -> ClerkLine:
    return line(session, ClerkLine, within(CLERK, scope, Clerk.store_id).where(Clerk.id == clerk_id))


def get_enrolment(session: Session, scope: Scope, enrolment_id: str) -> EnrolmentLine:
    statement = within(ENROLMENT, scope, Enrolment.store_id).where(Enrolment.id == enrolment_id)
    return line(session, EnrolmentLine, statement)
