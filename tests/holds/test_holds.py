"""Holds: promises, grants, recalls, releases, and what waits for a release."""

from redeem.accounts.audit import OPERATOR
from redeem.coupons import issue
from redeem.devices import enrolment
from redeem.domain import short_codes
from redeem.holds import holds
from tests import factories
from tests.books import ends_in_order
from tests.counters import serials
from tests.databases import on_both_databases
from tests.factories import NOW

pytestmark = [on_both_databases, ends_in_order]
MINUTE, YEAR = 60_000, 365 * 86_400_000


def void(counters, coupon, now=NOW):
    return counters.write(lambda session: issue.void(session, coupon.serial, "returned", now))


def move(counters, coupon, store_id):
    return counters.write(lambda session: issue.change_home(session, coupon.serial, store_id, NOW))


# Promised, then granted.


def test_a_coupon_with_a_home_is_granted_to_the_stores_tablet_at_its_next_sync(counters, tablet):
    coupon = counters.homed()
    assert counters.holder(coupon) is None
    assert serials(tablet.sync().grants) == [coupon.serial]
    assert counters.holder(coupon) == tablet.device_id


def test_a_coupon_promised_to_an_offline_tablet_can_be_given_by_others(counters, till):
    """The tablet was never granted the hold, so it can't have given the gift."""
    assert till.redeem(counters.homed()).code == "redeemed"


def test_a_promised_coupon_that_is_redeemed_is_not_granted(counters, tablet, till):
    coupon = counters.homed()
    till.redeem(coupon)
    assert tablet.sync().grants == []
    assert counters.promised(coupon) is None


def test_a_promised_coupon_that_is_void_is_not_granted(counters, tablet):
    coupon = counters.homed()
    void(counters, coupon)
    assert tablet.sync().grants == []


def test_a_promised_coupon_that_has_expired_is_not_granted(counters, tablet, cast):
    windows = {"redeem": {"from": None, "until": factories.day(1)}}
    made = counters.write(lambda s: factories.campaign(s, partners=[cast.north_partner], windows=windows))
    coupon = counters.coupon(cast.north, made.number)
    assert tablet.sync(now=NOW + YEAR).grants == []
    assert counters.promised(coupon) is None


def test_a_grant_is_repeated_until_the_tablet_names_its_epoch(counters, tablet):
    counters.homed()
    (grant,) = tablet.sync().grants
    assert tablet.sync().grants == [grant]
    assert tablet.sync(epoch=grant.epoch).grants == []


def test_two_tablets_of_a_store_never_hold_the_same_coupon(counters, tablet):
    second = counters.add_tablet()
    coupons = [counters.homed() for _ in range(40)]
    mine, its = serials(tablet.sync().grants), serials(second.sync().grants)
    assert sorted(mine + its) == sorted(coupon.serial for coupon in coupons)
    assert mine
    assert its


def test_a_coupon_that_is_good_at_one_store_only_is_promised_there(counters, tablet, cast):
    campaign = counters.write(lambda session: factories.campaign(session, stores=[cast.north])).number
    assert counters.promised(counters.coupon(campaign=campaign)) == tablet.device_id


def test_a_coupon_without_a_home_is_promised_to_nobody(counters):
    assert counters.promised(counters.coupon()) is None


def test_an_epoch_is_newer_than_any_that_the_coupon_or_the_tablet_had(counters, tablet, cast):
    coupon, first = counters.held()
    move(counters, coupon, cast.south)
    tablet.act("release", id=coupon.id, epoch=first)
    (second,) = counters.south.sync().grants
    move(counters, coupon, cast.north)
    counters.south.act("release", id=coupon.id, epoch=second.epoch)
    (third,) = tablet.sync(epoch=first).grants
    assert first < second.epoch < third.epoch


def test_grants_beyond_the_limit_of_a_reply_come_with_the_next(counters, tablet, monkeypatch):
    monkeypatch.setattr(holds, "PROMISED", holds.PROMISED.limit(2))
    monkeypatch.setattr(holds, "GRANTS", holds.GRANTS.limit(2))
    coupons = [counters.homed() for _ in range(5)]
    heard, epoch = [], 0
    while grants := tablet.sync(epoch=epoch).grants:
        heard += serials(grants)
        epoch = grants[-1].epoch
    assert sorted(heard) == sorted(coupon.serial for coupon in coupons)


# The bell.


def rings(counters, tablet, epoch=0, now=NOW):
    return counters.read(lambda session: holds.rings(session, tablet.device_id, epoch, now))


def test_the_bell_rings_for_a_promise_until_it_is_fetched(counters, tablet):
    tablet.sync()
    assert not rings(counters, tablet)
    counters.homed()
    assert rings(counters, tablet)
    (grant,) = tablet.sync().grants
    assert rings(counters, tablet)
    assert not rings(counters, tablet, grant.epoch)


def test_the_bell_rings_for_a_recall(counters, tablet, till):
    coupon, epoch = counters.held()
    till.redeem(coupon)
    assert rings(counters, tablet, epoch)


def test_the_bell_is_silent_for_a_promise_that_is_not_due_yet(counters, tablet, till):
    coupon, epoch = counters.held()
    till.redeem(coupon)
    tablet.act("release", id=coupon.id, epoch=epoch)
    assert not rings(counters, tablet, epoch)
    assert rings(counters, tablet, epoch, NOW + holds.FREE_FOR_TILL_MS)


# Giving, recalling, releasing.


def test_a_tablet_gives_what_it_holds_without_asking(counters, tablet, till):
    coupon, _ = counters.held()
    assert tablet.act("gave-held", coupon=coupon.token) == "redeemed"
    assert till.redeem(coupon).code == "already_redeemed"


def test_a_till_is_told_the_holder_and_can_redeem_after_the_release(counters, tablet, till):
    coupon, epoch = counters.held()
    answer = till.redeem(coupon)
    assert (answer.code, answer.details["holder"]["device"]["id"]) == ("held_elsewhere", tablet.device_id)
    assert serials(tablet.sync().recalls) == [coupon.serial]
    assert tablet.act("release", id=coupon.id, epoch=epoch) == "released"
    assert till.redeem(coupon).code == "redeemed"


def test_a_coupon_released_for_a_till_is_held_at_home_again_after_a_while(counters, tablet, till):
    coupon, epoch = counters.held()
    till.redeem(coupon)
    tablet.act("release", id=coupon.id, epoch=epoch)
    assert tablet.sync(epoch=epoch).grants == []
    later = NOW + holds.FREE_FOR_TILL_MS
    assert serials(tablet.sync(epoch=epoch, now=later).grants) == [coupon.serial]


def test_a_recall_by_a_tablet_moves_the_hold_to_it(counters, tablet):
    coupon, epoch = counters.held()
    south = counters.south
    assert south.act("ask", coupon=coupon.token) == "held_elsewhere"
    south.act("drop", of=1)
    assert serials(tablet.sync().recalls) == [coupon.serial]
    tablet.act("release", id=coupon.id, epoch=epoch)
    assert serials(south.sync().grants) == [coupon.serial]
    assert south.act("gave-held", coupon=coupon.token) == "redeemed"


def test_the_last_device_that_asked_gets_the_hold(counters, tablet, cast):
    coupon, epoch = counters.held()
    second = counters.add_tablet(store=cast.annex)
    for asking in (counters.south, second):
        asking.act("ask", coupon=coupon.token)
        asking.act("drop", of=1)
    tablet.act("release", id=coupon.id, epoch=epoch)
    assert counters.promised(coupon) == second.device_id


def test_a_device_that_asked_and_was_revoked_meanwhile_gets_nothing(counters, tablet):
    coupon, epoch = counters.held()
    counters.south.act("ask", coupon=coupon.token)
    counters.write(lambda session: enrolment.revoke_device(session, OPERATOR, counters.south.device_id, NOW))
    tablet.act("release", id=coupon.id, epoch=epoch)
    assert counters.promised(coupon) == tablet.device_id


def test_a_gift_given_before_the_release_stands(counters, tablet, till):
    coupon, epoch = counters.held()
    till.redeem(coupon)
    tablet.write("gave-held", coupon=coupon.token)
    tablet.write("release", id=coupon.id, epoch=epoch)
    tablet.sync()
    assert till.redeem(coupon).code == "already_redeemed"


def test_a_release_of_an_old_epoch_does_not_end_a_newer_hold(counters, tablet):
    coupon, epoch = counters.held()
    tablet.act("release", id=coupon.id, epoch=epoch - 1)
    assert counters.holder(coupon) == tablet.device_id


def test_a_device_cannot_release_anothers_hold(counters, tablet):
    coupon, epoch = counters.held()
    counters.south.act("release", id=coupon.id, epoch=epoch)
    assert counters.holder(coupon) == tablet.device_id


def test_a_hold_never_expires(counters, tablet, till):
    coupon, _ = counters.held()
    till.redeem(coupon)
    assert serials(tablet.sync(now=NOW + 3 * YEAR).recalls) == [coupon.serial]
    assert counters.holder(coupon) == tablet.device_id


def test_an_undone_gift_can_be_given_again_by_its_holder(counters, tablet):
    coupon, _ = counters.held()
    given = tablet.write("gave-held", coupon=coupon.token)
    tablet.write("undo", of=given, reason="wrong size")
    tablet.sync()
    assert counters.holder(coupon) == tablet.device_id
    assert tablet.act("gave-held", coupon=coupon.token) == "redeemed"


def test_a_gift_undone_after_the_release_is_held_at_home_again(counters, tablet, till):
    coupon, epoch = counters.held()
    given = tablet.write("gave-held", coupon=coupon.token)
    till.redeem(coupon)
    tablet.write("release", id=coupon.id, epoch=epoch)
    tablet.sync()
    tablet.write("undo", of=given, reason="wrong size")
    assert serials(tablet.sync(epoch=epoch).grants) == [coupon.serial]


def test_a_tills_gift_that_is_reversed_is_held_at_home_again(counters, tablet, till):
    coupon = counters.homed()
    given = till.redeem(coupon)
    tablet.sync()
    till.reverse(given.details["redemption"])
    assert serials(tablet.sync().grants) == [coupon.serial]


def test_a_short_code_typed_offline_is_accepted(counters, tablet):
    coupon = counters.homed()
    (grant,) = tablet.sync().grants
    assert grant.code_hash == short_codes.hash_for_holder(coupon.serial, coupon.short_code)
    assert tablet.act("gave-held", typed=coupon.short_code) == "redeemed"


def test_the_hash_of_a_code_is_short_and_another_for_each_coupon():
    """`tests/js/knowledge/holds.test.js` has the same first hash."""
    serial = (1 << 32) + 3201
    hashes = [
        short_codes.hash_for_holder(serial, "7KQ2M4XZ9F3C"),
        short_codes.hash_for_holder(serial + 1, "7KQ2M4XZ9F3C"),
        short_codes.hash_for_holder(serial, "7KQ2M4XZ9F3D"),
    ]
    assert hashes[0] == "f509b3"
    assert len(set(hashes)) == 3


def test_a_code_that_only_looks_like_a_held_one_gives_nothing_of_it(counters, tablet):
    """The hashes of both codes are the same: the tablet takes the typed code for the one that it holds, and the server doesn't."""
    held, _ = counters.held()
    tablet.write("gave-held", typed="000000000000", id=held.id)
    other = counters.coupon()
    tablet.write("gave-held", typed=other.short_code, id=held.id)
    assert tablet.sync().answers[1]["code"] == "unknown_coupon"
    assert counters.standing(held) is None


# Voiding and moving.


def test_a_void_of_a_held_coupon_waits_for_the_holder(counters, tablet, till):
    coupon, epoch = counters.held()
    view = void(counters, coupon)
    assert (view.voided_at, view.void_requested_at) == (None, NOW)
    assert till.redeem(coupon).code == "void"
    tablet.act("release", id=coupon.id, epoch=epoch)
    assert counters.view(coupon).voided_at == NOW


def test_a_gift_given_before_the_tablet_knew_of_the_void_is_honoured(counters, tablet):
    coupon, epoch = counters.held()
    void(counters, coupon)
    tablet.write("gave-held", coupon=coupon.token)
    tablet.write("release", id=coupon.id, epoch=epoch)
    tablet.sync()
    view = counters.view(coupon)
    assert (view.voided_at, view.redeemed_at) == (None, NOW)


def test_a_void_that_came_too_late_happens_when_the_gift_is_undone(counters, tablet, till):
    coupon, epoch = counters.held()
    void(counters, coupon)
    given = tablet.write("gave-held", coupon=coupon.token)
    tablet.write("release", id=coupon.id, epoch=epoch)
    tablet.sync()
    tablet.act("undo", of=given, reason="returned")
    assert counters.view(coupon).voided_at == NOW
    assert till.redeem(coupon).code == "void"


def test_a_new_home_recalls_the_hold_and_gets_it(counters, tablet, cast):
    coupon, epoch = counters.held()
    move(counters, coupon, cast.south)
    assert counters.holder(coupon) == tablet.device_id
    tablet.act("release", id=coupon.id, epoch=epoch)
    assert serials(counters.south.sync().grants) == [coupon.serial]


def test_a_new_home_at_the_holders_store_recalls_nothing(counters, tablet, cast):
    coupon, _ = counters.held()
    move(counters, coupon, cast.north)
    assert tablet.sync().recalls == []


def test_a_new_home_gets_the_promise(counters, tablet, cast):
    coupon = counters.homed()
    move(counters, coupon, cast.south)
    assert tablet.sync().grants == []
    assert serials(counters.south.sync().grants) == [coupon.serial]


def test_a_coupon_that_loses_its_home_is_promised_to_nobody(counters, tablet):
    coupon = counters.homed()
    move(counters, coupon, None)
    assert tablet.sync().grants == []


# Two gifts.


def test_a_second_gift_at_risk_is_a_conflict_and_the_first_stands(counters, tablet):
    coupon = counters.coupon()
    assert tablet.act("gave-at-risk", coupon=coupon.token) == "redeemed"
    assert counters.south.act("gave-at-risk", coupon=coupon.token) == "conflict"


def test_when_the_first_of_two_gifts_is_undone_the_second_stands(counters, tablet):
    coupon = counters.coupon()
    given = tablet.write("gave-at-risk", coupon=coupon.token)
    tablet.sync()
    counters.south.act("gave-at-risk", coupon=coupon.token)
    assert tablet.act("undo", of=given, reason="wrong size") == "reversed"
    assert counters.standing(coupon).device_id == counters.south.device_id


def test_of_three_gifts_the_oldest_stands_next(counters, tablet):
    coupon, third = counters.coupon(), counters.add_tablet()
    given = tablet.write("gave-at-risk", coupon=coupon.token)
    tablet.sync()
    counters.south.act("gave-at-risk", coupon=coupon.token)
    third.write("gave-at-risk", coupon=coupon.token)
    third.sync(now=NOW + MINUTE)
    tablet.act("undo", of=given, reason="wrong size")
    assert counters.standing(coupon).device_id == counters.south.device_id
    assert counters.south.act("undo", of=1, reason="wrong size") == "reversed"
    assert counters.standing(coupon).device_id == third.device_id


def test_an_undone_second_gift_is_not_a_conflict(counters, tablet):
    coupon = counters.coupon()
    tablet.act("gave-at-risk", coupon=coupon.token)
    given = counters.south.write("gave-at-risk", coupon=coupon.token)
    counters.south.sync()
    counters.south.act("undo", of=given, reason="wrong size")
    assert counters.standing(coupon).device_id == tablet.device_id
