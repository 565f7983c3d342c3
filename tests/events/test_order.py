"""No event is missed, and those of one coupon come in order, whoever writes beside whom.

PostgreSQL commits side by side, so there the cases are made one by one, with connections of their own. Each has a control: a reader that
goes by something simpler, and that the same case must lead astray.
"""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from threading import Barrier
from threading import Event as Signal

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from redeem.db.models.events import Event
from redeem.domain.events import EventType, event_id
from redeem.events import log, reader
from tests.databases import on_both_databases, on_postgresql
from tests.factories import NOW

ROUNDS, COUPONS, WRITERS = 30, 4, 2
XID = text("SELECT pg_current_xact_id()::text::bigint")
XMIN = text(f"SELECT {log.FIRST_POSITION} + pg_snapshot_xmin(pg_current_snapshot())::text::bigint")


class Writer:
    """A transaction of its own, which has its number from the start."""

    def __init__(self, session):
        self.session = session
        self.number = session.scalar(XID)

    def tell(self, name):
        log.append(self.session, EventType.ISSUED, name, 7, NOW)

    def commit(self):
        self.session.commit()


@pytest.fixture
def writer(database):
    with ExitStack() as stack:
        yield lambda: Writer(stack.enter_context(Session(database.engine)))


class Reader:
    """Reads on whenever it is asked. `names` are the ids that it has read."""

    def __init__(self, database):
        self.database, self.ids = database, []
        self.cursor = database.read(lambda session: reader.read(session, None, 100)).cursor

    def read(self, limit=100):
        found = self.database.read(lambda session: reader.read(session, self.cursor, limit))
        self.ids += [news.id for news in found.items]
        self.cursor = reader.read_cursor(str(found.cursor))
        return found


def ids(*names):
    return [event_id(EventType.ISSUED, name) for name in names]


# Controls: how one might read otherwise.


class ByNumber(Reader):
    """Goes on from the newest number that it has seen."""

    newest = 0

    def read(self, limit=100):
        wanted = select(Event.id, Event.seq).where(Event.seq > self.newest).order_by(Event.seq).limit(limit)
        for id_, seq in self.database.read(lambda session: session.execute(wanted).all()):
            self.ids.append(id_)
            self.newest = seq


class ByWindow(Reader):
    """Reads windows of transaction numbers: from where the last one ended to the oldest that is under way."""

    begin = 0

    def read(self, limit=100):
        def work(session):
            end = session.scalar(XMIN)
            inside = Event.position >= self.begin, Event.position < end
            return end, session.scalars(select(Event.id).where(*inside).order_by(Event.seq).limit(limit)).all()

        self.begin, found = self.database.read(work)
        self.ids += found


def late_commit(writer, readers):
    """What was inserted first is committed last."""
    late, quick = writer(), writer()
    late.tell("late")
    quick.tell("quick")
    quick.commit()
    for each in readers:
        each.read()
    late.commit()
    for each in readers:
        each.read()


@on_postgresql
def test_what_is_committed_late_is_read_late_and_not_missed(database, writer):
    ours, theirs = Reader(database), ByNumber(database)
    late_commit(writer, [ours, theirs])
    assert ours.ids == ids("quick", "late")
    assert theirs.ids == ids("quick")


def old_number(writer, readers):
    """Of one coupon, the second has its transaction's number before the first has, and another transaction began in between."""
    second, third_party = writer(), writer()
    first = writer()
    assert second.number < third_party.number < first.number
    first.tell("first")
    first.commit()
    second.tell("second")  # it had waited for the coupon's lock
    second.commit()
    for each in readers:
        each.read()
    third_party.commit()
    for each in readers:
        each.read()


@on_postgresql
def test_of_one_coupon_they_come_in_order_whichever_transaction_is_older(database, writer):
    ours, theirs = Reader(database), ByWindow(database)
    old_number(writer, [ours, theirs])
    assert ours.ids == ids("first", "second")
    assert theirs.ids == ids("second", "first")


@on_postgresql
def test_a_transaction_that_is_long_under_way_holds_up_nobodys_news(database, writer):
    ours, long, others = Reader(database), writer(), [writer() for _ in range(3)]
    long.tell("long")
    for number, each in enumerate(others):
        each.tell(f"other {number}")
        each.commit()
        ours.read(limit=1)
    assert ours.ids == ids("other 0", "other 1", "other 2")
    long.commit()
    ours.read()
    assert ours.ids[3:] == ids("long")


@on_postgresql
def test_what_is_rolled_back_was_never_told(database, writer):
    ours, gone = Reader(database), writer()
    gone.tell("gone")
    ours.read()
    gone.session.rollback()
    ours.read()
    assert ours.ids == []


@on_postgresql
def test_a_page_that_ends_amid_a_moment_is_read_to_its_end_before_what_came_later(database, writer):
    ours, late = Reader(database), writer()
    late.tell("late")
    for name in "abc":
        one = writer()
        one.tell(name)
        one.commit()
    ours.read(limit=2)
    late.commit()
    assert ours.read(limit=2).has_more is False
    assert ours.ids == ids("a", "b", "c", "late")


# Everybody at once.


@contextmanager
def polling(database):
    """A reader that polls beside the others, three events a page, and once more when they have ended."""
    ours, ended = Reader(database), Signal()

    def poll():
        while not ended.is_set():
            ours.read(limit=3)
        while ours.read(limit=3).has_more:
            pass

    with ThreadPoolExecutor(1) as pool:
        polled = pool.submit(poll)
        try:
            yield ours
        finally:
            ended.set()
        polled.result()


def redeem_and_reverse(till, coupons):
    for number in range(ROUNDS):
        given = till.redeem(coupons[number % COUPONS])
        if given.redeemed:
            till.reverse(given.details["redemption"])


def give_at_risk(tablet, coupons):
    for number in range(ROUNDS // 2):
        tablet.write("gave-at-risk", coupon=coupons[number % COUPONS].token)
        tablet.sync()


def issue_others(counters):
    for _ in range(ROUNDS):
        counters.coupon()


def together(works):
    barrier = Barrier(len(works))

    def begin(work):
        barrier.wait()
        work()

    with ThreadPoolExecutor(len(works)) as pool:
        for future in [pool.submit(begin, work) for work in works]:
            future.result()


@on_both_databases
def test_beside_two_tills_a_tablet_and_other_writers_all_is_read_once_and_each_coupon_in_order(counters, tills):
    database, coupons = counters.database, [counters.coupon() for _ in range(COUPONS)]
    works = [
        *(partial(redeem_and_reverse, tills[name], coupons) for name in ("north", "south")),
        partial(give_at_risk, counters.tablet, coupons),
        *[partial(issue_others, counters)] * WRITERS,
    ]
    with polling(database) as ours:
        together(works)
    rows = database.read(lambda session: session.execute(select(Event.id, Event.serial).order_by(Event.seq)).all())
    rows = rows[COUPONS:]  # the coupons were issued before it began to read
    assert sorted(ours.ids) == sorted(row.id for row in rows)
    of = dict(rows)
    for coupon in coupons:
        assert [one for one in ours.ids if of[one] == coupon.serial] == [one for one in of if of[one] == coupon.serial]
