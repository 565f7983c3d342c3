"""The command line: each command says what it did, or what to do instead; so does its exit code."""

import json
import re
import sqlite3
import stat
import sys
from contextlib import closing
from pathlib import Path

import pytest
import zxingcpp
from click.testing import Result
from flask import Flask
from PIL import Image

from redeem.db.engine import Database
from redeem.db.models.coupons import Campaign, Coupon
from redeem.domain import tokens
from redeem.domain.signing_keys import KeyStatus
from redeem.ledger import signing
from redeem.ops import backup
from redeem.ops.backup import BadBackup
from tests import factories
from tests.cast import Cast
from tests.commands import bare, command, finished


def run(app: Flask, *words: str) -> Result:
    return app.test_cli_runner().invoke(args=words)


# keys


def test_it_lists_keys_with_what_they_signed(app: Flask, database: Database, cast: Cast):
    database.write(lambda session: factories.coupon(session, cast.anywhere))
    assert re.fullmatch(r" *1 +active +1 coupons\n", run(app, "keys", "list").output)


def test_after_a_rotation_the_new_key_signs_and_the_old_one_verifies(app: Flask, database: Database, cast: Cast):
    old = database.write(lambda session: factories.coupon(session, cast.anywhere))
    assert run(app, "keys", "rotate").exit_code == 0
    new = database.write(lambda session: factories.coupon(session, cast.anywhere))
    ring = database.read(signing.load_ring)
    assert [tokens.verify(tokens.read(one.token), ring).key_id for one in (old, new)] == [1, 2]


def test_a_compromised_key_is_refused_and_another_signs(app: Flask, database: Database, cast: Cast):
    old = database.write(lambda session: factories.coupon(session, cast.anywhere))
    result = run(app, "keys", "compromise", "1", "--yes")
    assert "1 open coupons are refused" in result.output
    ring = database.read(signing.load_ring)
    assert [key.status for key in ring] == [KeyStatus.COMPROMISED, KeyStatus.ACTIVE]
    assert tokens.fault(tokens.read(old.token), ring) == tokens.Fault.COMPROMISED_KEY


def test_it_asks_before_it_condemns_a_key(app: Flask, database: Database):
    assert run(app, "keys", "compromise", "1").exit_code == 1
    assert [key.status for key in database.read(signing.load_ring)] == [KeyStatus.ACTIVE]


def test_an_unknown_key_is_told_plainly(app: Flask):
    result = run(app, "keys", "compromise", "9", "--yes")
    assert result.exit_code == 1
    assert result.output.strip() == "Error: Check the key id; see flask keys list."


# issue


def test_it_issues_a_coupon_whose_picture_scans(app: Flask, database: Database, cast: Cast, tmp_path: Path):
    picture = tmp_path / "coupon.png"
    result = run(app, "issue", f"cmp_{cast.anywhere}", "--order-ref", "A-1", "--qr", str(picture))
    assert result.exit_code == 0
    link = re.search(r"link +(\S+)", result.output)
    assert link
    scanned = [found.text for found in zxingcpp.read_barcodes(Image.open(picture).convert("L"))]
    assert scanned == [link[1]]
    serial = tokens.verify(tokens.read(link[1]), database.read(signing.load_ring)).serial
    assert database.read(lambda session: session.get_one(Coupon, serial).order_ref) == "A-1"


@pytest.mark.parametrize(("campaign", "code"), [("cmp_99", 1), ("coffee", 2)])
def test_it_issues_nothing_for_a_campaign_that_is_not_there(app: Flask, campaign: str, code: int):
    result = run(app, "issue", campaign)
    assert result.exit_code == code
    assert "Traceback" not in result.output


# openapi


def test_it_prints_the_document_that_the_server_shows(app: Flask):
    document = json.loads(run(app, "openapi").output)
    assert document == app.test_client().get("/v1/openapi.json").json


# backup


def test_a_backup_opens_and_holds_everything(app: Flask, database: Database, cast: Cast, tmp_path: Path):
    issued = database.write(lambda session: factories.coupon(session, cast.anywhere))
    copy = tmp_path / "copy.sqlite"
    result = run(app, "backup", str(copy))
    assert result.exit_code == 0
    assert "REDEEM_SECRET_KEYS" in result.output
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    with closing(sqlite3.connect(f"file:{copy}?mode=ro&immutable=1", uri=True)) as opened:
        assert opened.execute("SELECT serial FROM coupon").fetchall() == [(issued.serial,)]


def test_a_backup_overwrites_nothing(app: Flask, tmp_path: Path):
    file = tmp_path / "precious"
    file.write_text("mine")
    assert run(app, "backup", str(file)).exit_code == 1
    assert file.read_text() == "mine"


def test_an_unsound_copy_is_no_backup(tmp_path: Path):
    source, copy = tmp_path / "source.sqlite", tmp_path / "copy.sqlite"
    with closing(sqlite3.connect(source)) as made:
        made.executescript("CREATE TABLE t (a TEXT); CREATE INDEX i ON t (a);")
        made.executemany("INSERT INTO t VALUES (?)", [(f"{number:0500}",) for number in range(2_000)])
        made.commit()
    damage(source)
    with pytest.raises((BadBackup, sqlite3.DatabaseError)):
        backup.copy_sqlite(source, copy)
    assert not copy.exists()


@pytest.mark.parametrize("stage", ["postgresql"], indirect=True)
def test_postgresql_is_left_to_its_own_tools(app: Flask):
    result = run(app, "backup")
    assert result.exit_code == 1
    assert "pg_dump" in result.output


# Without settings.


def test_without_a_secret_doctor_says_what_is_missing(tmp_path: Path):
    done = command(tmp_path, "doctor")
    assert done.returncode == 1
    assert re.search(r"FAULT +settings +REDEEM_SECRET_KEYS", done.stdout)


@pytest.mark.parametrize("words", [["keys", "list"], ["db", "upgrade"]])
def test_without_a_secret_other_commands_refuse_plainly(tmp_path: Path, words: list[str]):
    done = command(tmp_path, *words)
    assert done.returncode == 1
    assert "REDEEM_SECRET_KEYS: Field required" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_a_secret_a_server_stops(tmp_path: Path):
    done = finished([sys.executable, "-c", "import wsgi"], bare(tmp_path))
    assert done.returncode == 1
    assert "REDEEM_SECRET_KEYS" in done.stderr


def test_a_settings_file_that_is_not_there_is_a_fault(tmp_path: Path):
    done = command(tmp_path, "doctor", REDEEM_ENV_FILE=str(tmp_path / "none.env"))
    assert "REDEEM_ENV_FILE: there is no file" in done.stdout


def damage(database: Path) -> None:
    data = bytearray(database.read_bytes())
    data[len(data) // 2 :] = bytes(len(data) - len(data) // 2)
    database.write_bytes(data)


def test_a_batch_is_made_and_written_to_a_file(app, cast, tmp_path, database):
    file = tmp_path / "coupons.csv"
    result = run(app, "batch", f"cmp_{cast.anywhere}", "450", "--csv", str(file))
    assert result.exit_code == 0, result.output
    assert "made        450 of 450" in result.output
    lines = file.read_text("utf-8-sig").splitlines()
    assert len(lines) == 451
    assert "/c/" in lines[450]
    assert database.read(lambda s: s.get(Campaign, cast.anywhere)).coupons == 450


def test_a_batch_of_a_stopped_campaign_says_what_to_do(app, cast, database):
    database.write(lambda s: setattr(s.get(Campaign, cast.anywhere), "stopped_at", 1))
    result = run(app, "batch", f"cmp_{cast.anywhere}", "3")
    assert result.exit_code == 1
    assert "the campaign is stopped" in result.output
