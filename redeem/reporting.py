"""Reporting: what the office reads, added up from counts that were kept as things happened.

Given is what was handed over and not taken back: redeemed − withdrawn − reversed, and never what still waits for the
clerk's report (pending). Days are calendar days at the store where it happened.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVarTuple

from sqlalchemy import BigInteger, Select, cast, func, select
from sqlalchemy.orm import Session

from redeem.models import Act, Campaign, Partner, Redemption, Store, Tally
from redeem.redeeming import Outcome
from redeem.staffing import Scope, is_within, within
from redeem.times import MS_PER_DAY, Ms, local_day

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


def report(session: Session, question: Question) -> Report:
    pending, days = count_pending(session, question), add_up_days(session, question)
    campaigns, stores = add_up_places(session, question)
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


def add_up_days(session: Session, question: Question) -> Sums:
    statement = (
        select(Tally.day, Tally.outcome, TIMES).where(Tally.outcome.in_(GIFTS)).group_by(Tally.day, Tally.outcome)
    )
    sums: Sums = defaultdict(Counter)
    for day, outcome, times in session.execute(asked(statement, question, question.period)):
        sums[day][outcome] = times
    return sums


def add_up_places(session: Session, question: Question) -> tuple[Sums, Sums]:
    """By campaign, and by store: both from one walk over the counts, which is what a report's time goes into."""
    both = Tally.campaign_number, Tally.store_id, Tally.outcome
    campaigns: Sums = defaultdict(Counter)
    stores: Sums = defaultdict(Counter)
    for campaign, store_id, outcome, times in session.execute(
        asked(select(*both, TIMES).group_by(*both), question, question.period)
    ):
        campaigns[campaign][outcome] += times
        stores[store_id][outcome] += times
    return campaigns, stores


def asked(statement: Select[*Columns], question: Question, period: Period) -> Select[*Columns]:
    """The statement, kept to what is asked for and to what may be known."""
    kept = within(within(statement, question.scope, Tally.store_id), question.narrowed, Tally.store_id)
    kept = kept.where(Tally.day.between(period.first, period.last))
    return kept if question.campaign is None else kept.where(Tally.campaign_number == question.campaign)


def count_before(session: Session, question: Question) -> Counter[str]:
    statement = select(Tally.outcome, TIMES).where(Tally.outcome.in_(GIFTS)).group_by(Tally.outcome)
    counted: Counter[str] = Counter()
    for outcome, times in session.execute(asked(statement, question, question.period.before())):
        counted[outcome] = times
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
