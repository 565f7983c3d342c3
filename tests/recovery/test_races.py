"""Recovery while many act at once: real threads, a real database, and a barrier."""

from functools import partial

from sqlalchemy import select

from redeem.db.models.coupons import Campaign
from redeem.db.models.devices import Claim
from redeem.ledger.generation import current
from redeem.recovery import restore
from redeem.recovery.tills import till_reported
from tests.databases import on_both_databases
from tests.factories import NOW
from tests.holds.test_races import in_parallel
from tests.tills import tills_of

pytestmark = on_both_databases
ROUNDS = 6


def begin(counters):
    return counters.write(lambda session: restore.begin(session, NOW, none_enrolled=True)).generation


def tills_report(counters, tills):
    for till in tills.values():
        counters.write(lambda session, till=till: till_reported(session, till.actor.device_id))


def test_when_the_last_two_report_at_once_recovery_ends(counters, database, cast):
    tills = tills_of(database, cast)
    for _ in range(ROUNDS):
        generation = begin(counters)
        tills_report(counters, tills)
        reports = [partial(tablet.restored, generation) for tablet in (counters.tablet, counters.south)]
        in_parallel(*reports)
        assert not counters.read(current).is_recovering


def test_a_lost_coupon_that_two_show_at_once_is_adopted_once(counters, database, cast, vault):
    vault.back_up()
    lost = [counters.coupon() for _ in range(ROUNDS)]
    vault.put_back()
    generation, tills = begin(counters), tills_of(database, cast)
    tills_report(counters, tills)
    for tablet in (counters.tablet, counters.south):
        tablet.restored(generation)
    for coupon in lost:
        answers = in_parallel(*[lambda till=till, coupon=coupon: till.redeem(coupon) for till in tills.values()])
        assert sorted(answer.code for answer in answers) == ["already_redeemed"] * 3 + ["redeemed"]
    campaign = counters.read(lambda session: session.get_one(Campaign, cast.anywhere))
    assert campaign.coupons - campaign.skipped == ROUNDS


def test_a_lost_coupon_that_is_claimed_while_it_is_shown_is_held(counters, database, cast, vault):
    vault.back_up()
    held = [counters.held() for _ in range(ROUNDS)]
    vault.put_back()
    generation, till = begin(counters), tills_of(database, cast)["south"]
    for coupon, epoch in held:
        in_parallel(
            lambda coupon=coupon, epoch=epoch: counters.tablet.restored(
                generation, more=True, claims=[(coupon.serial, epoch)]
            ),
            lambda coupon=coupon: till.redeem(coupon),
        )
        assert counters.holder(coupon) == counters.tablet.device_id
    assert counters.read(lambda session: session.scalars(select(Claim)).all()) == []
