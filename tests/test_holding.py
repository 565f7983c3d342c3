"""Holds: who may give a coupon while nobody can be asked."""

import pytest
from nacl.signing import SigningKey
from sqlalchemy import update

from redeem import enrolling, holding, issuing, ledger, redeeming
from redeem.db import Database
from redeem.models import Coupon, Deployment
from redeem.redeeming import Act
from redeem.verifying import Actor
from tests import factories
from tests.cast import TABLET_KEY, Cast
from tests.databases import on_both_databases
from tests.factories import NOW, Issued
from tests.tablets import Tablet

SECOND_KEY = SigningKey(b"the second tablet of the north 3")
pytestmark = on_both_databases


@pytest.fixture
def tablet(database: Database, cast: Cast) -> Tablet:
    return Tablet(database, cast.tablet_id, TABLET_KEY)


@pytest.fixture
def second(database: Database, cast: Cast) -> Tablet:
    device = database.write(lambda session: factories.tablet(session, cast.north, SECOND_KEY, "Second"))
    return Tablet(database, device.id, SECOND_KEY)


def homed(database: Database, cast: Cast, home: str | None = None) -> Issued:
    return database.write(lambda s: factories.coupon(s, cast.anywhere, home_store_id=home or cast.north))


def holder_of(database: Database, coupon: Issued) -> str | None:
    found = database.read(lambda session: ledger.find(session, coupon.serial))
    assert found
    return found.holder_id


def till_redeems(database: Database, cast: Cast, coupon: Issued, name: str = "t1") -> redeeming.Answer:
    actor = Actor(cast.north_till_id, "Till", cast.north, "North", cast.north_partner, factories.MOSCOW)
    act = Act(actor, name, "redeem", "f", serial=coupon.serial)
    return database.write(lambda session: redeeming.settle(session, act, NOW))


def test_a_homed_coupon_is_held_by_its_stores_tablet(database: Database, cast: Cast, tablet: Tablet) -> None:
    coupon = homed(database, cast)
    (grant,) = tablet.sync().grants
    assert (grant.serial, holder_of(database, coupon)) == (coupon.serial, cast.tablet_id)


def test_a_grant_is_told_until_its_epoch_is_known(database: Database, cast: Cast, tablet: Tablet) -> None:
    homed(database, cast)
    (grant,) = tablet.sync().grants
    assert tablet.sync().grants == [grant]
    assert tablet.sync(epoch=grant.epoch).grants == []


def test_two_tablets_of_a_store_never_hold_the_same(
    database: Database, cast: Cast, tablet: Tablet, second: Tablet
) -> None:
    coupons = [homed(database, cast) for _ in range(40)]
    mine, its = tablet.sync().grants, second.sync().grants
    assert {grant.serial for grant in mine}.isdisjoint(grant.serial for grant in its)
    assert len(mine) + len(its) == len(coupons)
    assert mine
    assert its


def test_a_coupon_good_at_one_store_alone_is_held_there(database: Database, cast: Cast, tablet: Tablet) -> None:
    def make(session):
        campaign = factories.campaign(session, stores=[cast.north], partners=[])
        return factories.coupon(session, campaign.number)

    coupon = database.write(make)
    assert holder_of(database, coupon) == cast.tablet_id


def test_what_a_tablet_holds_it_gives_unasked(database: Database, cast: Cast, tablet: Tablet) -> None:
    coupon = homed(database, cast)
    assert tablet.act("gave-held", coupon=coupon.token) == "redeemed"
    assert till_redeems(database, cast, coupon).code == "already_redeemed"


def test_a_till_hears_who_holds_it_and_gets_it_when_released(database: Database, cast: Cast, tablet: Tablet) -> None:
    coupon = homed(database, cast)
    answer = till_redeems(database, cast, coupon)
    assert (answer.code, answer.details["holder"]["device"]["id"]) == ("held_elsewhere", cast.tablet_id)
    (recalled,) = tablet.sync().recalls
    assert tablet.act("release", id=coupon.id, epoch=recalled.epoch) == "released"
    assert till_redeems(database, cast, coupon, "t2").code == "redeemed"


def test_a_recall_by_a_tablet_moves_the_hold_to_it(
    database: Database, cast: Cast, tablet: Tablet, second: Tablet
) -> None:
    coupon = homed(database, cast)
    holder, other = (tablet, second) if holder_of(database, coupon) == tablet.device_id else (second, tablet)
    assert other.act("ask", coupon=coupon.token) == "held_elsewhere"
    other.act("drop", of=1)
    (recalled,) = holder.sync().recalls
    holder.act("release", id=coupon.id, epoch=recalled.epoch)
    assert [grant.serial for grant in other.sync().grants] == [coupon.serial]
    assert other.act("gave-held", coupon=coupon.token) == "redeemed"


def test_what_was_given_before_the_release_stands(database: Database, cast: Cast, tablet: Tablet) -> None:
    coupon = homed(database, cast)
    (grant,) = tablet.sync().grants
    till_redeems(database, cast, coupon)
    tablet.write("gave-held", coupon=coupon.token)
    tablet.write("release", id=coupon.id, epoch=grant.epoch)
    tablet.sync()
    assert till_redeems(database, cast, coupon, "t2").code == "already_redeemed"


def test_an_old_release_frees_no_newer_hold(database: Database, cast: Cast, tablet: Tablet) -> None:
    coupon = homed(database, cast)
    (grant,) = tablet.sync().grants
    tablet.act("release", id=coupon.id, epoch=grant.epoch - 1)
    assert holder_of(database, coupon) == tablet.device_id


def test_nobody_releases_for_another(database: Database, cast: Cast, tablet: Tablet, second: Tablet) -> None:
    coupon = homed(database, cast)
    holder, other = (tablet, second) if holder_of(database, coupon) == tablet.device_id else (second, tablet)
    (grant,) = holder.sync().grants
    other.act("release", id=coupon.id, epoch=grant.epoch)
    assert holder_of(database, coupon) == holder.device_id


def test_no_time_ends_a_hold(database: Database, cast: Cast, tablet: Tablet) -> None:
    coupon = homed(database, cast)
    till_redeems(database, cast, coupon)
    years_later = NOW + 3 * 365 * 86_400_000
    assert [recalled.serial for recalled in tablet.sync(now=years_later).recalls] == [coupon.serial]
    assert holder_of(database, coupon) == tablet.device_id


def test_a_void_of_a_held_coupon_waits_for_the_holder(database: Database, cast: Cast, tablet: Tablet) -> None:
    coupon = homed(database, cast)
    (grant,) = tablet.sync().grants
    view = database.write(lambda session: issuing.void(session, coupon.serial, "returned", NOW))
    assert (view.voided_at, view.void_requested_at) == (None, NOW)
    assert till_redeems(database, cast, coupon).code == "void"
    tablet.act("release", id=coupon.id, epoch=grant.epoch)
    assert database.read(lambda session: issuing.get_coupon(session, coupon.serial)).voided_at == NOW


def test_a_gift_given_before_the_void_was_heard_is_honoured(database: Database, cast: Cast, tablet: Tablet) -> None:
    coupon = homed(database, cast)
    (grant,) = tablet.sync().grants
    database.write(lambda session: issuing.void(session, coupon.serial, "returned", NOW))
    tablet.write("gave-held", coupon=coupon.token)
    tablet.write("release", id=coupon.id, epoch=grant.epoch)
    tablet.sync()
    view = database.read(lambda session: issuing.get_coupon(session, coupon.serial))
    assert (view.voided_at, view.void_requested_at, view.redeemed_at) == (None, None, NOW)


def test_moving_home_recalls_and_grants_at_the_new_one(database: Database, cast: Cast, tablet: Tablet) -> None:
    coupon = homed(database, cast)
    (grant,) = tablet.sync().grants
    database.write(lambda session: issuing.move_home(session, coupon.serial, cast.south, NOW))
    assert holder_of(database, coupon) == tablet.device_id
    tablet.act("release", id=coupon.id, epoch=grant.epoch)
    assert holder_of(database, coupon) == cast.south_tablet_id


def test_an_undone_gift_can_be_given_again_by_its_holder(database: Database, cast: Cast, tablet: Tablet) -> None:
    coupon = homed(database, cast)
    given = tablet.write("gave-held", coupon=coupon.token)
    tablet.write("undo", of=given, reason="wrong size")
    tablet.sync()
    assert holder_of(database, coupon) == tablet.device_id
    assert tablet.act("gave-held", coupon=coupon.token) == "redeemed"


def test_a_second_gift_at_risk_is_a_conflict_and_the_first_stands(
    database: Database, cast: Cast, tablet: Tablet, second: Tablet
) -> None:
    coupon = database.write(lambda session: factories.coupon(session, cast.anywhere))
    assert tablet.act("gave-at-risk", coupon=coupon.token) == "redeemed"
    assert second.act("gave-at-risk", coupon=coupon.token) == "conflict"


def test_when_the_first_of_two_gifts_is_undone_the_second_stands(
    database: Database, cast: Cast, tablet: Tablet, second: Tablet
) -> None:
    coupon = database.write(lambda session: factories.coupon(session, cast.anywhere))
    given = tablet.write("gave-at-risk", coupon=coupon.token)
    tablet.sync()
    second.act("gave-at-risk", coupon=coupon.token)
    assert tablet.act("undo", of=given, reason="wrong size") == "reversed"
    standing = database.read(lambda session: ledger.standing(session, coupon.serial))
    assert standing
    assert standing.device_id == second.device_id


def test_an_undone_second_gift_is_no_conflict_any_more(
    database: Database, cast: Cast, tablet: Tablet, second: Tablet
) -> None:
    coupon = database.write(lambda session: factories.coupon(session, cast.anywhere))
    tablet.act("gave-at-risk", coupon=coupon.token)
    given = second.write("gave-at-risk", coupon=coupon.token)
    second.sync()
    second.act("undo", of=given, reason="wrong size")
    standing = database.read(lambda session: ledger.standing(session, coupon.serial))
    assert standing
    assert standing.device_id == tablet.device_id


def test_a_revoked_tablets_entries_are_kept_and_not_taken(database: Database, cast: Cast, tablet: Tablet) -> None:
    coupon = homed(database, cast)
    tablet.write("gave-held", coupon=coupon.token)
    database.write(lambda session: enrolling.revoke_device(session, tablet.device_id, NOW))
    first, again = tablet.sync(), tablet.sync()
    assert [(reply.fault, reply.last, reply.quarantined) for reply in (first, again)] == [("revoked", 0, 1)] * 2


def test_a_short_code_typed_offline_is_evidence_enough(database: Database, cast: Cast, tablet: Tablet) -> None:
    coupon = homed(database, cast)
    (grant,) = tablet.sync().grants
    assert grant.code_hash == holding.short_code_hash(tablet.device_id, coupon.short_code)
    assert tablet.act("gave-held", typed=coupon.short_code) == "redeemed"


def test_while_recovering_only_holders_give(database: Database, cast: Cast, tablet: Tablet) -> None:
    coupon = database.write(lambda session: factories.coupon(session, cast.anywhere))
    held = homed(database, cast)
    database.write(lambda session: session.add(Deployment(id=1, generation=2, recovering_since=NOW)))
    assert till_redeems(database, cast, coupon).code == "recovering"
    assert tablet.act("gave-held", coupon=held.token) == "redeemed"


def test_recovery_ends_when_all_have_reported_and_holds_are_claimed(
    database: Database, cast: Cast, tablet: Tablet
) -> None:
    held = homed(database, cast)
    (grant,) = tablet.sync().grants

    def lose(session):
        session.execute(update(Coupon).where(Coupon.serial == held.serial).values(holder_id=None, epoch=0))
        session.add(Deployment(id=1, generation=2, recovering_since=NOW))

    database.write(lose)
    south = Tablet(database, cast.south_tablet_id, SigningKey(b"the tablet of the south store 02"))
    assert tablet.sync(claims=[(held.serial, grant.epoch)]).recovering
    assert holder_of(database, held) == tablet.device_id
    assert not south.sync().recovering
