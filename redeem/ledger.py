"""The ledger's rows: how a coupon is found, redeemed, taken back and counted. Every statement is here, and no rule is.

The statements are built once, SQLAlchemy compiles each once for the database in use, and they run beneath the ORM, which
would take more time than the database. A redemption takes two: `look`, and `redeem`, which writes all its rows at once on
PostgreSQL, where a statement is a round trip.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count as counter
from random import randrange
from threading import local
from typing import Any

from sqlalchemy import (
    CTE,
    CursorResult,
    Executable,
    Row,
    Select,
    and_,
    bindparam,
    delete,
    exists,
    func,
    insert,
    literal_column,
    select,
    text,
    update,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session

from redeem import models
from redeem.db import Again
from redeem.ids import coupon_id
from redeem.models import (
    Act,
    Base,
    Campaign,
    Change,
    Conflict,
    Coupon,
    Deployment,
    Device,
    Redemption,
    Reversal,
    Store,
    Tally,
)
from redeem.rules import Facts, Terms, parse_terms
from redeem.times import Ms

UNKNOWN_CAMPAIGN = -1
TALLY_SLOTS = 8


@dataclass(frozen=True, slots=True)
class Found:
    """A coupon as issued, with its campaign's terms. `recovering`: the whole ledger is being restored, see holding.py."""

    serial: int
    short_code: str
    last_day: int
    void: bool
    holder_id: str | None
    epoch: int
    home_store_id: str | None
    terms_text: str
    recovering: bool

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


FOUND = (
    Coupon.serial,
    Coupon.short_code,
    Coupon.last_day,
    func.coalesce(Coupon.voided_at, Coupon.void_requested_at).is_not(None),
    Coupon.holder_id,
    Coupon.epoch,
    Coupon.home_store_id,
    Campaign.terms,
    exists(select(Deployment.id).where(Deployment.recovering_since.is_not(None))),
)
KEPT = Act.id, Act.name, Act.kind, Act.store_id, Act.serial, Act.code, Act.answer, Act.fingerprint, Reversal.reason
IS_NAMED = and_(Act.device_id == bindparam("device_id"), Act.name == bindparam("name"))

FIND = (
    select(*FOUND).join(Campaign, Campaign.number == Coupon.campaign_number).where(Coupon.serial == bindparam("serial"))
)
# FOR NO KEY UPDATE: whoever settles or voids waits, whoever only names the coupon in a row of its own does not.
FIND_AND_LOCK = FIND.with_for_update(of=Coupon, key_share=True)
LOOK = (
    FIND.add_columns(*KEPT)
    .outerjoin(Act, IS_NAMED)
    .outerjoin(Reversal, Reversal.act_id == Act.id)
    .with_for_update(of=Coupon, key_share=True)
)

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

ACT = select(*KEPT).outerjoin(Reversal, Reversal.act_id == Act.id)
ACT_BY_NAME = ACT.where(IS_NAMED)
ACT_BY_ID = ACT.where(Act.id == bindparam("act_id"))
SERIAL_BY_SHORT_CODE = select(Coupon.serial).where(Coupon.short_code == bindparam("short_code"))

# ON CONFLICT reads the same in SQLite and PostgreSQL, and names no column: whichever constraint is met decides.
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
    " VALUES (:day, :campaign_number, :store_id, :outcome, :slot, :count)"
    " ON CONFLICT (day, campaign_number, store_id, outcome, slot) DO UPDATE SET count = tally.count + excluded.count"
)


def redeem_at_once() -> Select[bool, bool]:
    """For PostgreSQL: REDEEM, and if that redeemed, KEEP, COUNT and NOTE_CHANGE. Answers (was it redeemed, was the act kept)."""
    redeemed = inserted(Redemption).on_conflict_do_nothing().returning(Redemption.serial).cte("redeemed")
    kept = inserted(Act, redeemed).on_conflict_do_nothing().returning(Act.id).cte("kept")
    tally = inserted(Tally, redeemed)
    counted = tally.on_conflict_do_update(
        index_elements=Tally.__mapper__.primary_key, set_={"count": Tally.count + tally.excluded["count"]}
    )
    changed = select(literal_column("pg_current_xact_id()::text::bigint"), redeemed.c.serial)
    noted = postgresql.insert(Change).from_select(["position", "serial"], changed).on_conflict_do_nothing()
    return select(exists(select(redeemed)), exists(select(kept))).add_cte(counted.cte("counted"), noted.cte("noted"))


def inserted(model: type[Base], source: CTE | None = None) -> postgresql.Insert:
    """The row that the parameters say; with `source`, only if that has a row."""
    columns = model.__table__.columns
    row = select(*(bindparam(column.name, type_=column.type) for column in columns))
    return postgresql.insert(model).from_select(columns.keys(), row if source is None else row.select_from(source))


REDEEM_AT_ONCE = redeem_at_once()


def look(session: Session, device_id: str, name: str, serial: int | None) -> tuple[Found | None, KeptAct | None]:
    """The coupon, locked as by `find`, and what the device has said by this name.

    Where this had to wait for the lock on PostgreSQL, an act kept meanwhile is not seen; then `keep` meets it and says Again.
    """
    names = {"device_id": device_id, "name": name}
    row = None if serial is None else run(session, LOOK, {"serial": serial, **names}).one_or_none()
    if row is None:
        return None, act_by_name(session, device_id, name)
    found, kept = row[: len(FOUND)], row[len(FOUND) :]
    return Found(*found), KeptAct(*kept) if kept[0] else None


def find(session: Session, serial: int | None, *, lock: bool = False) -> Found | None:
    """The coupon, and with `lock` nobody else may settle an act on it before this transaction ends."""
    if serial is None:
        return None
    row = run(session, FIND_AND_LOCK if lock else FIND, {"serial": serial}).one_or_none()
    return Found(*row) if row else None


def find_by_short_code(session: Session, code: str) -> int | None:
    """The serial of a coupon by its typed code, as codes.normalise gives it."""
    return run(session, SERIAL_BY_SHORT_CODE, {"short_code": code}).scalar_one_or_none()


def standing(session: Session, serial: int) -> Standing | None:
    return _standing(run(session, STANDING_BY_SERIAL, {"serial": serial}).one_or_none())


def standing_by_act(session: Session, act_id: str) -> Standing | None:
    return _standing(run(session, STANDING_BY_ACT, {"act_id": act_id}).one_or_none())


def act_by_name(session: Session, device_id: str, name: str) -> KeptAct | None:
    row = run(session, ACT_BY_NAME, {"device_id": device_id, "name": name}).one_or_none()
    return KeptAct(*row) if row else None


def act_by_id(session: Session, act_id: str) -> KeptAct | None:
    row = run(session, ACT_BY_ID, {"act_id": act_id}).one_or_none()
    return KeptAct(*row) if row else None


def redeem(session: Session, act: Mapping[str, Any], day: int, *, handed_over: bool) -> bool:
    """The redemption that `act` (a row) asks for, the act itself, its count, and word of the change.

    False, and nothing is done, if another redemption stands: the primary key decides. Raises Again as `keep` does.
    """
    counted = _count(day, act["serial"] >> 32, act["store_id"], act["code"])
    row = {**act, **counted, "act_id": act["id"], "handed_over_at": act["at"] if handed_over else None}
    if session.get_bind().dialect.name == "postgresql":
        redeemed, kept = run(session, REDEEM_AT_ONCE, row).one()
        if redeemed and not kept:
            raise Again
        return bool(redeemed)
    if run(session, REDEEM, row).one_or_none() is None:
        return False
    run(session, COUNT, row)
    note_change(session, act["serial"])
    keep(session, act)
    return True


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
    made_at: Ms | None = run(session, OPEN, {"of_serial": serial, "of_act_id": act_id}).scalar_one_or_none()
    if made_at is not None:
        values = {"act_id": act_id, "reason": reason, "by_act_id": by_act_id, "manager_id": manager_id, "at": at}
        run(session, REVERSE, values)
    return made_at


def hand_over(session: Session, act_id: str, at: Ms) -> bool:
    """Notes that the gift of this act was handed over; False if its redemption does not stand."""
    return run(session, HAND_OVER, {"of_act_id": act_id, "now": at}).one_or_none() is not None


def hand_over_once(session: Session, act_id: str, at: Ms) -> bool:
    """Like hand_over, but False if it was handed over before."""
    return run(session, HAND_OVER_ONCE, {"of_act_id": act_id, "now": at}).one_or_none() is not None


def record_conflict(session: Session, act_id: str, standing_act_id: str, serial: int, bearer: str, at: Ms) -> None:
    values = {"act_id": act_id, "standing_act_id": standing_act_id, "serial": serial, "bearer": bearer, "at": at}
    run(session, CONFLICT, values)


def withdraw_conflict(session: Session, act_id: str, at: Ms) -> bool:
    """The second gift was taken back; False if there is no such conflict."""
    return run(session, WITHDRAW_CONFLICT, {"of_act_id": act_id, "now": at}).one_or_none() is not None


def promote_conflict(session: Session, serial: int) -> bool:
    """When the standing gift is taken back, the second one becomes the one that stands; False if there is none."""
    second = run(session, OLDEST_CONFLICT, {"serial": serial}).one_or_none()
    if second is None:
        return False
    given = {"act_id": second.id, "device_id": second.device_id, "at": second.at, "handed_over_at": second.at}
    run(session, REDEEM, {"serial": serial, **given})
    return withdraw_conflict(session, second.id, second.at)


def note_change(session: Session, serial: int) -> None:
    """What tablets know of this coupon is out of date."""
    run(session, NOTE_CHANGE[session.get_bind().dialect.name], {"serial": serial})


def keep(session: Session, act: Mapping[str, Any]) -> None:
    """Appends an act. Raises Again if its name has just been used: it was sent twice at once, and has its answer."""
    if run(session, KEEP, act).one_or_none() is None:
        raise Again


def count(session: Session, day: int, campaign_number: int, store_id: str, outcome: str) -> None:
    run(session, COUNT, _count(day, campaign_number, store_id, outcome))


def run(session: Session, statement: Executable, values: Mapping[str, Any]) -> CursorResult[*tuple[Any, ...]]:
    return session.connection().execute(statement, values)


class _Slot(local):
    """Each thread counts in a slot of its own, so that no two of a process wait for each other's commit."""

    _next = counter(randrange(TALLY_SLOTS))  # noqa: S311 - processes had better not begin alike, and that is all

    def __init__(self) -> None:
        self.number = next(self._next) % TALLY_SLOTS


_slot = _Slot()


def _count(day: int, campaign_number: int, store_id: str, outcome: str) -> dict[str, Any]:
    place = {"day": day, "campaign_number": campaign_number, "store_id": store_id, "outcome": outcome}
    return place | {"slot": _slot.number, "count": 1}


def _standing(row: Row[*tuple[Any, ...]] | None) -> Standing | None:
    return Standing(*row) if row else None
