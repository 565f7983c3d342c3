"""Turns: who sends to an endpoint, what, and what came of it.

A worker takes the lease of an endpoint, sends what is next, notes each event as soon as it was taken, and gives the lease back. It may die
at any moment: once the lease has ended another goes on. What it had sent and not noted is sent again with the same id, so each event is
sent at least once. A note counts only under the lease that it was sent under.

Events of one coupon go out one after the other, in their order. Different coupons' go side by side, in LANES.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from zlib import crc32

from sqlalchemy import select
from sqlalchemy.orm import Session

from redeem.db.models.webhooks import WebhookEndpoint
from redeem.events import reader
from redeem.events.reader import Events, EventsDeleted, News, OtherGeneration, read_cursor
from redeem.lib.sealing import Sealer
from redeem.lib.times import Ms
from redeem.webhooks import attempts, places, schedule
from redeem.webhooks.attempts import Attempt, AttemptLine, Outcome
from redeem.webhooks.endpoints import DisabledReason
from redeem.webhooks.signatures import Secret

# A worker that dies leaves its lease behind, so it must be longer than a worker takes from one note to the next, and no more.
LEASE_MS = 30_000
EVENTS_PER_TURN = 100
LANES = 4


@dataclass(frozen=True, slots=True)
class Turn:
    """What a worker may send under a lease. `again` are sent first and once; `lanes` in the order of each.

    `window` are the ids of all events up to `cursor`, those too that are not sent; the newest was recorded at `recorded_until`.
    `careful`: the endpoint failed last, so one event is tried before all the others.
    """

    endpoint_id: str
    lease_id: str
    url: str
    secrets: Sequence[Secret]
    again: Sequence[News]
    lanes: Sequence[Sequence[News]]
    window: frozenset[str]
    cursor: str
    recorded_until: Ms
    careful: bool


def due(session: Session, now: Ms) -> list[str]:
    """Return the ids of the endpoints that have something to be sent and nobody sending, without a lock."""
    rows = session.scalars(select(WebhookEndpoint).where(WebhookEndpoint.disabled_at.is_(None)))
    return [row.id for row in rows if is_free(row, now) and has_news(session, row, now)]


def is_free(row: WebhookEndpoint, now: Ms) -> bool:
    """Return whether nobody has the lease. One that ends later than any that is given was given by a clock that was wrong."""
    return row.lease_until is None or not now < row.lease_until <= now + LEASE_MS


def may_try(row: WebhookEndpoint, now: Ms) -> bool:
    """Return whether it is not too early. A time that is later than any pause was set by a clock that was wrong."""
    return row.next_try_at is None or not now < row.next_try_at <= now + schedule.LONGEST_PAUSE_MS


def has_news(session: Session, row: WebhookEndpoint, now: Ms) -> bool:
    if row.resend:
        return True
    if not may_try(row, now):
        return False
    try:
        return bool(reader.read(session, cursor_of(row), 1).items)
    except (OtherGeneration, EventsDeleted):
        return True


def take(session: Session, endpoint_id: str, lease_id: str, sealer: Sealer, now: Ms) -> Turn | None:
    """Take the lease of an endpoint. None if somebody else has it, or if there is nothing to send. `lease_id` is new for each turn."""
    row = session.scalar(
        select(WebhookEndpoint).where(WebhookEndpoint.id == endpoint_id).with_for_update(skip_locked=True)
    )
    if row is None or row.disabled_at is not None or not (row.lease_id == lease_id or is_free(row, now)):
        return None
    events = next_events(session, row) if may_try(row, now) else None
    items = events.items if events else ()
    wanted = [news for news in items if is_wanted(row, news) and news.id not in row.done]
    if events and not wanted:
        move_on(row, frozenset(news.id for news in items), str(events.cursor), newest(items))
    again = places.find(session, row.resend)
    if not wanted and not again:
        row.resend = []
        return None
    row.lease_id, row.lease_until = lease_id, now + LEASE_MS
    session.flush()
    return Turn(
        endpoint_id=row.id,
        lease_id=lease_id,
        url=row.url,
        secrets=secrets_of(row, sealer, now),
        again=again,
        lanes=in_lanes(wanted),
        window=frozenset(news.id for news in items),
        cursor=str(events.cursor) if events else "",
        recorded_until=newest(items),
        careful=row.failures > 0,
    )


def next_events(session: Session, row: WebhookEndpoint) -> Events:
    """Return the next events of an endpoint. If its place is of another generation, or deleted, find the place to go on from."""
    try:
        return reader.read(session, cursor_of(row), EVENTS_PER_TURN)
    except OtherGeneration:
        row.cursor, row.done = str(places.since(session, row.told_until)), []
    except EventsDeleted:
        miss(session, row)
    return reader.read(session, cursor_of(row), EVENTS_PER_TURN)


def miss(session: Session, row: WebhookEndpoint) -> None:
    """Go on with the oldest event that is kept, and remember from when to when the endpoint was told of nothing."""
    oldest = places.oldest_recorded_at(session)
    if oldest is not None:
        row.missed_from = row.told_until if row.missed_from is None else row.missed_from
        row.missed_until = oldest
    row.cursor, row.done = str(places.behind(session, 0)), []


def cursor_of(row: WebhookEndpoint) -> reader.Cursor | None:
    return read_cursor(row.cursor) if row.cursor else None


def is_wanted(row: WebhookEndpoint, news: News) -> bool:
    return not row.types or news.type in row.types.split()


def secrets_of(row: WebhookEndpoint, sealer: Sealer, now: Ms) -> list[Secret]:
    """Return the secrets to sign with, the newest first."""
    sealed = [row.sealed_secret]
    if row.sealed_previous is not None and row.previous_until is not None and now < row.previous_until:
        sealed.append(row.sealed_previous)
    return [Secret.of_bytes(sealer.unseal(each)) for each in sealed]


def in_lanes(wanted: Sequence[News]) -> list[list[News]]:
    """Return the events in lanes: those of one coupon in one lane, in their order."""
    lanes: list[list[News]] = [[] for _ in range(LANES)]
    for news in wanted:
        lanes[crc32(str(news.serial).encode()) % LANES].append(news)
    return [lane for lane in lanes if lane]


def note(session: Session, turn: Turn, news: News, attempt: Attempt, at: Ms) -> bool:
    """Keep an attempt; if it was taken, never send this event again by itself. False: stop, the lease is not the worker's any more."""
    row = leased(session, turn)
    if row is None:
        return False
    row.attempts += 1
    line = AttemptLine(row.attempts, news.id, news.type, at, attempt.outcome, attempt.status, attempt.ms)
    attempts.keep(session, row.id, line)
    row.resend = [each for each in row.resend if each != news.id]
    if attempt.is_taken:
        row.last_success_at = at
        if news.id in turn.window and news.id not in row.done:
            row.done = [*row.done, news.id]
    row.lease_until = at + LEASE_MS
    session.flush()
    return True


def end(session: Session, turn: Turn, failed: Attempt | None, now: Ms, chance: float) -> bool:
    """Give the lease back. `failed` is the attempt that ended the turn, if one did: then the endpoint is tried again later, or disabled.

    Return whether it is disabled by that.
    """
    row = leased(session, turn)
    if row is None:
        return False
    row.lease_id, row.lease_until = None, None
    if failed is not None:
        fail(row, failed, now, chance)
    elif any(turn.lanes):
        row.failures, row.failing_since, row.next_try_at = 0, None, None
    sent = {news.id for lane in turn.lanes for news in lane}
    if turn.cursor and sent <= set(row.done):
        move_on(row, turn.window, turn.cursor, turn.recorded_until)
    session.flush()
    return row.disabled_at is not None


def move_on(row: WebhookEndpoint, window: frozenset[str], cursor: str, recorded_until: Ms) -> None:
    """All of the window was sent, or need not be: go on behind it."""
    row.cursor, row.done = cursor, [each for each in row.done if each not in window]
    row.told_until = max(row.told_until, recorded_until)


def newest(items: Sequence[News]) -> Ms:
    return max((news.recorded_at for news in items), default=0)


def fail(row: WebhookEndpoint, failed: Attempt, now: Ms, chance: float) -> None:
    row.failures += 1
    row.failing_since = now if row.failing_since is None else min(row.failing_since, now)
    row.next_try_at = now + schedule.pause_ms(row.failures, chance)
    if failed.outcome == Outcome.GONE:
        row.disabled_at, row.disabled_reason = now, DisabledReason.GONE
    elif schedule.gives_up(row.failing_since, row.failures, now):
        row.disabled_at, row.disabled_reason = now, DisabledReason.FAILING


def leased(session: Session, turn: Turn) -> WebhookEndpoint | None:
    """Return the endpoint, locked, if the lease is still the worker's."""
    own = WebhookEndpoint.id == turn.endpoint_id, WebhookEndpoint.lease_id == turn.lease_id
    return session.scalar(select(WebhookEndpoint).where(*own).with_for_update())
