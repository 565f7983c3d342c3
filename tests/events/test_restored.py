"""After a restore the same gift has the same id, whoever tells of it and by whatever way, so a reader takes it once."""

import pytest
from sqlalchemy import update

from redeem.db.models.events import Event
from redeem.devices.forgotten import Proof
from redeem.domain import tokens
from redeem.domain.presented import ShownCoupon
from redeem.events import log, reader
from redeem.events.reader import OtherGeneration
from redeem.ledger.signing import load_ring
from redeem.ops.daily_sums import settle_moved_events
from redeem.recovery import tills as recovery_tills
from redeem.sync import quarantine
from redeem.sync.old_journals import OldJournal
from tests.books import ends_in_order
from tests.databases import on_both_databases, on_postgresql
from tests.factories import NOW, PROOFS
from tests.recovery.test_enrolled_anew import NEW_KEY, OLD_KEY
from tests.restores import LATER, all_report, restore
from tests.tills import as_given

pytestmark = ends_in_order


def read(counters, cursor=None):
    return counters.read(lambda session: reader.read(session, cursor, 100))


def told(counters, cursor=None):
    """(type, id) of each event, without those of issued coupons: a restored ledger does not issue again."""
    items = read(counters, cursor).items
    return [(news.type, news.id) for news in items if news.type != "coupon.issued"]


@on_both_databases
def test_a_tills_gift_and_its_undo(counters, till, tills, vault):
    coupon = counters.coupon()
    vault.back_up()
    given = till.redeem(coupon, "one")
    till.reverse(given.details["redemption"], "two")
    before = told(counters)
    restore(counters, vault)
    assert told(counters) == []
    said = as_given(till, "one", ShownCoupon.of(tokens.read(coupon.token)), given)
    assert counters.write(lambda s: recovery_tills.say_again(s, till.actor, said, PROOFS, LATER)).code == "redeemed"
    till.reverse(given.details["redemption"], "two")
    assert told(counters) == before
    assert [kind for kind, _ in before] == ["coupon.redeemed", "redemption.reversed"]


@on_both_databases
def test_a_tablets_gifts_with_a_network_and_without(counters, tills, vault):
    held, epoch = counters.held()
    asked = counters.coupon()
    vault.back_up()
    assert counters.tablet.act("gave-held", coupon=held.token, epoch=epoch) == "redeemed"
    number = counters.tablet.write("ask", coupon=asked.token)
    counters.tablet.sync()
    counters.tablet.act("gave", of=number)
    counters.tablet.act("undo", of=number, reason="returned")
    before = told(counters)
    generation = restore(counters, vault)
    for _ in range(2):  # the first answer says from where on the server lacks the journal
        counters.tablet.restored(generation, claims=[(held.serial, epoch)])
    all_report(counters, tills, generation, but=(counters.tablet,))
    assert told(counters) == before
    assert [kind for kind, _ in before] == ["coupon.redeemed", "coupon.redeemed", "redemption.reversed"]


@on_both_databases
def test_a_gift_of_a_tablet_that_the_backup_lacks_and_that_was_enrolled_anew(counters, cast, vault, manager_id):
    vault.back_up()
    late = counters.add_tablet(OLD_KEY, cast.north)
    coupon = counters.coupon()
    number = late.write("ask", coupon=coupon.token)
    late.sync()
    late.act("gave", of=number)
    before = told(counters)
    restore(counters, vault, none_enrolled=False)
    new = counters.add_tablet(NEW_KEY, cast.south)
    proof = Proof(late.device_id, bytes(OLD_KEY.verify_key), cast.north, "Second")
    new.sync(old=OldJournal(late.device_id, late.journal, proof))
    counters.write(lambda s: quarantine.admit(s, late.device_id, manager_id, load_ring(s), PROOFS, NOW))
    assert told(counters) == before != []
    assert {news.generation for news in read(counters).items} == {2}


@on_both_databases
def test_a_cursor_from_before_is_refused_and_the_beginning_has_what_the_backup_has(counters, till, vault):
    till.redeem(counters.coupon())
    vault.back_up()
    cursor, before = read(counters).cursor, read(counters).items
    restore(counters, vault)
    with pytest.raises(OtherGeneration) as refused:
        read(counters, cursor)
    assert refused.value.extra == {"generation": 2}
    assert read(counters).items == before
    counters.coupon()
    assert len(told(counters)) == 1
    assert len(read(counters).items) == len(before) + 1


@on_postgresql
def test_events_whose_transactions_have_higher_numbers_on_the_server_that_was_lost_are_read_all_the_same(
    counters, vault
):
    counters.coupon()
    renumber(counters)
    vault.back_up()
    restore(counters, vault)
    counters.coupon()
    assert len(read(counters).items) == 2


def renumber(counters):
    """Have the events numbered by another server, which had come further."""
    counters.write(lambda session: session.execute(update(Event).values(position=Event.position + 10**12)))


@on_postgresql
def test_after_a_move_to_another_server_all_are_read_as_soon_as_that_is_noticed(counters, database):
    counters.coupon()
    assert not database.read(log.has_foreign)
    renumber(counters)
    counters.coupon()
    assert len(read(counters).items) == 1
    assert database.read(log.has_foreign)
    settle_moved_events(database)
    assert len(read(counters).items) == 2
    assert not database.read(log.has_foreign)
