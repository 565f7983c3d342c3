"""Devices: a tablet is invited by a link that works once, a till gets a key that is shown once; either is revoked for good."""

import re
from html import unescape

import pytest
from sqlalchemy import update

from redeem.accounts import api_key_format, api_keys
from redeem.db.models.devices import Device, Enrolment
from redeem.devices import enrolment
from redeem.lib.links import Purpose
from tests.cast import TABLET_KEY
from tests.databases import on_both_databases
from tests.factories import all_of, noted

NEW = "/manager/devices/new"


def invite(office, cast, name="Counter 2"):
    return office("shop_manager").send(NEW, {"kind": "tablet", "store": cast.north, "name": name})


def link_of(text):
    found = re.search(r'id="link" value="([^"]+)"', text)
    assert found
    return unescape(found[1])


def changes(database):
    return [(entry.what, entry.details) for entry in database.read(noted)]


def test_a_tablet_is_invited_by_a_link_and_its_qr(app, office, cast, database):
    answer = invite(office, cast)
    assert answer.status_code == 303
    page = office("shop_manager").open(answer.headers["Location"]).text
    link = link_of(page)
    assert link.startswith("http://localhost/clerk/#enrol=")
    sealed = link.partition("=")[2]
    opened = app.extensions["redeem"].links.open(Purpose.ENROLMENT, sealed, 60)
    assert answer.headers["Location"].endswith(opened["enrolment"])
    assert 'src="data:image/svg+xml;base64,' in page
    assert changes(database) == [("tablet_invited", {"name": "Counter 2", "store": "North, on the square"})]


def test_the_page_of_a_link_tells_when_it_was_used(office, cast, database):
    where = invite(office, cast).headers["Location"]
    manager = office("shop_manager")
    assert manager.open(f"{where}/state").json == {"state": "waiting"}
    [row] = [row for row in database.read(lambda db: all_of(db, Enrolment)) if where.endswith(row.id)]
    key = bytes(TABLET_KEY.verify_key)
    database.write(
        lambda db: db.execute(update(Device).where(Device.id == cast.tablet_id).values(public_key=b"0" * 32))
    )
    database.write(lambda db: enrolment.enrol(db, row.id, key, row.created_at))
    assert manager.open(f"{where}/state").json == {"state": "used"}
    assert "is enrolled" in manager.open(where).text


def test_an_old_link_is_not_shown_again(office, cast, database):
    where = invite(office, cast).headers["Location"]
    database.write(lambda db: db.execute(update(Enrolment).values(expires_at=1)))
    page = office("shop_manager").open(where).text
    assert "This link is too old" in page
    assert "#enrol=" not in page


def test_a_till_gets_a_key_that_is_shown_once(office, cast, database):
    form = {"kind": "till", "store": cast.north, "name": "Till 7"}
    answer = office("shop_manager").send(NEW, form)
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    found = re.search(r'id="key" value="(rtk_[^"]+)"', answer.text)
    assert found
    known = database.read(lambda db: api_keys.find_key(db, api_key_format.parse(found[1]).prefix))
    assert known.actor.device_name == "Till 7"
    assert found[1] not in office("shop_manager").open("/manager/devices").text
    [(what, details)] = changes(database)
    assert (what, details) == ("till_added", {"name": "Till 7", "store": "North, on the square"})


def test_a_device_is_revoked_after_a_question(office, cast, database):
    manager, page = office("store_manager"), f"/manager/devices/{cast.tablet_id}/revoke"
    assert "Revoke “North counter”?" in manager.open(page).text
    assert manager.send(page).status_code == 303
    assert database.read(lambda db: db.get(Device, cast.tablet_id)).revoked_at
    assert "The device is revoked." in manager.open("/manager/devices").text
    assert changes(database) == [("device_revoked", {"name": "North counter", "store": "North, on the square"})]


def test_revoking_twice_is_one_change(office, cast, database):
    for _ in range(2):
        office("store_manager").send(f"/manager/devices/{cast.north_till_id}/revoke")
    assert len(changes(database)) == 1


@on_both_databases
def test_a_till_was_seen_when_it_last_asked(office, cast, north, coupon):
    pages = ("/manager/devices", f"/manager/stores/{cast.north}")
    before = [office("store_manager").open(page).text.count("never") for page in pages]
    assert north.verify(coupon.token) == "good"
    after = [office("store_manager").open(page).text.count("never") for page in pages]
    assert after == [count - 1 for count in before]


def test_the_list_says_what_each_device_is_about(office, cast, database):
    def age(db):
        db.execute(update(Device).where(Device.id == cast.tablet_id).values(clock_skew_ms=3_600_000, last_number=1234))
        db.execute(update(Device).where(Device.id == cast.annex_till_id).values(revoked_at=1))

    database.write(age)
    text = office("partner_manager").open("/manager/devices").text
    for words in ("North counter", "1,234", "1 h fast", "Revoked", "never"):
        assert words in text
    assert "South counter" not in text


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"name": ""}, "Fill this in."),
        ({"name": "x" * 81}, "Give a name of 1 to 80 characters on one line."),
        ({"name": "😀" * 40_000}, "Write less."),
        ({"name": "two\nlines\x07"}, "Give a name of 1 to 80 characters on one line."),
        ({"store": ""}, "Fill this in."),
        ({"kind": "cannon"}, "Correct what is marked below."),
    ],
)
def test_what_can_t_be_added_is_said_where_it_stands(office, cast, database, changed, words):
    form = {"kind": "till", "store": cast.north, "name": "Till 7"} | changed
    answer = office("shop_manager").send(NEW, form)
    assert answer.status_code == 422
    assert words in answer.text
    assert changes(database) == []


def test_what_was_typed_stays_in_the_form(office, cast):
    answer = office("shop_manager").send(NEW, {"kind": "till", "store": cast.annex, "name": "x" * 81})
    assert f'value="{"x" * 81}"' in answer.text
    assert f'value="{cast.annex}" selected' in answer.text
    assert 'value="till" checked' in answer.text


def test_an_auditor_sees_devices_and_changes_none(office, cast):
    text = office("auditor").open("/manager/devices").text
    assert "North counter" in text
    assert "/revoke" not in text
    assert NEW not in text
