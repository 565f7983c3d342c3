"""After a restore the office shows which devices have not reported, and a shop manager goes on without them."""

import pytest
from sqlalchemy import update

from redeem.db.models.coupons import Campaign, Coupon
from redeem.db.models.devices import Device
from redeem.holds import holds
from redeem.ledger import generation
from redeem.recovery import restore
from redeem.recovery.missing_devices import list_missing
from redeem.web.context import now_ms
from tests import factories
from tests.factories import all_of, noted


@pytest.fixture
def held(cast, database):
    """Three coupons that the north tablet holds, 350 roubles each."""

    def work(db):
        coupons = [factories.coupon(db, cast.anywhere, home_store_id=cast.north) for _ in range(3)]
        device, life = db.get_one(Device, cast.tablet_id), generation.current(db)
        holds.grant_promised(db, device, life, now_ms(), 0)
        return coupons

    return database.write(work)


@pytest.fixture
def restored(database, held):
    database.write(lambda db: restore.begin(db, now_ms(), none_enrolled=True))


def lost(cast):
    return f"/manager/devices/{cast.tablet_id}/lost"


def holders(database):
    return {coupon.holder_id for coupon in database.read(lambda db: all_of(db, Coupon))}


def changes(database):
    return [(entry.what, entry.details) for entry in database.read(noted)]


def is_recovering(database):
    return database.read(generation.current).is_recovering


def test_without_a_restore_the_page_teaches_what_it_is_for(office):
    text = office("store_manager").open("/manager/recovery").text
    assert "All records are in" in text
    assert "was restored from a backup" not in text


@pytest.mark.parametrize("page", ["/manager/", "/manager/stores", "/manager/audit", "/manager/sessions"])
def test_each_page_says_that_the_ledger_recovers(office, restored, page):
    text = office("shop_manager").open(page).text
    assert "The server was restored from a backup" in text
    assert "/manager/recovery" in text


def test_who_is_missing_is_shown_to_each_as_far_as_they_see(office, restored):
    text = office("shop_manager").open("/manager/recovery").text
    assert "0 of 6 devices have reported" in text
    assert "South counter" in text
    own = office("store_manager").open("/manager/recovery").text
    assert "0 of 3 devices have reported" in own
    assert "North counter" in own
    assert "South counter" not in own
    assert "Write off" not in own


def test_a_till_is_waited_for_no_more(office, cast, database, restored):
    manager, page = office("shop_manager"), f"/manager/recovery/{cast.north_till_id}"
    assert "Go on without “north till”?" in manager.open(page).text
    assert manager.send(page).status_code == 303
    assert "1 of 6 devices have reported" in manager.open("/manager/recovery").text
    assert manager.open(page).headers["Location"] == "/manager/recovery"
    assert [what for what, _ in changes(database)] == ["device_written_off"]


def test_a_tablet_is_written_off_on_its_own_page(office, cast, restored):
    answer = office("shop_manager").open(f"/manager/recovery/{cast.tablet_id}")
    assert answer.headers["Location"] == lost(cast)


def missing(database):
    return [each.device_id for each in database.read(lambda db: list_missing(db, now_ms()))]


def test_recovery_ends_without_all_of_them(office, database, restored):
    manager = office("shop_manager")
    page = manager.open("/manager/recovery/end").text
    assert "Go on without 6 devices?" in page
    assert '<span class="stat-value">3</span>' in page
    answer = manager.send("/manager/recovery/end", {"device": missing(database), "confirm": "6"})
    assert answer.status_code == 303
    assert not is_recovering(database)
    assert len(changes(database)) == 6
    assert "All records are in" in manager.open("/manager/recovery").text


def test_recovery_does_not_end_by_a_slip(office, database, restored):
    answer = office("shop_manager").send("/manager/recovery/end", {"device": missing(database), "confirm": "5"})
    assert answer.status_code == 422
    assert is_recovering(database)


def test_who_reported_meanwhile_is_not_written_off(office, cast, database, restored):
    named = missing(database)
    reported = update(Device).where(Device.id == cast.tablet_id).values(reported_generation=2)
    database.write(lambda db: db.execute(reported))
    office("shop_manager").send("/manager/recovery/end", {"device": named, "confirm": "6"})
    assert not is_recovering(database)
    assert database.read(lambda db: db.get_one(Device, cast.tablet_id)).lost_at is None


# Campaigns that the backup lacks.


@pytest.fixture
def young(database, cast):
    """The number of a campaign that came back."""

    def work(db):
        campaign = factories.campaign(db, "Came back", partners=[cast.north_partner])
        campaign.restored_at = now_ms()
        return campaign.number

    return database.write(work)


def restored_at(database, number):
    return database.read(lambda db: db.get_one(Campaign, number)).restored_at


def test_campaigns_that_came_back_are_listed_and_confirmed_on_their_page(office, database, young):
    shop = office("shop_manager")
    assert f"/manager/campaigns/cmp_{young}" in shop.open("/manager/recovery").text
    page = shop.open(f"/manager/campaigns/cmp_{young}").text
    assert "Nothing of it is owed until a shop manager confirms" in page
    shop.send(f"/manager/campaigns/cmp_{young}/confirm", {"version": "1"})
    assert restored_at(database, young) is None
    assert changes(database)[-1][0] == "campaign_confirmed"
    assert "Nothing of it is owed" not in shop.open(f"/manager/campaigns/cmp_{young}").text
    assert f"/manager/campaigns/cmp_{young}" not in shop.open("/manager/recovery").text


def test_another_version_than_was_seen_is_not_confirmed(office, database, young):
    answer = office("shop_manager").send(f"/manager/campaigns/cmp_{young}/confirm", {"version": "2"})
    assert answer.status_code == 422
    assert "A newer version" in answer.text
    assert restored_at(database, young) is not None


def test_a_partner_sees_its_own_that_came_back_without_a_button(office, young):
    page = office("partner_manager").open(f"/manager/campaigns/cmp_{young}").text
    assert "Nothing of it is owed until a shop manager confirms" in page
    assert 'name="version"' not in page


def test_statements_say_how_many_gifts_wait_for_that(office, database, young, tills):
    coupon = database.write(lambda db: factories.coupon(db, young))
    assert tills["north"].redeem(coupon).code == "redeemed"
    text = office("shop_manager").open("/manager/statements").text
    assert "1 gift of a campaign that came back after a restore and is not confirmed." in text


# The online shop.


def awaits_shop(database):
    return database.read(generation.current).awaits_shop


def test_a_shop_manager_says_that_the_shop_has_said_all_again(office, restored, database):
    boss = office("shop_manager")
    assert "waits for the online shop" in boss.open("/manager/stores").text
    assert "/manager/recovery/orders" in boss.open("/manager/recovery").text
    assert "Has the shop said all again?" in boss.open("/manager/recovery/orders").text
    boss.send("/manager/recovery/orders", {"generation": "2"})
    assert not awaits_shop(database)
    assert changes(database)[-1][0] == "orders_complete"
    assert "waits for the online shop" not in boss.open("/manager/stores").text
    assert boss.open("/manager/recovery/orders").location == "/manager/recovery"


def test_a_page_of_an_earlier_restore_changes_nothing(office, restored, database):
    database.write(lambda db: restore.begin(db, now_ms(), none_enrolled=True))
    for typed in ("2", "", "x"):
        assert office("shop_manager").send("/manager/recovery/orders", {"generation": typed}).status_code == 303
    assert awaits_shop(database)


def test_a_partners_manager_is_not_troubled_with_the_shop(office, restored):
    text = office("partner_manager").open("/manager/stores").text
    assert "waits for the online shop" not in text
