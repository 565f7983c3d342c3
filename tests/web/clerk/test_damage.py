"""POST /clerk/damage: a tablet says that its journal is damaged, and hands the file in."""

from hashlib import sha256

import pytest
from nacl.signing import SigningKey

from redeem.db.models.devices import DamagedPart, Device, Quarantine
from redeem.lib.encoding import base64url
from redeem.sync.damaged_journals import PART_BYTES_MAX
from tests.cast import TABLET_KEY
from tests.factories import all_of
from tests.tablets import Tablet
from tests.web.programs import assert_problem
from tests.web.signed import Signing

FILE = b"redeem journal 2\n and what is left of it"


def part(device_id, **changes):
    about = {"device": device_id, "damage": "unreadable", "file": base64url(sha256(FILE).digest()), "size": len(FILE)}
    return {"v": 1, "start": 0} | about | changes


@pytest.fixture
def signing(client, cast):
    return Signing(client, cast.tablet_id, TABLET_KEY)


def test_it_asks_how_much_is_here_and_sends_the_rest(signing, cast, database):
    journal = Tablet(database, cast.tablet_id, TABLET_KEY)
    journal.write("lock")
    entries = [{"text": each.text, "signature": base64url(each.signature)} for each in journal.journal]
    assert signing.post("/clerk/damage", part(cast.tablet_id)).json == {"v": 1, "kept": 0, "refused": 0}
    sent = part(cast.tablet_id, bytes=base64url(FILE), entries=entries)
    assert signing.post("/clerk/damage", sent).json["kept"] == len(FILE)
    assert signing.post("/clerk/damage", part(cast.tablet_id)).json["kept"] == len(FILE)
    assert [row.bytes for row in database.read(lambda db: all_of(db, DamagedPart))] == [FILE]
    assert [row.reason for row in database.read(lambda db: all_of(db, Quarantine))] == ["damaged"]
    assert database.read(lambda db: db.get_one(Device, cast.tablet_id).revoked_at) is not None
    assert signing.post("/clerk/bell", {"v": 1}).status_code == 401


@pytest.mark.parametrize(
    "wrong", [{"damage": "tired"}, {"file": "short"}, {"bytes": "A" * (PART_BYTES_MAX * 4 // 3 + 4)}, {"start": -1}]
)
def test_what_is_no_part_is_refused(signing, cast, wrong):
    assert_problem(signing.post("/clerk/damage", part(cast.tablet_id, **wrong)), "invalid")


def test_a_stranger_leaves_nothing(client, cast, database):
    stranger = Signing(client, cast.tablet_id, SigningKey(b"the key of somebody from outside"))
    assert stranger.post("/clerk/damage", part(cast.tablet_id, bytes=base64url(FILE))).status_code == 401
    assert database.read(lambda db: all_of(db, DamagedPart)) == []
    assert database.read(lambda db: db.get_one(Device, cast.tablet_id).revoked_at) is None


def test_the_office_shows_it_with_what_the_tablet_held(client, signing, office, cast):
    signing.post("/clerk/damage", part(cast.tablet_id, bytes=base64url(FILE)))
    text = office("shop_manager").open("/manager/quarantine").text
    assert "A part of the journal can&#39;t be read" in text
    assert f"{len(FILE)} of {len(FILE)} bytes are here" in text
    assert f"/manager/devices/{cast.tablet_id}/lost" in text
    devices = office("store_manager").open("/manager/devices").text
    assert "The storage of 1 tablet is damaged" in devices
    assert "Storage damaged" in devices
