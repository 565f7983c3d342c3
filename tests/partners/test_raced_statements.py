"""Statements that are closed, and figures that are read, while tablets, tills and managers act: on PostgreSQL, with real threads.

Whoever closes or reads counts the rows again at the same moment. A recount that differs is money, or a gift, that there never was.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from random import Random
from threading import Event

import pytest
from nacl.signing import SigningKey
from psycopg import IsolationLevel
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from redeem.accounts.audit import OPERATOR
from redeem.accounts.roles import WHOLE
from redeem.db import engine
from redeem.db.models.coupons import Coupon
from redeem.db.models.ledger import Act, Conflict, Redemption
from redeem.db.models.partners import Store
from redeem.db.paging import Page
from redeem.devices.enrolment import revoke_device
from redeem.ledger import signing
from redeem.lib.times import local_day
from redeem.partners import settlement
from redeem.partners.settlement import Account, Counts
from redeem.redemptions import conflicts
from redeem.redemptions.conflicts import NEVER_GIVEN, DecidedMeanwhile, Decision, Withdrawn
from redeem.reports import overview, rollups
from redeem.reports.overview import Period, Question
from redeem.sync import quarantine
from tests import books
from tests.counters import Counters
from tests.databases import on_postgresql
from tests.factories import MOSCOW, NOW, PROOFS
from tests.tablets import Tablet
from tests.tills import Till

pytestmark = on_postgresql
SECONDS, SOAK_SECONDS, CONTROL_SECONDS = 4.0, 60.0, 30.0
Owed = dict[tuple[str, int], Counts]  # by partner and campaign number
ALL = Page(limit=100_000)


@dataclass
class Race:
    """Runs actors at once, each a generator that acts a little before each `yield`. What they find wrong is in `faults`."""

    counters: Counters
    tills: dict[str, Till]
    manager_id: str
    partners: tuple[str, str]
    faults: list[str] = field(default_factory=list)
    done: Counter[str] = field(default_factory=Counter)
    closed: set[str] = field(default_factory=set)
    over: Event = field(default_factory=Event)

    def run(self, seconds: float, *actors: Callable[["Race"], Iterator[str]], until_fault: bool = False) -> None:
        self.over.clear()
        with ThreadPoolExecutor(len(actors)) as pool:
            running = [pool.submit(self.act, actor, until_fault) for actor in actors]
            end = time.monotonic() + seconds
            while time.monotonic() < end and not any(each.done() for each in running):
                self.over.wait(min(0.1, seconds))
            self.over.set()
        for each in running:
            self.done += each.result()  # raises what an actor raised

    def act(self, actor: Callable[["Race"], Iterator[str]], until_fault: bool) -> Counter[str]:
        done: Counter[str] = Counter()
        for did in actor(self):
            done[did] += 1
            if self.over.is_set() or (until_fault and self.faults):
                break
        return done

    def check(self, session: Session) -> None:
        """What is stated and open against a recount: at one moment they are the same."""
        told, true = reckoned(session), recounted(session)
        for key in sorted(told.keys() | true.keys()):
            if told.get(key, Counts()) != true.get(key, Counts()):
                self.faults.append(f"{key}: told {told.get(key)}, and in the rows are {true.get(key)}")


@pytest.fixture
def race(counters, tills, manager_id, cast) -> Race:
    return Race(counters, tills, manager_id, (cast.north_partner, cast.south_partner))


# Counted twice: as statements tell it, and from the rows.


def reckoned(session: Session) -> Owed:
    """What all statements and the open accounts say together."""
    told: defaultdict[tuple[str, int], Counts] = defaultdict(Counts)
    for account in [*settlement.list_accounts(session), *settlement.list_statements(session, ALL).items]:
        for line in account.lines:
            told[account.partner_id, line.campaign] += line.counts
    return {key: counts for key, counts in told.items() if counts != Counts()}


def recounted(session: Session) -> Owed:
    contested = select(Conflict.act_id).where(Conflict.rule.is_not(None), Conflict.withdrawn_at.is_(None))
    handed_over = Redemption.handed_over_at.is_not(None), Redemption.act_id.not_in(contested)
    each = Store.partner_id, Coupon.campaign_number
    gifts = (
        select(*each, func.count())
        .select_from(Redemption)
        .join(Coupon, Coupon.serial == Redemption.serial)
        .join(Act, Act.id == Redemption.act_id)
        .join(Store, Store.id == Act.store_id)
        .where(*handed_over)
        .group_by(*each)
    )
    decided = (
        select(*each, Conflict.bearer, func.count())
        .select_from(Conflict)
        .join(Coupon, Coupon.serial == Conflict.serial)
        .join(Act, Act.id == Conflict.act_id)
        .join(Store, Store.id == Act.store_id)
        .where(Conflict.withdrawn_at.is_(None), Conflict.bearer.is_not(None))
        .group_by(*each, Conflict.bearer)
    )
    true: defaultdict[tuple[str, int], Counts] = defaultdict(Counts)
    for partner, campaign, times in session.execute(gifts):
        true[partner, campaign] += Counts(times)
    for partner, campaign, bearer, times in session.execute(decided):
        true[partner, campaign] += Counts(second_gifts=times) if bearer == "issuer" else Counts(partner_bears=times)
    return dict(true)


# Who acts.


def asks_and_drops(race: Race) -> Iterator[str]:
    """Nobody is given anything."""
    tablet = race.counters.tablet
    coupons = [race.counters.coupon() for _ in range(8)]
    for number in count():
        ask = tablet.write("ask", coupon=coupons[number % len(coupons)].token)
        tablet.sync()
        yield "ask"
        tablet.write("drop", of=ask)
        tablet.sync()
        yield "drop"


def gives_and_undoes(race: Race) -> Iterator[str]:
    tablet = race.counters.add_tablet()
    for number in count():
        ask = tablet.write("ask", coupon=race.counters.coupon().token)
        tablet.sync()
        yield "ask"
        tablet.write("gave", of=ask)
        tablet.sync()
        yield "gave"
        if number % 3 == 0:
            tablet.act("undo", of=ask)
            yield "undo"


def redeems_and_takes_back(race: Race) -> Iterator[str]:
    till = race.tills["north"]
    for number in count():
        answer = till.redeem(race.counters.coupon(), f"raced-{number}")
        yield "till"
        if number % 3 == 0:
            till.cancel(f"raced-{number}")
            yield "cancel"
        elif number % 3 == 1:
            till.reverse(answer.details["redemption"], f"back-{number}")
            yield "reverse"


def gives_twice(race: Race) -> Iterator[str]:
    """Second gifts of two partners' tablets; now and then the first is taken back, so that the second comes to stand."""
    mine, south = race.counters.add_tablet(SigningKey(b"the raced tablet of second gifts")), race.counters.south
    for number in count():
        coupon = race.counters.coupon()
        first = south.write("gave-at-risk", coupon=coupon.token)
        south.sync()
        yield "at risk"
        mine.act("gave-at-risk", coupon=coupon.token)
        yield "second gift"
        if number % 4 == 0:
            south.act("undo", of=first)
            yield "undo"


def decides(race: Race) -> Iterator[str]:
    chance = Random(7)
    bearers: list[Decision] = ["issuer", "partner"]
    while True:
        found = race.counters.read(lambda db: conflicts.list_conflicts(db, Page())).items
        yield "look"
        for each in [gift for gift in found if gift.withdrawn_at is None]:
            what = chance.choice([*bearers, NEVER_GIVEN] if each.rule else bearers)
            yield decide(race, each.id, what, each.decided_at)


def decide(race: Race, act_id: str, what: Decision, seen: int | None) -> str:
    try:
        race.counters.write(lambda db: conflicts.decide(db, race.manager_id, act_id, what, "", NOW + 1, seen))
    except (Withdrawn, DecidedMeanwhile) as late:
        return late.code
    return what


def admits(race: Race) -> Iterator[str]:
    """A tablet that is revoked hands in gifts of coupons that others had, and of others."""
    for number in count():
        tablet = race.counters.add_tablet(SigningKey(number.to_bytes(32, "big")))
        race.counters.write(partial(revoke_device, author=OPERATOR, device_id=tablet.device_id, now=NOW))
        for _ in range(3):
            tablet.write("gave-at-risk", coupon=race.counters.coupon().token)
        tablet.sync()
        yield "handed in"
        race.counters.write(partial(admit, race, tablet))
        yield "admitted"


def admit(race: Race, tablet: Tablet, session: Session) -> None:
    quarantine.admit(session, tablet.device_id, race.manager_id, signing.load_ring(session), PROOFS, NOW)


def closes(race: Race) -> Iterator[str]:
    """Closes what it saw as next, as a manager does; and counts again in the same transaction."""
    while True:
        accounts = race.counters.read(settlement.list_accounts)
        for seen in accounts:
            closed = race.counters.database.write(partial(close, race, seen), one_moment=True)
            race.closed |= {closed} if closed else set()
            yield "closed" if closed else "nothing to close"


def close(race: Race, seen: Account, session: Session) -> str | None:
    closed = settlement.close(session, seen.partner_id, seen.number, race.manager_id, NOW)
    race.check(session)
    return closed


def reads(race: Race) -> Iterator[str]:
    """Opens the preview and the overview, and counts again at the same moment."""
    day = local_day(NOW, MOSCOW)
    question = Question(WHOLE, Period(day - 1, day + 1))
    while True:
        race.counters.read(lambda db: look(race, db, question))
        yield "looked"


def look(race: Race, session: Session, question: Question) -> None:
    race.check(session)
    total = overview.report(session, question).total
    given = sum(counts.gifts for counts in recounted(session).values())
    if total.given != given or total.pending < 0:
        race.faults.append(f"the overview says {total}, and {given} gifts are given")


def closes_days(race: Race) -> Iterator[str]:
    """A server whose clock is days ahead adds up the day on which everybody acts, and the days that follow."""
    today = local_day(NOW, MOSCOW)
    while True:
        added = race.counters.database.write(lambda db: rollups.add_up(db, today + 10), one_moment=True)
        yield "day closed" if added else "no day to close"
        race.over.wait(0.3)


EVERYBODY = (
    asks_and_drops,
    gives_and_undoes,
    redeems_and_takes_back,
    gives_twice,
    decides,
    admits,
    closes,
    closes,
    closes_days,
    reads,
)


# What must be right.


def test_where_nothing_is_given_nothing_is_stated(race):
    race.run(SECONDS / 2, asks_and_drops, closes, reads)
    assert race.faults == []
    assert race.done["drop"] > 0
    assert race.counters.read(lambda db: settlement.list_statements(db, ALL)).items == []


def test_every_statement_is_of_one_moment(race, database):
    raced(race, database, SECONDS)


@pytest.mark.soak
def test_every_statement_is_of_one_moment_for_a_minute(race, database):
    raced(race, database, SOAK_SECONDS)


def raced(race: Race, database, seconds: float) -> None:
    race.run(seconds, *EVERYBODY)
    assert race.faults == []
    assert (
        min(race.done[each] for each in ("closed", "looked", "gave", "undo", "second gift", "admitted", "day closed"))
        > 0
    )
    list(zip(range(4), closes(race), strict=False))  # each partner's last, and nothing after it
    accounts = database.read(settlement.list_accounts)
    assert [account.lines for account in accounts] == [(), ()]
    statements = database.read(lambda db: settlement.list_statements(db, ALL)).items
    assert {each.id for each in statements} == race.closed
    for partner in race.partners:
        numbers = sorted(each.number for each in statements if each.partner_id == partner)
        assert numbers == list(range(1, len(numbers) + 1))
    assert database.read(books.faults) == []


def test_at_several_moments_statements_would_state_what_nobody_is_owed(race, monkeypatch):
    """The control: as READ COMMITTED has it, each SELECT sees another moment."""
    monkeypatch.setattr(engine, "ONE_MOMENT", IsolationLevel.READ_COMMITTED)
    race.run(CONTROL_SECONDS, asks_and_drops, closes, reads, until_fault=True)
    assert race.faults


def test_what_is_pending_is_counted_to_the_last(race, database, cast, monkeypatch):
    """More of them than are fetched at once, on the store's own days."""
    monkeypatch.setattr(overview, "ROWS_AT_ONCE", 2)
    tablet, day = race.counters.tablet, local_day(NOW, MOSCOW)
    for number in range(7):
        tablet.write("ask", coupon=race.counters.coupon().token)
        tablet.sync(now=NOW + number * 6 * 3_600_000)
    report = database.read(lambda db: overview.report(db, Question(WHOLE, Period(day, day + 3))))
    assert report.total.pending == 7
    assert {each - day: gifts.pending for each, gifts in report.days.items()} == {0: 3, 1: 4, 2: 0, 3: 0}
