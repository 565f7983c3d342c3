"""Places in the order of events from which an endpoint goes on."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from redeem.db.lines import lines
from redeem.db.models.events import Event
from redeem.db.models.ledger import Deployment
from redeem.events.reader import FIRST_GENERATION, NEWS, START, Cursor, News, moment_now
from redeem.lib.times import MS_PER_MINUTE, Ms

# What was recorded this long before may have been committed after: it is sent again, with the same ids.
OVERLAP_MS = 60 * MS_PER_MINUTE


def end(session: Session) -> Cursor:
    """Return the place behind all events that are committed by now."""
    series, now = moment_now(session)
    return Cursor(generation(session), series, now, now)


def behind(session: Session, seq: int) -> Cursor:
    """Return the place behind the event with the number `seq`. What was inserted before it and is committed later is read too."""
    series, now = moment_now(session)
    return Cursor(generation(session), series, START, now, seq)


def after(session: Session, event_id: str) -> Cursor:
    """Return the place behind the event with this id, which is kept."""
    return behind(session, session.scalars(select(Event.seq).where(Event.id == event_id)).one())


def since(session: Session, recorded_at: Ms) -> Cursor:
    """Return a place before all that may have been committed since what was recorded at this time."""
    before = session.scalar(select(func.max(Event.seq)).where(Event.recorded_at < recorded_at - OVERLAP_MS))
    return behind(session, before or 0)


def oldest_recorded_at(session: Session) -> Ms | None:
    """Return when the oldest event was recorded that is kept."""
    return session.scalar(select(Event.recorded_at).order_by(Event.seq).limit(1))


def is_kept(session: Session, event_id: str) -> bool:
    return session.scalar(select(Event.seq).where(Event.id == event_id)) is not None


def find(session: Session, event_ids: list[str]) -> list[News]:
    """Return those of the events that are kept, in the order of insertion."""
    return lines(session, News, NEWS.where(Event.id.in_(event_ids)).order_by(Event.seq))


def generation(session: Session) -> int:
    return session.scalar(select(func.max(Deployment.generation))) or FIRST_GENERATION
