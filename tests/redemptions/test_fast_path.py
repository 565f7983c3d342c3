"""The quick way of a redemption on PostgreSQL: one statement, which is a transaction of its own, and no retry of it.

Whatever else happens, it must be as if it had gone the whole way: nothing is done, or all of it.
"""

from dataclasses import replace
from threading import Thread

import psycopg
import pytest
from sqlalchemy import func, select, text, update

from redeem.coupons import issue
from redeem.db.models.coupons import Campaign, Coupon
from redeem.db.models.ledger import Deployment, Redemption
from redeem.domain.acts import Act, AttemptIdReused, Kind
from redeem.domain.presented import ShownCoupon
from redeem.domain.terms import parse_terms
from redeem.holds import holds
from redeem.ledger import ledger
from redeem.redemptions.fast_path import Memory, redeem_at_once
from tests import factories
from tests.books import ends_in_order
from tests.factories import NOW
from tests.tills import shown

pytestmark = [pytest.mark.parametrize("stage", ["postgresql"], indirect=True), ends_in_order]


@pytest.fixture
def coupon(database, cast):
    return new_coupon(database, cast)


def new_coupon(database, cast):
    return database.write(lambda session: factories.coupon(session, cast.anywhere))


def attempt(till, coupon, name="a"):
    return Act(till.actor, name, Kind.REDEEM, "the body", coupon.serial, shown(coupon))


def quickly(database, act, memory=None):
    return database.autocommit(lambda driver: redeem_at_once(driver, memory or Memory(), act, NOW))


def change_terms(database, coupon, **changed):
    def change(session):
        campaign = session.get_one(Campaign, coupon.serial >> 32)
        campaign.terms = parse_terms(campaign.terms).model_copy(update=changed).text()

    database.write(change)


def standing(database):
    return database.read(lambda session: session.scalar(select(func.count()).select_from(Redemption)))


def before_it_redeems(monkeypatch, happen):
    """Lets something happen when the rules have been asked, and the coupon is not redeemed yet."""
    redeem = ledger.redeem_if_unchanged

    def wait_and_redeem(*about):
        happen()
        return redeem(*about)

    monkeypatch.setattr(ledger, "redeem_if_unchanged", wait_and_redeem)


def test_it_gives_the_gift_and_the_same_attempt_hears_it_again(database, till, coupon):
    yes = quickly(database, attempt(till, coupon))
    assert yes.code == "redeemed"
    again = till.redeem(coupon, "a")
    assert (again.details, again.replayed) == (yes.details, True)


@pytest.mark.parametrize("name", ["a", "b"])
def test_it_says_nothing_of_a_coupon_that_is_given(database, till, coupon, name):
    quickly(database, attempt(till, coupon))
    assert quickly(database, attempt(till, coupon, name)) is None


def test_terms_that_were_changed_since_they_were_remembered_are_seen(database, cast, till, coupon):
    """It knows them from the coupon before; this one is not good here any more."""
    memory = Memory()
    assert quickly(database, attempt(till, new_coupon(database, cast), "first"), memory)
    change_terms(database, coupon, stores=(cast.south,), partners=())
    assert quickly(database, attempt(till, coupon), memory) is None
    assert till.redeem(coupon, "a").code == "wrong_store"
    change_terms(database, coupon, stores=(cast.north,), partners=())
    assert quickly(database, attempt(till, coupon, "b"), memory).code == "redeemed"


def test_a_last_day_that_is_not_the_ledgers_is_seen(database, till, coupon):
    database.write(lambda session: session.execute(update(Coupon).values(last_day=Coupon.last_day - 1)))
    assert quickly(database, attempt(till, coupon)) is None


def test_of_a_coupon_that_shows_no_token_nothing_is_presumed(database, till, coupon):
    typed = replace(attempt(till, coupon), shown=ShownCoupon(coupon.serial))
    assert quickly(database, typed) is None
    assert standing(database) == 0


def test_a_void_meanwhile_is_seen(database, till, coupon, monkeypatch):
    def void():
        database.write(lambda session: issue.void(session, coupon.serial, "lost", NOW))

    before_it_redeems(monkeypatch, void)
    assert quickly(database, attempt(till, coupon)) is None
    monkeypatch.undo()
    assert till.redeem(coupon, "a").code == "void"


def test_a_hold_granted_meanwhile_is_seen(database, cast, till, coupon, monkeypatch):
    def hold():
        held = update(Coupon).where(Coupon.serial == coupon.serial).values(holder_id=cast.tablet_id, epoch=1)
        database.write(lambda session: session.execute(held))

    before_it_redeems(monkeypatch, hold)
    assert quickly(database, attempt(till, coupon)) is None
    monkeypatch.undo()
    assert till.redeem(coupon, "a").code == "held_elsewhere"


def test_a_restore_begun_meanwhile_is_seen(database, till, coupon, monkeypatch):
    def restore():
        begun = Deployment(id=1, generation=2, campaigns_from=0, changes_from=0, recovering_since=NOW)
        database.write(lambda session: session.merge(begun))

    before_it_redeems(monkeypatch, restore)
    assert quickly(database, attempt(till, coupon)) is None
    assert standing(database) == 0


def test_it_waits_for_who_is_at_the_coupon_and_sees_what_was_done(database, till, coupon):
    """The condition is asked again of the row as it is when the lock is had: it was open when the statement began."""
    answers = []

    def void_slowly(session):
        ledger.find_coupon(session, coupon.serial, lock=True)
        waiter = Thread(target=lambda: answers.append(quickly(database, attempt(till, coupon))))
        waiter.start()
        while not session.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")):
            pass
        holds.void(session, coupon.serial, "lost", NOW)
        return waiter

    database.write(void_slowly).join()
    assert answers == [None]


def test_one_name_for_two_coupons_gives_one(database, cast, till, coupon, monkeypatch):
    """The redemption would be of an act that is not kept: the database refuses both together."""
    other = new_coupon(database, cast)
    before_it_redeems(monkeypatch, lambda: till.database.write(lambda _: keep_other(till, other)))

    def keep_other(till, other):
        monkeypatch.undo()
        assert till.redeem(other, "a").code == "redeemed"

    assert quickly(database, attempt(till, coupon)) is None
    assert standing(database) == 1
    with pytest.raises(AttemptIdReused):
        till.redeem(coupon, "a", fingerprint="another body")


def test_a_lost_reply_is_met_by_the_whole_way(database, till, coupon, monkeypatch):
    """It is durable, and nobody has heard."""
    redeem = ledger.redeem_if_unchanged

    def lose_the_reply(driver, *about):
        redeem(driver, *about)
        driver.close()
        raise psycopg.OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(ledger, "redeem_if_unchanged", lose_the_reply)
    answer = till.redeem(coupon, "a")
    assert (answer.code, answer.replayed) == ("redeemed", True)


def test_a_dead_connection_is_no_end(database, stage, till, coupon):
    quickly(database, attempt(till, new_coupon(database, stage.cast), "b"))
    with psycopg.connect(stage.url, autocommit=True) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid() AND datname = current_database()"
        )
    assert till.redeem(coupon, "a").code == "redeemed"


def test_a_transaction_on_the_same_connection_is_one(database, till, coupon):
    quickly(database, attempt(till, coupon))

    def fail(session):
        session.execute(update(Coupon).values(void_reason="never"))
        raise InterruptedError

    with pytest.raises(InterruptedError):
        database.write(fail)
    assert database.read(lambda session: set(session.scalars(select(Coupon.void_reason)))) == {None}
