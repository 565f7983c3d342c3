"""Invitations: a link that works once makes one manager, never above or outside of whoever made it."""

import re
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy import update

from redeem.accounts import invitations, roles
from redeem.accounts.invitations import NewPerson
from redeem.accounts.roles import Role, as_person
from redeem.db.models.managers import Invitation, Manager
from redeem.lib.errors import RedeemError
from redeem.lib.links import Purpose
from redeem.web.context import now_ms
from tests.databases import on_both_databases
from tests.factories import all_of, noted
from tests.web.office import Office

NEW = "/manager/invitations/new"
PASSWORD = "four words of my own"
FORM = {"name": "Vera", "email": "vera@example.org", "role": "auditor", "place": ""}


def link_of(answer):
    found = re.search(r'id="link" value="http://localhost(/manager/invitation/[^"]+)"', answer.text)
    assert found, answer.status_code
    return found[1]


def invited(office, by="shop_manager", **changed):
    return link_of(office(by).send(NEW, FORM | changed))


def accept(app, link, **changed):
    return Office(app).send(link, {"name": "Vera N.", "password": PASSWORD, "again": PASSWORD} | changed)


def changes(database):
    return [(entry.what, entry.details) for entry in database.read(noted)]


def test_whoever_is_invited_chooses_a_password_and_signs_in(app, office, database):
    link = invited(office)
    page = Office(app).open(link)
    assert page.status_code == 200
    assert "vera@example.org" in page.text
    assert page.headers["Cache-Control"] == "no-store"
    assert accept(app, link).headers["Location"] == "/manager/sign-in"
    vera = Office(app)
    assert vera.sign_in("vera@example.org", PASSWORD).status_code == 303
    assert "Vera N." in vera.open("/manager/people").text
    details = {"name": "Vera", "email": "vera@example.org", "role": "auditor"}
    assert changes(database) == [("person_invited", details), ("invitation_accepted", details)]


def test_it_is_in_russian_for_who_reads_russian(app, office):
    page = Office(app).open(invited(office), headers={"Accept-Language": "ru"}).text
    assert "Вас пригласили" in page
    assert "Новый пароль" in page


def test_the_link_is_shown_once_and_is_in_no_list(office):
    link = invited(office)
    page = office("shop_manager").open("/manager/people").text
    assert "vera@example.org" in page
    assert link.rpartition("/")[2] not in page


def test_it_works_once(app, office, database):
    link = invited(office)
    assert [accept(app, link).status_code for _ in range(2)] == [303, 409]
    assert Office(app).open(link).status_code == 409
    assert len([row for row in database.read(lambda db: all_of(db, Manager)) if row.name == "Vera N."]) == 1


@on_both_databases
def test_used_twice_at_once_it_makes_one_manager(database, cast):
    def work(db):
        boss = roles.find_manager(db, cast.managers["shop_manager"])
        assert boss
        return invitations.invite(db, as_person(boss), NewPerson("vera@example.org", "Vera", Role.AUDITOR), now_ms()).id

    invitation_id, barrier = database.write(work), Barrier(4)

    def use(number):
        barrier.wait()
        try:
            return database.write(
                lambda db: invitations.accept(db, invitation_id, f"Vera {number}", "hash", now_ms())
            ).id
        except RedeemError as refused:
            return refused.code

    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(use, range(4)))
    assert outcomes.count("invitation_over") == 3
    assert len([row for row in database.read(lambda db: all_of(db, Manager)) if row.email == "vera@example.org"]) == 1


def test_opening_it_uses_nothing_up(app, office):
    """Messengers open links to show what is behind them."""
    link = invited(office)
    for _ in range(3):
        assert Office(app).open(link).status_code == 200
    assert accept(app, link).status_code == 303


@pytest.mark.parametrize(
    "change",
    [
        {"withdrawn_at": 1},
        {"expires_at": 1},
    ],
)
def test_withdrawn_or_too_old_it_opens_nothing(app, office, database, change):
    link = invited(office)
    database.write(lambda db: db.execute(update(Invitation).values(**change)))
    assert accept(app, link).status_code == 409


def test_it_is_withdrawn_on_the_page(app, office, database):
    link, manager = invited(office), office("shop_manager")
    found = re.search(r'action="(/manager/invitations/inv_[^"]+/withdraw)"', manager.open("/manager/people").text)
    assert found
    for _ in range(2):
        assert manager.send(found[1]).status_code == 303
    assert accept(app, link).status_code == 409
    assert [what for what, _ in changes(database)] == ["person_invited", "invitation_withdrawn"]


def test_a_new_invitation_ends_the_earlier_one(app, office):
    earlier, later = invited(office), invited(office)
    assert accept(app, earlier).status_code == 409
    assert accept(app, later).status_code == 303


@pytest.mark.parametrize(
    "change",
    [
        {"disabled_at": 1},
        {"role": "auditor"},
        {"role": "store_manager"},
    ],
)
def test_the_invitations_of_who_may_not_invite_any_more_open_nothing(app, office, cast, database, change):
    link = invited(office, "partner_manager", role="partner_manager", place=cast.north_partner)
    mine = Manager.email == cast.managers["partner_manager"]
    values = change | ({"store_id": cast.north} if change.get("role") == "store_manager" else {})
    database.write(lambda db: db.execute(update(Manager).where(mine).values(**values)))
    assert accept(app, link).status_code == 409


@pytest.mark.parametrize(
    ("role", "to", "place", "status"),
    [
        ("shop_manager", "shop_manager", "", 200),
        ("shop_manager", "store_manager", "{south}", 200),
        ("partner_manager", "partner_manager", "{north_partner}", 200),
        ("partner_manager", "store_manager", "{annex}", 200),
        ("partner_manager", "auditor", "{north_partner}", 200),
        ("store_manager", "store_manager", "{north}", 200),
        ("store_manager", "auditor", "{north}", 200),
        ("partner_manager", "shop_manager", "", 403),
        ("partner_manager", "auditor", "", 403),
        ("partner_manager", "partner_manager", "{south_partner}", 403),
        ("partner_manager", "store_manager", "{south}", 403),
        ("store_manager", "partner_manager", "{north_partner}", 403),
        ("store_manager", "store_manager", "{annex}", 403),
        ("store_manager", "auditor", "{north_partner}", 403),
        ("auditor", "auditor", "", 403),
    ],
)
def test_nobody_invites_above_or_outside(office, cast, database, role, to, place, status):
    places = {"north": cast.north, "annex": cast.annex, "south": cast.south}
    places |= {"north_partner": cast.north_partner, "south_partner": cast.south_partner}
    answer = office(role).send(NEW, FORM | {"role": to, "place": place.format(**places)})
    assert answer.status_code == status
    assert len(database.read(lambda db: all_of(db, Invitation))) == (status == 200)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"email": "nobody"}, "Write an e-mail address, like name@example.com."),
        ({"email": "Auditor@Example.org "}, "A manager with this e-mail address exists already."),
        ({"email": "x" * 250 + "@example.org"}, "Write an e-mail address"),
        ({"name": ""}, "Fill this in."),
        ({"name": "😀" * 40_000}, "Write less."),
        ({"name": "\u202eareV"}, "Give a name of 1 to 80 characters on one line."),
        ({"role": ""}, "Correct what is marked below."),
    ],
)
def test_what_can_t_be_is_said_and_what_was_typed_stays(office, database, changed, words):
    answer = office("shop_manager").send(NEW, FORM | changed)
    assert answer.status_code == 422
    assert words in answer.text
    assert 'id="place"' in answer.text
    assert database.read(lambda db: all_of(db, Invitation)) == []


def test_an_address_that_was_taken_meanwhile_is_said_so(app, office, database):
    link = invited(office)
    taken = update(Manager).where(Manager.role == "auditor").values(email="vera@example.org")
    database.write(lambda db: db.execute(taken))
    answer = accept(app, link)
    assert answer.status_code == 422
    assert "A manager with this e-mail address exists already." in answer.text


def test_a_name_is_text(app, office):
    payload = '"><script>alert(1)</script>{{ 7*7 }}'
    link = invited(office, name=payload)
    for text in (Office(app).open(link).text, office("shop_manager").open("/manager/people").text):
        assert "<script>alert" not in text
        assert "49" not in re.findall(r"<h1>.*?</h1>", text)


def test_a_link_of_another_purpose_opens_no_door(app, office, database):
    invited(office)
    [row] = database.read(lambda db: all_of(db, Invitation))
    tools = app.extensions["redeem"]
    for purpose in (Purpose.PASSWORD_RESET, Purpose.ENROLMENT, Purpose.KNOWN_BROWSER):
        sealed = tools.links.seal(purpose, {"invitation": row.id})
        assert Office(app).open(f"/manager/invitation/{sealed}").status_code == 400
    payloads: list[object] = [{}, [], "x", None, {"invitation": 7}]
    for payload in payloads:
        sealed = tools.links.seal(Purpose.INVITATION, payload)
        assert Office(app).open(f"/manager/invitation/{sealed}").status_code in (400, 409)
