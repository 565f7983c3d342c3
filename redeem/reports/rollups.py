"""Rollups: sums of the tally over closed days, so that a report of a year reads hardly more rows than a report of a month.

A day is closed once only late counts can still come for it. These have a slot of their own in the tally (LATE_SLOT), so rollups never
change, and reports add the late counts to them. Rollups are for blocks of 1, 8 and 64 days, which begin at multiples of their length. Any
period is made of a few dozen blocks.
"""

import itertools
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Select, cast, func, insert, literal_column, select, text
from sqlalchemy.orm import Session

from redeem.db.models.ledger import Deployment
from redeem.db.models.partners import Store
from redeem.db.models.reports import Rollup, Tally
from redeem.ledger import generation
from redeem.ledger.ledger import LATE_SLOT

EVERY_CAMPAIGN = -2
EVERYWHERE = ""
BLOCKS_DAYS = (1, 8, 64)
# A store's calendar is at most one day ahead of UTC's or behind it. One more day is for wrong clocks and slow commits.
CLOSED_AFTER_DAYS = 3
WAIT_FOR_COUNTS_MS = 200

COLUMNS = ["days", "day", "campaign_number", "place", "outcome", "count"]
NO_CAMPAIGN: ColumnElement[Any] = literal_column(str(EVERY_CAMPAIGN))
NO_PLACE: ColumnElement[Any] = literal_column("''")


@dataclass(frozen=True, slots=True)
class Block:
    """The `days` days from `day` on."""

    days: int
    day: int


def blocks(first: int, last: int) -> list[Block]:
    """Return the fewest blocks that make up the days from `first` to `last`, both included."""
    chosen = []
    day = first
    while day <= last:
        length = max(days for days in BLOCKS_DAYS if day % days == 0 and day + days - 1 <= last)
        chosen.append(Block(length, day))
        day += length
    return chosen


def starts_by_length(first: int, last: int) -> Mapping[int, list[int]]:
    """Return the first days of the blocks that make up the days from `first` to `last`, by the length of the blocks."""
    starts: defaultdict[int, list[int]] = defaultdict(list)
    for block in blocks(first, last):
        starts[block.days].append(block.day)
    return starts


def closed_until(session: Session) -> int | None:
    """Return the last closed day, or None if no day is closed."""
    return session.scalar(select(Deployment.added_up_until).where(Deployment.id == 1))


def is_behind(session: Session, today: int) -> bool:
    """Return whether `add_up` has a day to close. `today` is in UTC."""
    following = next_day(session, closed_until(session))
    return following is not None and following <= today - CLOSED_AFTER_DAYS


def add_up(session: Session, today: int) -> bool:
    """Close the next day: sum it, and the blocks that it completes. Returns False if no day can be closed yet. `today` is in UTC.

    Run it at one moment: the six sums of a day are of the same counts.
    """
    let_nobody_count(session)
    deployment = session.get(Deployment, 1, with_for_update=True) or generation.first_row(session)
    day = next_day(session, deployment.added_up_until)
    if day is None or day > today - CLOSED_AFTER_DAYS:
        return False
    for statement in sums_of_day(day):
        session.execute(insert(Rollup).from_select(COLUMNS, statement))
    for smaller, days in itertools.pairwise(BLOCKS_DAYS):
        if (day + 1) % days == 0:
            session.execute(insert(Rollup).from_select(COLUMNS, sums_of_block(smaller, Block(days, day + 1 - days))))
    deployment.added_up_until = day
    session.flush()
    return True


def let_nobody_count(session: Session) -> None:
    """Let nobody count on PostgreSQL until the day is closed. SQLite has one writer.

    Whoever waits for this sees that the day is closed, and counts as late. Without it, a count under way would be in no sum: it began when
    the day was open, and is not seen yet. That takes servers whose clocks are days apart. It waits for a moment only, for whoever wants to
    count waits behind it; the failure is transient, and the day is closed at another time.
    """
    if session.connection().dialect.name == "postgresql":
        session.execute(text(f"SET LOCAL lock_timeout = {WAIT_FOR_COUNTS_MS}"))
        session.execute(text("LOCK TABLE tally IN SHARE MODE"))


def next_day(session: Session, until: int | None) -> int | None:
    """Return the day after the last closed one, or the first day with a count, or None if nothing was counted."""
    return until + 1 if until is not None else session.scalar(select(func.min(Tally.day)))


def sums_of_day(day: int) -> Sequence[Select[*tuple[Any, ...]]]:
    """Return the statements that sum a day: by campaign and for all campaigns, each by store, by partner and for all stores."""
    campaigns = ((Tally.campaign_number,), ())
    places = ((Tally.store_id,), (Store.partner_id,), ())
    return [sum_of_day(day, campaign, place) for campaign in campaigns for place in places]


def sum_of_day(day: int, campaign: Sequence[Any], place: Sequence[Any]) -> Select[*tuple[Any, ...]]:
    columns = (*(campaign or (NO_CAMPAIGN,)), *(place or (NO_PLACE,)), Tally.outcome)
    total = cast(func.sum(Tally.count), BigInteger)
    statement = select(literal_column("1"), Tally.day, *columns, total).where(Tally.day == day, Tally.slot != LATE_SLOT)
    if Store.partner_id in place:
        statement = statement.join(Store, Store.id == Tally.store_id)
    return statement.group_by(Tally.day, *campaign, *place, Tally.outcome)


def sums_of_block(smaller: int, block: Block) -> Select[*tuple[Any, ...]]:
    of_each = (Rollup.campaign_number, Rollup.place, Rollup.outcome)
    total = cast(func.sum(Rollup.count), BigInteger)
    starts = range(block.day, block.day + block.days, smaller)
    return (
        select(literal_column(str(block.days)), literal_column(str(block.day)), *of_each, total)
        .where(Rollup.days == smaller, Rollup.day.in_(starts))
        .group_by(*of_each)
    )
