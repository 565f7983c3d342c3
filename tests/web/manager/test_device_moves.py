"""Moving devices in the office: a question, the password, a wish that can be taken back; and what a till's program hears after it."""

import pytest
from sqlalchemy import update

from redeem.db.models.coupons import Coupon
from redeem.db.models.devices import Device
from redeem.db.models.managers import ManagerSession
from redeem.db.models.partners import Store
from tests.factories import noted

HOSTILE = '=HYPERLINK("http://evil.example","x")\u202e'


@pytest.fixture
def page(cast):
    return f"/manager/devices/{cast.tablet_id}/move"


def device(database, device_id):
    return database.read(lambda db: db.get_one(Device, device_id))


def changes(database):
    return [entry.what for entry in database.read(noted)]


def test_a_tablet_is_asked_to_move(office, cast, database, page):
    manager = office("partner_manager")
    assert "Move “North counter”" in manager.open(page).text
    assert manager.send(page, {"store": cast.annex}).status_code == 303
    text = manager.open("/manager/devices").text
    assert "The tablet moves when it next reports." in text
    assert "moves to North, at the station" in text
    assert (device(database, cast.tablet_id).store_id, device(database, cast.tablet_id).moves_to_id) == (
        cast.north,
        cast.annex,
    )


def test_the_page_says_how_many_coupons_are_with_it(office, cast, database, page, issue):
    issue(cast.anywhere)
    database.write(lambda db: db.execute(update(Coupon).values(holder_id=cast.tablet_id, epoch=1)))
    manager = office("shop_manager")
    manager.send(page, {"store": cast.annex})
    assert "1 coupon is still with it" in manager.open(page).text


def test_it_can_be_taken_back_once(office, cast, database, page):
    manager = office("partner_manager")
    manager.send(page, {"store": cast.annex})
    said = []
    for _ in range(2):
        manager.send(f"/manager/devices/{cast.tablet_id}/stay")
        said.append(manager.open("/manager/devices").text)
    assert "The tablet stays where it is." in said[0]
    assert "There was nothing to undo" in said[1]
    assert changes(database) == ["device_to_move", "device_stays"]


def test_a_second_click_changes_nothing(office, cast, database, page):
    for _ in range(2):
        assert office("shop_manager").send(page, {"store": cast.south}).status_code == 303
    assert changes(database) == ["device_to_move"]


@pytest.mark.parametrize(
    ("store", "words"), [("north", "at this store already"), ("", "Fill this in."), ("x" * 40_000, "Write less.")]
)
def test_what_is_no_other_store_is_said(office, cast, database, page, store, words):
    answer = office("shop_manager").send(page, {"store": getattr(cast, store, store)})
    assert answer.status_code == 422
    assert words in answer.text
    assert changes(database) == []


def test_a_revoked_one_moves_nowhere(office, cast, database, page):
    manager = office("shop_manager")
    manager.send(f"/manager/devices/{cast.tablet_id}/revoke")
    assert "Add it again at the other store." in manager.open(page).text
    assert manager.send(page, {"store": cast.annex}).status_code == 422


def test_nobody_moves_a_device_to_a_store_of_others(office, cast, database, page):
    assert office("partner_manager").send(page, {"store": cast.south}).status_code == 404
    assert office("store_manager").send(page, {"store": cast.annex}).status_code == 404
    assert office("south_manager").send(page, {"store": cast.south}).status_code == 404
    assert device(database, cast.tablet_id).moves_to_id is None


def test_a_partner_is_not_told_the_other_partners_store(office, cast, page):
    office("shop_manager").send(page, {"store": cast.south})
    text = office("partner_manager").open("/manager/devices").text
    assert "another partner&#39;s store" in text
    assert "South" not in text
    assert "South" not in office("partner_manager").open(page).text
    assert "South" not in office("partner_manager").open("/manager/audit").text


def test_the_password_is_asked_for_again(office, cast, database, page):
    manager = office("shop_manager")
    database.write(lambda db: db.execute(update(ManagerSession).values(confirmed_at=1)))
    assert manager.send(page, {"store": cast.annex}).status_code == 401
    assert device(database, cast.tablet_id).moves_to_id is None


def test_a_hostile_name_stays_a_name(office, cast, database, page):
    database.write(lambda db: db.execute(update(Store).where(Store.id == cast.annex).values(name=HOSTILE)))
    office("shop_manager").send(page, {"store": cast.annex})
    for where in (page, "/manager/devices", "/manager/audit"):
        assert "=HYPERLINK(&#34;" in office("shop_manager").open(where).text


def test_a_tills_program_goes_on_and_hears_its_old_answers(office, cast, north, coupon, issue):
    first = north.redeem(coupon.token, "before the move")
    office("shop_manager").send(f"/manager/devices/{cast.north_till_id}/move", {"store": cast.annex})
    again = north.redeem(coupon.token, "before the move")
    assert again.json == first.json
    assert again.json["store"]["id"] == cast.north
    fresh = north.redeem(issue(cast.anywhere).token)
    assert fresh.json["store"]["id"] == cast.annex
    undone = north.post(f"/redemptions/{first.json['id']}/reverse", {"reason": "wrong coffee"})
    assert undone.status_code == 200
