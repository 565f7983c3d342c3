"""A hold whose coupon another device has given: the holder is asked to give it back, for it does not know."""

from redeem.coupons import issue
from redeem.devices.write_off import write_off
from redeem.holds import holds
from redeem.ledger.signing import load_ring
from redeem.sync import quarantine
from tests.books import ends_in_order
from tests.counters import serials
from tests.databases import on_both_databases
from tests.factories import NOW, PROOFS
from tests.recovery.test_restore import say_again
from tests.restores import restore

pytestmark = [on_both_databases, ends_in_order]


def admit(counters, device_id, manager_id):
    return counters.write(lambda s: quarantine.admit(s, device_id, manager_id, load_ring(s), PROOFS, NOW))


def test_of_a_gift_at_risk_the_holder_hears_at_its_next_sync(counters, tablet, south):
    coupon, epoch = counters.held()
    assert south.act("gave-at-risk", coupon=coupon.token) == "redeemed"
    assert serials(tablet.sync(epoch=epoch).recalls) == [coupon.serial]


def test_the_holders_bell_rings(counters, tablet, south):
    coupon, epoch = counters.held()
    south.act("gave-at-risk", coupon=coupon.token)
    assert counters.read(lambda session: holds.rings(session, tablet.device_id, epoch, NOW))


def test_of_a_gift_that_is_admitted_late_the_new_holder_hears(counters, tablet, manager_id):
    coupon, _ = counters.held()
    tablet.write("gave-held", coupon=coupon.token)
    second = counters.add_tablet()
    counters.write(lambda session: write_off(session, tablet.device_id, manager_id, NOW))
    (grant,) = second.sync().grants
    tablet.sync()
    admit(counters, tablet.device_id, manager_id)
    assert counters.standing(coupon).device_id == tablet.device_id
    assert serials(second.sync(epoch=grant.epoch).recalls) == [coupon.serial]


def test_of_a_second_gift_that_comes_to_stand_the_holder_hears(counters, tablet, south):
    coupon, epoch = counters.held()
    number = tablet.write("gave-held", coupon=coupon.token)
    tablet.sync()
    assert south.act("gave-at-risk", coupon=coupon.token) == "conflict"
    assert tablet.sync(epoch=epoch).recalls == []
    tablet.write("undo", of=number, reason="other")
    assert serials(tablet.sync(epoch=epoch).recalls) == [coupon.serial]
    assert counters.standing(coupon).device_id == south.device_id


def test_of_what_a_till_says_again_the_holder_hears(counters, tablet, till, vault):
    coupon, epoch = counters.held()
    vault.back_up()
    tablet.act("release", id=coupon.id, epoch=epoch)
    answer = till.redeem(coupon, "attempt")
    restore(counters, vault)
    say_again(counters, till, coupon, answer, "attempt")
    assert counters.holder(coupon) == tablet.device_id
    assert serials(tablet.sync([], epoch=epoch).recalls) == [coupon.serial]


def test_who_claims_what_a_till_has_said_again_hears_of_it(counters, tablet, tills, vault):
    coupon = counters.coupon()
    vault.back_up()
    answer = tills["north"].redeem(coupon, "attempt")
    tills["north"].reverse(answer.details["redemption"])
    counters.write(lambda session: issue.change_home(session, coupon.serial, counters.cast.north, NOW))
    (grant,) = tablet.sync().grants
    generation = restore(counters, vault)
    say_again(counters, tills["north"], coupon, answer, "attempt")
    reply = tablet.restored(generation, claims=[(coupon.serial, grant.epoch)], epoch=grant.epoch)
    assert serials(reply.recalls) == [coupon.serial]


def test_its_own_gift_recalls_nothing(counters, tablet):
    coupon, epoch = counters.held()
    tablet.write("gave-held", coupon=coupon.token)
    assert tablet.sync(epoch=epoch).recalls == []


def test_a_contested_gift_recalls_nothing(counters, tablet, south):
    coupon, epoch = counters.held()
    assert south.act("gave-held", coupon=coupon.token) == "contested"
    assert tablet.sync(epoch=epoch).recalls == []


def test_released_and_the_gift_undone_it_is_granted_anew(counters, tablet, south):
    coupon, epoch = counters.held()
    number = south.write("gave-at-risk", coupon=coupon.token)
    south.sync()
    tablet.sync()
    tablet.act("release", id=coupon.id, epoch=epoch)
    assert counters.holder(coupon) is None
    south.act("undo", of=number, reason="other")
    (grant,) = tablet.sync(epoch=epoch).grants
    assert (grant.serial, grant.epoch > epoch) == (coupon.serial, True)


def test_what_is_undone_before_the_release_is_granted_anew_after_it(counters, tablet, south):
    coupon, epoch = counters.held()
    number = south.write("gave-at-risk", coupon=coupon.token)
    south.sync()
    south.act("undo", of=number, reason="other")
    assert serials(tablet.sync(epoch=epoch).recalls) == [coupon.serial]
    tablet.act("release", id=coupon.id, epoch=epoch)
    assert serials(tablet.sync(epoch=epoch).grants) == [coupon.serial]
