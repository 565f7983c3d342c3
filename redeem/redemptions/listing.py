"""Redemptions and refusals for the shop, newest first.

An act's id begins with its time, so ids are the order and the cursor, and a span of time is a span of ids.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import SQLColumnExpression, and_, literal_column, or_, select, union_all
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ColumnElement

from redeem.accounts.roles import WHOLE, Scope, within
from redeem.db.lines import line_or_none, page_of_lines, select_as
from redeem.db.models.devices import Device
from redeem.db.models.ledger import Act, Redemption, Reversal
from redeem.db.models.partners import Store
from redeem.db.paging import Page, Slice
from redeem.domain.acts import CANCELLED, NOT_HANDED_OVER, Kind, Outcome
from redeem.lib.errors import NotFound
from redeem.lib.ids import NUMBER_LIMIT, new_id
from redeem.lib.strictjson import loads
from redeem.lib.times import Ms

NEVER_GIVEN = (CANCELLED, NOT_HANDED_OVER)
LATEST = 2**48 - 1, 2**80 - 1  # an id's last millisecond, and its chance


class RedemptionStatus(StrEnum):
    """What has become of a redemption. `cancelled`: the gift was never given, and the attempt may never have arrived."""

    STANDING = "standing"
    PENDING = "pending"
    REVERSED = "reversed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Event:
    """Where and when something happened."""

    id: str
    at: Ms
    store_id: str
    store_name: str
    partner_id: str
    device_id: str
    device_name: str
    clerk_id: str | None


@dataclass(frozen=True, slots=True)
class Redeemed(Event):
    """A redemption, and how it was taken back if it was; not yet handed over, it is a promise to the tablet that asked.

    `name` is that of the attempt or the journal's entry. The `serial` is None of an attempt that was cancelled before it arrived.
    """

    name: str
    kind: str
    serial: int | None
    handed_over_at: Ms | None
    reversal_reason: str | None
    reversed_at: Ms | None

    @property
    def status(self) -> RedemptionStatus:
        if self.kind == Kind.CANCEL or self.reversal_reason in NEVER_GIVEN:
            return RedemptionStatus.CANCELLED
        if self.reversed_at is not None:
            return RedemptionStatus.REVERSED
        return RedemptionStatus.STANDING if self.handed_over_at is not None else RedemptionStatus.PENDING

    @property
    def attempt(self) -> str | None:
        """The Idempotency-Key of a till's attempt."""
        return self.name if self.kind in (Kind.REDEEM, Kind.CANCEL) else None


@dataclass(frozen=True, slots=True)
class Refused(Event):
    """A person did not give the gift, and said why; `serial` is None where no coupon of ours was shown."""

    serial: int | None
    entry: str | None

    @property
    def reason(self) -> str:
        """What the clerk chose, in the journal's own words."""
        said = loads(self.entry).get("reason") if self.entry else None
        return said if isinstance(said, str) else "other"


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events to list; what is None is not asked for. `since` is included, `until` is not."""

    campaign: int | None = None
    serial: int | None = None
    store_id: str | None = None
    since: Ms | None = None
    until: Ms | None = None
    updated_since: Ms | None = None


EVENT: dict[str, SQLColumnExpression[Any]] = {
    "id": Act.id,
    "at": Act.at,
    "store_id": Act.store_id,
    "store_name": Store.name,
    "partner_id": Store.partner_id,
    "device_id": Act.device_id,
    "device_name": Device.name,
    "clerk_id": Act.clerk_id,
    "serial": Act.serial,
}
REDEMPTION = (
    select_as(
        Redeemed,
        **EVENT,
        name=Act.name,
        kind=Act.kind,
        handed_over_at=Redemption.handed_over_at,
        reversal_reason=Reversal.reason,
        reversed_at=Reversal.at,
    )
    .join(Store, Store.id == Act.store_id)
    .join(Device, Device.id == Act.device_id)
    .outerjoin(Redemption, Redemption.act_id == Act.id)
    .outerjoin(Reversal, Reversal.act_id == Act.id)
)
# A second gift of one coupon is a conflict, unless the first was taken back and this one stands now.
WAS_REDEEMED = or_(Act.code == Outcome.REDEEMED, Redemption.act_id.is_not(None))
# Kinds are written out, and not as values: only so are they known to be what the indexes of cancels and refusals have.
IS_CANCEL = Act.kind == literal_column(f"'{Kind.CANCEL.value}'")
NEVER_REDEEMED = union_all(
    select(Act.id).where(IS_CANCEL), select(Reversal.act_id).where(Reversal.reason.in_(NEVER_GIVEN))
)
HAS_STATUS: dict[RedemptionStatus | None, ColumnElement[bool]] = {
    None: and_(WAS_REDEEMED, or_(Reversal.reason.is_(None), Reversal.reason.not_in(NEVER_GIVEN))),
    RedemptionStatus.STANDING: and_(WAS_REDEEMED, Reversal.at.is_(None), Redemption.handed_over_at.is_not(None)),
    RedemptionStatus.PENDING: and_(WAS_REDEEMED, Reversal.at.is_(None), Redemption.handed_over_at.is_(None)),
    RedemptionStatus.REVERSED: and_(WAS_REDEEMED, Reversal.reason.not_in(NEVER_GIVEN)),
    RedemptionStatus.CANCELLED: Act.id.in_(NEVER_REDEEMED),
}
REFUSAL = (
    select_as(Refused, **EVENT, entry=Act.entry)
    .join(Store, Store.id == Act.store_id)
    .join(Device, Device.id == Act.device_id)
    .where(Act.kind == literal_column(f"'{Kind.REFUSAL.value}'"))
)


def list_redemptions(
    session: Session, wanted: EventFilter, status: RedemptionStatus | None, page: Page, scope: Scope = WHOLE
) -> Slice[Redeemed]:
    """Return redemptions of the scope's stores in this status; in any but `cancelled` if none is asked for. What was cancelled before 0.5
    and never arrived has the id of another kind, and is not listed.
    """
    asked = within(REDEMPTION, scope, Act.store_id).where(HAS_STATUS[status], *conditions(wanted, "rdm"))
    if wanted.updated_since is not None:
        times = (Act.at, Redemption.handed_over_at, Reversal.at)
        asked = asked.where(or_(*(time >= wanted.updated_since for time in times)))
    return page_of_lines(session, Redeemed, asked, Act.id.expression, page)


def get_redemption(session: Session, act_id: str, scope: Scope = WHOLE) -> Redeemed:
    """Raises NotFound, also for one of a store that is not in the scope."""
    one = within(REDEMPTION, scope, Act.store_id).where(Act.id == act_id, or_(WAS_REDEEMED, IS_CANCEL))
    found = line_or_none(session, Redeemed, one)
    if found is None:
        raise NotFound("Check the redemption's id; no such redemption is here.")
    return found


def list_refusals(session: Session, wanted: EventFilter, page: Page) -> Slice[Refused]:
    return page_of_lines(session, Refused, REFUSAL.where(*conditions(wanted, "act")), Act.id.expression, page)


def conditions(wanted: EventFilter, prefix: str) -> list[ColumnElement[bool]]:
    """Return the filter as SQL: a span of ids, served by their index, and the other conditions."""
    since = new_id(prefix, wanted.since or 0, 0)
    until = new_id(prefix, wanted.until, 0) if wanted.until is not None else new_id(prefix, *LATEST)
    asked = [Act.id >= since, Act.id < until]
    if wanted.campaign is not None:
        asked.append(Act.serial.between(wanted.campaign << 32, (wanted.campaign << 32) + NUMBER_LIMIT - 1))
    if wanted.serial is not None:
        asked.append(Act.serial == wanted.serial)
    if wanted.store_id is not None:
        asked.append(Act.store_id == wanted.store_id)
    return asked
