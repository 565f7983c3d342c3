"""What is here already gets another name: devices, and stores with their address, hours and time zone."""

import pytest

from redeem.db.models.devices import Clerk, Device
from redeem.db.models.partners import Partner, Store
from redeem.lib import passwords
from tests.cast import PIN
from tests.factories import noted


def changes(database):
    return [(entry.what, entry.details) for entry in database.read(noted)]


def rename(cast):
    return f"/manager/devices/{cast.tablet_id}/name"


def change(cast):
    return f"/manager/stores/{cast.north}/change"


def store_form(**changed):
    return {"version": "1", "name": "North", "address": "Hill 2", "hours": "9-18", "time_zone": "Asia/Omsk"} | changed


def test_a_device_is_renamed(office, cast, database):
    manager = office("store_manager")
    assert 'value="North counter"' in manager.open(rename(cast)).text
    assert manager.send(rename(cast), {"name": "Window"}).status_code == 303
    assert database.read(lambda db: db.get_one(Device, cast.tablet_id)).name == "Window"
    changed = {"name": ["North counter", "Window"]}
    details = {"name": "North counter", "store": "North, on the square", "changed": changed}
    assert changes(database) == [("device_renamed", details)]


def test_the_same_name_is_no_change(office, cast, database):
    office("store_manager").send(rename(cast), {"name": "North counter"})
    assert changes(database) == []


def test_a_device_needs_a_name(office, cast, database):
    answer = office("store_manager").send(rename(cast), {"name": "x" * 81})
    assert answer.status_code == 422
    assert "Give a name of 1 to 80 characters" in answer.text


def test_a_store_is_changed(office, cast, database):
    manager = office("shop_manager")
    assert 'value="North, on the square"' in manager.open(change(cast)).text
    assert manager.send(change(cast), store_form()).status_code == 303
    store = database.read(lambda db: db.get_one(Store, cast.north))
    assert (store.name, store.address, store.hours, store.time_zone) == ("North", "Hill 2", "9-18", "Asia/Omsk")
    assert store.partner_id == cast.north_partner
    [(what, details)] = changes(database)
    assert (what, details["name"]) == ("store_changed", "North, on the square")
    assert details["changed"] == {
        "name": ["North, on the square", "North"],
        "address": ["Main Street 1", "Hill 2"],
        "hours": ["", "9-18"],
        "time_zone": ["Europe/Moscow", "Asia/Omsk"],
    }


def test_a_form_that_is_too_old_changes_no_store(office, cast, database):
    """It is shown again, with what was typed, what is saved now, and the version that is changed next."""
    first, second = office("shop_manager"), office("shop_manager")
    first.send(change(cast), store_form())
    answer = second.send(change(cast), store_form(hours="24 h"))
    assert answer.status_code == 422
    for told in (
        "Somebody changed this while you wrote",
        "Saved now: 9-18",
        'value="24 h"',
        'name="version" value="2"',
    ):
        assert told in answer.text
    assert "Saved now: Hill 2" not in answer.text
    assert database.read(lambda db: db.get_one(Store, cast.north)).hours == "9-18"
    assert second.send(change(cast), store_form(version="2", hours="24 h")).status_code == 303
    assert [details["changed"] for _, details in changes(database)][1:] == [{"hours": ["9-18", "24 h"]}]


def test_a_fault_in_an_old_form_makes_it_no_newer(office, cast):
    manager = office("shop_manager")
    manager.send(change(cast), store_form())
    assert 'name="version" value="1"' in manager.send(change(cast), store_form(name="")).text


def test_of_two_who_rename_a_partner_the_second_is_told(office, cast, database):
    manager = office("shop_manager")
    assert manager.send(rename_partner(cast), {"version": "1", "name": "Northern"}).status_code == 303
    answer = manager.send(rename_partner(cast), {"version": "1", "name": "Arctic"})
    assert answer.status_code == 422
    assert "Saved now: Northern" in answer.text
    assert database.read(lambda db: db.get_one(Partner, cast.north_partner)).name == "Northern"


@pytest.mark.parametrize("version", ["", "x", "1.5"])
def test_a_form_without_its_version_changes_nothing(office, cast, database, version):
    assert office("shop_manager").send(change(cast), store_form(version=version)).status_code == 422
    assert changes(database) == []


@pytest.mark.parametrize("wrong", [{"name": ""}, {"time_zone": "Mars/Olympus"}, {"hours": "x" * 201}])
def test_a_store_is_not_changed_to_what_it_can_t_be(office, cast, database, wrong):
    answer = office("shop_manager").send(change(cast), store_form(**wrong))
    assert answer.status_code == 422
    assert database.read(lambda db: db.get_one(Store, cast.north)).name == "North, on the square"
    assert changes(database) == []


def test_whoever_runs_one_store_does_not_move_it(office, cast):
    assert "/change" not in office("store_manager").open(f"/manager/stores/{cast.north}").text


def rename_partner(cast):
    return f"/manager/partners/{cast.north_partner}/name"


def test_a_partner_is_renamed(office, cast, database):
    manager = office("shop_manager")
    assert 'value="North Coffee"' in manager.open(rename_partner(cast)).text
    for _ in range(2):
        assert manager.send(rename_partner(cast), {"version": "1", "name": " Northern  Coffee "}).status_code == 303
    assert database.read(lambda db: db.get_one(Partner, cast.north_partner)).name == "Northern Coffee"
    [(what, details)] = changes(database)
    assert (what, details["changed"]) == ("partner_renamed", {"name": ["North Coffee", "Northern Coffee"]})


@pytest.mark.parametrize("name", ["", "x" * 121, "two\nlines\x07", "\u202egnp.exe", "😀" * 40_000])
def test_a_partner_needs_a_name_that_can_be_read(office, cast, database, name):
    assert office("shop_manager").send(rename_partner(cast), {"version": "1", "name": name}).status_code == 422
    assert changes(database) == []


def test_a_clerk_gets_a_new_pin(office, cast, database):
    manager, page = office("store_manager"), f"/manager/clerks/{cast.clerk_id}/pin"
    assert "New PIN of Anna" in manager.open(page).text
    assert manager.send(page, {"pin": "2580"}).headers["Location"] == f"/manager/stores/{cast.north}"
    stored = database.read(lambda db: db.get_one(Clerk, cast.clerk_id)).pin_hash
    assert passwords.verify(stored, "2580")
    assert not passwords.verify(stored, PIN)
    assert changes(database) == [("clerk_pin_changed", {"name": "Anna", "store": "North, on the square"})]


@pytest.mark.parametrize("pin", ["", "1234", "12a4", "123456789"])
def test_a_pin_that_anyone_would_try_is_refused(office, cast, database, pin):
    answer = office("store_manager").send(f"/manager/clerks/{cast.clerk_id}/pin", {"pin": pin})
    assert answer.status_code == 422
    assert not pin or f'value="{pin}"' not in answer.text
    assert changes(database) == []


def test_whoever_was_removed_gets_no_pin(office, cast):
    manager = office("store_manager")
    manager.send(f"/manager/clerks/{cast.clerk_id}/leave")
    answer = manager.send(f"/manager/clerks/{cast.clerk_id}/pin", {"pin": "2580"})
    assert answer.status_code == 422
    assert "This clerk was removed." in answer.text
