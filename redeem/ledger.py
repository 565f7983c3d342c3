"""The ledger's rows: how a coupon is found, redeemed, taken back and counted. Every statement is here, and no rule is.

The statements are built once; SQLAlchemy compiles each once for the database in use.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from threading import get_ident
from typing import Any

from sqlalchemy import Row, bindparam, delete, func, insert, select, text, update
from sqlalchemy.orm import Session

from redeem import models
from redeem.ids import coupon_id
from redeem.models import Act, Campaign, Conflict, Coupon, Device, Redemption, Reversal, Store
from redeem.rules import Facts, Terms, parse_terms
from redeem.times import Ms

UNKNOWN_CAMPAIGN = -1
TALLY_SLOTS = 16


@dataclass(frozen=True, slots=True)
class Found:
    """A coupon as issued, with its campaign's terms."""

    serial: int
    short_code: str
    last_day: int
    void: bool
    holder_id: str | None
    epoch: int
    home_store_id: str | None
    terms_text: str

    @property
    def campaign_number(self) -> int:
        return self.serial >> 32

    @property
    def coupon_id(self) -> str:
        return coupon_id(self.serial)

    @property
    def terms(self) -> Terms:
        return parse_terms(self.terms_text)

    @property
    def facts(self) -> Facts:
        return Facts(last_day=self.last_day, void=self.void, held_by=self.holder_id)


@dataclass(frozen=True, slots=True)
class Standing:
    """The redemption that stands: when, where and by whom."""

    serial: int
    act_id: str
    at: Ms
    handed_over_at: Ms | None
    device_id: str
    device_name: str
    store_id: str
    store_name: str
    partner_id: str
    time_zone: str
    clerk_id: str | None
    clerk_name: str | None


@dataclass(frozen=True, slots=True)
class KeptAct:
    """An act as it was first taken; `reversal` is the reason if it redeemed and was taken back."""

    id: str
    name: str
    kind: str
    store_id: str
    serial: int | None
    code: str
    answer: str
    fingerprint: str
    reversal: str | None


FIND = (
    select(
        Coupon.serial,
        Coupon.short_code,
        Coupon.last_day,
        func.coalesce(Coupon.voided_at, Coupon.void_requested_at).is_not(None),
        Coupon.holder_id,
        Coupon.epoch,
        Coupon.home_store_id,
        Campaign.terms,
    )
    .join(Campaign, Campaign.number == Coupon.campaign_number)
    .where(Coupon.serial == bindparam("serial"))
)
FIND_AND_LOCK = FIND.with_for_update(of=Coupon)

STANDING = (
    select(
        Redemption.serial,
        Redemption.act_id,
        Redemption.at,
        Redemption.handed_over_at,
        Device.id,
        Device.name,
        Store.id,
        Store.name,
        Store.partner_id,
        Store.time_zone,
        models.Clerk.id,
        models.Clerk.name,
    )
    .join(Act, Act.id == Redemption.act_id)
    .join(Device, Device.id == Act.device_id)
    .join(Store, Store.id == Act.store_id)
    .outerjoin(models.Clerk, models.Clerk.id == Act.clerk_id)
)
STANDING_BY_SERIAL = STANDING.where(Redemption.serial == bindparam("serial"))
STANDING_BY_ACT = STANDING.where(Redemption.act_id == bindparam("act_id"))

ACT = select(
    Act.id, Act.name, Act.kind, Act.store_id, Act.serial, Act.code, Act.answer, Act.fingerprint, Reversal.reason
).outerjoin(Reversal, Reversal.act_id == Act.id)
ACT_BY_NAME = ACT.where(Act.device_id == bindparam("device_id"), Act.name == bindparam("name"))
ACT_BY_ID = ACT.where(Act.id == bindparam("act_id"))

# ON CONFLICT reads the same in SQLite and PostgreSQL, and names no column: whichever constraint is met decides.
SERIAL_BY_SHORT_CODE = select(Coupon.serial).where(Coupon.short_code == bindparam("short_code"))

REDEEM = text(
    "INSERT INTO redemption (serial, act_id, device_id, at, handed_over_at) VALUES (:serial, :act_id, :device_id, :at, :handed_over_at)"
    " ON CONFLICT DO NOTHING RETURNING serial"
)
REVERSE = text(
    "INSERT INTO reversal (act_id, reason, by_act_id, manager_id, at) VALUES (:act_id, :reason, :by_act_id, :manager_id, :at)"
    " ON CONFLICT DO NOTHING RETURNING act_id"
)
OPEN = (
    delete(Redemption)
    .where(Redemption.serial == bindparam("of_serial"), Redemption.act_id == bindparam("of_act_id"))
    .returning(Redemption.at)
)
HAND_OVER = (
    update(Redemption)
    .where(Redemption.act_id == bindparam("of_act_id"))
    .values(handed_over_at=func.coalesce(Redemption.handed_over_at, bindparam("now")))
    .returning(Redemption.serial)
)
HAND_OVER_ONCE = (
    update(Redemption)
    .where(Redemption.act_id == bindparam("of_act_id"), Redemption.handed_over_at.is_(None))
    .values(handed_over_at=bindparam("now"))
    .returning(Redemption.serial)
)
CONFLICT = insert(Conflict)
WITHDRAW_CONFLICT = (
    update(Conflict)
    .where(Conflict.act_id == bindparam("of_act_id"), Conflict.withdrawn_at.is_(None))
    .values(withdrawn_at=bindparam("now"))
    .returning(Conflict.serial)
)
OLDEST_CONFLICT = (
    select(Act.id, Act.device_id, Act.at)
    .join(Conflict, Conflict.act_id == Act.id)
    .where(Conflict.serial == bindparam("serial"), Conflict.withdrawn_at.is_(None))
    .order_by(Conflict.at, Act.id)
    .limit(1)
)
# Where a change stands in the order of changes. SQLite commits one writer after another: a count is an order. PostgreSQL commits
# side by side, so there it is the transaction's own number, and readers begin again at the oldest one that was under way.
NOTE_CHANGE = {
    "sqlite": text("INSERT INTO change (position, serial) SELECT coalesce(max(position), 0) + 1, :serial FROM change"),
    "postgresql": text(
        "INSERT INTO change (position, serial) VALUES (pg_current_xact_id()::text::bigint, :serial) ON CONFLICT DO NOTHING"
    ),
}
KEEP = text(
    "INSERT INTO act (id, device_id, name, kind, store_id, clerk_id, serial, code, answer, fingerprint, at, device_at,"
    " entry, signature) VALUES (:id, :device_id, :name, :kind, :store_id, :clerk_id, :serial, :code, :answer,"
    " :fingerprint, :at, :device_at, :entry, :signature)"
    " ON CONFLICT DO NOTHING RETURNING id"
)
COUNT = text(
    "INSERT INTO tally (day, campaign_number, store_id, outcome, slot, count)"
    " VALUES (:day, :campaign_number, :store_id, :outcome, :slot, 1)"
    " ON CONFLICT (day, campaign_number, store_id, outcome, slot) DO UPDATE SET count = tally.count + 1"
)


def find(session: Session, serial: int | None, *, lock: bool = False) -> Found | None:
    """The coupon, and with `lock` nobody else may settle an act on it before this transaction ends."""
    if serial is None:
        return None
    row = session.execute(FIND_AND_LOCK if lock else FIND, {"serial": serial}).one_or_none()
    return Found(*row) if row else None


def find_by_short_code(session: Session, code: str) -> int | None:
    """The serial of a coupon by its typed code, as codes.normalise gives it."""
    return session.scalar(SERIAL_BY_SHORT_CODE, {"short_code": code})


def standing(session: Session, serial: int) -> Standing | None:
    return _standing(session.execute(STANDING_BY_SERIAL, {"serial": serial}).one_or_none())


def standing_by_act(session: Session, act_id: str) -> Standing | None:
    return _standing(session.execute(STANDING_BY_ACT, {"act_id": act_id}).one_or_none())


def act_by_name(session: Session, device_id: str, name: str) -> KeptAct | None:
    row = session.execute(ACT_BY_NAME, {"device_id": device_id, "name": name}).one_or_none()
    return KeptAct(*row) if row else None


def act_by_id(session: Session, act_id: str) -> KeptAct | None:
    row = session.execute(ACT_BY_ID, {"act_id": act_id}).one_or_none()
    return KeptAct(*row) if row else None


def redeem(session: Session, serial: int, act_id: str, device_id: str, at: Ms, *, handed_over: bool) -> bool:
    """True if this act's redemption now stands, False if another one does: the primary key decides."""
    values = {
        "serial": serial,
        "act_id": act_id,
        "device_id": device_id,
        "at": at,
        "handed_over_at": at if handed_over else None,
    }
    return session.execute(REDEEM, values).one_or_none() is not None


def reverse(
    session: Session,
    act_id: str,
    serial: int,
    reason: str,
    at: Ms,
    *,
    by_act_id: str | None = None,
    manager_id: str | None = None,
) -> Ms | None:
    """Takes the standing redemption of `act_id` back; answers when it was made, or None if it does not stand."""
    made_at = session.scalar(OPEN, {"of_serial": serial, "of_act_id": act_id})
    if made_at is not None:
        values = {"act_id": act_id, "reason": reason, "by_act_id": by_act_id, "manager_id": manager_id, "at": at}
        session.execute(REVERSE, values)
    return made_at


def hand_over(session: Session, act_id: str, at: Ms) -> bool:
    """Notes that the gift of this act was handed over; False if its redemption does not stand."""
    return session.execute(HAND_OVER, {"of_act_id": act_id, "now": at}).one_or_none() is not None


def hand_over_once(session: Session, act_id: str, at: Ms) -> bool:
    """Like hand_over, but False if it was handed over before."""
    return session.execute(HAND_OVER_ONCE, {"of_act_id": act_id, "now": at}).one_or_none() is not None


def record_conflict(session: Session, act_id: str, standing_act_id: str, serial: int, bearer: str, at: Ms) -> None:
    values = {"act_id": act_id, "standing_act_id": standing_act_id, "serial": serial, "bearer": bearer, "at": at}
    session.execute(CONFLICT, values)


def withdraw_conflict(session: Session, act_id: str, at: Ms) -> bool:
    """The second gift was taken back; False if there is no such conflict."""
    return session.execute(WITHDRAW_CONFLICT, {"of_act_id": act_id, "now": at}).one_or_none() is not None


def promote_conflict(session: Session, serial: int) -> bool:
    """When the standing gift is taken back, the second one becomes the one that stands; False if there is none."""
    second = session.execute(OLDEST_CONFLICT, {"serial": serial}).one_or_none()
    if second is None:
        return False
    redeem(session, serial, second.id, second.device_id, second.at, handed_over=True)
    return withdraw_conflict(session, second.id, second.at)


def note_change(session: Session, serial: int) -> None:
    """What tablets know of this coupon is out of date."""
    session.execute(NOTE_CHANGE[session.get_bind().dialect.name], {"serial": serial})


def keep(session: Session, row: Mapping[str, object]) -> bool:
    """Appends an act; False if its device has used the name before."""
    return session.execute(KEEP, row).one_or_none() is not None


def count(session: Session, day: int, campaign_number: int, store_id: str, outcome: str) -> None:
    slot = get_ident() % TALLY_SLOTS
    session.execute(
        COUNT, {"day": day, "campaign_number": campaign_number, "store_id": store_id, "outcome": outcome, "slot": slot}
    )


def _standing(row: Row[*tuple[Any, ...]] | None) -> Standing | None:
    return Standing(*row) if row else None
