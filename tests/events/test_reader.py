"""Events as they are read: all of them, each once, in the order in which they were committed."""

import pytest

from redeem.db.models.ledger import Deployment
from redeem.domain.events import EventType, event_id
from redeem.events import log, reader
from redeem.events.reader import Cursor, Events, EventsDeleted, Moment, OtherGeneration, read_cursor
from tests.databases import on_both_databases
from tests.factories import NOW

pytestmark = on_both_databases


def read(counters, cursor=None, limit=100):
    return counters.read(lambda session: reader.read(session, cursor, limit))


def types(events):
    return [news.type for news in events.items]


def test_a_redemption_is_told_once_and_by_both_ways_alike(counters, till, coupon):
    cursor = read(counters).cursor
    given = till.redeem(coupon, "first")
    assert till.redeem(coupon, "first").replayed
    till.quickly = False
    other = till.redeem(counters.coupon(), "second")
    told = [news for news in read(counters, cursor).items if news.type == EventType.REDEEMED]
    assert [news.act_id for news in told] == [given.details["redemption"], other.details["redemption"]]
    assert [news.id for news in told] == [
        event_id(EventType.REDEEMED, f"{till.actor.device_id}/{attempt}") for attempt in ("first", "second")
    ]
    assert (told[0].serial, told[0].store_id, told[0].generation) == (coupon.serial, till.actor.store_id, 1)


def test_reading_page_by_page_gives_each_event_once(counters, till):
    cursor = read(counters).cursor
    for _ in range(7):
        till.redeem(counters.coupon())
    whole, pages = read(counters, cursor), list[Events]()
    while not pages or pages[-1].has_more:
        pages.append(read(counters, read_cursor(str(cursor)), 3))
        cursor = pages[-1].cursor
    assert [news for page in pages for news in page.items] == whole.items
    assert [len(page.items) for page in pages] == [3, 3, 3, 3, 2]
    assert read(counters, cursor).items == []


def test_what_comes_while_a_page_is_half_read_follows_it(counters, till):
    cursor = read(counters).cursor
    for _ in range(2):
        till.redeem(counters.coupon())
    first = read(counters, cursor, 3)
    till.redeem(counters.coupon())
    for _ in range(3):
        second = read(counters, first.cursor, 1)
        assert second.has_more == (len(read(counters, second.cursor).items) > 0)
        first = second
    assert types(first) == [EventType.REDEEMED]
    assert not first.has_more


def test_a_cursor_of_another_generation_is_refused_with_the_present_one(counters):
    cursor = read(counters).cursor
    counters.write(lambda session: session.add(Deployment(id=1, generation=2)))
    with pytest.raises(OtherGeneration) as refused:
        read(counters, cursor)
    assert refused.value.extra == {"generation": 2}


@pytest.mark.parametrize("change", [{"series": 999}, {"until": Moment(10**17)}, {"generation": 7}])
def test_a_cursor_that_is_not_of_this_database_is_refused(counters, change):
    cursor = read(counters).cursor
    with pytest.raises(OtherGeneration):
        read(counters, Cursor(**{name: getattr(cursor, name) for name in Cursor.__slots__} | change))


# Old events.


def delete_old(counters, until):
    return counters.write(lambda session: log.delete_old(session, until))


def test_old_events_are_deleted_and_whoever_has_not_read_them_is_told_so(counters, till):
    early, _ = read(counters).cursor, till.redeem(counters.coupon(now=NOW), now=NOW)
    late = read(counters).cursor
    till.redeem(counters.coupon(now=NOW + 5), now=NOW + 5)
    assert counters.read(lambda session: log.has_old(session, NOW + 5))
    assert delete_old(counters, NOW + 5) > 0
    assert types(read(counters)) == types(read(counters, late)) == [EventType.ISSUED, EventType.REDEEMED]
    with pytest.raises(EventsDeleted):
        read(counters, early)


def test_the_newest_event_stays_so_that_numbers_go_on_from_it(counters, till):
    till.redeem(counters.coupon())
    cursor = read(counters).cursor
    assert delete_old(counters, NOW + 1) > 0
    assert delete_old(counters, NOW + 1) == 0
    assert not counters.read(lambda session: log.has_old(session, NOW + 1))
    till.redeem(counters.coupon())
    assert types(read(counters, cursor)) == [EventType.ISSUED, EventType.REDEEMED]
