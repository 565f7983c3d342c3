"""Starts the demo: settings, tables, seed, notes and test sheet, in this order. A later start finds them and keeps them."""

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from dotenv import dotenv_values
from flask import Flask
from flask_migrate import downgrade, upgrade
from sqlalchemy import inspect, update
from sqlalchemy.orm import Session

from redeem.db.models import devices, partners
from redeem.demo import coupon_sheet, notes, samples, seed
from redeem.demo.crowd import DAYS
from redeem.demo.notes import Notes
from redeem.demo.partners import SHOP, SHOP_ZONE
from redeem.ledger import signing
from redeem.lib.files import ROOT, write_private
from redeem.lib.times import Ms
from redeem.ops.server import url_of
from redeem.web.context import Context

BASE_URL = "REDEEM_BASE_URL"
SECRET_KEYS, SECRET_BYTES = "REDEEM_SECRET_KEYS", 32
MIGRATIONS = str(ROOT / "migrations")


@dataclass(frozen=True, slots=True)
class Started:
    """The files that a start has written, and what it tells the visitor."""

    notes: Notes
    notes_file: Path
    sheet_file: Path
    seeded: bool
    aged: list[str]


def settle_settings(env_file: Path, host: str, port: int) -> None:
    """Writes the demo's settings, the first time with a random secret. What the environment sets is used instead of the file's value.

    Cookies are for https alone wherever the address is https.
    """
    old = {name: value for name, value in dotenv_values(env_file).items() if value is not None}
    if SECRET_KEYS not in os.environ:
        old.setdefault(SECRET_KEYS, secrets.token_urlsafe(SECRET_BYTES))
    secure = bool((old | os.environ).get("REDEEM_TLS_CERTIFICATE"))
    base_url = os.environ.get(BASE_URL) or url_of(host, port, secure=secure)
    new = {
        BASE_URL: base_url,
        "REDEEM_SECURE_COOKIES": "true" if base_url.startswith("https://") else "false",
        "REDEEM_SHOP_NAME": SHOP,
        "REDEEM_TIME_ZONE": SHOP_ZONE,
        "REDEEM_LOG_LEVEL": "WARNING",
    }
    lines = [f"{name}={quoted(value)}\n" for name, value in (old | new).items()]
    write_private(env_file, "".join(lines).encode())


def quoted(value: str) -> str:
    """Quotes a value so that python-dotenv reads it unchanged."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def start(app: Flask, tools: Context, now: Ms, *, fresh: bool = False, days: int = DAYS) -> Started:
    """Raises NotADemo if somebody's own data is in the database."""
    folder = Path(app.instance_path)
    migrate(app, tools, fresh=fresh)
    seeded = ensure_seeded(tools, now, days)
    if fresh:
        (folder / notes.FILE).unlink(missing_ok=True)
    before, chosen = notes.read(folder / notes.FILE), samples.collect(tools, now)
    written = notes.take(tools, folder / notes.FILE, chosen, now)
    if is_outdated(folder / coupon_sheet.FILE, before, written):
        coupon_sheet.print_sheet(tools, folder / coupon_sheet.FILE, chosen)
    return Started(written, folder / notes.FILE, folder / coupon_sheet.FILE, seeded, chosen.aged)


def is_outdated(sheet_file: Path, before: Notes, now: Notes) -> bool:
    """Whether the sheet shows other coupons than today's. Drawing it is the slowest part of a start, so it is drawn only then."""
    return not sheet_file.exists() or any(before.get(name) != now[name] for name in ("base_url", "coupons"))


def migrate(app: Flask, tools: Context, *, fresh: bool) -> None:
    """Makes the tables, or brings them up to date. With `fresh` the demo's old tables are dropped first, and never anybody else's."""
    known = has_tables(tools) and tools.database.read(seed.is_demo)
    with app.app_context():
        if fresh and known:
            downgrade(directory=MIGRATIONS, revision="base")
        upgrade(directory=MIGRATIONS)


def has_tables(tools: Context) -> bool:
    return inspect(tools.database.engine).has_table(partners.Partner.__tablename__)


def ensure_seeded(tools: Context, now: Ms, days: int = DAYS) -> bool:
    """Makes the demo's world, unless it is there. Answers whether it was made."""
    if tools.database.read(seed.is_demo):
        return False
    tools.database.write(lambda session: ensure_key(session, tools, now))
    world = seed.make(tools.signer(), tools.settings.time_zone, now, days)
    stage, acts, seen = seed.stage(world), seed.acts(world), seed.seen(world)

    def work(session: Session) -> None:
        seed.write(session, stage)
        seed.write(session, acts)
        session.execute(update(devices.Device), seen)

    tools.database.write(work)
    return True


def ensure_key(session: Session, tools: Context, now: Ms) -> None:
    if not list(signing.load_ring(session)):
        signing.rotate(session, tools.sealer, now)
