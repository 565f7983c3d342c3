"""People: who is seen by whom, who may change whom, and that somebody always stays who can run the shop."""

import re
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy import select, update

from redeem.accounts import people, roles
from redeem.accounts import people as account_people
from redeem.accounts.people import LastManager
from redeem.accounts.roles import Role, as_person
from redeem.db.models.managers import Manager, ManagerSession
from redeem.lib.errors import Forbidden
from redeem.web.context import now_ms
from tests import factories
from tests.cast import PASSWORD
from tests.databases import on_both_databases
from tests.factories import all_of, noted
from tests.web.office import Office, opened


def id_of(database, cast, role):
    return manager_of(database, cast, role).id


def manager_of(database, cast, role):
    return database.read(lambda db: roles.find_manager(db, cast.managers[role]))


def changes(database):
    return [(entry.what, entry.subject_id, entry.details) for entry in database.read(noted)]


@pytest.fixture
def second(database, cast):
    """The id of another shop manager."""
    password_hash = manager_of(database, cast, "shop_manager").password_hash

    def work(db):
        return factories.manager(db, "shop_manager", "second@example.org", password_hash).id

    return database.write(work)


@pytest.mark.parametrize(
    ("role", "seen"),
    [
        ("shop_manager", {"shop_manager", "auditor", "partner_manager", "store_manager", "south_manager"}),
        ("auditor", {"shop_manager", "auditor", "partner_manager", "store_manager", "south_manager"}),
        ("partner_manager", {"partner_manager", "store_manager"}),
        ("store_manager", {"store_manager"}),
        ("south_manager", {"south_manager"}),
    ],
)
def test_each_sees_those_of_their_own_scope(office, cast, role, seen):
    text = office(role).open("/manager/people").text
    assert {name for name, email in cast.managers.items() if f">{email}</span>" in text} == seen


@pytest.mark.parametrize(
    ("role", "other", "may"),
    [
        ("shop_manager", "auditor", True),
        ("shop_manager", "partner_manager", True),
        ("shop_manager", "shop_manager", False),
        ("partner_manager", "store_manager", True),
        ("partner_manager", "partner_manager", False),
        ("store_manager", "store_manager", False),
        ("auditor", "store_manager", False),
    ],
)
def test_one_changes_those_below_and_never_oneself(office, cast, database, role, other, may):
    other_id = id_of(database, cast, other)
    page = f"/manager/people/{other_id}"
    assert ("/deactivate" in office(role).open(page).text) is may
    for what in ("post", "deactivate", "reactivate", "reset", "sessions/end"):
        answer = office(role).send(f"{page}/{what}", {"role": "auditor", "place": cast.north})
        assert (answer.status_code != 403) is may, what


def test_an_equal_of_the_same_partner_is_only_looked_at(app, office, cast, database):
    def work(db):
        return factories.manager(db, "partner_manager", "twin@example.org", "no hash", partner_id=cast.north_partner).id

    twin = database.write(work)
    page = office("partner_manager").open(f"/manager/people/{twin}")
    assert "Only somebody above can change this person." in page.text
    assert office("partner_manager").send(f"/manager/people/{twin}/reset").status_code == 403
    assert office("shop_manager").send(f"/manager/people/{twin}/reset").status_code == 200


def test_a_role_is_changed_and_holds_from_the_next_click(office, cast, database):
    person_id, store_manager = id_of(database, cast, "store_manager"), office("store_manager")
    assert store_manager.open(f"/manager/stores/{cast.annex}").status_code == 404
    form = {"role": "partner_manager", "place": cast.north_partner}
    assert office("shop_manager").send(f"/manager/people/{person_id}/post", form).status_code == 303
    assert store_manager.open(f"/manager/stores/{cast.annex}").status_code == 200
    [(what, subject, details)] = changes(database)
    assert (what, subject) == ("person_changed", person_id)
    assert details["changed"] == {
        "role": ["store_manager", "partner_manager"],
        "store": ["North, on the square", None],
    }


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"role": "shop_manager", "place": "{north_partner}"}, "A shop manager runs the whole shop."),
        ({"role": "partner_manager", "place": ""}, "Name the partner that this manager runs."),
        ({"role": "partner_manager", "place": "{north}"}, "Name the partner that this manager runs."),
        ({"role": "store_manager", "place": "{north_partner}"}, "Name the store that this manager runs."),
        ({"role": "store_manager", "place": "sto_01J00000000000000000000000"}, "Name an existing store."),
        ({"role": "auditor", "place": "prt_01J00000000000000000000000"}, "Name an existing partner."),
        ({"role": "auditor", "place": "=HYPERLINK(1)"}, "Name an existing partner."),
        ({"role": "emperor", "place": ""}, "Correct what is marked below."),
        ({"place": ""}, "Correct what is marked below."),
    ],
)
def test_a_role_without_its_place_is_refused_in_words(office, cast, database, form, words):
    person_id = id_of(database, cast, "auditor")
    filled = {name: value.format(north=cast.north, north_partner=cast.north_partner) for name, value in form.items()}
    answer = office("shop_manager").send(f"/manager/people/{person_id}/post", filled)
    assert answer.status_code == 422
    assert words in answer.text
    assert changes(database) == []


def test_nobody_makes_another_more_than_they_are_or_sends_them_elsewhere(office, cast, database):
    person_id, manager = id_of(database, cast, "store_manager"), office("partner_manager")
    page = f"/manager/people/{person_id}/post"
    for form in (
        {"role": "shop_manager", "place": ""},
        {"role": "auditor", "place": ""},
        {"role": "partner_manager", "place": cast.south_partner},
        {"role": "store_manager", "place": cast.south},
    ):
        assert manager.send(page, form).status_code == 403
    assert manager.send(page, {"role": "store_manager", "place": cast.annex}).status_code == 303
    assert cast.south not in manager.open(page).text


def test_whoever_is_deactivated_is_out_at_once_and_back_with_the_same_password(app, office, cast, database):
    person_id, auditor, boss = id_of(database, cast, "auditor"), office("auditor"), office("shop_manager")
    assert "Deactivate auditor?" in boss.open(f"/manager/people/{person_id}/deactivate").text
    assert boss.send(f"/manager/people/{person_id}/deactivate").status_code == 303
    assert auditor.open("/manager/").status_code == 303
    assert Office(app).sign_in(cast.managers["auditor"]).status_code == 401
    assert boss.send(f"/manager/people/{person_id}/reactivate").status_code == 303
    assert auditor.open("/manager/").status_code == 303  # an old session stays ended
    assert Office(app).sign_in(cast.managers["auditor"]).status_code == 303
    assert [what for what, _, _ in changes(database)] == ["person_deactivated", "person_reactivated"]


def test_twice_is_once(office, cast, database):
    person_id, boss = id_of(database, cast, "auditor"), office("shop_manager")
    for what in ("deactivate", "deactivate", "reactivate", "reactivate"):
        boss.send(f"/manager/people/{person_id}/{what}")
    assert [what for what, _, _ in changes(database)] == ["person_deactivated", "person_reactivated"]


def test_a_shop_manager_deactivates_another(app, office, cast, database, second):
    assert office("shop_manager").send(f"/manager/people/{second}/deactivate").status_code == 303
    assert Office(app).sign_in("second@example.org").status_code == 401


@on_both_databases
def test_of_two_who_deactivate_each_other_at_once_one_stays(database, cast, second):
    def person(db, manager_id):
        return as_person(db.get_one(Manager, manager_id))

    first = id_of(database, cast, "shop_manager")
    pairs = [(first, second), (second, first)]
    people = {each: database.read(lambda db, each=each: person(db, each)) for each in (first, second)}
    barrier = Barrier(2)

    def deactivate(pair):
        barrier.wait()
        try:
            database.write(lambda db: account_people.deactivate(db, people[pair[0]], pair[1], now_ms()))
        except (LastManager, Forbidden) as refused:
            return type(refused)
        return None

    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(deactivate, pairs))
    assert outcomes.count(None) == 1
    able = select(Manager.id).where(Manager.role == Role.SHOP_MANAGER, Manager.disabled_at.is_(None))
    assert len(database.read(lambda db: db.scalars(able).all())) == 1


@pytest.mark.parametrize("what", ["deactivate", "post"])
def test_the_last_one_stays_whoever_asks(database, cast, second, what):
    """Somebody whose page was opened before they were deactivated themselves."""
    boss = as_person(manager_of(database, cast, "shop_manager"))
    gone = update(Manager).where(Manager.id == boss.id).values(disabled_at=1)
    database.write(lambda db: db.execute(gone))

    def work(db):
        if what == "deactivate":
            account_people.deactivate(db, boss, second, now_ms())
        else:
            account_people.change_role(db, boss, second, Role.AUDITOR, None, None, now_ms())

    with pytest.raises(LastManager):
        database.write(work)


def test_the_last_one_is_refused_in_words(office, cast, database, second, monkeypatch):
    boss = office("shop_manager")
    page = f"/manager/people/{second}/deactivate"
    token = boss.token()
    monkeypatch.setattr(people, "check_not_last_manager", refuse)
    answer = boss.client.post(page, data={"csrf_token": token})
    assert answer.status_code == 422
    assert "Make somebody else a shop manager first" in answer.text


def refuse(*_args):
    raise LastManager


def test_sessions_of_those_below_are_listed_and_ended_at_once(app, office, cast, database):
    person_id, boss = id_of(database, cast, "auditor"), office("shop_manager")
    here, there = (opened(app, cast.managers, "auditor") for _ in range(2))
    page = f"/manager/people/{person_id}"
    names = re.findall(r'name="session" value="([0-9a-f]{16})"', boss.open(page).text)
    assert len(names) == 2
    assert boss.send(f"{page}/sessions/end", {"session": names[0]}).status_code == 303
    assert sorted(each.open("/manager/").status_code for each in (here, there)) == [200, 303]
    assert boss.send(f"{page}/sessions/end", {"session": names[0]}).status_code == 404
    assert boss.send(f"{page}/sessions/end").status_code == 303
    assert [each.open("/manager/").status_code for each in (here, there)] == [303, 303]
    assert [details["sessions"] for what, _, details in changes(database) if what == "sessions_ended"] == [1, 1]


def test_a_session_of_one_person_is_not_ended_as_another_s(office, cast, database):
    boss, auditor_id = office("shop_manager"), id_of(database, cast, "auditor")
    [mine] = database.read(lambda db: all_of(db, ManagerSession))
    answer = boss.send(f"/manager/people/{auditor_id}/sessions/end", {"session": mine.secret_hash.hex()[:16]})
    assert answer.status_code == 404
    assert boss.open("/manager/").status_code == 200


# Passwords.

CHOSEN = "four words of my own"


def reset_link(office, manager_id, role="shop_manager"):
    answer = office(role).send(f"/manager/people/{manager_id}/reset")
    found = re.search(r'value="http://localhost(/manager/reset/[^"]+)"', answer.text)
    assert found
    assert "No e-mail is sent." in answer.text
    return found[1]


def choose(app, link, password=CHOSEN, again=None):
    return Office(app).send(link, {"password": password, "again": again or password})


def test_a_link_sets_a_new_password_once(app, office, cast, database):
    auditor, email = office("auditor"), cast.managers["auditor"]
    link = reset_link(office, id_of(database, cast, "auditor"))
    assert email in Office(app).open(link).text
    assert choose(app, link).status_code == 303
    assert auditor.open("/manager/").status_code == 303
    assert Office(app).sign_in(email).status_code == 401
    assert Office(app).sign_in(email, CHOSEN).status_code == 303
    assert choose(app, link, "another password of mine").status_code == 409
    assert Office(app).open(link).status_code == 409
    assert [what for what, _, _ in changes(database)] == ["reset_made", "password_changed"]
    assert not any(link.rpartition("/")[2] in str(each) or "argon2" in str(each) for each in changes(database))


def test_only_the_newest_link_works(app, office, cast, database):
    auditor_id = id_of(database, cast, "auditor")
    older = reset_link(office, auditor_id)
    database.write(lambda db: db.execute(update(Manager).values(reset_at=Manager.reset_at - 5)))  # made a moment ago
    newer = reset_link(office, auditor_id)
    assert choose(app, older).status_code == 409
    assert choose(app, newer).status_code == 303


@pytest.mark.parametrize("gone", ["auditor", "shop_manager"])
def test_a_link_of_or_by_somebody_deactivated_opens_nothing(app, office, cast, database, gone):
    link = reset_link(office, id_of(database, cast, "auditor"))
    database.write(lambda db: db.execute(update(Manager).where(Manager.role == gone).values(disabled_at=1)))
    assert choose(app, link).status_code == 409


def test_an_old_link_and_a_mangled_one_open_nothing(app, office, cast, database):
    link = reset_link(office, id_of(database, cast, "auditor"))
    a_day = 86_400_000 + 1
    assert choose(app, link[:-2]).status_code == 400
    assert choose(app, link.replace("/reset/", "/invitation/")).status_code in (400, 422)
    database.write(lambda db: db.execute(update(Manager).values(reset_at=Manager.reset_at - a_day)))
    assert choose(app, link).status_code == 409


@pytest.mark.parametrize(
    ("password", "again", "words"),
    [
        ("short", "short", "Choose a password of 12 to 256 characters."),
        (CHOSEN, "another one altogether", "Type the same password in both fields."),
        ("x" * 257, "x" * 257, "Choose a password of 12 to 256 characters."),
        ("", "", "Choose a password of 12 to 256 characters."),
    ],
)
def test_a_password_that_won_t_do_is_said_so_and_not_shown(app, office, cast, database, password, again, words):
    link = reset_link(office, id_of(database, cast, "auditor"))
    answer = Office(app).send(link, {"password": password, "again": again})
    assert answer.status_code == 422
    assert words in answer.text
    assert not password or f'value="{password}"' not in answer.text
    assert choose(app, link).status_code == 303


def test_one_s_own_password_is_changed_with_the_present_one(app, office, cast, database):
    mine, other = office("auditor"), opened(app, cast.managers, "auditor")
    form = {"password": CHOSEN, "again": CHOSEN}
    assert mine.send("/manager/password", form | {"current": "guess"}).status_code == 422
    assert mine.send("/manager/password", form | {"current": PASSWORD}).status_code == 303
    assert mine.open("/manager/").status_code == 200
    assert other.open("/manager/").status_code == 303
    assert Office(app).sign_in(cast.managers["auditor"], CHOSEN).status_code == 303


def test_guessing_the_present_password_is_slowed(office):
    form = {"password": CHOSEN, "again": CHOSEN, "current": "guess"}
    answers = [office("auditor").send("/manager/password", form).status_code for _ in range(6)]
    assert answers == [422] * 5 + [429]
