"""Errors over HTTP: one table, one form for programs, a plain page for people, and nothing told that should not be."""

import importlib
import pkgutil
import re
import sqlite3
from contextlib import closing

import pytest

import redeem
from redeem.app import create_app
from redeem.db import engine
from redeem.domain.acts import Outcome
from redeem.domain.rules import Verdict
from redeem.lib.errors import Reasoned, RedeemError
from redeem.lib.files import ROOT
from redeem.web.problems import KINDS
from tests.web.programs import Program, assert_problem

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


# What only a command can say, on the terminal of whoever runs the server.
COMMANDS = (
    "redeem.ops.backup",
    "redeem.cli",
    "redeem.ops.commands",
    "redeem.config",
    "redeem.demo",
    "redeem.ops.doctor",
    "redeem.ops.server",
    "redeem.ops.tls",
)


def every_error() -> set[type[RedeemError]]:
    for module in pkgutil.walk_packages(redeem.__path__, "redeem."):
        importlib.import_module(module.name)
    found, new = set(), {RedeemError}
    while new:
        found |= new
        new = {child for kind in new for child in kind.__subclasses__()}
    return {kind for kind in found - {Reasoned} if not kind.__module__.startswith(COMMANDS)}


def test_every_code_has_a_status():
    assert sorted(kind.code for kind in every_error() if kind.code not in KINDS) == []


def test_every_decline_has_a_status():
    answers = [*Verdict, Outcome.RECOVERING, Outcome.NOTHING_TO_UNDO, Outcome.UNDO_TOO_LATE]
    assert [answer for answer in answers if answer != Verdict.GOOD and answer not in KINDS] == []


def test_every_answer_to_an_attempt_tells_the_clerk_what_to_do():
    answers = [*Verdict, Outcome.RECOVERING, Outcome.NOTHING_TO_UNDO, Outcome.UNDO_TOO_LATE, Outcome.CONFLICT]
    assert [answer for answer in answers if answer != Verdict.GOOD and not KINDS[answer].detail] == []


def test_every_code_is_documented_with_its_status():
    documented = dict(
        re.findall(r"^\| `([a-z_]+)` \| ([0-9]{3}) \|", (ROOT / "docs" / "errors.md").read_text(), re.MULTILINE)
    )
    assert documented == {code: str(kind.status) for code, kind in KINDS.items()}


@pytest.mark.parametrize("path", ["/v1/nothing", "/v1/", "/v1/coupons/", "/v1//coupons", "/v1/campaigns/a/b"])
def test_an_unknown_address_is_a_problem(shop, client, path):
    assert_problem(client.get(path, headers=shop.headers | BROWSER), "not_found")


def test_a_wrong_method_says_which_are_right(client, shop):
    response = client.delete("/v1/coupons", headers=shop.headers)
    assert_problem(response, "method_not_allowed")
    assert {"GET", "POST"} <= set(response.headers["Allow"].split(", "))


def test_a_browser_gets_a_page(client):
    response = client.get("/nowhere", headers=BROWSER)
    assert (response.status_code, response.mimetype) == (404, "text/html")
    assert response.headers["X-Request-Id"] in response.text


def test_a_program_gets_a_problem_everywhere(client):
    assert_problem(client.get("/nowhere"), "not_found")


@pytest.fixture
def broken(app):
    """An application with a route that fails in a way that nobody foresaw."""
    app.testing = False

    @app.get("/v1/broken")
    def fail() -> str:
        raise RuntimeError("the database password is hunter2")

    return app.test_client()


def test_a_fault_of_ours_tells_nothing_of_itself(broken, capsys):
    response = broken.get("/v1/broken")
    assert_problem(response, "internal")
    assert "hunter2" not in response.text
    assert "Traceback" not in response.text
    assert response.headers["X-Request-Id"] in capsys.readouterr().err  # the log has the trace


def test_a_database_that_is_away_is_said_to_be_away(settings, cast, coupon):
    away = settings.model_copy(
        update={"database_url": "postgresql+psycopg://nobody@127.0.0.1:9/none?connect_timeout=1"}
    )
    response = Program(create_app(away).test_client(), cast.north_till).redeem(coupon.token)
    assert_problem(response, "unavailable")
    assert response.headers["Retry-After"] == "1"


def test_a_database_that_another_program_has_locked_is_said_to_be_away(stage, settings, cast, coupon, monkeypatch):
    monkeypatch.setattr(engine, "BUSY_TIMEOUT_MS", 50)
    app = create_app(settings)
    till = Program(app.test_client(), cast.north_till)
    with closing(sqlite3.connect(stage.url.removeprefix("sqlite:///"), isolation_level=None)) as backup:
        backup.execute("BEGIN IMMEDIATE")
        response = till.redeem(coupon.token, "one")
        assert_problem(response, "unavailable")
        assert response.headers["Retry-After"] == "1"
        backup.execute("ROLLBACK")
    assert till.redeem(coupon.token, "one").status_code == 201
    app.extensions["redeem"].database.close()


def test_the_list_of_errors_has_each_of_them(client):
    page = client.get("/v1/errors").text
    assert [code for code in KINDS if f'id="{code}"' not in page] == []
