"""What matters most asks for the password again, if it was typed some time ago; what was typed into the form is not lost."""

import re

import pytest
from sqlalchemy import update

from redeem.accounts import reauthentication
from redeem.db.models.api import ApiKey
from redeem.db.models.managers import ManagerSession, Throttle
from tests.cast import PASSWORD
from tests.factories import all_of
from tests.web.manager.test_matrix import UNKNOWN, routes_of
from tests.web.office import opened

NEW = "/manager/keys/new"
FORM = {"name": 'web "shop" 2', "scopes": ["read", "issue"]}


def grow_old(database, ms=reauthentication.FRESH_MS + 1):
    older = update(ManagerSession).values(confirmed_at=ManagerSession.confirmed_at - ms)
    database.write(lambda db: db.execute(older))


def keys(database):
    return len(database.read(lambda db: all_of(db, ApiKey)))


@pytest.fixture
def manager(office, database):
    """A shop manager who signed in a while ago."""
    entered = office("shop_manager")
    grow_old(database)
    return entered


def test_a_fresh_sign_in_is_enough(office, database):
    before = keys(database)
    assert office("shop_manager").send(NEW, FORM).status_code == 200
    assert keys(database) == before + 1


def test_later_the_password_is_asked_for_and_nothing_is_done(manager, database):
    before = keys(database)
    answer = manager.send(NEW, FORM)
    assert answer.status_code == 401
    assert "Your password, please" in answer.text
    assert keys(database) == before


def test_what_was_typed_is_sent_along(manager):
    page = manager.send(NEW, FORM).text
    hidden = re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', page)
    assert [pair for pair in hidden if pair[0] != "csrf_token"] == [
        ("name", "web &#34;shop&#34; 2"),
        ("scopes", "read"),
        ("scopes", "issue"),
    ]


def test_the_right_password_does_it_and_counts_for_a_while(manager, database):
    before = keys(database)
    answer = manager.send(NEW, FORM | {"confirm_password": PASSWORD})
    assert answer.status_code == 200
    assert 'value="rsk_' in answer.text
    assert manager.send(NEW, FORM).status_code == 200
    assert keys(database) == before + 2


def test_a_wrong_password_does_nothing_and_is_not_shown_again(manager, database):
    before = keys(database)
    answer = manager.send(NEW, FORM | {"confirm_password": "not the password"})
    assert answer.status_code == 401
    assert "The password is not right." in answer.text
    assert "not the password" not in answer.text
    assert manager.send(NEW, FORM).status_code == 401
    assert keys(database) == before


def test_guessing_is_slowed_in_this_browser_alone(app, cast, manager, database):
    wrong = FORM | {"confirm_password": "guess"}
    assert [manager.send(NEW, wrong).status_code for _ in range(6)] == [401] * 5 + [429]
    late = manager.send(NEW, FORM | {"confirm_password": PASSWORD})
    assert late.status_code == 429
    assert 0 < int(late.headers["Retry-After"]) <= 300
    elsewhere = opened(app, cast.managers, "shop_manager")
    assert elsewhere.send(NEW, FORM).status_code == 200


def test_the_count_is_forgotten_with_the_right_password(manager, database):
    manager.send(NEW, FORM | {"confirm_password": "guess"})
    manager.send(NEW, FORM | {"confirm_password": PASSWORD})
    left = database.read(lambda db: all_of(db, Throttle))
    assert [row for row in left if row.subject.startswith("confirm:")] == []


def test_the_password_of_one_session_opens_no_other(app, cast, database, manager):
    elsewhere = opened(app, cast.managers, "shop_manager")
    grow_old(database)
    assert manager.send(NEW, FORM | {"confirm_password": PASSWORD}).status_code == 200
    assert elsewhere.send(NEW, FORM).status_code == 401


# What gives access, moves money or makes somebody else able to: a browser that was left open must not be enough.
ASKS = {
    "add_clerk",
    "add_device",
    "add_webhook",
    "admit_entries",
    "begin_void",
    "change_post",
    "close_statement",
    "confirm_campaign",
    "deactivate",
    "decide_about_pending",
    "decide_conflict",
    "end_recovery",
    "go_on_without",
    "go_on_without_forgotten",
    "invite",
    "leave_entries",
    "make_key",
    "make_reset",
    "move_device",
    "orders_are_complete",
    "reactivate",
    "roll_key",
    "roll_till_key",
    "rotate_webhook",
    "save_campaign",
    "save_webhook",  # the events go to another address then
    "set_pin",
    "undo_gift",
    "write_off",
}
# What takes access away must be quick. What else is here gives nobody anything, or only shows it.
DOES_NOT_ASK = {
    "add_partner",
    "add_store",
    "change_store",
    "close_partner",
    "close_store",
    "delete_webhook",
    "disable_webhook",
    "enable_webhook",  # its address and its secret are as they were
    "end_browsers",
    "end_other_sessions",
    "end_session",
    "go_on_with_void",  # goes on with what `begin_void` has asked about
    "let_campaign_go_on",
    "let_clerk_leave",
    "let_device_stay",
    "make_campaign",  # nothing is owed for it until the shop's program issues from it
    "plan_void",
    "preview_campaign",
    "rename_device",
    "rename_partner",
    "reopen_partner",  # its devices are still enrolled, and what they give was promised
    "reopen_store",
    "resend_event",
    "reveal_code",
    "revoke_device",
    "revoke_key",
    "sign_out",
    "stop_campaign",
    "withdraw_invitation",
}
ITSELF = {"change_own_password"}  # its form has the present password
SIGNED_OUT = {"enter", "accept_invitation", "finish_reset"}


def changing(app):
    routes = [route for route in routes_of(app) if route.method == "POST"]
    return {route.name.removeprefix("POST manager."): route for route in routes}


def test_every_form_is_classed(app):
    assert sorted(changing(app)) == sorted(ASKS | DOES_NOT_ASK | ITSELF | SIGNED_OUT)


@pytest.mark.parametrize("name", sorted(ASKS | DOES_NOT_ASK))
def test_it_is_asked_for_wherever_it_matters(app, manager, name):
    answer = manager.send(changing(app)[name].path(UNKNOWN))
    assert (answer.status_code == 401 and "Your password, please" in answer.text) == (name in ASKS)


def test_reading_never_asks(manager):
    for path in ("/manager/", NEW, "/manager/devices/new", "/manager/audit"):
        assert manager.open(path).status_code == 200
