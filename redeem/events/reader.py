"""Reads events in the order in which they were committed, so that no reader misses one that is committed late.

What was inserted first may be committed last. So a reader doesn't go by the order of insertion alone: it reads what is settled at one
moment and was not at an earlier one, in the order of insertion, and then goes on from the later moment. A moment on PostgreSQL is what a
snapshot of the database says: which transactions have ended. Whoever waited for a coupon's lock inserts its event, and commits, after the
one that it waited for: so at each moment at which the later event is settled the earlier one is too, and the events of one coupon are read
in the order in which they happened. SQLite commits one writer after another: there a moment is a count.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from json import loads
from typing import Any, Self

from sqlalchemy import ColumnElement, func, select, text
from sqlalchemy.orm import Session

from redeem.db.lines import lines, select_as
from redeem.db.models.coupons import Coupon
from redeem.db.models.events import Event
from redeem.db.models.ledger import Act, Deployment
from redeem.db.models.partners import Store
from redeem.events.log import FIRST_POSITION
from redeem.lib.errors import RedeemError
from redeem.lib.times import Ms

CURSOR_MAX_CHARACTERS = 6_000
NOW = text(
    f"SELECT system_identifier % 1000000007, {FIRST_POSITION}, pg_current_snapshot()::text"  # noqa: S608 - it is ours
    " FROM pg_control_system()"
)
FIRST_GENERATION = 1
LIFE = select(
    func.coalesce(func.max(Deployment.generation), FIRST_GENERATION),
    func.coalesce(func.max(Deployment.events_from), 0),
)
_NUMBER = "[0-9]{1,18}"
_MOMENT = f"{_NUMBER}(?:-{_NUMBER})*"
CURSOR = rf"({_NUMBER})\.({_NUMBER})\.({_MOMENT})(?:\.({_MOMENT})\.({_NUMBER}))?"


class OtherGeneration(RedeemError):
    """The cursor is of another generation, or of a server that the database was moved from."""

    code = "other_generation"
    default_detail = (
        "The server was restored or moved since. Read from the beginning: what you have seen has the same ids."
    )


class EventsDeleted(RedeemError):
    """Events that the cursor's reader has not read are deleted, because they are old."""

    code = "events_deleted"
    default_detail = "Events that you have not read are too old and deleted. Read the lists of coupons and redemptions, then begin anew."


@dataclass(frozen=True, slots=True)
class Moment:
    """What is settled: each event whose place is below `end`, except those of the transactions that were `under_way`, newest first.

    Written `<end>`, then for each of those `-` and how far below `end` it is.
    """

    end: int = 0
    under_way: tuple[int, ...] = ()

    @property
    def begin(self) -> int:
        """Everything below is settled."""
        return min(self.under_way, default=self.end)

    def __str__(self) -> str:
        return "-".join([str(self.end), *(str(self.end - number) for number in self.under_way)])

    @classmethod
    def of_snapshot(cls, written: str, first_position: int = 0) -> Self:
        """Return the moment of a snapshot as PostgreSQL writes it, `xmin:xmax:xip,…`."""
        _, end, under_way = written.split(":")
        numbers = sorted((first_position + int(number) for number in under_way.split(",") if number), reverse=True)
        return cls(first_position + int(end), tuple(numbers))


START = Moment()


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a reader has read: all that is settled at `since`, and of what is settled at `until` each event up to number `seq`.

    `series` is the server's own number on PostgreSQL: another server numbers its transactions anew. Written
    `<generation>.<series>.<since>.<until>.<seq>`, and where both moments are one, `<generation>.<series>.<since>`.
    """

    generation: int
    series: int
    since: Moment = START
    until: Moment = START
    seq: int = 0

    def __str__(self) -> str:
        parts: list[object] = [self.generation, self.series, self.since]
        return ".".join(str(part) for part in (parts if self.since == self.until else [*parts, self.until, self.seq]))


@dataclass(frozen=True, slots=True)
class News:
    """One event as it is told. What is None does not apply to its type. `at` and `recorded_at`: when it happened, when we heard."""

    id: str
    type: str
    occurred_at: Ms
    recorded_at: Ms
    generation: int
    serial: int | None
    order_ref: str | None
    void_reason: str | None
    act_id: str | None
    store_id: str | None
    partner_id: str | None
    data: str
    seq: int

    @property
    def details(self) -> dict[str, Any]:
        """What this type alone has: `reason`, `rule`, `standing` or `decision`."""
        details: dict[str, Any] = loads(self.data)
        return details


@dataclass(frozen=True, slots=True)
class Events:
    """Events in order, and the cursor behind the last of them. `has_more`: more can be read at once."""

    items: Sequence[News]
    cursor: Cursor
    has_more: bool


NEWS = (
    select_as(
        News,
        id=Event.id,
        type=Event.type,
        occurred_at=Event.occurred_at,
        recorded_at=Event.recorded_at,
        generation=Event.generation,
        serial=Event.serial,
        order_ref=Coupon.order_ref,
        void_reason=Coupon.void_reason,
        act_id=Event.act_id,
        store_id=Act.store_id,
        partner_id=Store.partner_id,
        data=Event.data,
        seq=Event.seq,
    )
    .outerjoin(Coupon, Coupon.serial == Event.serial)
    .outerjoin(Act, Act.id == Event.act_id)
    .outerjoin(Store, Store.id == Act.store_id)
)


def read(session: Session, cursor: Cursor | None, limit: int) -> Events:
    """Return the next events, at most `limit`, after those that the cursor's reader has read. None begins with the oldest that is kept.

    Raises OtherGeneration, EventsDeleted.
    """
    generation, events_from = session.execute(LIFE).one()
    series, now = moment_now(session)
    begun = cursor or Cursor(generation, series)
    if (begun.generation, begun.series) != (generation, series) or begun.until.end > now.end:
        raise OtherGeneration(generation=generation)
    if begun.since != START and begun.since.begin < events_from:
        raise EventsDeleted
    found = fetch(session, begun.since, begun.until, begun.seq, limit + 1)
    rest = fetch(session, begun.until, now, 0, limit + 1 - len(found))
    items = [*found, *rest][:limit]
    return Events(items, behind(begun, now, items, found, rest), len(found) + len(rest) > limit)


def behind(begun: Cursor, now: Moment, items: Sequence[News], found: Sequence[News], rest: Sequence[News]) -> Cursor:
    """Return the cursor behind `items`: the first of those `found` up to the moment `begun.until`, followed by the `rest` up to `now`."""
    generation, series = begun.generation, begun.series
    if len(items) < len(found):
        return Cursor(generation, series, begun.since, begun.until, items[-1].seq)
    if len(items) < len(found) + len(rest):
        return Cursor(generation, series, begun.until, now, items[-1].seq if len(items) > len(found) else 0)
    return Cursor(generation, series, now, now)


def fetch(session: Session, since: Moment, until: Moment, seq: int, limit: int) -> Sequence[News]:
    """Return events that are settled at `until` and were not at `since`, behind the number `seq`, in the order of insertion."""
    if since == until or limit <= 0:
        return ()
    place = (Event.seq if is_sqlite(session) else Event.position).expression
    is_new = [place >= since.begin, is_settled(place, until), is_unsettled(place, since), Event.seq > seq]
    return lines(session, News, NEWS.where(*is_new).order_by(Event.seq).limit(limit))


def is_settled(place: ColumnElement[Any], moment: Moment) -> ColumnElement[bool]:
    ended = place < moment.end
    return ended & place.not_in(moment.under_way) if moment.under_way else ended


def is_unsettled(place: ColumnElement[Any], moment: Moment) -> ColumnElement[bool]:
    later = place >= moment.end
    return later | place.in_(moment.under_way) if moment.under_way else later


def moment_now(session: Session) -> tuple[int, Moment]:
    """Return the series of moments, and what is settled now."""
    if is_sqlite(session):
        return 0, Moment((session.scalar(select(func.max(Event.seq))) or 0) + 1)
    series, first_position, snapshot = session.connection().execute(NOW).one()
    return series, Moment.of_snapshot(snapshot, first_position)


def is_sqlite(session: Session) -> bool:
    return session.get_bind().dialect.name == "sqlite"


def read_cursor(written: str) -> Cursor | None:
    """Return the cursor that is written so. None if no server of ours writes one so."""
    match = re.fullmatch(CURSOR, written) if len(written) <= CURSOR_MAX_CHARACTERS else None
    if match is None:
        return None
    generation, series, since, until, seq = match.groups()
    return Cursor(int(generation), int(series), read_moment(since), read_moment(until or since), int(seq or 0))


def read_moment(written: str) -> Moment:
    end, *below = (int(number) for number in written.split("-"))
    return Moment(end, tuple(end - number for number in below))
