"""Writes events, each in the transaction that decided it, and deletes old ones. They are read in events/reader.py."""

from itertools import takewhile
from json import dumps
from typing import Any

from sqlalchemy import delete, select, text, update
from sqlalchemy.orm import Session

from redeem.db.models.events import Event
from redeem.db.models.ledger import Deployment
from redeem.domain.events import EventType, event_id
from redeem.lib.times import Ms

DELETED_PER_STEP_MAX = 5_000
# An id that is there already is of an event that was told before the ledger was restored, so it is not told again.
_APPEND = (
    "INSERT INTO event (id, position, type, serial, act_id, occurred_at, recorded_at, generation, data)"
    " VALUES (:event_id, {position}, :type, :serial, :act_id, :occurred_at, :recorded_at,"
    " {generation}, :data) ON CONFLICT DO NOTHING"
)
FIRST_ROW = text(
    "INSERT INTO deployment (id, generation, awaits_forgotten, campaigns_from, changes_from) VALUES (1, 1, FALSE, 0, 0)"
    " ON CONFLICT DO NOTHING"
)
GENERATION = "(SELECT coalesce(max(generation), 1) FROM deployment)"
# All positions of a generation are above those of earlier ones, whichever server numbered the transactions.
POSITIONS_PER_GENERATION = 10**15
FIRST_POSITION = f"{POSITIONS_PER_GENERATION} * {GENERATION}"
POSITION = f"{FIRST_POSITION} + pg_current_xact_id()::text::bigint"
APPEND = {
    "sqlite": text(_APPEND.format(position="NULL", generation=GENERATION)),
    "postgresql": text(_APPEND.format(position=POSITION, generation=GENERATION)),
}
# What can be seen was committed before the snapshot's end, unless another server numbered it.
_FOREIGN = f"position >= {FIRST_POSITION} + pg_snapshot_xmax(pg_current_snapshot())::text::bigint"
HAS_FOREIGN = text(f"SELECT EXISTS (SELECT 1 FROM event WHERE {_FOREIGN})")  # noqa: S608 - it is ours
SETTLE_FOREIGN = text(f"UPDATE event SET position = {FIRST_POSITION} WHERE {_FOREIGN}")  # noqa: S608 - it is ours


def append(
    session: Session,
    kind: EventType,
    subject: str,
    serial: int | None,
    now: Ms,
    *,
    act_id: str | None = None,
    occurred_at: Ms | None = None,
    **data: Any,
) -> None:
    """Write one event. Nothing is written if this subject has an event of this type.

    The caller has locked the coupon: so the events of one coupon are in the order in which they happened. `act_id` gave the gift.
    `occurred_at` is `now` unless it is given. `data` are ids and codes, and no secret of a coupon.
    """
    row = row_of(kind, subject, serial, now, act_id=act_id, occurred_at=occurred_at, data=data)
    session.connection().execute(APPEND[session.get_bind().dialect.name], row)


def row_of(
    kind: EventType,
    subject: str,
    serial: int | None,
    now: Ms,
    *,
    act_id: str | None = None,
    occurred_at: Ms | None = None,
    data: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the parameters of APPEND."""
    return {
        "event_id": event_id(kind, subject),
        "type": kind.value,
        "serial": serial,
        "act_id": act_id,
        "occurred_at": now if occurred_at is None else occurred_at,
        "recorded_at": now,
        "data": dumps(data or {}, ensure_ascii=False),
    }


def has_old(session: Session, until: Ms) -> bool:
    """Return whether `delete_old` would delete any."""
    oldest = session.scalars(select(Event.recorded_at).order_by(Event.seq).limit(2)).all()
    return len(oldest) == 2 and oldest[0] < until


def delete_old(session: Session, until: Ms) -> int:
    """Delete events that were recorded before `until`, at most DELETED_PER_STEP_MAX. Return how many.

    The newest stays: on SQLite numbers continue from it. A reader that has not read what is deleted is told so.
    """
    oldest = session.execute(
        select(Event.seq, Event.position, Event.recorded_at).order_by(Event.seq).limit(DELETED_PER_STEP_MAX + 1)
    ).all()
    old = list(takewhile(lambda row: row.recorded_at < until, oldest[:-1]))
    if old:
        session.execute(delete(Event).where(Event.seq.in_([row.seq for row in old])))
        _forget_below(session, 1 + max(row.seq if row.position is None else row.position for row in old))
    return len(old)


def _forget_below(session: Session, place: int) -> None:
    """Remember below which place events are gone. The deployment's row is made when it is first needed."""
    session.execute(FIRST_ROW)
    session.execute(update(Deployment).where(Deployment.events_from < place).values(events_from=place))


def has_foreign(session: Session) -> bool:
    """Return whether another PostgreSQL server numbered events of this generation: the database was moved, and not restored."""
    return session.get_bind().dialect.name == "postgresql" and bool(session.connection().execute(HAS_FOREIGN).scalar())


def settle_foreign(session: Session) -> None:
    """Let the events that another server numbered be read: otherwise they would wait until this one has come to their numbers."""
    session.connection().execute(SETTLE_FOREIGN)
