"""A device that lies to a restored ledger: its bare word takes nothing from who holds a coupon by a grant (protocol/recovery.pml)."""

import pytest

from redeem.db.models.coupons import Coupon
from redeem.domain.proofs import EPOCHS_PER_GENERATION, generation_of
from redeem.ledger.generation import note_behind
from redeem.ledger.recovery_reports import Hold, Report
from redeem.recovery import restore
from redeem.recovery import tills as recovery_tills
from tests.books import ends_in_order
from tests.databases import on_both_databases
from tests.factories import NOW

pytestmark = [on_both_databases, ends_in_order]


@pytest.fixture
def restored(counters):
    """A coupon that the north's tablet holds by a grant which the ledger has lost; its epoch; and the generation."""
    coupon, epoch = counters.held()

    def forget(session):
        row = session.get_one(Coupon, coupon.serial)
        row.holder_id, row.epoch = None, 0

    counters.write(forget)
    life = counters.write(lambda session: restore.begin(session, NOW, none_enrolled=True))
    return coupon, epoch, life.generation


def claim(tablet, generation, *holds):
    """The tablet reports holds of which it shows no grant."""
    return tablet.sync(report=Report(generation, len(tablet.journal), [Hold(*hold) for hold in holds]))


def recover(counters, tills, generation, **claims):
    counters.tablet.restored(generation, **claims)
    counters.south.restored(generation)
    for till in tills.values():
        counters.write(lambda session, till=till: recovery_tills.till_reported(session, till.actor.device_id))


def test_a_claim_without_a_grant_gives_nothing_while_others_have_still_to_report(counters, restored):
    coupon, epoch, generation = restored
    claim(counters.south, generation, (coupon.serial, epoch + 1))
    assert counters.holder(coupon) == counters.south.device_id
    assert counters.south.act("ask", coupon=coupon.token) == "recovering"
    assert counters.tablet.act("gave-held", coupon=coupon.token) == "redeemed"
    assert counters.standing(coupon).device_id == counters.tablet.device_id


def test_who_reported_first_has_the_coupon_only_until_a_grant_is_shown(counters, tills, restored):
    coupon, epoch, generation = restored
    claim(counters.south, generation, (coupon.serial, epoch + 1))
    recover(counters, tills, generation, claims=[(coupon.serial, epoch)])
    assert counters.holder(coupon) == counters.tablet.device_id


def test_a_contested_gift_makes_way_for_the_holder_that_shows_its_grant(counters, restored):
    coupon, epoch, generation = restored
    assert counters.south.act("gave-held", coupon=coupon.token) == "contested"
    assert counters.standing(coupon).device_id == counters.south.device_id
    counters.tablet.restored(generation, claims=[(coupon.serial, epoch)])
    assert counters.standing(coupon) is None
    assert counters.tablet.sync(verify=coupon.token).verdict["code"] == "good"
    assert counters.tablet.act("gave-held", coupon=coupon.token) == "redeemed"


def test_it_makes_no_way_for_a_claim_without_a_grant(counters, restored):
    coupon, epoch, generation = restored
    assert counters.south.act("gave-held", coupon=coupon.token) == "contested"
    claim(counters.tablet, generation, (coupon.serial, epoch))
    assert counters.standing(coupon).device_id == counters.south.device_id


def test_a_gift_that_breaks_no_rule_makes_no_way(counters, restored):
    coupon, epoch, generation = restored
    assert counters.tablet.act("gave-held", coupon=coupon.token) == "redeemed"
    counters.tablet.restored(generation, claims=[(coupon.serial, epoch)])
    assert counters.standing(coupon).device_id == counters.tablet.device_id


def test_a_claim_without_a_grant_does_not_use_up_the_generations_epochs(counters, tills, restored):
    """Otherwise the next grant would be of the next generation, and would prove that this ledger is an old copy."""
    coupon, _, generation = restored
    last = (generation + 1) * EPOCHS_PER_GENERATION - 1
    claim(counters.south, generation, (coupon.serial, last))
    counters.south.act("release", id=coupon.id, epoch=last)
    recover(counters, tills, generation)
    counters.tablet.sync()
    (grant,) = [each for each in counters.tablet.sync().grants if each.serial == coupon.serial]
    assert generation_of(grant.epoch) == generation


def test_on_an_old_copy_no_hold_is_recalled_for_it_could_be_granted_to_nobody(counters):
    coupon, _ = counters.held()
    counters.write(lambda session: note_behind(session, 5))
    counters.south.sync(verify=coupon.token)
    assert counters.tablet.sync().recalls == []
