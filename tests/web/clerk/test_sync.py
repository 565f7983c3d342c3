"""POST /clerk/sync: the one request, signed by the tablet."""

import pytest

from redeem.lib.encoding import base64url
from redeem.sync.tablet import ENTRIES_PER_SYNC_MAX
from tests import factories
from tests.cast import SOUTH_TABLET_KEY, TABLET_KEY
from tests.tablets import Tablet
from tests.web.signed import Signing

EMPTY = {"v": 1, "after": 0, "entries": []}


@pytest.fixture
def signing(client, cast):
    return Signing(client, cast.tablet_id, TABLET_KEY)


@pytest.fixture
def journal(database, cast):
    return Tablet(database, cast.tablet_id, TABLET_KEY)


def sent(journal, start=0, **said):
    entries = [{"text": entry.text, "signature": base64url(entry.signature)} for entry in journal.journal[start:]]
    return EMPTY | {"after": start, "entries": entries} | said


def test_it_tells_a_new_tablet_all_that_it_needs(signing):
    told = signing.post("/clerk/sync", EMPTY).json
    assert told["last"] == 0
    snapshot = told["snapshot"]
    assert {"etag", "store", "partner", "device", "keys", "campaigns", "clerks"} <= set(snapshot)
    again = signing.post("/clerk/sync", EMPTY | {"known": snapshot["etag"]}).json
    assert "snapshot" not in again


def test_an_ask_is_answered_and_a_retry_as_the_first_time(signing, journal, coupon):
    ask = journal.write("ask", coupon=coupon.token)
    first, retry = signing.post("/clerk/sync", sent(journal)).json, signing.post("/clerk/sync", sent(journal)).json
    assert first["answers"][str(ask)]["code"] == "redeemed"
    assert (first["last"], retry["last"]) == (1, 1)
    assert retry["answers"] == first["answers"]


def test_it_verifies_without_redeeming(signing, coupon):
    for _ in range(2):
        assert signing.post("/clerk/sync", EMPTY | {"verify": coupon.token}).json["verdict"]["code"] == "good"


def test_a_typed_code_brings_the_token(signing, coupon):
    verdict = signing.post("/clerk/sync", EMPTY | {"verify": coupon.short_code.lower()}).json["verdict"]
    assert (verdict["code"], verdict["token"]) == ("good", coupon.token)


def test_it_tells_which_coupons_are_at_home_at_another_store(signing, database, cast):
    database.write(lambda session: factories.coupon(session, cast.anywhere, home_store_id=cast.annex))
    position = signing.post("/clerk/sets", {"v": 1, "campaign": cast.anywhere}).headers["Redeem-Position"]
    heard = {str(cast.anywhere): 0, str(cast.north_only): 0, "4294967295": 7}
    told = signing.post("/clerk/sync", EMPTY | {"position": position, "homes": heard}).json["homes"]
    assert told == {str(cast.anywhere): {"until": 1, "at": {"North, at the station": "AA"}}}


def test_a_gap_is_told_by_the_last_number_that_the_server_has(signing, journal):
    for _ in range(3):
        journal.write("unlock")
    assert signing.post("/clerk/sync", sent(journal, start=2)).json["last"] == 0


@pytest.mark.parametrize(
    "changed",
    [
        {"Signature": ""},
        {"Signature_Input": ""},
        {"Content_Digest": ""},
        {"Content_Digest": "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:"},
        {"Signature": f"device=:{'A' * 86}==:"},
        {"Signature": "device=:AAAA:"},
        {"Signature_Input": 'device=("@method");created=1;keyid="dev_01J00000000000000000000000";alg="ed25519"'},
    ],
    ids=[
        "no signature",
        "no input",
        "no digest",
        "another body's digest",
        "a made up one",
        "too short",
        "less covered",
    ],
)
def test_a_request_that_is_not_signed_as_it_should_be_is_refused(signing, changed):
    answer = signing.post("/clerk/sync", EMPTY, **changed)
    assert (answer.status_code, answer.json["code"]) == (401, "not_signed")


def test_a_signature_is_for_its_path_alone(signing):
    elsewhere = signing.headers("/clerk/bell", b"")
    assert signing.post("/clerk/sync", EMPTY, Signature=elsewhere["Signature"]).status_code == 401


def test_a_signature_is_for_its_body_alone(signing):
    other = signing.headers("/clerk/sync", b"{}")
    answer = signing.post("/clerk/sync", EMPTY, **{name.replace("-", "_"): value for name, value in other.items()})
    assert answer.status_code == 401


def test_another_tablets_key_does_not_sign_for_this_one(client, cast):
    assert Signing(client, cast.tablet_id, SOUTH_TABLET_KEY).post("/clerk/sync", EMPTY).status_code == 401


def test_a_device_that_is_none_is_refused_alike(client, cast):
    answer = Signing(client, "dev_01J00000000000000000000000", TABLET_KEY).post("/clerk/sync", EMPTY)
    assert answer.status_code == 401
    assert "not_signed" in answer.text


@pytest.mark.parametrize(
    "changed",
    [
        {"v": 2},
        {"after": -1},
        {"after": "0"},
        {"entries": None},
        {"entries": [{"text": "{}", "signature": "x"}]},
        {"entries": [{"text": "{}", "signature": "A" * 86}]},
        {"entries": [{"text": '{"n":1,"n":2}', "signature": "A" * 86}]},
        {"entries": [{"text": "{}", "signature": "A" * 86}] * (ENTRIES_PER_SYNC_MAX + 1)},
        {"verify": "x" * 513},
        {"homes": {"1": -1}},
        {"homes": {"1": True}},
        {"homes": {"1" * 11: 0}},
        {"homes": {"one": 0}},
        {"homes": {str(number): 0 for number in range(1_001)}},
    ],
)
def test_a_bad_body_is_refused_and_changes_nothing(signing, changed):
    assert signing.post("/clerk/sync", EMPTY | changed).status_code in (400, 422)
    told = signing.post("/clerk/sync", EMPTY).json
    assert told["last"] == 0


def test_the_bell_is_silent_once_all_was_heard(signing):
    signing.post("/clerk/sync", EMPTY | {"end": 0})
    assert signing.post("/clerk/bell", {"v": 1, "epoch": 0}).json == {"v": 1, "ring": False}
