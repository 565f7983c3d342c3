"""Closing a store or a partner: nothing more is given there, what was given counts, and it can be undone. On both databases."""

from dataclasses import replace

import pytest

from redeem.accounts.audit import OPERATOR
from redeem.coupons import customer_view, issue
from redeem.domain.rules import Verdict
from redeem.lib.errors import Invalid, NotFound
from redeem.partners import partners
from tests import factories
from tests.counters import serials
from tests.databases import on_both_databases
from tests.factories import MOSCOW, NOW

pytestmark = [on_both_databases]
MINUTE = 60_000
LIMITS = {"policy": "at_risk", "coupons": 3, "value": 10**9, "hours": 12, "bearer": "issuer"}


@pytest.fixture
def close(counters, cast):
    """Closes the north store, or opens it again."""

    def turn(closed=True, store=None, now=NOW):
        store_id = store or cast.north
        return counters.write(lambda s: partners.set_store_closed(s, OPERATOR, store_id, now, closed=closed))

    return turn


@pytest.fixture
def close_partner(counters, cast):
    return lambda closed=True: counters.write(
        lambda s: partners.set_partner_closed(s, OPERATOR, cast.north_partner, NOW, closed=closed)
    )


def at_closed(till):
    """The till as its key is found once its store is closed."""
    till.actor = replace(till.actor, closed_at=NOW)
    return till


# A till.


@pytest.mark.parametrize("quickly", [True, False])
def test_a_till_of_a_closed_store_gives_nothing(counters, till, quickly):
    coupon = counters.coupon()
    till.quickly = quickly
    assert at_closed(till).redeem(coupon).code == Verdict.WRONG_STORE
    assert till.verify(coupon).verdict == Verdict.WRONG_STORE
    assert counters.standing(coupon) is None


def test_what_it_gave_before_stands_is_told_again_and_can_be_undone(counters, till):
    coupon = counters.coupon()
    given = till.redeem(coupon, "before")
    again = at_closed(till).redeem(coupon, "before")
    assert (again.code, again.details["redemption"]) == (given.code, given.details["redemption"])
    assert till.reverse(given.details["redemption"]).code == "reversed"
    assert counters.standing(coupon) is None


def test_other_stores_of_the_partner_give_on(counters, tills, close):
    close()
    assert tills["annex"].redeem(counters.coupon()).redeemed


# A tablet.


def test_a_tablet_hears_of_it_and_releases_what_it_holds(counters, tablet, close):
    coupon, epoch = counters.held()
    before = tablet.sync()
    assert before.snapshot is None or not before.snapshot["store"]["closed"]
    close()
    reply = tablet.sync()
    assert reply.snapshot["store"]["closed"]
    assert serials(reply.recalls) == [coupon.serial]
    assert tablet.act("release", id=coupon.id, epoch=epoch) == "released"
    assert (counters.holder(coupon), counters.promised(coupon)) == (None, None)
    assert serials(tablet.sync().recalls) == []


def test_a_tablet_of_a_closed_store_is_granted_nothing(counters, tablet, close):
    promised = counters.homed()
    close()
    reply = tablet.sync()
    assert serials(reply.grants) == []
    assert (counters.holder(promised), counters.promised(promised)) == (None, None)


def test_a_tablet_that_asks_is_declined(counters, tablet, close):
    coupon = counters.coupon()
    close()
    assert tablet.act("ask", coupon=coupon.token) == Verdict.WRONG_STORE


def test_what_a_dark_tablet_gave_of_its_holds_counts(counters, tablet, close):
    coupon, _ = counters.held()
    number = tablet.write("gave-held", coupon=coupon.token)
    close()
    assert tablet.sync(now=NOW + MINUTE).answers[number]["code"] == "redeemed"
    assert counters.standing(coupon).store_id == counters.cast.north


@pytest.mark.parametrize(("heard", "code"), [(False, "redeemed"), (True, "contested")])
def test_a_gift_at_risk_counts_unless_its_list_was_made_after_the_end(counters, tablet, cast, close, heard, code):
    risky = counters.write(
        lambda s: factories.campaign(s, "Risky", partners=[cast.north_partner], offline=LIMITS).number
    )
    coupon = counters.write(lambda s: factories.coupon(s, risky))
    close(now=NOW)
    number = tablet.write("gave-at-risk", coupon=coupon.token, list=NOW + 10 * MINUTE if heard else NOW - MINUTE)
    assert tablet.sync(now=NOW + 20 * MINUTE).answers[number]["code"] == code


def test_a_void_that_waited_happens_with_the_release(counters, tablet, close):
    coupon, epoch = counters.held()
    close()
    counters.write(lambda s: issue.void(s, coupon.serial, "returned", NOW))
    tablet.act("release", id=coupon.id, epoch=epoch)
    assert counters.view(coupon).voided_at is not None


# Coupons and customers.


def test_no_coupon_is_at_home_there(counters, cast, close):
    close()
    with pytest.raises(Invalid) as refused:
        counters.homed()
    assert refused.value.extra["errors"] == [{"pointer": "/home_store", "detail": "closed"}]
    moved = counters.coupon()
    with pytest.raises(Invalid):
        counters.write(lambda s: issue.change_home(s, moved.serial, cast.north, NOW))


def test_the_only_open_store_is_home(counters, cast, close):
    two = counters.write(lambda s: factories.campaign(s, "Two", stores=[cast.north, cast.annex]).number)
    assert counters.view(counters.coupon(campaign=two)).home_store_id is None
    close()
    assert counters.view(counters.coupon(campaign=two)).home_store_id == cast.annex


def test_customers_are_sent_to_no_closed_store(counters, cast, close):
    coupon = counters.coupon()
    close()
    shown = counters.read(lambda s: customer_view.show(s, coupon.serial, NOW, MOSCOW))
    assert cast.north not in [store.id for store in shown.stores]
    assert (bool(shown.stores), shown.state) == (True, Verdict.GOOD)


def test_a_coupon_that_is_good_at_closed_stores_alone_is_shown_as_good_nowhere(counters, cast, close):
    only = counters.write(lambda s: factories.campaign(s, "Only", stores=[cast.north]).number)
    coupon = counters.coupon(campaign=only)
    close()
    shown = counters.read(lambda s: customer_view.show(s, coupon.serial, NOW, MOSCOW))
    assert (shown.stores, shown.state) == ([], Verdict.WRONG_STORE)


# Undone.


def test_reopening_undoes_it(counters, tablet, close):
    coupon, epoch = counters.held()
    close()
    tablet.sync()
    tablet.act("release", id=coupon.id, epoch=epoch)
    close(closed=False)
    assert serials(tablet.sync().grants) == [coupon.serial]
    assert not tablet.sync().snapshot["store"]["closed"]


def test_each_change_is_written_down_once_and_is_a_new_version(counters, cast, manager_id):
    def turn(closed):
        return counters.write(
            lambda s: partners.set_store_closed(s, factories.person(s, manager_id), cast.north, NOW, closed=closed)
        )

    rows = [turn(True), turn(True), turn(False), turn(False)]
    assert [(row.version, row.closed_at) for row in rows] == [(2, NOW), (2, NOW), (3, None), (3, None)]
    assert [entry.what for entry in counters.read(factories.noted)] == ["store_closed", "store_reopened"]


def test_a_store_that_is_not_theirs_is_not_found(counters):
    with pytest.raises(NotFound):
        counters.write(lambda s: partners.set_store_closed(s, OPERATOR, "sto_nothing", NOW, closed=True))


# A partner.


def test_a_partner_closes_with_all_its_stores(counters, tablet, close, close_partner, cast):
    close(store=cast.annex)
    close_partner()
    assert tablet.sync().snapshot["store"]["closed"]
    assert counters.read(lambda s: customer_view.stores_of(s, factories.terms(partners=[cast.north_partner]))) == []
    close_partner(closed=False)
    open_again = counters.read(lambda s: customer_view.stores_of(s, factories.terms(partners=[cast.north_partner])))
    assert [store.id for store in open_again] == [cast.north]
