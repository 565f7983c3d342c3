"""Gifts that the shop may not owe: the second gift of a coupon, and a contested gift, which breaks a rule. A shop manager decides."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Row, Select, or_, select
from sqlalchemy.orm import Session, aliased

from redeem.accounts import audit
from redeem.accounts.audit import Change
from redeem.accounts.roles import WHOLE, Scope, is_within
from redeem.db.models.coupons import Campaign, Coupon
from redeem.db.models.devices import Clerk, Device
from redeem.db.models.ledger import Act, Conflict, Redemption, Reversal
from redeem.db.models.managers import Manager
from redeem.db.models.partners import Partner, Store
from redeem.db.paging import Page, Slice, take
from redeem.domain.acts import writer_of
from redeem.domain.journal import is_signed, read_entry
from redeem.domain.judgement import Rule
from redeem.domain.terms import Bearer, Terms, parse_terms
from redeem.ledger import ledger
from redeem.ledger.rows import IssuedCoupon
from redeem.lib.errors import Conflict as Contradiction
from redeem.lib.errors import NotFound
from redeem.lib.ids import coupon_id
from redeem.lib.money import Money
from redeem.lib.times import Ms
from redeem.partners.settlement import owed_for_one
from redeem.redemptions.news import tell_decided
from redeem.redemptions.undo import undo, withdraw_conflict

NOTE_MAX_CHARACTERS = 200


NEVER_GIVEN: Literal["never_given"] = "never_given"
Decision = Literal["issuer", "partner", "never_given"]


class Withdrawn(Contradiction):
    """The gift was reversed, or of two gifts one was."""

    code = "conflict_withdrawn"
    default_detail = "Nothing is left to decide: one of the gifts was undone, or was never given."


class DecidedMeanwhile(Contradiction):
    """Another decision was made after the manager had looked."""

    code = "changed_meanwhile"
    default_detail = "Somebody decided meanwhile. Look at that decision, then decide anew if you must."


@dataclass(frozen=True, slots=True)
class Evidence:
    """One of the two gifts: who gave it, where, and when by the server's and by the device's clock.

    `entry` is the tablet's own signed text, and `is_signed` whether its signature holds; both are None of a till, which has no journal.
    `stands`: it is the one that the coupon is redeemed by.
    """

    act_id: str
    kind: str
    at: Ms
    device_at: Ms | None
    device_id: str
    device_name: str
    store_id: str
    store_name: str
    time_zone: str
    partner_name: str
    clerk_name: str | None
    stands: bool
    reversed_at: Ms | None
    entry: str | None
    is_signed: bool | None


@dataclass(frozen=True, slots=True)
class TwoGifts:
    """A conflict. `id` is the act of the gift to decide about, `second`; `first` is the one that stood, if there was one.

    `owed` is what the shop owes for the gift if it pays for it.

    Of a gift outside the reader's scope it says only that it was given. `rule` is the one that the gift breaks, if it is contested.
    `bearer` is None until it is decided, and of a gift that was never given. `withdrawn_at`: one of the two was reversed since, or it was
    decided that the gift was never given.
    """

    id: str
    coupon: str
    campaign_name: str
    value: Money
    owed: Money
    at: Ms
    rule: Rule | None
    bearer: Bearer | None
    has_first: bool
    first: Evidence | None
    second: Evidence | None
    withdrawn_at: Ms | None
    decided_at: Ms | None
    decided_by: str | None
    note: str

    @property
    def decision(self) -> Decision | None:
        """What a shop manager decided."""
        return (self.bearer or NEVER_GIVEN) if self.decided_at is not None else None


FirstAct, SecondAct = aliased(Act), aliased(Act)
TWO_GIFTS = (
    select(
        Conflict.act_id,
        Conflict.standing_act_id,
        Conflict.serial,
        Conflict.rule,
        Conflict.bearer,
        Conflict.at,
        Conflict.withdrawn_at,
        Conflict.decided_at,
        Conflict.note,
        Campaign.name.label("campaign_name"),
        Campaign.terms,
        Manager.name.label("decided_by"),
    )
    .join(SecondAct, SecondAct.id == Conflict.act_id)
    .outerjoin(FirstAct, FirstAct.id == Conflict.standing_act_id)
    .join(Coupon, Coupon.serial == Conflict.serial)
    .join(Campaign, Campaign.number == Coupon.campaign_number)
    .outerjoin(Manager, Manager.id == Conflict.manager_id)
)
EVIDENCE = (
    select(
        Act.id.label("act_id"),
        Act.kind,
        Act.at,
        Act.device_at,
        Device.id.label("device_id"),
        Device.name.label("device_name"),
        Store.id.label("store_id"),
        Store.name.label("store_name"),
        Store.time_zone,
        Partner.name.label("partner_name"),
        Clerk.name.label("clerk_name"),
        Redemption.act_id.is_not(None).label("stands"),
        Reversal.at.label("reversed_at"),
        Act.entry,
        Act.signature,
        Act.name,
        Device.public_key,
    )
    .join(Device, Device.id == Act.device_id)
    .join(Store, Store.id == Act.store_id)
    .join(Partner, Partner.id == Store.partner_id)
    .outerjoin(Clerk, Clerk.id == Act.clerk_id)
    .outerjoin(Redemption, Redemption.act_id == Act.id)
    .outerjoin(Reversal, Reversal.act_id == Act.id)
)


def list_conflicts(
    session: Session, page: Page, scope: Scope = WHOLE, *, undecided_only: bool = False
) -> Slice[TwoGifts]:
    """Return conflicts, newest first, of which at least one gift was given within the scope."""
    statement = within_either(TWO_GIFTS, scope)
    if undecided_only:
        statement = statement.where(Conflict.decided_at.is_(None), Conflict.withdrawn_at.is_(None))
    found = take(session, statement, Conflict.act_id.expression, page)
    return Slice(as_two_gifts(session, found.items, scope), found.has_more)


def get_conflict(session: Session, act_id: str, scope: Scope = WHOLE) -> TwoGifts:
    """Raises NotFound."""
    row = session.execute(within_either(TWO_GIFTS, scope).where(Conflict.act_id == act_id)).one_or_none()
    if row is None:
        raise NotFound
    (two,) = as_two_gifts(session, [row], scope)
    return two


def decide(
    session: Session, manager_id: str, act_id: str, decision: Decision, note: str, now: Ms, seen: Ms | None = None
) -> TwoGifts:
    """Decide about a gift: the issuer pays for it, the partner does, or it was never given. The last is final.

    It may be decided again, by whoever has seen the decision before, which was made at `seen`. Each is recorded. The same decision sent
    again does nothing. Raises NotFound, Withdrawn, DecidedMeanwhile.
    """
    coupon, conflict = locked(session, act_id)
    wanted = (manager_id, None if decision == NEVER_GIVEN else decision, note[:NOTE_MAX_CHARACTERS])
    if conflict.decided_at is not None and wanted == (conflict.manager_id, conflict.bearer, conflict.note):
        return get_conflict(session, act_id)
    if conflict.withdrawn_at is not None:
        raise Withdrawn
    if conflict.decided_at != seen:
        raise DecidedMeanwhile
    before, conflict.decided_at = conflict.bearer, now
    conflict.manager_id, conflict.bearer, conflict.note = wanted
    session.flush()
    gift = ledger.find_act(session, act_id)
    if gift:
        tell_decided(session, gift, decision, now)
    if decision == NEVER_GIVEN and gift and not undo(session, coupon, gift, NEVER_GIVEN, now, manager_id=manager_id):
        withdraw_conflict(session, gift, NEVER_GIVEN, now)
    scope = Scope(store_id=gift.store_id if gift else None)
    what = {"coupon": coupon.coupon_id, "bearer": decision, "before": before}
    audit.note(session, manager_id, Change.CONFLICT_DECIDED, act_id, now, scope=scope, **what)
    return get_conflict(session, act_id)


def locked(session: Session, act_id: str) -> tuple[IssuedCoupon, Conflict]:
    """Return the coupon, locked as by every act on it, and the conflict as it is then. Raises NotFound."""
    serial = session.scalar(select(Conflict.serial).where(Conflict.act_id == act_id))
    coupon = ledger.find_coupon(session, serial, lock=True)
    if coupon is None:
        raise NotFound
    return coupon, session.get_one(Conflict, act_id, populate_existing=True, with_for_update=True)


def within_either(statement: Select[*tuple[Any, ...]], scope: Scope) -> Select[*tuple[Any, ...]]:
    return statement.where(or_(is_within(scope, FirstAct.store_id), is_within(scope, SecondAct.store_id)))


def as_two_gifts(session: Session, rows: Sequence[Row[*tuple[Any, ...]]], scope: Scope) -> list[TwoGifts]:
    acts = {act_id for row in rows for act_id in (row.standing_act_id, row.act_id) if act_id is not None}
    gifts = evidence(session, acts, scope)
    return [
        TwoGifts(
            id=row.act_id,
            coupon=coupon_id(row.serial),
            campaign_name=row.campaign_name,
            value=parse_terms(row.terms).value,
            owed=owed_if_paid(parse_terms(row.terms)),
            at=row.at,
            rule=Rule(row.rule) if row.rule else None,
            bearer=row.bearer,
            has_first=row.standing_act_id is not None,
            first=gifts.get(row.standing_act_id),
            second=gifts.get(row.act_id),
            withdrawn_at=row.withdrawn_at,
            decided_at=row.decided_at,
            decided_by=row.decided_by,
            note=row.note,
        )
        for row in rows
    ]


def owed_if_paid(terms: Terms) -> Money:
    value, handling_fee = owed_for_one(terms)
    return value + handling_fee


def evidence(session: Session, act_ids: Collection[str], scope: Scope) -> dict[str, Evidence]:
    """Return the evidence by act, without acts outside the scope."""
    rows = session.execute(EVIDENCE.where(Act.id.in_(act_ids), is_within(scope, Act.store_id))).mappings()
    return {row["act_id"]: as_evidence(dict(row)) for row in rows}


def as_evidence(told: dict[str, Any]) -> Evidence:
    name, signature, public_key = (told.pop(own) for own in ("name", "signature", "public_key"))
    writer_id = writer_of(name, told["device_id"])
    return Evidence(**told, is_signed=holds(told["entry"], signature, writer_id, public_key))


def holds(entry: str | None, signature: bytes | None, device_id: str, public_key: bytes | None) -> bool | None:
    if entry is None:
        return None
    return bool(signature and public_key and is_signed(read_entry(entry, signature), device_id, public_key))
