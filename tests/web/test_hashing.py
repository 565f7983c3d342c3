"""Passwords and PINs under load: strangers can't have more than a few hashes made at a time, and nobody is counted for it."""

import pytest

from redeem.accounts import invitations, roles
from redeem.accounts.invitations import NewPerson
from redeem.accounts.roles import Role, as_person
from redeem.lib import passwords
from redeem.lib.links import Purpose
from redeem.web.context import now_ms
from tests.cast import PIN, TABLET_KEY
from tests.web.office import Office
from tests.web.signed import Signing


@pytest.fixture
def nobody_hashes(cast):
    """All places are taken, once the cast has its passwords."""
    before = passwords._gate.places
    passwords.limit_hashing(0)
    yield
    passwords._gate.places = before


def tried(app, email, times=1, password="not the password"):
    office = Office(app)
    return [office.sign_in(email, password).status_code for _ in range(times)]


@pytest.mark.usefixtures("nobody_hashes")
def test_who_finds_no_place_is_told_when_to_come_back(app, cast):
    answer = Office(app).sign_in(cast.managers["shop_manager"])
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "3")


@pytest.mark.usefixtures("nobody_hashes")
def test_known_and_unknown_addresses_are_hashed_alike(app, cast):
    assert tried(app, cast.managers["shop_manager"]) == tried(app, "nobody@example.org") == [503]


@pytest.mark.usefixtures("nobody_hashes")
def test_a_try_that_was_not_looked_at_is_not_counted(app, cast):
    assert tried(app, cast.managers["shop_manager"], 7) == [503] * 7
    passwords.limit_hashing(1)
    assert Office(app).sign_in(cast.managers["shop_manager"]).status_code == 303


@pytest.mark.usefixtures("nobody_hashes")
def test_a_link_that_was_used_costs_no_hash(app, cast, database):
    def used(session):
        boss = roles.find_manager(session, cast.managers["shop_manager"])
        assert boss
        new = NewPerson("vera@example.org", "Vera", Role.AUDITOR)
        made = invitations.invite(session, as_person(boss), new, now_ms())
        invitations.withdraw(session, as_person(boss), made.id, now_ms())
        return made.id

    sealed = app.extensions["redeem"].links.seal(Purpose.INVITATION, {"invitation": database.write(used)})
    form = {"name": "Vera", "password": "four words of my own", "again": "four words of my own"}
    assert Office(app).send(f"/manager/invitation/{sealed}", form).status_code == 409


@pytest.mark.usefixtures("nobody_hashes")
def test_an_unknown_clerk_costs_no_hash_and_a_known_one_is_not_counted(client, cast):
    tablet = Signing(client, cast.tablet_id, TABLET_KEY)
    body = {"v": 1, "clerk": "clk_nobody", "pin": PIN}
    assert tablet.post("/clerk/unlock", body).status_code == 403
    known = body | {"clerk": cast.clerk_id}
    assert [tablet.post("/clerk/unlock", known).status_code for _ in range(7)] == [503] * 7
    passwords.limit_hashing(1)
    assert tablet.post("/clerk/unlock", known).status_code == 200
