"""Rollups: the same figures as a recount, also after late counts, from far fewer rows. On both databases."""

from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from random import Random
from threading import Event, Thread

import pytest
from sqlalchemy import delete, insert, select
from sqlalchemy.exc import OperationalError

from redeem.accounts.roles import WHOLE, Scope
from redeem.db import engine
from redeem.db.models.ledger import Act
from redeem.db.models.reports import Rollup, Tally
from redeem.ledger.ledger import LATE_SLOT, UNKNOWN_CAMPAIGN, count_outcome
from redeem.lib.times import local_day
from redeem.redemptions import listing
from redeem.reports import by_partner, overview, rollups
from redeem.reports.overview import Period, Question
from redeem.reports.rollups import Block, blocks
from tests import factories
from tests.books import faults
from tests.databases import on_both_databases, on_postgresql
from tests.factories import MOSCOW, NOW
from tests.tills import till_of

TODAY = local_day(NOW, "UTC")
DAY_MS = 86_400_000
OUTCOMES = ("redeemed", "reversed", "withdrawn", "declined:expired", "decline:void", "refusal:no_receipt", "conflict")


@pytest.mark.parametrize(("first", "last"), [(0, 0), (1, 200), (64, 127), (-70, 3), (2517, 2881), (7, 8), (8, 6)])
def test_blocks_cover_each_day_once(first, last):
    found = blocks(first, last)
    assert [day for block in found for day in range(block.day, block.day + block.days)] == list(range(first, last + 1))
    assert all(block.day % block.days == 0 for block in found)


def test_a_year_is_a_few_dozen_blocks():
    assert max(len(blocks(first, first + 364)) for first in range(128)) <= 34
    assert blocks(128, 128 + 63) == [Block(64, 128)]


def tallies(cast, days, seed=7):
    """Count some of each outcome on each day, in several slots. A tenth is late."""
    chance = Random(seed)
    stores, campaigns = (cast.north, cast.annex, cast.south), (cast.anywhere, cast.north_only, UNKNOWN_CAMPAIGN)
    return [
        {
            "day": day,
            "campaign_number": campaign,
            "store_id": store,
            "outcome": outcome,
            "slot": slot,
            "count": chance.randrange(1, 50),
        }
        for day in days
        for campaign in campaigns
        for store in stores
        for outcome in OUTCOMES
        for slot in (0, 5, LATE_SLOT)
        if chance.random() < (0.1 if slot == LATE_SLOT else 0.4)
    ]


def add_all_up(database, today=TODAY):
    while database.write(lambda db: rollups.add_up(db, today), one_moment=True):
        pass


def questions(cast):
    periods = [
        Period(TODAY - days, TODAY - ends)
        for days, ends in ((364, 0), (89, 0), (29, 0), (6, 0), (2, 0), (200, 100), (150, 150))
    ]
    scopes = [WHOLE, Scope(cast.north_partner), Scope(cast.north_partner, cast.annex), Scope("prt_unknown")]
    narrow = [WHOLE, Scope(cast.south_partner), Scope(store_id=cast.north), Scope(cast.north_partner, cast.south)]
    return [
        Question(scope, period, campaign, narrowed)
        for period in periods
        for scope in scopes
        for campaign in (None, cast.anywhere, 99)
        for narrowed in narrow
    ]


@pytest.mark.slow
@on_both_databases
def test_every_filter_has_the_figures_of_a_recount(database, cast):
    database.write(lambda db: db.execute(insert(Tally), tallies(cast, range(TODAY - 400, TODAY + 1))))
    asked = questions(cast)
    counted = database.read(lambda db: [overview.report(db, each) for each in asked])
    add_all_up(database)
    assert database.read(rollups.closed_until) == TODAY - rollups.CLOSED_AFTER_DAYS
    added = database.read(lambda db: [overview.report(db, each) for each in asked])
    assert added == counted
    assert counted[0].total.redeemed > 10_000


@on_both_databases
def test_the_gifts_of_each_partner_are_those_of_a_recount(database, cast):
    """For any number of closed days, and for all partners together as for each alone."""
    rows = tallies(cast, range(TODAY - 400, TODAY + 1))
    database.write(lambda db: db.execute(insert(Tally), rows))
    partner_of = {cast.north: cast.north_partner, cast.annex: cast.north_partner, cast.south: cast.south_partner}
    true: defaultdict[tuple[str, int], Counter[str]] = defaultdict(Counter)
    for row in rows:
        true[partner_of[row["store_id"]], row["campaign_number"]][row["outcome"]] += row["count"]
    recounted = {key: overview.gifts(outcomes) for key, outcomes in true.items()}
    partners = sorted(set(partner_of.values()))
    for days_ago in (None, 300, 64, 0):
        if days_ago is not None:
            add_all_up(database, TODAY - days_ago)
        assert database.read(lambda db: by_partner.gifts_by_partner(db, partners)) == recounted, days_ago
        alone = [database.read(lambda db, each=each: by_partner.gifts_by_partner(db, [each])) for each in partners]
        assert alone[0] | alone[1] == recounted, days_ago
    assert database.read(lambda db: by_partner.gifts_by_partner(db, [])) == {}


@on_both_databases
def test_the_slots_of_a_closed_day_never_change(database, cast):
    """A reversal weeks later is counted on the day of the gift, in the slot for late counts."""
    changes = {"undo_minutes": 10_080}
    number = database.write(
        lambda db: factories.campaign(db, "Long undo", partners=[cast.north_partner], **changes).number
    )
    till, gave = till_of(database, cast.north_till), NOW - 6 * DAY_MS
    coupon = database.write(lambda db: factories.coupon(db, number, gave))
    done = till.redeem(coupon, now=gave)
    add_all_up(database)
    till.reverse(done.details["redemption"], now=NOW)
    day = local_day(gave, MOSCOW)
    rows = database.read(lambda db: db.execute(select(Tally.outcome, Tally.slot).where(Tally.day == day)).all())
    assert {outcome: slot == LATE_SLOT for outcome, slot in rows} == {"redeemed": False, "reversed": True}
    report = database.read(lambda db: overview.report(db, Question(WHOLE, Period(TODAY - 30, TODAY))))
    assert (report.total.given, report.total.reversed, report.days[day].reversed) == (0, 1, 1)


@on_both_databases
@pytest.mark.parametrize("quickly", [True, False])
def test_a_clock_that_was_days_ahead_loses_no_figure(database, cast, quickly):
    """The office's first page was opened while the clock was wrong, so this day and the next are closed."""
    till = replace(till_of(database, cast.north_till), quickly=quickly)
    before, after = (database.write(lambda db: factories.coupon(db, cast.anywhere)) for _ in range(2))
    till.redeem(before)
    add_all_up(database, TODAY + 10)
    assert database.read(rollups.closed_until) > TODAY
    done = till.redeem(after)
    till.redeem(after)
    till.reverse(done.details["redemption"])
    add_all_up(database)
    report = database.read(lambda db: overview.report(db, Question(WHOLE, Period(TODAY - 30, TODAY))))
    assert (report.total.redeemed, report.total.reversed, sum(report.declines.values())) == (2, 1, 1)
    assert database.read(faults) == []


class Wrong(Exception):
    """A transaction that a test takes back."""


@on_postgresql
@pytest.mark.parametrize("quickly", [True, False])
def test_what_is_counted_while_its_day_is_closed_is_not_lost(database, cast, quickly, monkeypatch):
    """Another server's clock is days ahead, and closes the day on which a till redeems."""
    till = replace(till_of(database, cast.north_till), quickly=quickly)
    till.redeem(database.write(lambda db: factories.coupon(db, cast.anywhere)))
    coupon = database.write(lambda db: factories.coupon(db, cast.anywhere))
    summed, counted = Event(), Event()
    real = rollups.sums_of_day

    def sums_of_day(day):
        summed.set()
        counted.wait(1.0)  # with the lock it waits for the closing
        return real(day)

    def redeem():
        summed.wait()
        assert till.redeem(coupon).redeemed
        counted.set()

    monkeypatch.setattr(rollups, "sums_of_day", sums_of_day)
    thread = Thread(target=redeem)
    thread.start()
    assert database.write(lambda db: rollups.add_up(db, TODAY + 10), one_moment=True)
    thread.join()
    report = database.read(lambda db: overview.report(db, Question(WHOLE, Period(TODAY - 30, TODAY))))
    assert report.total.given == 2
    assert database.read(faults) == []


@on_postgresql
def test_it_closes_no_day_while_somebody_counts_and_keeps_nobody_waiting(database, cast, monkeypatch):
    """A server that stands still in the middle of a transaction: the others go on, and the day is closed later."""
    monkeypatch.setattr(engine, "PAUSES_SECONDS", ())
    till = till_of(database, cast.north_till)
    coupons = [database.write(lambda db: factories.coupon(db, cast.anywhere)) for _ in range(3)]
    till.redeem(coupons[0])
    begun, end = Event(), Event()

    def stand_still(session):
        count_outcome(session, TODAY, cast.anywhere, cast.south, "redeemed")
        begun.set()
        end.wait(20.0)
        raise Wrong

    with ThreadPoolExecutor(1) as pool:
        stalled = pool.submit(database.write, stand_still)
        begun.wait()
        with pytest.raises(OperationalError):
            database.write(lambda db: rollups.add_up(db, TODAY + 10), one_moment=True)
        assert till.redeem(coupons[1]).redeemed
        end.set()
        with pytest.raises(Wrong):
            stalled.result()
    assert database.write(lambda db: rollups.add_up(db, TODAY + 10), one_moment=True)
    assert database.read(faults) == []


@on_both_databases
def test_a_day_is_closed_once_and_only_when_it_is_over(database, cast):
    database.write(lambda db: db.execute(insert(Tally), tallies(cast, range(TODAY - 10, TODAY + 1))))
    assert database.read(lambda db: rollups.is_behind(db, TODAY))
    add_all_up(database)
    assert not database.read(lambda db: rollups.is_behind(db, TODAY))
    newest = database.read(lambda db: max(db.scalars(select(Rollup.day).where(Rollup.days == 1))))
    assert newest == TODAY - rollups.CLOSED_AFTER_DAYS
    assert database.write(lambda db: rollups.add_up(db, TODAY)) is False
    assert database.write(lambda db: rollups.add_up(db, TODAY + 1)) is True


def test_without_the_late_rows_the_figures_would_be_wrong(database, cast):
    """The negative control: the recount finds the difference."""
    rows = tallies(cast, range(TODAY - 100, TODAY + 1))
    database.write(lambda db: db.execute(insert(Tally), rows))
    add_all_up(database)
    question = Question(WHOLE, Period(TODAY - 100, TODAY))
    right = database.read(lambda db: overview.report(db, question)).total
    old = Tally.day <= TODAY - rollups.CLOSED_AFTER_DAYS
    database.write(lambda db: db.execute(delete(Tally).where(Tally.slot == LATE_SLOT, old)))
    assert database.read(lambda db: overview.report(db, question)).total != right


def test_without_counts_there_is_no_day_to_close(database):
    assert database.read(lambda db: rollups.is_behind(db, TODAY)) is False
    assert database.write(lambda db: rollups.add_up(db, TODAY)) is False
    assert database.read(rollups.closed_until) is None


def test_refusals_and_late_rows_are_found_by_indexes_of_their_own(database, cast):
    late = overview.filtered(
        select(Tally.count).where(overview.IS_LATE), Question(WHOLE, Period(0, 365)), Period(0, 365)
    )
    listed = listing.REFUSAL.order_by(Act.id.desc()).limit(20)
    partners = by_partner.counted_of([cast.north_partner]).where(overview.IS_LATE, Tally.day <= 365)
    for statement, index in ((late, "ix_tally_late"), (partners, "ix_tally_late"), (listed, "ix_act_refusal")):
        text = str(statement.compile(database.engine, compile_kwargs={"literal_binds": True}))
        plan = database.read(lambda db, text=text: db.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {text}").all())
        assert any(index in row[-1] for row in plan), plan
