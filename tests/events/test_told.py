"""What is told of whatever happens: one event each, of the right type, at the right time."""

import pytest

from redeem.coupons import issue
from redeem.devices.write_off import write_off
from redeem.events import reader
from redeem.redemptions import conflicts
from redeem.redemptions.undo import undo_by_manager
from tests import factories
from tests.books import ends_in_order
from tests.databases import on_both_databases
from tests.factories import NOW

pytestmark = [on_both_databases, ends_in_order]
MINUTE = 60_000


def told(counters, coupon):
    items = counters.read(lambda session: reader.read(session, None, 100)).items
    return [news for news in items if news.serial == coupon.serial]


def types(counters, coupon):
    return [news.type for news in told(counters, coupon)][1:]  # it was issued first


def void(counters, coupon):
    counters.write(lambda session: issue.void(session, coupon.serial, "the order came back", NOW))


def test_an_undone_gift_is_reversed_and_may_be_redeemed_again(counters, till, coupon):
    given = till.redeem(coupon)
    till.reverse(given.details["redemption"], reason="spilled")
    till.redeem(coupon)
    assert types(counters, coupon) == ["coupon.redeemed", "redemption.reversed", "coupon.redeemed"]
    assert told(counters, coupon)[2].details == {"reason": "spilled"}
    assert told(counters, coupon)[1].act_id == told(counters, coupon)[2].act_id == given.details["redemption"]


def test_a_cancelled_attempt_is_reversed_if_it_had_redeemed(counters, till, coupon):
    till.redeem(coupon, "one")
    till.cancel("one")
    till.cancel("one")
    till.cancel("never came")
    assert types(counters, coupon) == ["coupon.redeemed", "redemption.reversed"]


def test_a_yes_is_redeemed_at_once_and_a_drop_reverses_it(counters, coupon):
    number = counters.tablet.write("ask", coupon=coupon.token)
    counters.tablet.sync()
    assert types(counters, coupon) == ["coupon.redeemed"]
    counters.tablet.act("drop", of=number)
    assert told(counters, coupon)[-1].details == {"reason": "not_handed_over"}


def test_a_managers_undo_is_told(counters, till, coupon, manager_id):
    given = till.redeem(coupon).details["redemption"]

    def undo(session):
        undo_by_manager(session, factories.person(session, manager_id), coupon.serial, given, "by mistake", NOW)

    for _ in range(2):
        counters.write(undo)
    assert types(counters, coupon) == ["coupon.redeemed", "redemption.reversed"]


def test_a_second_gift_is_a_conflict_and_is_redeemed_once_the_first_is_undone(counters, till, coupon):
    given = till.redeem(coupon).details["redemption"]
    counters.south.act("gave-at-risk", coupon=coupon.token)
    assert types(counters, coupon) == ["coupon.redeemed", "redemption.conflicted"]
    assert told(counters, coupon)[-1].details == {"standing": given}
    till.reverse(given)
    assert types(counters, coupon)[2:] == ["redemption.reversed", "coupon.redeemed"]
    second = told(counters, coupon)
    assert second[2].act_id == second[4].act_id != given
    counters.south.act("undo", of=1, reason="returned")
    assert types(counters, coupon)[4:] == ["redemption.reversed"]


def test_a_second_gift_that_is_taken_back_is_reversed(counters, till, coupon):
    till.redeem(coupon)
    counters.south.act("gave-at-risk", coupon=coupon.token)
    counters.south.act("undo", of=1, reason="returned")
    assert types(counters, coupon) == ["coupon.redeemed", "redemption.conflicted", "redemption.reversed"]


@pytest.mark.parametrize(("decision", "then"), [("issuer", []), ("never_given", ["redemption.reversed"])])
def test_a_contested_gift_is_decided(counters, cast, manager_id, decision, then):
    coupon = counters.write(lambda session: factories.coupon(session, cast.north_only))
    assert counters.tablet.act("gave-held", coupon=coupon.token) == "contested"
    assert types(counters, coupon) == ["redemption.contested"]
    gift = told(counters, coupon)[-1]
    assert gift.details == {"rule": "not_held", "standing": None}
    for _ in range(2):
        counters.write(
            lambda session: conflicts.decide(session, manager_id, str(gift.act_id), decision, "", NOW + MINUTE)
        )
    assert types(counters, coupon) == ["redemption.contested", "redemption.decided", *then]
    assert told(counters, coupon)[2].details == {"decision": decision}


def test_a_decision_that_is_made_anew_is_told_anew(counters, cast, manager_id):
    coupon = counters.write(lambda session: factories.coupon(session, cast.north_only))
    counters.tablet.act("gave-held", coupon=coupon.token)
    act_id, at = told(counters, coupon)[-1].act_id, (NOW, NOW + MINUTE)
    counters.write(lambda s: conflicts.decide(s, manager_id, act_id, "partner", "", at[0]))
    counters.write(lambda s: conflicts.decide(s, manager_id, act_id, "issuer", "", at[1], at[0]))
    assert [news.details for news in told(counters, coupon)[2:]] == [{"decision": "partner"}, {"decision": "issuer"}]


# Voids.


def test_a_void_is_told_once_with_its_reason(counters, coupon):
    void(counters, coupon)
    void(counters, coupon)
    assert types(counters, coupon) == ["coupon.voided"]
    assert told(counters, coupon)[-1].void_reason == "the order came back"


def test_the_void_of_a_held_coupon_is_requested_and_told_again_when_it_happens(counters):
    coupon, epoch = counters.held()
    void(counters, coupon)
    assert types(counters, coupon) == ["coupon.void_requested"]
    counters.tablet.act("release", id=coupon.id, epoch=epoch)
    assert types(counters, coupon) == ["coupon.void_requested", "coupon.voided"]


def test_a_void_that_a_write_off_brings_about_is_told(counters, manager_id):
    coupon, _ = counters.held()
    void(counters, coupon)
    counters.write(lambda session: write_off(session, counters.tablet.device_id, manager_id, NOW))
    assert types(counters, coupon) == ["coupon.void_requested", "coupon.voided"]


# When it happened.


def test_a_gift_without_a_network_happened_when_the_tablet_says(counters):
    coupon, epoch = counters.held()
    counters.tablet.write("gave-held", coupon=coupon.token, epoch=epoch)
    counters.tablet.sync(now=NOW + 90 * MINUTE)
    gift = told(counters, coupon)[-1]
    assert (gift.occurred_at, gift.recorded_at) == (NOW, NOW + 90 * MINUTE)


@pytest.mark.parametrize(
    ("at", "clock", "occurred"),
    [
        (NOW + 30 * MINUTE, 10 * MINUTE, NOW + 20 * MINUTE),  # the tablet knew that its clock is ahead
        (NOW + 999 * MINUTE, None, NOW + 90 * MINUTE),  # nothing happens after we heard of it
        (5, None, NOW - 24 * 60 * MINUTE),  # nor before the tablet had last nothing left to tell
        (NOW + 30 * MINUTE, "back", NOW + 30 * MINUTE),
    ],
)
def test_a_clock_is_corrected_and_not_believed_where_it_cannot_be_right(counters, at, clock, occurred):
    coupon, epoch = counters.held()
    counters.tablet.write("gave-held", coupon=coupon.token, epoch=epoch, at=at, **({"clock": clock} if clock else {}))
    counters.tablet.sync(now=NOW + 90 * MINUTE)
    assert told(counters, coupon)[-1].occurred_at == occurred
