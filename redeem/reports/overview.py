"""The overview that the office reads, computed from the tally and, for closed days, from the rollups.

Gifts given are those that were handed over and not taken back: redeemed − withdrawn − reversed − pending. Pending ones still wait for
the clerk. Days are calendar days at the store where it happened.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVarTuple

from sqlalchemy import BigInteger, Select, cast, func, literal_column, select
from sqlalchemy import Row as SqlRow
from sqlalchemy.orm import Session

from redeem.accounts.roles import Scope, is_within, within
from redeem.db.models.coupons import Campaign, Coupon
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
# The server counts its declines as `declined:` and the reason. A tablet that declined by itself reports that as `decline:`.
DECLINES = ("declined:", "decline:")
REFUSALS = ("refusal:",)
QUARTER_MS: Ms = 15 * 60_000
ROWS_AT_ONCE = 1_000
EPOCH_MS: Ms = 1_577_836_800_000  # 2020-01-01T00:00Z

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
        """Return the period of the same length just before this one."""
        return Period(self.first - len(self.days), self.first - 1)


@dataclass(frozen=True, slots=True)
class Question:
    """Which figures to report: within the manager's `scope`, for a period, and as filtered by campaign and by stores (`narrowed`)."""

    scope: Scope
    period: Period
    campaign: int | None = None
    narrowed: Scope = field(default_factory=Scope)


@dataclass(frozen=True, slots=True)
class Gifts:
    """Counts of redemptions. `taken`: those that a clerk was told to give. `given`: handed over, and not taken back."""

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
    """One line of a ranking: the id (`key`) and name of a campaign or a store, the store's partner (`of`), and its counts."""

    key: str
    name: str
    of: str
    gifts: Gifts
    declined: int


@dataclass(frozen=True, slots=True)
class Report:
    """The figures of a question. `before` is for the period before. `declines` and `refusals` are counts by reason.

    `conflicts` are second gifts of a coupon, and `contested` gifts that break a rule. Neither is among the gifts given.
    """

    question: Question
    total: Gifts
    before: Gifts
    days: Mapping[int, Gifts]
    campaigns: list[Row]
    stores: list[Row]
    declines: Mapping[str, int]
    refusals: Mapping[str, int]
    conflicts: int
    contested: int

    @property
    def declined(self) -> int:
        return sum(self.declines.values())

    @property
    def refused(self) -> int:
        return sum(self.refusals.values())

    @property
    def shown(self) -> int:
        """How often a coupon was shown and was then given, declined or refused."""
        return self.total.taken + self.declined + self.refused

    @property
    def is_empty(self) -> bool:
        return not (self.total.redeemed or self.declined or self.refused)


Sums = dict[Any, Counter[str]]
# The cast is for PostgreSQL, whose sum of big integers is a numeric.
TIMES = cast(func.sum(Tally.count), BigInteger)
ADDED_UP = cast(func.sum(Rollup.count), BigInteger)
# A literal and not a parameter: only so can the database use the partial index on late rows.
IS_LATE = Tally.slot == literal_column(str(LATE_SLOT))


@dataclass(frozen=True, slots=True)
class Parts:
    """A period in two parts: the `closed` days, which are read from rollups, and the `open` ones, which are read from the tally.

    `place` is the rollups' place: a store's id, a partner's id, '' for all stores, or None if no store matches the question.
    """

    closed: Period
    open: Period
    place: str | None

    @property
    def blocks(self) -> Mapping[int, list[int]]:
        """The first days of the rollup blocks that make up the closed days, by the length of the blocks."""
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
        contested=outcomes[Outcome.CONTESTED],
    )


def parts_of(session: Session, question: Question, period: Period) -> Parts:
    until = rollups.closed_until(session)
    last = period.first - 1 if until is None else min(period.last, until)
    place = place_of(session, question) if last >= period.first else None
    return Parts(Period(period.first, last), Period(max(period.first, last + 1), period.last), place)


def place_of(session: Session, question: Question) -> str | None:
    """Return the one place that both the scope and the filter allow, or None if there is none."""
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
        at_place = one.where(Rollup.campaign_number == campaign_of(question), Rollup.place == parts.place)
        days = at_place.where(Rollup.days == 1, Rollup.day.in_(parts.closed.days))
        for day, outcome, times in session.execute(days):
            sums[day][outcome] += times
    counted = select(Tally.day, Tally.outcome, TIMES).where(Tally.outcome.in_(GIFTS)).group_by(Tally.day, Tally.outcome)
    for day, outcome, times in still_counted(session, counted, question, parts):
        sums[day][outcome] += times
    return sums


def add_up_places(session: Session, question: Question, parts: Parts) -> tuple[Sums, Sums]:
    """Return the counts of all outcomes by campaign number, and by store id."""
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
    """Yield (campaign number, outcome, count) of the closed days.

    The query names every campaign, because the primary key has the campaign before the place: so it is an index look-up.
    """
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
    """Yield (store id, outcome, count) of the closed days."""
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
    """Yield (outcome, count) of the gifts on the closed days."""
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
    """Yield what is in no rollup: all counts of the open days, and the late counts of the closed ones."""
    yield from session.execute(filtered(statement, question, parts.open)) if parts.open.days else ()
    late = statement.where(IS_LATE)
    yield from session.execute(filtered(late, question, parts.closed)) if parts.closed.days else ()


def filtered(statement: Select[*Columns], question: Question, period: Period) -> Select[*Columns]:
    """Add the conditions of the question to a statement on the tally."""
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
    """Return the counts by reason of the outcomes with any of these prefixes."""
    by_reason: Counter[str] = Counter()
    for outcome, count in outcomes.items():
        prefix = next((prefix for prefix in prefixes if outcome.startswith(prefix)), None)
        if prefix and count:
            by_reason[outcome.removeprefix(prefix)] += count
    return dict(by_reason)


# Pending redemptions: a tablet was answered yes and has not reported the gift yet. They are counted from their rows.


@dataclass(slots=True)
class Pending:
    """The numbers of pending redemptions by day, by campaign number and by store id."""

    days: Counter[int] = field(default_factory=Counter)
    campaigns: Counter[int] = field(default_factory=Counter)
    stores: Counter[str] = field(default_factory=Counter)

    @property
    def total(self) -> int:
        return self.stores.total()


def count_pending(session: Session, question: Question) -> Pending:
    pending = Pending()
    for store_id, zone, campaign, quarter, times in session.execute(pending_counts(question)):
        day = local_day(quarter * QUARTER_MS, zone)
        if day in question.period.days and question.campaign in (None, campaign):
            pending.days[day] += times
            pending.campaigns[campaign] += times
            pending.stores[store_id] += times
    return pending


def pending_counts(question: Question) -> Select[str, str, int, int, int]:
    """Count pending redemptions in the period and one day more on each side, because stores' calendars differ from UTC's.

    The database knows no calendar of a store, so it counts by quarters of an hour: days begin with one in every time zone.
    """
    first, last = (midnight(day) for day in (question.period.first - 1, question.period.last + 2))
    each = (Act.store_id, Store.time_zone, Coupon.campaign_number, Redemption.at // QUARTER_MS)
    return (
        select(*each, func.count())
        .select_from(Redemption)
        .join(Coupon, Coupon.serial == Redemption.serial)
        .join(Act, Act.id == Redemption.act_id)
        .join(Store, Store.id == Act.store_id)
        .where(Redemption.handed_over_at.is_(None), Redemption.at.between(first, last))
        .where(is_within(question.scope, Act.store_id), is_within(question.narrowed, Act.store_id))
        .group_by(*each)
        .execution_options(yield_per=ROWS_AT_ONCE)
    )


def midnight(day: int) -> Ms:
    return EPOCH_MS + day * MS_PER_DAY  # in UTC


def campaign_rows(session: Session, sums: Sums, pending: Mapping[int, int]) -> list[Row]:
    """Return the ranking of campaigns. Coupons of unknown campaigns have no row here. They are counted as declines."""
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
