"""What the shop can do with a restored ledger: void what it issued since the backup, say its voids again, and change its campaigns."""

import pytest

from redeem.accounts.audit import OPERATOR
from redeem.coupons import bulk_void, issue
from redeem.coupons.campaigns import CampaignInUse, patch_campaign
from redeem.db.models.coupons import Coupon
from redeem.ledger import signing
from redeem.ledger.recovery_reports import Hold, Report
from redeem.lib.errors import NotFound
from redeem.lib.money import Money
from tests import factories
from tests.books import ends_in_order
from tests.counters import serials
from tests.databases import on_both_databases
from tests.factories import NOW
from tests.restores import LATER, all_report, begin, restore

pytestmark = [on_both_databases, ends_in_order]
FIFTY = {"value": Money(amount=50_000, currency="RUB")}


def void(counters, coupon):
    return counters.write(lambda session: issue.void(session, coupon.serial, "the order was returned", LATER))


def row(counters, coupon):
    return counters.read(lambda session: session.get_one(Coupon, coupon.serial))


# A void during recovery. North holds the coupon in the backup, South since.


@pytest.fixture
def moved(counters, cast, vault):
    """A coupon, and the epoch by which South holds it. North has released it since the backup."""
    coupon, epoch = counters.held()
    vault.back_up()
    counters.write(lambda session: issue.change_home(session, coupon.serial, cast.south, NOW))
    counters.tablet.sync()
    counters.tablet.act("release", id=coupon.id, epoch=epoch)
    (grant,) = counters.south.sync().grants
    return coupon, grant.epoch


def put_back(counters, vault):
    generation = restore(counters, vault)
    counters.tablet.last = counters.south.last = 0
    return generation


@pytest.mark.parametrize("order", ["old holder first", "new holder first"])
@pytest.mark.parametrize("told", ["void before the reports", "void after the claim"])
def test_the_holder_of_a_coupon_that_was_voided_meanwhile_is_asked_to_give_it_back(
    counters, tills, vault, moved, order, told
):
    coupon, epoch = moved
    generation = put_back(counters, vault)
    reports = [
        lambda: counters.tablet.restored(generation),
        lambda: counters.south.restored(generation, claims=[(coupon.serial, epoch)], epoch=epoch),
    ]
    if told == "void before the reports":
        void(counters, coupon)
    for report in reports if order == "old holder first" else reversed(reports):
        report()
    if told == "void after the claim":
        void(counters, coupon)
    all_report(counters, tills, generation, but=[counters.tablet, counters.south])
    assert counters.view(coupon).void_requested_at is not None
    assert serials(counters.south.sync(epoch=epoch).recalls) == [coupon.serial]
    counters.south.act("release", id=coupon.id, epoch=epoch)
    assert row(counters, coupon).voided_at is not None
    assert tills["north"].redeem(coupon).code == "void"


def test_what_the_holder_gave_before_it_heard_of_the_void_is_honoured(counters, tills, vault, moved):
    coupon, epoch = moved
    generation = put_back(counters, vault)
    void(counters, coupon)
    counters.tablet.restored(generation)  # with its release: now the coupon is void
    number = counters.south.write("gave-held", coupon=coupon.token)
    reply = counters.south.restored(generation, claims=[(coupon.serial, epoch)], epoch=epoch)
    assert reply.answers[number]["code"] == "redeemed"
    all_report(counters, tills, generation, but=[counters.tablet, counters.south])
    assert counters.standing(coupon).device_id == counters.south.device_id


def test_a_claim_without_its_grant_leaves_the_void_as_it_is_and_is_asked_back(counters, vault):
    coupon, epoch = counters.held()
    counters.tablet.act("release", id=coupon.id, epoch=epoch)
    vault.back_up()
    generation = restore(counters, vault)
    void(counters, coupon)
    claimed = 2 * 2**32 - 1
    counters.south.sync(report=Report(generation, 0, [Hold(coupon.serial, claimed)]))
    assert row(counters, coupon).voided_at is not None
    assert serials(counters.south.sync(epoch=claimed).recalls) == [coupon.serial]


# What the shop knows, and the ledger does not.


def test_a_void_that_the_backup_lacks_is_said_again(counters, tills, vault):
    coupon = counters.coupon()
    vault.back_up()
    void(counters, coupon)
    all_report(counters, tills, restore(counters, vault))
    assert counters.view(coupon).voided_at is None
    void(counters, coupon)
    assert tills["north"].redeem(coupon).code == "void"


def test_a_coupon_that_was_issued_since_the_backup_is_voided_before_it_is_shown(counters, tills, vault):
    vault.back_up()
    coupon = counters.coupon()
    all_report(counters, tills, restore(counters, vault))
    assert void(counters, coupon).voided_at == LATER
    assert tills["north"].redeem(coupon).code == "void"


def test_the_void_of_a_lost_coupon_waits_for_the_tablet_that_claims_it(counters, tills, vault):
    vault.back_up()
    coupon, epoch = counters.held()
    generation = restore(counters, vault)
    counters.tablet.restored(generation, claims=[(coupon.serial, epoch)], epoch=epoch)
    all_report(counters, tills, generation, but=[counters.tablet])
    view = void(counters, coupon)
    assert (view.voided_at, view.holder_id) == (None, counters.tablet.device_id)
    assert serials(counters.tablet.sync(epoch=epoch).recalls) == [coupon.serial]


def test_a_tablet_that_claims_a_lost_coupon_after_its_void_is_asked_to_give_it_back(counters, vault):
    vault.back_up()
    coupon, epoch = counters.held()
    generation = restore(counters, vault)
    void(counters, coupon)
    counters.tablet.restored(generation, claims=[(coupon.serial, epoch)], epoch=epoch)
    assert counters.view(coupon).void_requested_at == LATER
    assert serials(counters.tablet.sync(epoch=epoch).recalls) == [coupon.serial]


@pytest.mark.parametrize("named_by", ["id", "token"])
def test_lost_coupons_are_voided_by_a_list_too(counters, tills, vault, manager_id, named_by):
    vault.back_up()
    coupon = counters.coupon()
    all_report(counters, tills, restore(counters, vault))
    person = counters.read(lambda session: factories.person(session, manager_id))
    ring = counters.read(signing.load_ring)
    run = counters.write(lambda s: bulk_void.plan_texts(s, person, [getattr(coupon, named_by)], LATER))
    while counters.write(lambda s: bulk_void.take_in(s, run, ring)):
        pass
    counters.write(lambda s: bulk_void.begin(s, person, run, "returned", LATER))
    while counters.write(lambda s: bulk_void.void_some(s, run, LATER)):
        pass
    assert tills["north"].redeem(coupon).code == "void"


def test_a_number_that_no_restore_has_skipped_is_not_found(counters, cast):
    begin(counters, skip_numbers=100)
    unknown = cast.anywhere << 32 | 100
    with pytest.raises(NotFound):
        counters.write(lambda session: issue.void(session, unknown, "", LATER))


# Campaigns that the backup has.


def patch(counters, number):
    return counters.write(lambda s: patch_campaign(s, OPERATOR, number, NOW, changes=FIFTY))


@pytest.fixture
def prepared(counters, cast):
    """A campaign of which no coupon was issued."""
    return counters.write(lambda s: factories.campaign(s, "In preparation", partners=[cast.north_partner])).number


def test_a_campaign_of_which_nothing_was_issued_is_changed_again(counters, vault, prepared):
    vault.back_up()
    patch(counters, prepared)
    restore(counters, vault)
    assert '"amount":50000' in patch(counters, prepared).terms


def test_a_campaign_of_which_a_tablet_claims_a_lost_coupon_keeps_its_promises(counters, cast, vault, prepared):
    vault.back_up()
    coupon = counters.coupon(cast.north, prepared)
    (grant,) = counters.tablet.sync().grants
    counters.tablet.restored(restore(counters, vault), claims=[(coupon.serial, grant.epoch)])
    with pytest.raises(CampaignInUse):
        patch(counters, prepared)
