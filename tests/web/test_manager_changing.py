"""What is here already gets another name: devices, and stores with their address, hours and time zone."""

import pytest

from redeem.models import AuditEntry, Device, Store
from tests.factories import all_of


def changes(database):
    return [(entry.what, entry.details) for entry in database.read(lambda db: all_of(db, AuditEntry))]


def rename(cast):
    return f"/manager/devices/{cast.tablet_id}/name"


def change(cast):
    return f"/manager/stores/{cast.north}/change"


def store_form(**changed):
    return {"name": "North", "address": "Hill 2", "hours": "9-18", "time_zone": "Asia/Omsk"} | changed


def test_a_device_is_renamed(office, cast, database):
    manager = office("store_manager")
    assert 'value="North counter"' in manager.open(rename(cast)).text
    assert manager.send(rename(cast), {"name": "Window"}).status_code == 303
    assert database.read(lambda db: db.get_one(Device, cast.tablet_id)).name == "Window"
    details = {"name": "Window", "before": "North counter", "store": "North, on the square"}
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
    details = {"name": "North", "changed": ["name", "address", "hours", "time_zone"]}
    assert changes(database) == [("store_changed", details)]


@pytest.mark.parametrize("wrong", [{"name": ""}, {"time_zone": "Mars/Olympus"}, {"hours": "x" * 121}])
def test_a_store_is_not_changed_to_what_it_can_t_be(office, cast, database, wrong):
    answer = office("shop_manager").send(change(cast), store_form(**wrong))
    assert answer.status_code == 422
    assert database.read(lambda db: db.get_one(Store, cast.north)).name == "North, on the square"
    assert changes(database) == []


def test_whoever_runs_one_store_does_not_move_it(office, cast):
    assert "/change" not in office("store_manager").open(f"/manager/stores/{cast.north}").text
