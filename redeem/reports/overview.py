"""Reporting: what the office reads, added up from counts that were kept as things happened, and of closed days from adding_up.py.

Given is what was handed over and not taken back: redeemed − withdrawn − reversed, and never what still waits for the
clerk's report (pending). Days are calendar days at the store where it happened.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVarTuple

from sqlalchemy import BigInteger, Select, cast, func, literal_column, select
from sqlalchemy import Row as SqlRow
from sqlalchemy.orm import Session

from redeem.accounts.roles import Scope, is_within, within
from redeem.db.models.coupons import Campaign
from redeem.db.models.ledger import Act, Redemption
from redeem.db.models.partners import Partner, Store
from redeem.db.models.reports import Rollup, Tally
from redeem.domain.acts import Outcome
from redeem.ledger.ledger import LATE_SLOT, UNKNOWN_CAMPAIGN
from redeem.lib.ids import is_id
from redeem.lib.times import MS_PER_DAY, Ms, local_day
from redeem.reports import rollups

WITHDRAWN = "withdrawn"
GIFTS = (Outcome.REDEEMED, Outcome.REVERSED, WITHDRAWN)
# A decline is counted by whoever declined: the server (`declined:`), or a tablet that said no by itself (`decline:`).
DECLINES = ("declined:", "decline:")
REFUSALS = ("refusal:",)
PENDING_MAX = 10_000

Columns = TypeVarTuple("Columns")


@dataclass(frozen=True, slots=True)
class Period:
    """Days since 2020-01-01, both included."""

    first: int
    last: int

    @property
    def days(self) -> range:
        return range(self.first, self.last + 1)

    def before(self) -> "Period":
        """As many days, just before these."""
        return Period(self.first - len(self.days), self.first - 1)


@dataclass(frozen=True, slots=True)
class Question:
    """Which figures: whose (the manager's scope), when, and of which campaign and stores (`narrowed`)."""

    scope: Scope
    period: Period
    campaign: int | None = None
    narrowed: Scope = field(default_factory=Scope)


@dataclass(frozen=True, slots=True)
class Gifts:
    """What became of the coupons that were good. `taken` is what the counter was told to give."""

    redeemed: int = 0
    withdrawn: int = 0
    reversed: int = 0
    pending: int = 0

    @property
    def taken(self) -> int:
        return self.redeemed - self.withdrawn

    @property
    def given(self) -> int:
        return self.taken - self.reversed - self.pending


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a ranking: a campaign or a store (with its partner), and its gifts."""

    key: str
    name: str
    of: str
    gifts: Gifts
    declined: int


@dataclass(frozen=True, slots=True)
class Report:
    """All the figures of a question. Reasons map a code to how often; `before` is the period before; a conflict is a second
    gift of one coupon, which is no gift given."""

    question: Question
    total: Gifts
    before: Gifts
    days: Mapping[int, Gifts]
    campaigns: list[Row]
    stores: list[Row]
    declines: Mapping[str, int]
    refusals: Mapping[str, int]
    conflicts: int

    @property
    def declined(self) -> int:
        return sum(self.declines.values())

    @property
    def refused(self) -> int:
        return sum(self.refusals.values())

    @property
    def shown(self) -> int:
        """How often a coupon was shown and ended one way or the other."""
        return self.total.taken + self.declined + self.refused

    @property
    def is_empty(self) -> bool:
        return not (self.total.redeemed or self.declined or self.refused)


Sums = dict[Any, Counter[str]]
# As an integer: what PostgreSQL adds up of big integers is a decimal.
TIMES = cast(func.sum(Tally.count), BigInteger)
ADDED_UP = cast(func.sum(Rollup.count), BigInteger)
# Written out, and not as a value: only so is it known to be what the index of late rows has.
IS_LATE = Tally.slot == literal_column(str(LATE_SLOT))


@dataclass(frozen=True, slots=True)
class Parts:
    """A period in two: the days that are added up, in blocks, at one place; and those that are still counted (`open`).

    `place` is a store's id, a partner's, '' for everywhere, or None if what is asked for can be nowhere.
    """

    closed: Period
    open: Period
    place: str | None

    @property
    def blocks(self) -> Mapping[int, list[int]]:
        return rollups.starts_by_length(self.closed.first, self.closed.last)


def report(session: Session, question: Question) -> Report:
    parts, pending = parts_of(session, question, question.period), count_pending(session, question)
    days, (campaigns, stores) = add_up_days(session, question, parts), add_up_places(session, question, parts)
    outcomes = sum(stores.values(), Counter())
    return Report(
        question=question,
        total=gifts(outcomes, pending.total),
        before=gifts(count_before(session, question)),
        days={day: gifts(days.get(day, {}), pending.days[day]) for day in question.period.days},
        campaigns=campaign_rows(session, campaigns, pending.campaigns),
        stores=store_rows(session, question, stores, pending.stores),
        declines=reasons(outcomes, DECLINES),
        refusals=reasons(outcomes, REFUSALS),
        conflicts=outcomes[Outcome.CONFLICT],
    )


def parts_of(session: Session, question: Question, period: Period) -> Parts:
    until = rollups.closed_until(session)
    last = period.first - 1 if until is None else min(period.last, until)
    place = place_of(session, question) if last >= period.first else None
    return Parts(Period(period.first, last), Period(max(period.first, last + 1), period.last), place)


def place_of(session: Session, question: Question) -> str | None:
    """The one place that scope and choice leave."""
    both = (question.scope, question.narrowed)
    stores = {each.store_id for each in both if each.store_id}
    partners = {each.partner_id for each in both if each.partner_id}
    if len(stores) > 1 or len(partners) > 1:
        return None
    if stores:
        here = select(Store.id).where(Store.id.in_(stores), *(is_within(each, Store.id) for each in both))
        return session.scalar(here)
    return next(iter(partners), rollups.EVERYWHERE)


def add_up_days(session: Session, question: Question, parts: Parts) -> Sums:
    sums: Sums = defaultdict(Counter)
    one = select(Rollup.day, Rollup.outcome, Rollup.count).where(Rollup.outcome.in_(GIFTS))
    if parts.place is not None:
        asked_for = one.where(Rollup.campaign_number == campaign_of(question), Rollup.place == parts.place)
        days = asked_for.where(Rollup.days == 1, Rollup.day.in_(parts.closed.days))
        for day, outcome, times in session.execute(days):
            sums[day][outcome] += times
    counted = select(Tally.day, Tally.outcome, TIMES).where(Tally.outcome.in_(GIFTS)).group_by(Tally.day, Tally.outcome)
    for day, outcome, times in still_counted(session, counted, question, parts):
        sums[day][outcome] += times
    return sums


def add_up_places(session: Session, question: Question, parts: Parts) -> tuple[Sums, Sums]:
    """By campaign, and by store."""
    campaigns: Sums = defaultdict(Counter)
    stores: Sums = defaultdict(Counter)
    for campaign, outcome, times in closed_by_campaign(session, question, parts):
        campaigns[campaign][outcome] += times
    for store_id, outcome, times in closed_by_store(session, question, parts):
        stores[store_id][outcome] += times
    each = Tally.campaign_number, Tally.store_id, Tally.outcome
    for campaign, store_id, outcome, times in still_counted(
        session, select(*each, TIMES).group_by(*each), question, parts
    ):
        campaigns[campaign][outcome] += times
        stores[store_id][outcome] += times
    return campaigns, stores


def closed_by_campaign(session: Session, question: Question, parts: Parts) -> Iterable[tuple[int, str, int]]:
    """Every campaign is named, so that the primary key leads to each row: it has the campaign before the place."""
    if parts.place is None:
        return
    each = Rollup.campaign_number, Rollup.outcome
    wanted = [question.campaign] if question.campaign is not None else known_campaigns(session)
    statement = select(*each, ADDED_UP).group_by(*each).where(Rollup.place == parts.place)
    for days, starts in parts.blocks.items():
        of_blocks = (Rollup.days == days, Rollup.day.in_(starts), Rollup.campaign_number.in_(wanted))
        yield from session.execute(statement.where(*of_blocks))


def known_campaigns(session: Session) -> list[int]:
    return [*session.scalars(select(Campaign.number)), UNKNOWN_CAMPAIGN]


def closed_by_store(session: Session, question: Question, parts: Parts) -> Iterable[tuple[str, str, int]]:
    if parts.place is None:
        return
    each = Rollup.place, Rollup.outcome
    statement = select(*each, ADDED_UP).group_by(*each).where(Rollup.campaign_number == campaign_of(question))
    if parts.place != rollups.EVERYWHERE:
        here = select(Store.id).where(is_within(question.scope, Store.id), is_within(question.narrowed, Store.id))
        statement = statement.where(Rollup.place.in_(list(session.scalars(here))))
    for days, starts in parts.blocks.items():
        for place, outcome, times in session.execute(statement.where(Rollup.days == days, Rollup.day.in_(starts))):
            if is_id("sto", place):
                yield place, outcome, times


def closed_gifts(session: Session, question: Question, parts: Parts) -> Iterable[tuple[str, int]]:
    if parts.place is None:
        return
    here = (Rollup.campaign_number == campaign_of(question), Rollup.place == parts.place, Rollup.outcome.in_(GIFTS))
    statement = select(Rollup.outcome, ADDED_UP).where(*here).group_by(Rollup.outcome)
    for days, starts in parts.blocks.items():
        yield from session.execute(statement.where(Rollup.days == days, Rollup.day.in_(starts)))


def campaign_of(question: Question) -> int:
    return rollups.EVERY_CAMPAIGN if question.campaign is None else question.campaign


def still_counted(
    session: Session, statement: Select[*Columns], question: Question, parts: Parts
) -> Iterable[SqlRow[*Columns]]:
    """What is in no block yet: the days that are not closed, and what came late to those that are."""
    yield from session.execute(asked(statement, question, parts.open)) if parts.open.days else ()
    late = statement.where(IS_LATE)
    yield from session.execute(asked(late, question, parts.closed)) if parts.closed.days else ()


def asked(statement: Select[*Columns], question: Question, period: Period) -> Select[*Columns]:
    """The statement, kept to what is asked for and to what may be known."""
    kept = within(within(statement, question.scope, Tally.store_id), question.narrowed, Tally.store_id)
    kept = kept.where(Tally.day.between(period.first, period.last))
    return kept if question.campaign is None else kept.where(Tally.campaign_number == question.campaign)


def count_before(session: Session, question: Question) -> Counter[str]:
    parts = parts_of(session, question, question.period.before())
    counted: Counter[str] = Counter()
    for outcome, times in closed_gifts(session, question, parts):
        counted[outcome] += times
    statement = select(Tally.outcome, TIMES).where(Tally.outcome.in_(GIFTS)).group_by(Tally.outcome)
    for outcome, times in still_counted(session, statement, question, parts):
        counted[outcome] += times
    return counted


def gifts(outcomes: Mapping[str, int], pending: int = 0) -> Gifts:
    return Gifts(
        redeemed=outcomes.get(Outcome.REDEEMED, 0),
        withdrawn=outcomes.get(WITHDRAWN, 0),
        reversed=outcomes.get(Outcome.REVERSED, 0),
        pending=pending,
    )


def reasons(outcomes: Mapping[str, int], prefixes: tuple[str, ...]) -> dict[str, int]:
    """How often for each reason, whoever said it."""
    found: Counter[str] = Counter()
    for outcome, count in outcomes.items():
        prefix = next((prefix for prefix in prefixes if outcome.startswith(prefix)), None)
        if prefix and count:
            found[outcome.removeprefix(prefix)] += count
    return dict(found)


# Pending: promised to a tablet that has not said yet that it gave. They are rows, not counts, and few.


@dataclass(slots=True)
class Pending:
    """Pending redemptions by day, campaign and store."""

    days: Counter[int] = field(default_factory=Counter)
    campaigns: Counter[int] = field(default_factory=Counter)
    stores: Counter[str] = field(default_factory=Counter)

    @property
    def total(self) -> int:
        return self.stores.total()


def count_pending(session: Session, question: Question) -> Pending:
    found = Pending()
    for serial, at, store_id, zone in session.execute(pending_rows(question)):
        day, campaign = local_day(at, zone), serial >> 32
        if day in question.period.days and question.campaign in (None, campaign):
            found.days[day] += 1
            found.campaigns[campaign] += 1
            found.stores[store_id] += 1
    return found


def pending_rows(question: Question) -> Select[int, Ms, str, str]:
    first, last = (midnight(day) for day in (question.period.first - 1, question.period.last + 2))
    return (
        select(Redemption.serial, Redemption.at, Act.store_id, Store.time_zone)
        .join(Act, Act.id == Redemption.act_id)
        .join(Store, Store.id == Act.store_id)
        .where(Redemption.handed_over_at.is_(None), Redemption.at.between(first, last))
        .where(is_within(question.scope, Act.store_id), is_within(question.narrowed, Act.store_id))
        .limit(PENDING_MAX)
    )


def midnight(day: int) -> Ms:
    """In UTC; whoever means a store's midnight looks a day further on both sides."""
    return EPOCH_MS + day * MS_PER_DAY


EPOCH_MS: Ms = 1_577_836_800_000  # 2020-01-01T00:00Z


# Names.


def campaign_rows(session: Session, sums: Sums, pending: Mapping[int, int]) -> list[Row]:
    """Coupons that belong to no campaign of ours are no row: they are in the declines."""
    named = select(Campaign.number, Campaign.name).where(Campaign.number.in_(list(sums)))
    rows = [
        Row(f"cmp_{number}", name, "", gifts(sums[number], pending[number]), declined(sums[number]))
        for number, name in session.execute(named)
    ]
    return ranked(rows)


def store_rows(session: Session, question: Question, sums: Sums, pending: Mapping[str, int]) -> list[Row]:
    named = (
        select(Store.id, Store.name, Partner.name)
        .join(Partner, Partner.id == Store.partner_id)
        .where(Store.id.in_(list(sums)), is_within(question.scope, Store.id))
    )
    rows = [
        Row(store_id, name, partner, gifts(sums[store_id], pending[store_id]), declined(sums[store_id]))
        for store_id, name, partner in session.execute(named)
    ]
    return ranked(rows)


def ranked(rows: Iterable[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: (-row.gifts.given, row.name, row.key))


def declined(outcomes: Mapping[str, int]) -> int:
    return sum(reasons(outcomes, DECLINES).values())
