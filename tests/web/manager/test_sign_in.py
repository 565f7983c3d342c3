"""Signing in and out of the office, and the sessions that come of it."""

import re

import argon2
import pytest
from sqlalchemy import select, update

from redeem.accounts import roles, sessions
from redeem.accounts.roles import Role
from redeem.app import create_app
from redeem.db.models.managers import AuditEntry, Manager, ManagerSession, Throttle
from redeem.lib import passwords
from redeem.lib.errors import TooMany
from tests.cast import PASSWORD
from tests.factories import all_of
from tests.web.office import SIGN_IN, Office, opened

HOUR_MS = 3_600_000


def test_nobody_sees_the_office_without_signing_in(app):
    answer = Office(app).open("/manager/devices?x=1")
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/manager/sign-in?next=/manager/devices?x%3D1"


def test_a_manager_signs_in_and_is_shown_what_they_asked_for(app, cast):
    office = Office(app)
    answer = office.sign_in(cast.managers["shop_manager"], next="/manager/devices?x=1")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/manager/devices?x=1")
    assert office.open("/manager/devices").status_code == 200


def test_an_address_is_found_however_it_is_written(app, cast):
    assert Office(app).sign_in(f"  {cast.managers['auditor'].upper()} ").status_code == 303


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example/manager/",
        "//evil.example",
        "/\\evil.example",
        "/manager//evil.example",
        "/manager/\r\nSet-Cookie: a=b",
        "/c/1",
        "javascript:alert(1)",
        "/manager/?next=http://evil.example",
    ],
)
def test_signing_in_leads_nowhere_but_into_the_office(app, cast, elsewhere):
    answer = Office(app).sign_in(cast.managers["shop_manager"], next=elsewhere)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/manager/")


@pytest.mark.parametrize(
    ("email", "password"),
    [
        ("shop_manager@example.org", "not the password"),
        ("nobody@example.org", PASSWORD),
        ("shop_manager@example.org", ""),
        ("", ""),
        ("not an address", PASSWORD),
        ("shop_manager@example.org", "x" * 900),
    ],
)
def test_whoever_can_t_is_told_the_same(app, email, password):
    office = Office(app)
    answer = office.sign_in(email, password)
    assert answer.status_code == 401
    assert "The e-mail address or the password is not right." in answer.text
    assert office.cookie() is None


def test_a_disabled_manager_is_out_at_once(app, cast, database, office):
    auditor = office("auditor")
    disabled = update(Manager).where(Manager.email == cast.managers["auditor"]).values(disabled_at=1)
    database.write(lambda session: session.execute(disabled))
    assert auditor.open("/manager/").status_code == 303
    assert Office(app).sign_in(cast.managers["auditor"]).status_code == 401


def test_the_cookie_is_a_secret_that_only_the_browser_has(office, database):
    secret = office("shop_manager").cookie()
    [row] = database.read(lambda session: all_of(session, ManagerSession))
    assert len(secret) == 43
    assert row.secret_hash == sessions.hash_secret(secret)
    assert secret.encode() not in row.secret_hash


def test_cookies_can_t_be_read_by_scripts_or_sent_by_other_sites(app, cast):
    answer = Office(app).sign_in(cast.managers["shop_manager"])
    cookies = {line.split("=")[0]: line for line in answer.headers.getlist("Set-Cookie")}
    assert {"redeem_session", "redeem_browser"} <= cookies.keys()
    for line in cookies.values():
        assert "HttpOnly" in line
        assert "SameSite=Lax" in line
        assert "Path=/" in line
        assert "Domain" not in line


def test_over_https_no_other_host_can_set_them(settings, cast):
    secure = create_app(settings.model_copy(update={"secure_cookies": True, "base_url": "https://localhost"}))
    office = Office(secure)
    page = office.client.get(SIGN_IN, base_url="https://localhost")
    token = re.search(r'csrf_token" value="([^"]+)"', page.text)
    assert token
    form = {"csrf_token": token[1], "email": cast.managers["shop_manager"], "password": PASSWORD}
    answer = office.client.post(SIGN_IN, data=form, base_url="https://localhost")
    assert answer.status_code == 303
    lines = answer.headers.getlist("Set-Cookie")
    assert [line for line in lines if line.startswith("__Host-redeem_session=")]
    in_russian = office.client.get(f"{SIGN_IN}?lang=ru", base_url="https://localhost")
    assert [line for line in in_russian.headers.getlist("Set-Cookie") if "redeem_language=ru" in line]
    assert 'lang="ru"' in office.client.get(SIGN_IN, base_url="https://localhost").text
    for line in [*lines, *page.headers.getlist("Set-Cookie"), *in_russian.headers.getlist("Set-Cookie")]:
        assert line.startswith("__Host-")
        assert "Secure" in line
    secure.extensions["redeem"].database.close()


def test_a_session_planted_beforehand_is_worth_nothing(app, cast, database):
    office = Office(app)
    office.client.set_cookie("redeem_session", "planted-by-an-attacker-planted-by-an-attac")
    token = office.token()
    office.sign_in(cast.managers["shop_manager"])
    assert office.cookie() != "planted-by-an-attacker-planted-by-an-attac"
    assert office.token() != token


def test_signing_in_again_leaves_one_session(app, cast, office, database):
    office("shop_manager").sign_in(cast.managers["shop_manager"])
    rows = database.read(lambda session: all_of(session, ManagerSession))
    assert sorted(row.ended_at is None for row in rows) == [False, True]


def test_signing_out_ends_the_session_on_the_server(office):
    manager = office("shop_manager")
    secret = manager.cookie()
    assert manager.send("/manager/sign-out").status_code == 303
    assert manager.cookie() is None
    manager.client.set_cookie("redeem_session", secret)
    assert manager.open("/manager/").status_code == 303


@pytest.mark.parametrize(
    ("column", "ms", "status"),
    [
        ("seen_at", HOUR_MS - 5_000, 200),
        ("seen_at", HOUR_MS + 5_000, 303),
        ("created_at", 12 * HOUR_MS - 5_000, 200),
        ("created_at", 12 * HOUR_MS + 5_000, 303),
    ],
)
def test_a_session_ends_unused_and_ends_at_all(office, database, column, ms, status):
    manager = office("shop_manager")
    older = update(ManagerSession).values({column: getattr(ManagerSession, column) - ms})
    database.write(lambda session: session.execute(older))
    assert manager.open("/manager/sessions").status_code == status


def test_using_a_session_keeps_it(office, database):
    manager = office("shop_manager")
    database.write(
        lambda session: session.execute(update(ManagerSession).values(seen_at=ManagerSession.seen_at - 120_000))
    )
    before = database.read(lambda session: session.scalar(select(ManagerSession.seen_at)))
    manager.open("/manager/sessions")
    assert database.read(lambda session: session.scalar(select(ManagerSession.seen_at))) > before


def test_sessions_are_listed_and_ended(app, cast, office):
    here, there = office("shop_manager"), opened(app, cast.managers, "shop_manager")
    page = here.open("/manager/sessions").text
    names = re.findall(r"/manager/sessions/([0-9a-f]{16})/end", page)
    assert len(names) == 1
    assert here.send(f"/manager/sessions/{names[0]}/end").status_code == 303
    assert there.open("/manager/").status_code == 303
    assert here.open("/manager/").status_code == 200


def test_all_others_are_ended_at_once(app, cast, office):
    here, others = office("auditor"), [opened(app, cast.managers, "auditor") for _ in range(2)]
    somebody = office("shop_manager")
    here.send("/manager/sessions/end-others")
    assert [other.open("/manager/").status_code for other in (here, *others, somebody)] == [200, 303, 303, 200]


def test_nobody_ends_anothers_session(office, database):
    [row] = database.read(lambda session: [office("shop_manager") and all_of(session, ManagerSession)[0]])
    assert office("auditor").send(f"/manager/sessions/{row.secret_hash.hex()[:16]}/end").status_code == 404
    assert office("shop_manager").open("/manager/").status_code == 200


# Guessing.


def test_after_some_failures_each_try_must_wait(app, cast):
    office = Office(app)
    answers = [office.sign_in(cast.managers["shop_manager"], "wrong").status_code for _ in range(6)]
    assert answers == [401] * 5 + [429]
    refused = office.sign_in(cast.managers["shop_manager"])
    assert refused.status_code == 429
    assert 0 < int(refused.headers["Retry-After"]) <= 300


def test_an_address_that_nobody_has_is_throttled_alike(app):
    answers = [Office(app).sign_in("nobody@example.org", "wrong").status_code for _ in range(6)]
    assert answers == [401] * 5 + [429]


def test_strangers_lock_nobody_out_of_their_own_browser(app, cast):
    mine = opened(app, cast.managers, "shop_manager")
    mine.send("/manager/sign-out")
    for number in range(8):
        Office(app, source=f"203.0.113.{number}").sign_in(cast.managers["shop_manager"], "guess")
    assert Office(app).sign_in(cast.managers["shop_manager"]).status_code == 429
    assert mine.sign_in(cast.managers["shop_manager"]).status_code == 303


def test_a_known_browser_may_not_guess_for_ever_either(app, cast):
    mine = opened(app, cast.managers, "shop_manager")
    answers = [mine.sign_in(cast.managers["shop_manager"], "wrong").status_code for _ in range(6)]
    assert answers == [401] * 5 + [429]


def test_a_known_browser_is_known_for_its_own_manager_alone(app, cast):
    mine = opened(app, cast.managers, "auditor")
    for _ in range(5):
        Office(app).sign_in(cast.managers["shop_manager"], "wrong")
    assert mine.sign_in(cast.managers["shop_manager"], "wrong").status_code == 429


def test_one_source_may_not_try_one_password_on_everybody(app):
    office = Office(app)
    answers = [office.sign_in(f"somebody{number}@example.org", "Winter2026!!").status_code for number in range(31)]
    assert answers == [401] * 30 + [429]


def test_signing_in_rightly_is_not_counted(app, cast, database):
    for _ in range(8):
        opened(app, cast.managers, "shop_manager")
    assert max((row.failures for row in database.read(lambda session: all_of(session, Throttle))), default=0) == 0


def test_no_address_is_written_into_the_throttle(app, database):
    Office(app).sign_in("nobody@example.org", "wrong")
    rows = database.read(lambda session: all_of(session, Throttle))
    assert rows
    assert not [row for row in rows if "nobody" in row.subject]


# Forms of other sites.


def test_a_form_without_its_token_is_refused(app, office):
    manager = office("shop_manager")
    assert manager.client.post("/manager/sign-out").status_code == 400
    assert manager.client.post("/manager/sign-out", data={"csrf_token": "made-up"}).status_code == 400
    assert manager.open("/manager/").status_code == 200


def test_another_browsers_token_is_refused(app, office):
    token = Office(app).token()
    assert office("shop_manager").client.post("/manager/sign-out", data={"csrf_token": token}).status_code == 400


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}, 403),
        ({"Sec-Fetch-Site": "same-site", "Origin": "https://other.localhost"}, 403),
        ({"Sec-Fetch-Site": "none"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost"}, 303),
        ({"Origin": "http://localhost"}, 303),
        ({}, 303),
    ],
)
def test_a_form_must_come_from_here(office, headers, status):
    assert office("shop_manager").send("/manager/sign-out", headers=headers).status_code == status


# Managers.


def test_a_shop_manager_sees_all_whatever_the_row_says(cast, database):
    manager = Manager(id="mgr_x", email="x", name="X", role="shop_manager", partner_id=cast.north_partner, created_at=0)
    assert roles.as_person(manager).scope == roles.WHOLE


def test_an_address_is_taken_once(cast, database):
    def add(session):
        roles.add_manager(session, cast.managers["auditor"].upper(), "Again", Role.AUDITOR, "hash", 1)

    with pytest.raises(roles.TakenEmail):
        database.write(add)


def test_a_new_password_ends_every_session(office, cast, database):
    manager = office("shop_manager")
    hashed = roles.new_password("another long password")
    email = cast.managers["shop_manager"]
    database.write(lambda session: sessions.change_password(session, email, hashed, 2**41))
    assert manager.open("/manager/").status_code == 303
    assert manager.sign_in(email, "another long password").status_code == 303


def test_a_hash_of_older_parameters_is_made_anew_by_signing_in(app, cast, database):
    email, older = cast.managers["auditor"], hashed_as_it_used_to_be(PASSWORD)
    database.write(lambda db: store_hash(db, email, older))
    assert Office(app).sign_in(email, "not the password").status_code == 401
    assert stored_hash(database, email) == older
    assert Office(app).sign_in(email).status_code == 303
    renewed = stored_hash(database, email)
    assert not passwords.needs_rehash(renewed)
    assert Office(app).sign_in(email).status_code == 303
    assert stored_hash(database, email) == renewed


def test_a_password_that_is_set_while_an_older_hash_is_made_anew_stays(cast, database):
    email, new = cast.managers["auditor"], passwords.hash_password("another long password")
    database.write(lambda db: store_hash(db, email, hashed_as_it_used_to_be(PASSWORD)))
    attempt = database.write(lambda db: sessions.begin(db, email, "source", None, 1_000_000))
    rehashed = sessions.rehash(attempt, PASSWORD)
    assert passwords.verify(rehashed, PASSWORD)
    database.write(lambda db: store_hash(db, email, new))
    database.write(lambda db: sessions.finish(db, attempt, right=True, rehashed=rehashed, user_agent="", now=1_000_000))
    assert stored_hash(database, email) == new


def hashed_as_it_used_to_be(password):
    return argon2.PasswordHasher(time_cost=1, memory_cost=8 * 1024, parallelism=1).hash(password)


def store_hash(db, email, password_hash):
    db.execute(update(Manager).where(Manager.email == email).values(password_hash=password_hash))


def stored_hash(database, email):
    return database.read(lambda db: db.scalar(select(Manager.password_hash).where(Manager.email == email)))


def test_many_tries_at_once_are_as_many_tries(cast, database):
    """Counted before argon2 runs: whoever sends six at once has not more tries than whoever sends them in turn."""

    def begin():
        return database.write(lambda db: sessions.begin(db, cast.managers["auditor"], "source", None, 1_000_000))

    for _ in range(5):
        begin()
    with pytest.raises(TooMany):
        begin()


def sign_ins(database):
    rows = database.read(lambda session: all_of(session, AuditEntry))
    return [(row.what, row.details["source"], row.details.get("tries")) for row in rows if row.what.startswith("sign")]


def test_sign_ins_are_recorded_with_the_address_that_they_came_from(app, cast, database):
    Office(app).sign_in(cast.managers["auditor"])
    assert sign_ins(database) == [("signed_in", "198.51.100.7", None)]


def test_wrong_passwords_are_counted_by_the_hour_and_unknown_addresses_not_at_all(app, cast, database, office):
    for source in ("203.0.113.1", "203.0.113.2", "203.0.113.3"):
        Office(app, source=source).sign_in(cast.managers["auditor"], "not the password")
        Office(app, source=source).sign_in("nobody@example.org", "not the password")
    assert sign_ins(database) == [("sign_in_failed", "203.0.113.3", 3)]
    earlier = update(AuditEntry).values(at=AuditEntry.at - HOUR_MS)
    database.write(lambda session: session.execute(earlier))
    Office(app).sign_in(cast.managers["auditor"], "not the password")
    assert [tries for _, _, tries in sign_ins(database)] == [3, 1]
    page = office("shop_manager").open("/manager/audit").text
    assert "Wrong passwords at the sign-in" in page
    assert "203.0.113.3" in page
