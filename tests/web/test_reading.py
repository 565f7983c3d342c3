"""Reading: a GET, of whatever route, writes nothing, and does not ask the database more often where there is more to list.

An application is served over a database with 2 of everything (tests/web/crowd.py), and another over one with 50.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, update
from sqlalchemy.orm import Session
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from redeem.accounts import password_resets, roles, sessions
from redeem.app import create_app
from redeem.config import Settings, load_settings
from redeem.db.engine import Database
from redeem.db.models.api import ApiKey
from redeem.db.models.managers import ManagerSession
from redeem.lib.links import Purpose
from redeem.lib.times import MS_PER_MINUTE
from redeem.web import context
from redeem.web.api.auth import CACHE, KeyCache
from redeem.web.context import now_ms
from tests.cast import Cast
from tests.databases import Stage, copy_sqlite
from tests.factories import MOSCOW, SECRET
from tests.web import crowd

FEW, MANY = 2, 50
QUERIES = {
    "manager.coupons": f"?q={crowd.ORDER}",
    "manager.conflicts": "?show=all",
    "manager.simulator": "?campaign=cmp_1",
    "coupons.list_coupons": f"?order_ref={crowd.ORDER}",
    "shop.list_statements": "?limit=100",
}
OF_TILLS = {"manager.ask_to_go_on_without", "manager.ask_to_roll_till_key"}
OTHERWISE = {
    "static": 404,
    "clerk.static": 404,
    "manager.nowhere": 404,
    "public.nothing": 404,
    "manager.ask_to_close_statement": 303,  # the crowd's partners are owed nothing
}
LOCK = "BEGIN IMMEDIATE"
READS = re.compile(r"(SELECT|WITH|BEGIN$)")
WRITES = re.compile(
    r"\b(INSERT INTO|UPDATE \w+ SET|DELETE FROM|FOR (NO KEY )?UPDATE|FOR (KEY )?SHARE|pg_(try_)?advisory\w+)\b"
)
# A session and a key note once a minute that they are used. Nothing else may be written.
LAST_SEEN = ("UPDATE manager_session SET seen_at", "UPDATE api_key SET last_used_at")


def settings_in(folder: Path, url: str) -> Settings:
    return load_settings(
        secret_keys=SECRET,
        database_url=url,
        base_url="http://localhost",
        instance_path=folder,
        secure_cookies=False,
        time_zone=MOSCOW,
        log_level="ERROR",
    )


def routes() -> list[Rule]:
    """All that answer a GET."""
    app = create_app(settings_in(Path(), "sqlite:///nothing.sqlite"))
    return sorted(
        (rule for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ())), key=lambda r: r.endpoint
    )


every_route = pytest.mark.parametrize("route", routes(), ids=lambda route: route.endpoint)


@dataclass
class Served:
    """`ids`: what there is to open; `secret` is the shop manager's session."""

    app: Flask
    cast: Cast
    ids: dict[str, str]
    secret: str

    @property
    def database(self) -> Database:
        database: Database = self.app.extensions["redeem"].database
        return database

    def get(self, route: Rule) -> TestResponse:
        client = self.app.test_client()
        client.set_cookie("redeem_session", self.secret)
        key = self.cast.north_till if route.endpoint.startswith("till") else self.cast.shop_key
        return client.get(self.address(route), headers={"Authorization": f"Bearer {key}"})

    def address(self, route: Rule) -> str:
        ids = self.ids | ({"device_id": self.ids["till"]} if route.endpoint in OF_TILLS else {})
        ids["sealed"] = ids.get(route.endpoint, "")
        found = self.app.url_map.bind("localhost").build(
            route.endpoint, {name: ids.get(name) or "some" for name in route.arguments}
        )
        return found + QUERIES.get(route.endpoint, "")

    def statements(self, route: Rule) -> list[str]:
        """What the database is asked for one GET."""
        asked: list[str] = []

        def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
            asked.append(statement)

        event.listen(self.database.engine, "before_cursor_execute", note)
        try:
            answer = self.get(route)
            answer.get_data()  # what is streamed is read while it is sent
        finally:
            event.remove(self.database.engine, "before_cursor_execute", note)
        assert answer.status_code == OTHERWISE.get(route.endpoint, 200)
        return asked

    def forget_visits(self) -> None:
        """As if the manager and the programs had not been here for two minutes: their next visit is noted."""
        self.app.extensions[CACHE] = KeyCache()
        long_ago = now_ms() - 2 * MS_PER_MINUTE
        self.database.write(lambda db: db.execute(update(ManagerSession).values(seen_at=long_ago)))
        self.database.write(lambda db: db.execute(update(ApiKey).values(last_used_at=long_ago)))


@pytest.fixture(scope="module")
def served(sqlite_original: tuple[Path, Cast], tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[int, Served]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(context, "KEYS_FRESH_SECONDS", 3_600.0)
        folders = {many: tmp_path_factory.mktemp("crowd") for many in (FEW, MANY)}
        made = {many: serve(folder, copy_sqlite(*sqlite_original, folder), many) for many, folder in folders.items()}
        yield made
    for each in made.values():
        each.database.close()
        each.database.engine.dispose()


def serve(folder: Path, stage: Stage, many: int) -> Served:
    app = create_app(settings_in(folder, stage.url))
    tools, now = app.extensions["redeem"], now_ms()

    def work(session: Session) -> tuple[dict[str, str], str]:
        ids = crowd.gather(session, stage.cast, many, now)
        boss, auditor = (roles.find_manager(session, stage.cast.managers[role]) for role in ("shop_manager", "auditor"))
        assert boss
        assert auditor
        reset, _ = password_resets.make_reset(session, roles.as_person(boss), auditor.id, now)
        links = {
            "manager.invitation": tools.links.seal(Purpose.INVITATION, {"invitation": ids["invitation_id"]}),
            "manager.reset": tools.links.seal(Purpose.PASSWORD_RESET, {"manager": reset.manager_id, "at": reset.at}),
        }
        return ids | links, sessions.open_session(session, boss.id, "a browser", now)

    return Served(app, stage.cast, *tools.database.write(work))


@every_route
def test_what_is_asked_does_not_grow_with_what_is_listed(served, route):
    """At the second look: at the first, keys are read and the visit is noted."""
    few, many = (questions([each.statements(route) for _ in range(2)][1]) for each in served.values())
    assert len(many) == len(few), "\n".join(many)


def questions(asked: list[str]) -> list[str]:
    return [each for each in asked if not each.startswith("BEGIN")]


@every_route
def test_nothing_is_written_but_that_somebody_was_here(served, route):
    """There is work that a page could do in passing: closed days are not added up, coupons are held, the ledger recovers."""
    few = served[FEW]
    few.forget_visits()
    asked = few.statements(route)
    assert unexpected(asked) == []
    # The lock is taken for that one statement, and for nothing else.
    assert asked.count(LOCK) == len([each for each in asked if each.startswith(LAST_SEEN)])


@pytest.mark.parametrize("stage", ["postgresql"], indirect=True)
def test_nothing_is_written_or_locked_on_postgresql(stage, tmp_path, monkeypatch):
    few = serve(tmp_path, stage, FEW)
    monkeypatch.setattr(Database, "autocommit", None)  # what it does is not seen here: so nothing may use it
    for route in routes():
        few.forget_visits()
        assert unexpected(few.statements(route)) == [], route
    few.database.engine.dispose()


def test_the_visits_of_a_manager_and_of_a_program_are_noted(served):
    """The control: what is written is seen."""
    by_name = {route.endpoint: route for route in routes()}
    for name, noted in zip(("manager.overview", "shop.list_statements"), LAST_SEEN, strict=True):
        served[FEW].forget_visits()
        asked = served[FEW].statements(by_name[name])
        assert [each for each in asked if each.startswith(noted)] != []


@pytest.mark.parametrize(
    "statement", ["DELETE FROM act", "WITH x AS (INSERT INTO act VALUES (1)) SELECT 1", "SELECT 1 FOR UPDATE", "VACUUM"]
)
def test_a_statement_that_writes_or_locks_is_found(statement):
    assert unexpected([LOCK, "SELECT 1", statement]) == [statement]


def unexpected(asked: list[str]) -> list[str]:
    """What writes or locks, but for the two things that a visit notes."""
    others = [each for each in asked if each != LOCK and not each.startswith(LAST_SEEN)]
    return [each for each in others if WRITES.search(each) or not READS.match(each)]
