"""The ledger's rows: find, redeem, reverse and count. The rules are not here, and the SQL statements are in sql.py.

The statements bypass the ORM, which would take more time than the database. A redemption takes two: `find_coupon_and_act`, and
`redeem`, which on PostgreSQL writes all its rows in one statement, because each statement is a round trip. `redeem_if_unchanged`
does it in one alone, in autocommit mode, which saves the round trips of BEGIN and COMMIT too.
"""

from collections.abc import Collection, Mapping, Sequence
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
from redeem.db.lines import checked
from redeem.domain.journal import read_entry
from redeem.events import log
from redeem.ledger import sql
from redeem.ledger.rows import IssuedCoupon, KeptAct, SecondGift, StandingRedemption
from redeem.lib.times import Ms

UNKNOWN_CAMPAIGN = -1
TALLY_SLOTS = 8
LATE_SLOT = sql.LATE_SLOT
POSTGRESQL = PGDialect_psycopg()  # type: ignore[no-untyped-call]


# Each redemption reads these, so their labels are compared with the fields here, once, and not with every row.
coupon_of = checked(IssuedCoupon, sql.FIND_COUPON)
act_of = checked(KeptAct, sql.ACT)
standing_of = checked(StandingRedemption, sql.STANDING)
second_gift_of = checked(SecondGift, sql.NEXT_TO_STAND)


def find_coupon_and_act(
    session: Session, device_id: str, name: str, serial: int | None
) -> tuple[IssuedCoupon | None, KeptAct | None]:
    """Return the coupon, locked as by `find_coupon`, and the device's act of this name. Each is None if there is none.

    If this waits for the lock on PostgreSQL, it does not see an act that was added meanwhile. Then `append_act` raises Retry.
    """
    names = {"device_id": device_id, "name": name}
    row = None if serial is None else fetch_one(session, sql.FIND_COUPON_AND_ACT, {"serial": serial, **names})
    if row is None:
        return None, find_act_by_name(session, device_id, name)
    *coupon, act_id = row
    return coupon_of(*coupon), find_act(session, act_id) if act_id else None


def terms_text(driver: Driver, campaign_number: int) -> str | None:
    """Return the JSON of a campaign's terms, or None. For `Database.autocommit`."""
    row = fetch_one_autocommit(driver, sql.TERMS, {"number": campaign_number})
    return row[0] if row else None


def find_coupon(session: Session, serial: int | None, *, lock: bool = False) -> IssuedCoupon | None:
    """Return the coupon, or None. With `lock`, no other transaction can settle an act on it before this one ends."""
    if serial is None:
        return None
    row = execute(session, sql.FIND_COUPON_AND_LOCK if lock else sql.FIND_COUPON, {"serial": serial}).one_or_none()
    return coupon_of(*row) if row else None


def find_serial_by_short_code(session: Session, code: str) -> int | None:
    """Return the serial of the coupon with this short code, as normalised by `short_codes.normalise`, or None."""
    return execute(session, sql.SERIAL_BY_SHORT_CODE, {"short_code": code}).scalar_one_or_none()


def find_standing(session: Session, serial: int) -> StandingRedemption | None:
    return _standing(execute(session, sql.STANDING_BY_SERIAL, {"serial": serial}).one_or_none())


def find_standing_by_act(session: Session, act_id: str) -> StandingRedemption | None:
    return _standing(execute(session, sql.STANDING_BY_ACT, {"act_id": act_id}).one_or_none())


def find_act_by_name(session: Session, device_id: str, name: str) -> KeptAct | None:
    row = execute(session, sql.ACT_BY_NAME, {"device_id": device_id, "name": name}).one_or_none()
    return act_of(*row) if row else None


def find_act(session: Session, act_id: str) -> KeptAct | None:
    row = execute(session, sql.ACT_BY_ID, {"act_id": act_id}).one_or_none()
    return act_of(*row) if row else None


def redeem(session: Session, act: Mapping[str, Any], day: int, event: Mapping[str, Any], *, handed_over: bool) -> bool:
    """Insert a redemption, its act (`act` is the row), its count, its event (as of `redeemed_event`) and its change of the coupon.

    Returns False, and does nothing, if another redemption stands: the primary key decides. Raises Retry, as `append_act` does.
    """
    row = _redemption(act, day, event, handed_over=handed_over)
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
    fetch_one(session, log.APPEND["sqlite"], event)
    return True


def redeem_if_unchanged(
    driver: Driver, presumed: IssuedCoupon, act: Mapping[str, Any], day: int, event: Mapping[str, Any]
) -> bool:
    """Do what `redeem` does for a gift that is handed over, in one statement. For `Database.autocommit`.

    Returns False, and does nothing, if the coupon's row differs from `presumed` in anything that the rules ask, if another redemption
    stands, or if the ledger recovers. If the device has used the act's name before, the driver raises IntegrityError, because the
    redemption's foreign key to its act fails.
    """
    values = {
        **_redemption(act, day, event, handed_over=True),
        "last_day": presumed.last_day,
        "terms": presumed.terms_text,
    }
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
    late: bool = False,
) -> Ms | None:
    """Reverse the redemption of `act_id`. Returns when it was made, or None, and does nothing, if it does not stand."""
    made_at: Ms | None = execute(session, sql.OPEN, {"of_serial": serial, "of_act_id": act_id}).scalar_one_or_none()
    if made_at is not None:
        by = {"by_act_id": by_act_id, "manager_id": manager_id}
        execute(session, sql.REVERSE, {"act_id": act_id, "reason": reason, **by, "at": at, "late": late})
    return made_at


def mark_handed_over(session: Session, act_id: str, at: Ms) -> bool:
    """Record that the gift of this act was handed over. Returns False if its redemption does not stand."""
    return execute(session, sql.HAND_OVER, {"of_act_id": act_id, "now": at}).one_or_none() is not None


def mark_handed_over_once(session: Session, act_id: str, at: Ms) -> bool:
    """Like `mark_handed_over`, but returns False also if this was recorded before."""
    return execute(session, sql.HAND_OVER_ONCE, {"of_act_id": act_id, "now": at}).one_or_none() is not None


def record_conflict(
    session: Session,
    act_id: str,
    standing_act_id: str | None,
    serial: int,
    at: Ms,
    *,
    bearer: str | None = None,
    rule: str | None = None,
) -> bool:
    """Record a second gift, or one that breaks a rule. Returns False if it is recorded already."""
    why = {"standing_act_id": standing_act_id, "rule": rule, "bearer": bearer}
    values = {"act_id": act_id, "serial": serial, "at": at, **why}
    return execute(session, sql.CONFLICT, values).one_or_none() is not None


def is_contested(session: Session, act_id: str) -> bool:
    """Return whether the act's gift breaks a rule, and was not taken back."""
    return bool(execute(session, sql.IS_CONTESTED, {"of_act_id": act_id}).scalar_one())


def make_room(session: Session, serial: int, contested_act_id: str) -> None:
    """Take a contested redemption out of the way of a gift that breaks no rule. Follow it with `make_second`."""
    execute(session, sql.OPEN, {"of_serial": serial, "of_act_id": contested_act_id})


def make_second(session: Session, act_id: str, standing_act_id: str | None) -> None:
    """Record beside which redemption a contested gift is the second one; with None, that it stands itself."""
    execute(session, sql.SECOND_TO, {"of_act_id": act_id, "to_act_id": standing_act_id})


def released_epoch(session: Session, device_id: str, serial: int) -> int:
    """Return the newest epoch of this coupon that the device's journal has released, 0 if none."""
    entries = execute(session, sql.RELEASES, {"device_id": device_id, "serial": serial}).scalars()
    return max((read_entry(text, b"").number_member("epoch") or 0 for text in entries if text), default=0)


def released_by_moves(session: Session, device_id: str) -> int:
    """Return the newest epoch that the device's moves to other stores have released, 0 if none."""
    return execute(session, sql.RELEASED_BY_MOVES, {"device_id": device_id}).scalar_one_or_none() or 0


def last_gave_at(session: Session, device_id: str, serial: int, since: Ms) -> Ms | None:
    """Return when, by the device's clock, it last said that it gave this coupon on a yes that came at `since` or later."""
    at: Ms | None = execute(
        session, sql.LAST_GAVE, {"device_id": device_id, "serial": serial, "since": since}
    ).scalar_one()
    return at


def withdraw_conflict(session: Session, act_id: str, at: Ms) -> bool:
    """Record that a second gift was taken back. Returns False if there is no such open conflict."""
    return execute(session, sql.WITHDRAW_CONFLICT, {"of_act_id": act_id, "now": at}).one_or_none() is not None


def make_standing(session: Session, serial: int, act_id: str, device_id: str, at: Ms) -> None:
    """Make an earlier act the standing redemption. The caller has locked the coupon, and knows that none stands."""
    execute(
        session,
        sql.REDEEM,
        {"serial": serial, "act_id": act_id, "device_id": device_id, "at": at, "handed_over_at": at},
    )


def promote_conflict(session: Session, serial: int, at: Ms) -> SecondGift | None:
    """Make the oldest second gift the standing redemption, after the standing one was reversed. Returns it, or None if there is none.

    A contested gift comes last, and stays contested.
    """
    row = execute(session, sql.NEXT_TO_STAND, {"serial": serial}).one_or_none()
    if row is None:
        return None
    second = second_gift_of(*row)
    make_standing(session, serial, second.act_id, second.device_id, second.at)
    if second.rule is None:
        withdraw_conflict(session, second.act_id, at)
    else:
        make_second(session, second.act_id, None)
    return second


def recall_beside(session: Session, serials: Collection[int], at: Ms) -> None:
    """Recall each hold on these coupons beside which another device's redemption stands, unless that one is contested.

    The holder does not know of it, and may give the coupon until it has heard. The caller has locked the coupons.
    """
    execute(session, sql.RECALL_BESIDE, {"serials": list(serials), "now": at})


def note_change(session: Session, serial: int) -> None:
    """Record that the coupon has changed, so that tablets fetch its state at their next sync."""
    fetch_one(session, sql.NOTE_CHANGE[connection_of(session).dialect.name], {"serial": serial})


def append_act(session: Session, act: Mapping[str, Any]) -> None:
    """Append an act. Raises Retry if the device has just used its name: a concurrent duplicate was answered first."""
    if fetch_one(session, sql.APPEND_ACT, act) is None:
        raise Retry


def count_outcome(
    session: Session, day: int, campaign_number: int, store_id: str, outcome: str, *, late: bool = False
) -> None:
    """Add 1 to a tally. `late`: `day` is not the store's present day, so the count goes to the slot for late counts."""
    row = _count(day, campaign_number, store_id, outcome)
    fetch_one(session, sql.COUNT, row | {"slot": LATE_SLOT} if late else row)


def execute(session: Session, statement: Executable, values: Mapping[str, Any]) -> CursorResult[*tuple[Any, ...]]:
    return connection_of(session).execute(statement, values)


def fetch_one(session: Session, statement: Executable, values: Mapping[str, Any]) -> Sequence[Any] | None:
    """Run a statement and return its only row, or None. For the statements of every redemption.

    On SQLite this bypasses SQLAlchemy, which would take six times as long as the statement itself, a fifth of a whole redemption. So
    columns are not converted: a boolean comes as 0 or 1. On PostgreSQL the round trip takes the time, and nothing would be gained.
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
    """Run a statement on PostgreSQL, in autocommit mode, and return its only row, or None."""
    row: Sequence[Any] | None = driver.execute(in_postgresql(statement), values).fetchone()
    return row


@cache
def in_postgresql(statement: Executable) -> str:
    """Return the SQL text of a statement for psycopg."""
    return str(cast(ClauseElement, statement).compile(dialect=POSTGRESQL))


@cache
def in_sqlite(statement: Executable) -> tuple[str, Sequence[str]]:
    """Return the SQL text of a statement for SQLite, and the names of its parameters in order."""
    compiled = cast(ClauseElement, statement).compile(dialect=sqlite.dialect())
    return str(compiled), cast(SQLCompiler, compiled).positiontup or ()


def connection_of(session: Session) -> Connection:
    bound = session.bind
    return bound if isinstance(bound, Connection) else session.connection()


class _Slot(local):
    """The tally slot of a thread. Threads count in different slots, so that they rarely wait for each other's commit."""

    _next = counter(randrange(TALLY_SLOTS))  # noqa: S311 - only so that processes begin at different slots

    def __init__(self) -> None:
        self.number = next(self._next) % TALLY_SLOTS


_slot = _Slot()


def _count(day: int, campaign_number: int, store_id: str, outcome: str) -> dict[str, Any]:
    place = {"day": day, "campaign_number": campaign_number, "store_id": store_id, "outcome": outcome}
    return place | {"slot": _slot.number, "count": 1}


def _redemption(act: Mapping[str, Any], day: int, event: Mapping[str, Any], *, handed_over: bool) -> dict[str, Any]:
    """Return the parameters of all the rows that a redemption writes."""
    counted = _count(day, act["serial"] >> 32, act["store_id"], act["code"])
    return {**act, **counted, **event, "act_id": act["id"], "handed_over_at": act["at"] if handed_over else None}


def _standing(row: Row[*tuple[Any, ...]] | None) -> StandingRedemption | None:
    return standing_of(*row) if row else None
