"""The doctor: what is wrong is found, and told in one line with what to do."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask_migrate import stamp
from sqlalchemy import update

from redeem.app import create_app
from redeem.config import Settings, load_settings
from redeem.db.engine import Database
from redeem.db.models.webhooks import WebhookEndpoint
from redeem.domain.acts import Act
from redeem.domain.presented import Actor
from redeem.lib.times import MS_PER_MINUTE
from redeem.ops import doctor
from redeem.ops.doctor import Level
from redeem.redemptions.settle import settle
from redeem.web.context import Context
from tests import factories, postgres
from tests.cast import Cast
from tests.databases import Original, on_both_databases
from tests.factories import MOSCOW, NOW, SECRET
from tests.postgres import Cluster
from tests.web import office_factories


@pytest.fixture(scope="module")
def postgres_cluster() -> Iterator[Cluster]:
    """The doctor looks whether PostgreSQL survives a power loss, which the server of the other tests does not."""
    cluster = postgres.start()
    yield cluster
    cluster.stop()


@pytest.fixture(scope="module")
def postgres_original() -> Original:
    return Original()


@pytest.fixture
def migrated(app: Flask) -> Flask:
    """The tests' database was made without migrations; now it says that it has had them."""
    with app.app_context():
        stamp(directory=str(doctor.MIGRATIONS))
    return app


@on_both_databases
def test_a_sound_deployment_has_no_fault(migrated: Flask):
    result = migrated.test_cli_runner().invoke(args=["doctor"])
    assert "FAULT" not in result.output
    assert result.exit_code == 0


def test_a_database_without_migrations_is_a_fault(app: Flask):
    result = app.test_cli_runner().invoke(args=["doctor"])
    assert re.search(r"FAULT +tables .*flask --app wsgi db upgrade", result.output)
    assert result.exit_code == 1


def test_a_database_that_is_not_there_is_a_fault_and_shows_no_password(tmp_path: Path):
    tools = tools_for(database_url="postgresql://redeem:hunter2@127.0.0.1:1/redeem", instance_path=tmp_path)
    findings = {finding.subject: finding for finding in doctor.examine(tools, tmp_path, NOW)}
    assert findings["database"].level is Level.FAULT
    assert "REDEEM_DATABASE_URL" in findings["database"].words
    assert "hunter2" not in findings["database"].words


def test_another_secret_than_the_one_that_sealed_the_keys_is_a_fault(migrated: Flask, settings: Settings):
    tools = tools_for(database_url=settings.database_url, secret_keys="another_secret_of_more_than_32_letters")
    assert doctor.check_keys(tools).level is Level.FAULT


@pytest.mark.parametrize(
    ("how", "subject", "level"),
    [
        ({"base_url": "https://gift.example"}, "address", Level.OK),
        ({"base_url": "http://localhost:8000"}, "address", Level.OK),
        ({"base_url": "http://192.168.1.7:8000"}, "address", Level.FAULT),
        ({"base_url": "https://coupons.a-long-name.example"}, "address", Level.WARNING),
        ({"base_url": "https://gift.example", "secure_cookies": False}, "cookies", Level.FAULT),
        ({"base_url": "http://localhost", "secure_cookies": True}, "cookies", Level.WARNING),
    ],
)
def test_it_judges_the_address(how: dict[str, Any], subject: str, level: Level):
    settings = load_settings(**{"secret_keys": SECRET} | how)
    findings = [*doctor.check_address(settings), doctor.check_cookies(settings)]
    worst = [Level.OK, Level.WARNING, Level.FAULT]
    assert max((one.level for one in findings if one.subject == subject), key=worst.index) == level


@pytest.mark.parametrize(
    ("host", "sslmode", "level"),
    [
        ("/var/run/postgresql", "prefer", Level.OK),
        ("127.0.0.1", "disable", Level.OK),
        ("db.example", "verify-full", Level.OK),
        ("db.example", "verify-ca", Level.WARNING),  # any other machine of the same authority would do
        ("db.example", "require", Level.WARNING),
        ("db.example", "prefer", Level.WARNING),
    ],
)
def test_a_way_to_the_database_that_is_not_verified_is_told(host: str, sslmode: str, level: Level):
    assert doctor.check_way(host, sslmode).level is level


@pytest.mark.parametrize("stage", ["postgresql"], indirect=True)
def test_the_way_is_read_from_the_connection(app: Flask, settings: Settings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PGSSLMODE", "allow")
    host, sslmode = doctor.query(app.extensions["redeem"], doctor.way_of)
    assert host
    assert host in settings.database_url
    assert sslmode == "allow"
    assert "way" in {
        finding.subject for finding in doctor.examine(app.extensions["redeem"], settings.instance_path, NOW)
    }


@pytest.mark.parametrize(("mode", "level"), [(0o700, Level.OK), (0o750, Level.WARNING), (0o705, Level.WARNING)])
def test_a_folder_that_others_can_read_is_told(tmp_path: Path, mode: int, level: Level):
    tmp_path.chmod(mode)
    assert doctor.check_readers(tmp_path).level is level


def test_a_clock_before_this_program_is_a_fault():
    assert doctor.check_clock(NOW).level is Level.OK
    assert doctor.check_clock(0).level is Level.FAULT


def test_a_clock_that_went_back_is_a_fault(app: Flask, database: Database, cast: Cast):
    tools: Context = app.extensions["redeem"]
    coupon = database.write(lambda session: factories.coupon(session, cast.anywhere))
    till = Actor(cast.north_till_id, "till", cast.north, "North", cast.north_partner, MOSCOW)
    act = Act(till, "attempt", "redeem", "x" * 43, serial=coupon.serial)
    database.write(lambda session: settle(session, act, NOW))
    assert doctor.check_times(tools, NOW).level is Level.OK
    assert doctor.check_times(tools, NOW - 10 * MS_PER_MINUTE).level is Level.FAULT


def tools_for(**how: Any) -> Context:
    tools: Context = create_app(load_settings(**{"secret_keys": SECRET} | how)).extensions["redeem"]
    return tools


def test_an_endpoint_that_takes_nothing_is_told_and_one_that_is_disabled_is_a_fault(
    migrated: Flask, database: Database
):
    endpoint_id = database.write(office_factories.endpoint)
    tools: Context = migrated.extensions["redeem"]

    def levels() -> list[Level]:
        return [finding.level for finding in doctor.check_webhooks(tools)]

    def set_row(**columns: object) -> None:
        database.write(
            lambda s: s.execute(update(WebhookEndpoint).where(WebhookEndpoint.id == endpoint_id).values(columns))
        )

    assert levels() == [Level.OK]
    set_row(failures=1, failing_since=NOW)
    assert levels() == [Level.WARNING]
    set_row(disabled_at=NOW, disabled_reason="failing")
    assert levels() == [Level.FAULT]
    set_row(failures=0, failing_since=None, disabled_reason="by_hand")
    assert levels() == [Level.OK]


def test_that_webhooks_go_anywhere_is_told(app: Flask, database: Database, monkeypatch: pytest.MonkeyPatch):
    tools: Context = app.extensions["redeem"]
    assert [finding.level for finding in doctor.check_webhooks(tools)] == [Level.OK]
    monkeypatch.setattr(tools, "settings", tools.settings.model_copy(update={"webhooks_anywhere": True}))
    assert next(doctor.check_webhooks(tools)).level is Level.WARNING
