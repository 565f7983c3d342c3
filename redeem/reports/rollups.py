"""Adding up: the tally of days that are over, summed once, so that a report of a year reads about as few rows as one of a month.

A day is closed when nothing can be counted on it any more but what comes late, and that has a slot of its own in the tally
(ledger.LATE_SLOT): so what was added up stays right, and a report adds the late rows to it. Should a clock that was days ahead have closed
a day too early, what is counted on it from then on is late too: the statement that counts looks. Blocks of 1, 8 and 64 days begin at
multiples of their length; any period is made of a few dozen of them.
"""

import itertools
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Select, cast, func, insert, literal_column, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from redeem.db.engine import Retry
from redeem.db.models.ledger import Deployment
from redeem.db.models.partners import Store
from redeem.db.models.reports import Rollup, Tally
from redeem.ledger.ledger import LATE_SLOT

EVERY_CAMPAIGN = -2
EVERYWHERE = ""
BLOCKS_DAYS = (1, 8, 64)
# Counting goes by each store's calendar, which is a day ahead of UTC's or behind it at most; one more for clocks and slow commits.
CLOSED_AFTER_DAYS = 3

COLUMNS = ["days", "day", "campaign_number", "place", "outcome", "count"]
NO_CAMPAIGN: ColumnElement[Any] = literal_column(str(EVERY_CAMPAIGN))
NO_PLACE: ColumnElement[Any] = literal_column("''")


@dataclass(frozen=True, slots=True)
class Block:
    """So many days from a day on."""

    days: int
    day: int


def blocks(first: int, last: int) -> list[Block]:
    """The fewest blocks that make up the days from `first` to `last`, both included."""
    found = []
    day = first
    while day <= last:
        length = max(days for days in BLOCKS_DAYS if day % days == 0 and day + days - 1 <= last)
        found.append(Block(length, day))
        day += length
    return found


def starts_by_length(first: int, last: int) -> Mapping[int, list[int]]:
    """The days on which these blocks begin, by their length."""
    found: defaultdict[int, list[int]] = defaultdict(list)
    for block in blocks(first, last):
        found[block.days].append(block.day)
    return found


def closed_until(session: Session) -> int | None:
    """The last day that is added up; None if none is."""
    return session.scalar(select(Deployment.added_up_until).where(Deployment.id == 1))


def is_behind(session: Session, today: int) -> bool:
    """Whether `add_up` has something to do. `today` is UTC's."""
    following = next_day(session, closed_until(session))
    return following is not None and following <= today - CLOSED_AFTER_DAYS


def add_up(session: Session, today: int) -> bool:
    """Adds the next closed day up, and the blocks that it completes. False if there is none yet."""
    life = session.get(Deployment, 1, with_for_update=True) or first_row(session)
    day = next_day(session, life.added_up_until)
    if day is None or day > today - CLOSED_AFTER_DAYS:
        return False
    for statement in sums_of_day(day):
        session.execute(insert(Rollup).from_select(COLUMNS, statement))
    for smaller, days in itertools.pairwise(BLOCKS_DAYS):
        if (day + 1) % days == 0:
            session.execute(insert(Rollup).from_select(COLUMNS, sums_of_block(smaller, Block(days, day + 1 - days))))
    life.added_up_until = day
    session.flush()
    return True


def first_row(session: Session) -> Deployment:
    row = Deployment(id=1)
    session.add(row)
    try:
        session.flush()
    except IntegrityError as error:
        raise Retry from error  # somebody else made it at the same moment
    return row


def next_day(session: Session, until: int | None) -> int | None:
    return until + 1 if until is not None else session.scalar(select(func.min(Tally.day)))


def sums_of_day(day: int) -> Sequence[Select[*tuple[Any, ...]]]:
    """By campaign and for all campaigns, each by store, by partner and everywhere."""
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
