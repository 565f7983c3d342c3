"""POST /clerk/enrol: a one-time link makes one tablet."""

import pytest
from nacl.signing import SigningKey
from sqlalchemy import func, select

from redeem.accounts.audit import OPERATOR
from redeem.db.models.devices import Device
from redeem.devices import enrolment
from redeem.lib.encoding import base64url
from redeem.web.context import now_ms
from redeem.web.urls import enrolment_link

KEY = base64url(bytes(SigningKey(b"the key of a tablet to be, no. 4").verify_key))
OTHER_KEY = base64url(bytes(SigningKey(b"the key of another tablet, no. 5").verify_key))


@pytest.fixture
def token(app, database, cast):
    return new_token(app, database, cast, now_ms())


def new_token(app, database, cast, at):
    enrolment_id = database.write(
        lambda session: enrolment.invite_tablet(session, OPERATOR, cast.north, "Till 9", at, 10).id
    )
    return enrolment_link(app.extensions["redeem"], enrolment_id).partition("#enrol=")[2]


def devices(database):
    return database.read(lambda session: session.scalar(select(func.count()).select_from(Device)))


def enrol(client, token, key=KEY, changed=None):
    return client.post("/clerk/enrol", json={"v": 1, "token": token, "public_key": key} | (changed or {}))


def test_it_makes_a_device_of_the_name_that_the_manager_gave(client, token):
    answer = enrol(client, token)
    assert answer.status_code == 200
    assert answer.json["device"]["name"] == "Till 9"
    assert answer.json["device"]["id"].startswith("dev_")


def test_the_same_key_again_gets_the_same_device(client, database, token):
    before = devices(database)
    assert enrol(client, token).json["device"] == enrol(client, token).json["device"]
    assert devices(database) == before + 1


def test_another_key_is_refused(client, database, token):
    enrol(client, token)
    before = devices(database)
    answer = enrol(client, token, OTHER_KEY)
    assert (answer.status_code, answer.json["code"]) == (409, "enrolment_used")
    assert devices(database) == before


def test_a_link_too_old_is_refused(client, app, database, cast):
    old = new_token(app, database, cast, now_ms() - 11 * 60_000)
    answer = enrol(client, old)
    assert (answer.status_code, answer.json["code"]) == (409, "enrolment_expired")


@pytest.mark.parametrize("broken", ["", "nonsense", "x" * 2000])
def test_a_broken_link_is_refused(client, broken):
    answer = enrol(client, broken)
    assert (answer.status_code, answer.json["code"]) == (400, "bad_link")


def test_a_changed_link_is_refused(client, database, token):
    before = devices(database)
    assert enrol(client, token[:-2] + ("AA" if token[-2:] != "AA" else "BB")).json["code"] == "bad_link"
    assert devices(database) == before


@pytest.mark.parametrize(
    "changed",
    [
        {"public_key": base64url(bytes(32))},  # a point of small order
        {"public_key": "short"},
        {"public_key": None},
        {"v": 2},
        {"token": 7},
    ],
)
def test_a_bad_body_is_refused_and_makes_nothing(client, database, token, changed):
    before = devices(database)
    assert enrol(client, token, changed=changed).status_code == 422
    assert devices(database) == before


def test_a_form_is_refused(client, token):
    assert client.post("/clerk/enrol", data={"token": token}).status_code in (415, 422)
