"""POST /clerk/unlock: a clerk's PIN on an enrolled tablet."""

import pytest
from sqlalchemy import update

from redeem.accounts.throttle import FREE_FAILURES
from redeem.db.models.devices import Clerk
from redeem.lib import passwords
from tests.cast import PIN, SOUTH_PIN, SOUTH_TABLET_KEY, TABLET_KEY
from tests.factories import NOW
from tests.web.signed import Signing


@pytest.fixture
def tablet(client, cast):
    return Signing(client, cast.tablet_id, TABLET_KEY)


def unlock(tablet, clerk, pin):
    return tablet.post("/clerk/unlock", {"v": 1, "clerk": clerk, "pin": pin})


def test_the_right_pin_opens(tablet, cast):
    answer = unlock(tablet, cast.clerk_id, PIN)
    assert (answer.status_code, answer.json["v"], answer.json["clerk"]) == (200, 1, cast.clerk_id)


def test_the_list_of_clerks_has_the_mark_of_the_pin_that_opens_until_it_is_changed(tablet, database, cast):
    """By it a tablet without a network knows that the PIN which it remembers is an earlier one."""

    def listed():
        body = {"v": 1, "after": 0, "entries": []}
        clerks = tablet.post("/clerk/sync", body).json["snapshot"]["clerks"]
        return {clerk["id"]: clerk["pin"] for clerk in clerks}.get(cast.clerk_id)

    def change(**values):
        row = update(Clerk).where(Clerk.id == cast.clerk_id).values(values)
        database.write(lambda session: session.execute(row))

    first = unlock(tablet, cast.clerk_id, PIN).json["pin"]
    assert first == listed() == listed()
    change(pin_hash=passwords.hash_password("5183"))
    second = unlock(tablet, cast.clerk_id, "5183").json["pin"]
    assert second == listed() != first
    change(left_at=NOW)
    assert listed() is None


def test_a_wrong_pin_does_not(tablet, cast):
    answer = unlock(tablet, cast.clerk_id, "0000")
    assert (answer.status_code, answer.json["code"]) == (403, "wrong_pin")


def test_another_stores_clerk_is_as_unknown_as_nobody(tablet, cast):
    foreign, nobody = unlock(tablet, cast.south_clerk_id, SOUTH_PIN), unlock(tablet, "clk_nobody", "4071")
    assert foreign.status_code == nobody.status_code == 403
    assert foreign.json["code"] == nobody.json["code"] == "wrong_pin"


def test_after_some_wrong_ones_the_right_one_must_wait_too(tablet, cast):
    for _ in range(FREE_FAILURES):
        unlock(tablet, cast.clerk_id, "0000")
    answer = unlock(tablet, cast.clerk_id, PIN)
    assert (answer.status_code, answer.json["code"]) == (429, "too_many")
    assert int(answer.headers["Retry-After"]) > 0


def test_one_clerks_wrong_pins_lock_out_nobody_elsewhere(client, tablet, cast):
    for _ in range(FREE_FAILURES + 1):
        unlock(tablet, cast.clerk_id, "0000")
    south = Signing(client, cast.south_tablet_id, SOUTH_TABLET_KEY)
    assert unlock(south, cast.south_clerk_id, SOUTH_PIN).status_code == 200


def test_it_wants_a_tablets_signature(client, cast):
    answer = client.post("/clerk/unlock", json={"v": 1, "clerk": cast.clerk_id, "pin": PIN})
    assert (answer.status_code, answer.json["code"]) == (401, "not_signed")


def test_another_tablets_key_does_not_sign_for_this_one(client, cast):
    assert unlock(Signing(client, cast.tablet_id, SOUTH_TABLET_KEY), cast.clerk_id, PIN).status_code == 401
