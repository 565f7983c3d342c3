"""A coupon found by anything that names it, and its whole story, as far as the reader may know it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from redeem.accounts.roles import Scope, within
from redeem.coupons.customer_view import Shown, show
from redeem.db.lines import lines, select_as
from redeem.db.models.coupons import Campaign, Coupon, HomeChange
from redeem.db.models.devices import Clerk, Device
from redeem.db.models.ledger import Act, Conflict, Reversal
from redeem.db.models.managers import Manager
from redeem.db.models.partners import Store
from redeem.domain import tokens
from redeem.domain.disclosure import Audience, Field, disclose
from redeem.domain.signing_keys import KeyRing
from redeem.domain.terms import parse_terms
from redeem.holds import holds
from redeem.lib.errors import NotFound
from redeem.lib.ids import campaign_id, coupon_id
from redeem.lib.strictjson import loads
from redeem.lib.text import trimmed
from redeem.lib.times import Ms
from redeem.partners.directory import list_stores, where_good
from redeem.redemptions.identify import find_named, read_name

ORDER_COUPONS_MAX = 50
ACTS_MAX = 500
BOOKKEEPING = ("done",)  # a tablet's note to itself that a screen was left


@dataclass(frozen=True, slots=True)
class ActLine:
    """One thing that was done with the coupon, and how it was taken back, if it was."""

    id: str
    name: str
    at: Ms
    device_at: Ms | None
    kind: str
    code: str
    store_name: str
    time_zone: str
    device_name: str
    clerk_name: str | None
    entry: str | None
    reversal: str | None
    reversed_at: Ms | None
    reversed_by: str | None
    conflict_at: Ms | None = None
    rule: str | None = None
    bearer: str | None = None
    conflict_decided_at: Ms | None = None
    conflict_withdrawn_at: Ms | None = None
    conflict_decided_by: str | None = None

    @property
    def number(self) -> int:
        """The entry's number in the tablet's journal; 0 for a till, whose attempts have ids and no order."""
        return int(self.name) if self.entry and self.name.isdecimal() else 0

    @property
    def body(self) -> dict[str, Any]:
        """The entry's members; empty for a till."""
        body: dict[str, Any] = loads(self.entry) if self.entry else {}
        return body

    @property
    def reason(self) -> str | None:
        """The code of the reason that a tablet gives with a refusal, an undo or a decline."""
        told = self.body.get("reason") or self.body.get("code")
        return told if isinstance(told, str) else None


@dataclass(frozen=True, slots=True)
class HomeLine:
    """The shop set another home. `store_name` is None for no home, and for a store outside the scope."""

    at: Ms
    store_id: str | None
    store_name: str | None
    is_known: bool


@dataclass(frozen=True, slots=True)
class HoldLine:
    """The tablet that holds the coupon. `recalled_at`: the hold was recalled then and is not released yet."""

    device_name: str
    store_name: str
    recalled_at: Ms | None


@dataclass(frozen=True, slots=True)
class Story:
    """A coupon and all that was done with it. `code` is what the reader may see of its short code, None if nothing.

    A void that was asked for (`void_requested_at`) waits for the tablet that holds the coupon.
    """

    shown: Shown
    code: str | None
    campaign_name: str
    issued_at: Ms
    voided_at: Ms | None
    void_reason: str | None
    order_ref: str | None
    acts: list[ActLine]
    homes: list[HomeLine]
    hold: HoldLine | None  # None also for a tablet outside the scope
    is_held: bool
    void_requested_at: Ms | None
    place_is_known: bool  # False: the gift was given at a store outside the scope

    @property
    def id(self) -> str:
        return coupon_id(self.shown.serial)

    @property
    def campaign(self) -> str:
        return campaign_id(self.shown.serial >> 32)


ManagerOfReversal, ManagerOfDecision = aliased(Manager), aliased(Manager)

ACT = (
    select_as(
        ActLine,
        id=Act.id,
        name=Act.name,
        at=Act.at,
        device_at=Act.device_at,
        kind=Act.kind,
        code=Act.code,
        store_name=Store.name,
        time_zone=Store.time_zone,
        device_name=Device.name,
        clerk_name=Clerk.name,
        entry=Act.entry,
        reversal=Reversal.reason,
        reversed_at=Reversal.at,
        reversed_by=ManagerOfReversal.name,
        conflict_at=Conflict.at,
        rule=Conflict.rule,
        bearer=Conflict.bearer,
        conflict_decided_at=Conflict.decided_at,
        conflict_withdrawn_at=Conflict.withdrawn_at,
        conflict_decided_by=ManagerOfDecision.name,
    )
    .join(Store, Store.id == Act.store_id)
    .join(Device, Device.id == Act.device_id)
    .outerjoin(Clerk, Clerk.id == Act.clerk_id)
    .outerjoin(Reversal, Reversal.act_id == Act.id)
    .outerjoin(Conflict, Conflict.act_id == Act.id)
    .outerjoin(ManagerOfReversal, ManagerOfReversal.id == Reversal.manager_id)
    .outerjoin(ManagerOfDecision, ManagerOfDecision.id == Conflict.manager_id)
)


def find(session: Session, scope: Scope, text: str, ring: KeyRing) -> list[str]:
    """Return the ids of the coupons that a token, a link, a short code, an id or (for the whole shop alone) an order names."""
    wanted = trimmed(text)[: tokens.TEXT_MAX_CHARACTERS]
    serial = find_named(session, read_name(wanted, ring))
    if serial is not None:
        return [coupon_id(serial)] if is_visible(session, scope, serial) else []
    return [coupon_id(one) for one in serials_of_order(session, wanted)] if scope.is_whole and wanted else []


def serials_of_order(session: Session, order_ref: str) -> list[int]:
    found = select(Coupon.serial).where(Coupon.order_ref == order_ref).order_by(Coupon.serial)
    return list(session.scalars(found.limit(ORDER_COUPONS_MAX)))


def is_visible(session: Session, scope: Scope, serial: int) -> bool:
    """Say whether the coupon is good at a store of the scope. Managers see no other coupons."""
    text = session.scalar(
        select(Campaign.terms).join(Coupon, Coupon.campaign_number == Campaign.number).where(Coupon.serial == serial)
    )
    return text is not None and (scope.is_whole or bool(where_good(parse_terms(text), list_stores(session, scope))))


def tell(session: Session, scope: Scope, audience: Audience, serial: int | None, now: Ms, zone: str) -> Story:
    """Return the coupon's story. Raises NotFound for a coupon that is not here or not within the scope."""
    if serial is None or not is_visible(session, scope, serial):
        raise NotFound
    coupon, shown = session.get_one(Coupon, serial), show(session, serial, now, zone)
    mine = {store.id: store.name for store in list_stores(session, scope)}
    return Story(
        shown=shown,
        code=disclose(audience, Field.SHORT_CODE, shown.short_code),
        campaign_name=session.get_one(Campaign, coupon.campaign_number).name,
        issued_at=coupon.issued_at,
        voided_at=coupon.voided_at,
        void_reason=disclose(audience, Field.VOID_REASON, coupon.void_reason),
        order_ref=disclose(audience, Field.ORDER_REF, coupon.order_ref),
        acts=acts_of(session, scope, serial),
        homes=homes_of(session, serial, mine),
        hold=hold_of(session, coupon, mine),
        is_held=coupon.holder_id is not None,
        void_requested_at=coupon.void_requested_at,
        place_is_known=shown.standing is None or shown.standing.store_id in mine,
    )


def homes_of(session: Session, serial: int, mine: Mapping[str, str]) -> list[HomeLine]:
    found = session.execute(
        select(HomeChange.at, HomeChange.store_id)
        .where(HomeChange.serial == serial)
        .order_by(HomeChange.at)
        .limit(ACTS_MAX)
    )
    return [HomeLine(at, to, mine.get(to) if to else None, to is None or to in mine) for at, to in found]


def hold_of(session: Session, coupon: Coupon, mine: Mapping[str, str]) -> HoldLine | None:
    held = holds.holder(session, coupon.holder_id) if coupon.holder_id else None
    return HoldLine(held.device_name, held.store_name, coupon.recalled_at) if held and held.store_id in mine else None


def acts_of(session: Session, scope: Scope, serial: int) -> list[ActLine]:
    """Return the acts in the order in which the server took them; those of one request by their journal's numbers."""
    statement = within(ACT, scope, Act.store_id).where(Act.serial == serial, Act.kind.not_in(BOOKKEEPING))
    found = lines(session, ActLine, statement.order_by(Act.at, Act.id).limit(ACTS_MAX))
    return sorted(found, key=lambda act: (act.at, act.number, act.id))
