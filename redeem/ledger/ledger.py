"""The ledger's rows: how a coupon is found, redeemed, taken back and counted. No rule is here; the statements are in sql.py.

They run beneath the ORM, which would take more time than the database. A redemption takes two: `look`, and `redeem`, which
writes all its rows at once on PostgreSQL, where a statement is a round trip. There, `redeem_as_presumed` alone does the same,
without a transaction around it, which would be two more.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import count as counter
from random import randrange
from threading import local
from typing import Any, cast

from sqlalchemy import ClauseElement, Connection, CursorResult, Executable, Row
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.orm import Session
from sqlalchemy.sql.compiler import SQLCompiler

from redeem.db.engine import Driver, Retry
from redeem.domain.rules import Facts
from redeem.domain.terms import Terms, parse_terms
from redeem.ledger import sql
from redeem.lib.ids import coupon_id
from redeem.lib.times import Ms

UNKNOWN_CAMPAIGN = -1
TALLY_SLOTS = 8
LATE_SLOT = sql.LATE_SLOT
POSTGRESQL = PGDialect_psycopg()  # type: ignore[no-untyped-call]


@dataclass(frozen=True, slots=True)
class IssuedCoupon:
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
class StandingRedemption:
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
    time_zone: str
    reversal: str | None


@dataclass(frozen=True, slots=True)
class SecondGift:
    """A gift that was given while another one stood."""

    act_id: str
    device_id: str
    at: Ms
    store_id: str
    time_zone: str


def find_coupon_and_act(
    session: Session, device_id: str, name: str, serial: int | None
) -> tuple[IssuedCoupon | None, KeptAct | None]:
    """The coupon, locked as by `find`, and what the device has said by this name.

    Where this had to wait for the lock on PostgreSQL, an act kept meanwhile is not seen; then `keep` meets it and says Retry.
    """
    names = {"device_id": device_id, "name": name}
    row = None if serial is None else fetch_one(session, sql.LOOK, {"serial": serial, **names})
    if row is None:
        return None, find_act_by_name(session, device_id, name)
    *found, act_id = row
    return IssuedCoupon(*found), find_act(session, act_id) if act_id else None


def terms_text(driver: Driver, campaign_number: int) -> str | None:
    row = fetch_one_autocommit(driver, sql.TERMS, {"number": campaign_number})
    return row[0] if row else None


def find_coupon(session: Session, serial: int | None, *, lock: bool = False) -> IssuedCoupon | None:
    """The coupon, and with `lock` nobody else may settle an act on it before this transaction ends."""
    if serial is None:
        return None
    row = execute(session, sql.FIND_AND_LOCK if lock else sql.FIND, {"serial": serial}).one_or_none()
    return IssuedCoupon(*row) if row else None


def find_serial_by_short_code(session: Session, code: str) -> int | None:
    """The serial of a coupon by its typed code, as short_codes.normalise gives it."""
    return execute(session, sql.SERIAL_BY_SHORT_CODE, {"short_code": code}).scalar_one_or_none()


def find_standing(session: Session, serial: int) -> StandingRedemption | None:
    return _standing(execute(session, sql.STANDING_BY_SERIAL, {"serial": serial}).one_or_none())


def find_standing_by_act(session: Session, act_id: str) -> StandingRedemption | None:
    return _standing(execute(session, sql.STANDING_BY_ACT, {"act_id": act_id}).one_or_none())


def find_act_by_name(session: Session, device_id: str, name: str) -> KeptAct | None:
    row = execute(session, sql.ACT_BY_NAME, {"device_id": device_id, "name": name}).one_or_none()
    return KeptAct(*row) if row else None


def find_act(session: Session, act_id: str) -> KeptAct | None:
    row = execute(session, sql.ACT_BY_ID, {"act_id": act_id}).one_or_none()
    return KeptAct(*row) if row else None


def redeem(session: Session, act: Mapping[str, Any], day: int, *, handed_over: bool) -> bool:
    """The redemption that `act` (a row) asks for, the act itself, its count, and word of the change.

    False, and nothing is done, if another redemption stands: the primary key decides. Raises Retry as `keep` does.
    """
    row = _redemption(act, day, handed_over=handed_over)
    if connection_of(session).dialect.name == "postgresql":
        redeemed, kept = execute(session, sql.REDEEM_IN_ONE_STATEMENT, row).one()
        if redeemed and not kept:
            raise Retry
        return bool(redeemed)
    if fetch_one(session, sql.REDEEM, row) is None:
        return False
    fetch_one(session, sql.COUNT, row)
    note_change(session, act["serial"])
    append_act(session, act)
    return True


def redeem_if_unchanged(driver: Driver, presumed: IssuedCoupon, act: Mapping[str, Any], day: int) -> bool:
    """What `redeem` does for a gift handed over, if the coupon is as `presumed` in all that the rules ask, and the ledger does not recover.

    False, and nothing is done, if it is not so, or another redemption stands. That the act's name has been used before is an
    IntegrityError of the driver: the redemption would be of an act that is not kept.
    """
    values = {**_redemption(act, day, handed_over=True), "last_day": presumed.last_day, "terms": presumed.terms_text}
    redeemed, _ = fetch_one_autocommit(driver, sql.REDEEM_IF_UNCHANGED, values) or (False, False)
    return bool(redeemed)


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
    made_at: Ms | None = execute(session, sql.OPEN, {"of_serial": serial, "of_act_id": act_id}).scalar_one_or_none()
    if made_at is not None:
        values = {"act_id": act_id, "reason": reason, "by_act_id": by_act_id, "manager_id": manager_id, "at": at}
        execute(session, sql.REVERSE, values)
    return made_at


def mark_handed_over(session: Session, act_id: str, at: Ms) -> bool:
    """Notes that the gift of this act was handed over; False if its redemption does not stand."""
    return execute(session, sql.HAND_OVER, {"of_act_id": act_id, "now": at}).one_or_none() is not None


def mark_handed_over_once(session: Session, act_id: str, at: Ms) -> bool:
    """Like hand_over, but False if it was handed over before."""
    return execute(session, sql.HAND_OVER_ONCE, {"of_act_id": act_id, "now": at}).one_or_none() is not None


def record_conflict(session: Session, act_id: str, standing_act_id: str, serial: int, bearer: str, at: Ms) -> bool:
    """A second gift; False if this one is on record."""
    values = {"act_id": act_id, "standing_act_id": standing_act_id, "serial": serial, "bearer": bearer, "at": at}
    return execute(session, sql.CONFLICT, values).one_or_none() is not None


def withdraw_conflict(session: Session, act_id: str, at: Ms) -> bool:
    """The second gift was taken back; False if there is no such conflict."""
    return execute(session, sql.WITHDRAW_CONFLICT, {"of_act_id": act_id, "now": at}).one_or_none() is not None


def make_standing(session: Session, serial: int, act_id: str, device_id: str, at: Ms) -> None:
    """Makes an act that is kept the redemption that stands. For the caller to know: none does, and the coupon is locked."""
    execute(
        session,
        sql.REDEEM,
        {"serial": serial, "act_id": act_id, "device_id": device_id, "at": at, "handed_over_at": at},
    )


def promote_conflict(session: Session, serial: int, at: Ms) -> SecondGift | None:
    """When the standing gift is taken back, the second one becomes the one that stands. Answers it, or None if there is none."""
    row = execute(session, sql.OLDEST_CONFLICT, {"serial": serial}).one_or_none()
    if row is None:
        return None
    second = SecondGift(*row)
    make_standing(session, serial, second.act_id, second.device_id, second.at)
    withdraw_conflict(session, second.act_id, at)
    return second


def note_change(session: Session, serial: int) -> None:
    """What tablets know of this coupon is out of date."""
    fetch_one(session, sql.NOTE_CHANGE[connection_of(session).dialect.name], {"serial": serial})


def append_act(session: Session, act: Mapping[str, Any]) -> None:
    """Appends an act. Raises Retry if its name has just been used: it was sent twice at once, and has its answer."""
    if fetch_one(session, sql.KEEP, act) is None:
        raise Retry


def count_outcome(
    session: Session, day: int, campaign_number: int, store_id: str, outcome: str, *, late: bool = False
) -> None:
    """`late`: the day is not that of the store now."""
    row = _count(day, campaign_number, store_id, outcome)
    fetch_one(session, sql.COUNT, row | {"slot": LATE_SLOT} if late else row)


def execute(session: Session, statement: Executable, values: Mapping[str, Any]) -> CursorResult[*tuple[Any, ...]]:
    return connection_of(session).execute(statement, values)


def fetch_one(session: Session, statement: Executable, values: Mapping[str, Any]) -> Sequence[Any] | None:
    """The one row of a statement, or None; for those that every redemption runs.

    On SQLite they go past SQLAlchemy, whose own work takes six times as long as the statement: that was a fifth of a whole
    redemption. None of their columns needs a type of its own (a truth value comes as 0 or 1). On PostgreSQL the way to the
    server is what takes the time.
    """
    connection = connection_of(session)
    if connection.dialect.name == "sqlite":
        written, names = in_sqlite(statement)
        driver: Any = connection.connection.driver_connection
        row: Sequence[Any] | None = driver.execute(written, [values[name] for name in names]).fetchone()
        return row
    result = connection.execute(statement, values)
    return result.one_or_none() if result.returns_rows else None


def fetch_one_autocommit(driver: Driver, statement: Executable, values: Mapping[str, Any]) -> Sequence[Any] | None:
    """The one row of a statement on PostgreSQL, or None."""
    row: Sequence[Any] | None = driver.execute(in_postgresql(statement), values).fetchone()
    return row


@cache
def in_postgresql(statement: Executable) -> str:
    """A statement as psycopg reads it."""
    return str(cast(ClauseElement, statement).compile(dialect=POSTGRESQL))


@cache
def in_sqlite(statement: Executable) -> tuple[str, Sequence[str]]:
    """A statement as SQLite reads it, and the names of its values in order."""
    compiled = cast(ClauseElement, statement).compile(dialect=sqlite.dialect())
    return str(compiled), cast(SQLCompiler, compiled).positiontup or ()


def connection_of(session: Session) -> Connection:
    bound = session.bind
    return bound if isinstance(bound, Connection) else session.connection()


class _Slot(local):
    """Each thread counts in a slot of its own, so that no two of a process wait for each other's commit."""

    _next = counter(randrange(TALLY_SLOTS))  # noqa: S311 - processes had better not begin alike, and that is all

    def __init__(self) -> None:
        self.number = next(self._next) % TALLY_SLOTS


_slot = _Slot()


def _count(day: int, campaign_number: int, store_id: str, outcome: str) -> dict[str, Any]:
    place = {"day": day, "campaign_number": campaign_number, "store_id": store_id, "outcome": outcome}
    return place | {"slot": _slot.number, "count": 1}


def _redemption(act: Mapping[str, Any], day: int, *, handed_over: bool) -> dict[str, Any]:
    """The values of all that a redemption writes."""
    counted = _count(day, act["serial"] >> 32, act["store_id"], act["code"])
    return {**act, **counted, "act_id": act["id"], "handed_over_at": act["at"] if handed_over else None}


def _standing(row: Row[*tuple[Any, ...]] | None) -> StandingRedemption | None:
    return StandingRedemption(*row) if row else None
