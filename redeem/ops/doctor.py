"""The doctor: checks a deployment. Each finding is one line, with what to do about it."""

import shutil
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from redeem.accounts.sessions import SOURCE_FREE_FAILURES
from redeem.config import LOCAL_HOSTS, Settings
from redeem.db.models.ledger import Act
from redeem.ledger import generation, signing
from redeem.lib.errors import RedeemError
from redeem.lib.files import ROOT
from redeem.lib.times import MS_PER_DAY, MS_PER_MINUTE, Ms
from redeem.lib.version import VERSION
from redeem.ops import tls
from redeem.ops.tls import BadCertificate
from redeem.web import peers
from redeem.web.context import Context
from redeem.webhooks import endpoints

MIGRATIONS = ROOT / "migrations"
PREFIX_CHARACTERS = 27  # with a longer prefix a coupon's QR needs more than version 6
DISK_FAULT_BYTES, DISK_WARNING_BYTES = 200_000_000, 2_000_000_000
OTHERS = stat.S_IRWXG | stat.S_IRWXO
RENEWAL_DAYS = 14
PROXY_REMEMBERED_MS = 7 * MS_PER_DAY
CLOCK_FAULT_MS = 2 * MS_PER_MINUTE
EARLIEST = datetime(2026, 11, 1, tzinfo=UTC)  # a clock before this is wrong: the program did not exist

# The database settings without which a redemption may be lost: the setting, its good values, and what to do otherwise.
SQLITE_NEEDS = {
    "journal_mode": (("wal",), "Put the database on a local disk; WAL doesn't work on network file systems."),
    "synchronous": (("2", "3"), "Find what changed it: redemptions may be lost when the power fails."),
    "foreign_keys": (("1",), "Use an SQLite that is built with foreign keys."),
}
POSTGRES_NEEDS = {
    "fsync": (("on",), "Set fsync = on in postgresql.conf."),
    "full_page_writes": (("on",), "Set full_page_writes = on in postgresql.conf."),
    "synchronous_commit": (
        ("on", "remote_write", "remote_apply", "local"),
        "Set synchronous_commit = on; without it an answered redemption can be lost.",
    ),
    "transaction_read_only": (("off",), "Point REDEEM_DATABASE_URL at the leader: target_session_attrs=read-write."),
}


class Level(StrEnum):
    """How serious a finding is."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "FAULT"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor: what was checked, how serious it is, and what was found and is to be done."""

    level: Level
    subject: str
    words: str


def examine(tools: Context, instance: Path, now: Ms) -> list[Finding]:
    """Runs all checks. Without a database, the checks that need one are left out."""
    settings = tools.settings
    findings = [check_version(), *check_address(settings), check_cookies(settings), *check_certificate(settings, now)]
    findings += [
        check_proxies(settings, instance, now),
        check_clock(now),
        check_disk(instance),
        check_readers(instance),
    ]
    reached = check_database(tools)
    findings.append(reached)
    if reached.level is Level.OK:
        findings += [*check_durability(tools), check_migrations(tools)]
        findings += [] if tools.database.is_sqlite else [check_way(*query(tools, way_of))]
    if all(finding.level is not Level.FAULT for finding in findings if finding.subject in ("database", "tables")):
        findings += [check_keys(tools), check_ledger(tools), check_times(tools, now), *check_webhooks(tools)]
    return findings


def check_configuration(faults: str) -> list[Finding]:
    """A finding for each fault of the settings. `faults` has a line for each."""
    return [
        fault("settings", f"{line}. Set it in the environment, or in the file that REDEEM_ENV_FILE names.")
        for line in faults.splitlines()
    ]


def check_version() -> Finding:
    return ok("version", VERSION)


def check_address(settings: Settings) -> Iterator[Finding]:
    url = urlsplit(settings.base_url)
    if url.scheme == "https" or url.hostname in LOCAL_HOSTS:
        yield ok("address", settings.base_url)
    else:
        yield fault(
            "address",
            f"{settings.base_url}: browsers give the camera only to https. Set REDEEM_BASE_URL to an https address.",
        )
    length = len(f"{settings.base_url}/c/")
    if length > PREFIX_CHARACTERS:
        yield warning(
            "address",
            f"{length} characters before a coupon's digits make larger QRs; use a shorter host ({PREFIX_CHARACTERS} at most).",
        )


def check_proxies(settings: Settings, instance: Path, now: Ms) -> Finding:
    """Whether requests come through a proxy that is not trusted: then all of them seem to come from one address."""
    seen, trusted = peers.last_untrusted(instance), settings.trusted_proxies
    if seen is None or peers.is_within(seen.address, trusted) or now - seen.at * 1000 > PROXY_REMEMBERED_MS:
        return ok("proxies", ", ".join(map(str, trusted)) or "none")
    return fault(
        "proxies",
        f"{seen.peer} passes on requests. If it is your proxy, set REDEEM_TRUSTED_PROXIES={seen.peer}: without it all managers"
        f" seem to sign in from there, and {SOURCE_FREE_FAILURES} wrong passwords of anybody make them all wait.",
    )


def check_cookies(settings: Settings) -> Finding:
    https = settings.base_url.startswith("https://")
    if https and not settings.secure_cookies:
        return fault(
            "cookies", "Set REDEEM_SECURE_COOKIES=true: without it, managers' sessions could be read on the network."
        )
    if not https and settings.secure_cookies:
        return warning(
            "cookies", "Set REDEEM_SECURE_COOKIES=false for plain http, or some browsers won't stay signed in."
        )
    return ok("cookies", "secure" if https else "for plain http on this machine")


def check_certificate(settings: Settings, now: Ms) -> Iterator[Finding]:
    """The certificate, if the server itself uses TLS. Once it has expired, no tablet can connect."""
    pair, url = tls.pair_of(settings), urlsplit(settings.base_url)
    if pair is None:
        return
    if url.scheme != "https":
        yield fault(
            "certificate", f"Set REDEEM_BASE_URL to https: {settings.base_url} is not answered while TLS is on."
        )
    try:
        left = tls.ends_at(pair, url.hostname or "") - now
    except BadCertificate as error:
        yield fault("certificate", f"{error.detail} See scripts/lan-certificate.")
        return
    days = left // MS_PER_DAY
    if days < RENEWAL_DAYS:
        yield fault("certificate", f"{pair.certificate} ends in {days} days. Renew it, and restart the server.")
    else:
        yield ok("certificate", f"{pair.certificate}, for {days} days more")
    if pair.key.stat().st_mode & OTHERS:
        yield warning("certificate", f"Other users of this machine can read {pair.key}. Run: chmod 600 {pair.key}")


def check_disk(instance: Path) -> Finding:
    folder = next(path for path in (instance, *instance.parents) if path.exists())
    free = shutil.disk_usage(folder).free
    if free < DISK_FAULT_BYTES:
        return fault("disk", f"{free >> 20} MB free at {folder}. Make room: a full disk stops every gift.")
    if free < DISK_WARNING_BYTES:
        return warning("disk", f"{free >> 20} MB free at {folder}. Make room soon.")
    return ok("disk", f"{free >> 30} GB free at {folder}")


def check_readers(instance: Path) -> Finding:
    """Whether other users of this machine can read the instance folder."""
    if instance.exists() and instance.stat().st_mode & OTHERS:
        return warning("readers", f"Other users of this machine can read {instance}. Run: chmod 700 {instance}")
    return ok("readers", "only this user")


def check_clock(now: Ms) -> Finding:
    time_here = datetime.fromtimestamp(now / 1000, UTC)
    if time_here < EARLIEST:
        return fault(
            "clock",
            f"This machine's clock says {time_here:%Y-%m-%d %H:%M} UTC. Switch on time synchronisation (timedatectl set-ntp true).",
        )
    return ok("clock", f"{time_here:%Y-%m-%d %H:%M:%S} UTC")


def check_database(tools: Context) -> Finding:
    url = tools.database.engine.url.render_as_string(hide_password=True)
    try:
        version = query(tools, lambda connection: connection.scalar(text(ASK_VERSION[connection.dialect.name])))
    except SQLAlchemyError as error:
        return fault("database", f"{url}: {first_line(error)}. Check REDEEM_DATABASE_URL, and that the server runs.")
    return ok("database", f"{url}, version {version}")


ASK_VERSION = {"sqlite": "SELECT sqlite_version()", "postgresql": "SHOW server_version"}


def check_durability(tools: Context) -> Iterator[Finding]:
    needs, ask = (SQLITE_NEEDS, "PRAGMA {}") if tools.database.is_sqlite else (POSTGRES_NEEDS, "SHOW {}")
    seen = query(tools, lambda connection: {name: str(connection.scalar(text(ask.format(name)))) for name in needs})
    for name, (good, remedy) in needs.items():
        value = seen[name]
        yield ok(name, value) if value in good else fault(name, f"It is {value}. {remedy}")


def way_of(connection: Connection) -> tuple[str, str]:
    """(host, sslmode) of a connection to PostgreSQL, wherever they are set: in the address, in the environment or nowhere."""
    used = connection.connection.driver_connection.info  # type: ignore[union-attr]
    return used.host, used.get_parameters().get("sslmode", "prefer")


def check_way(host: str, sslmode: str) -> Finding:
    """Whether what goes to the database and comes from it can be read and altered on the way."""
    if host in ("", *LOCAL_HOSTS) or host.startswith("/"):
        return ok("way", "the database is on this machine")
    if sslmode == "verify-full":
        return ok("way", f"TLS, and {host} is verified")
    return warning(
        "way",
        f"Who is on the network to {host} may read and alter all that the database says (sslmode={sslmode}). Add"
        " sslmode=verify-full to REDEEM_DATABASE_URL.",
    )


def check_migrations(tools: Context) -> Finding:
    newest = ScriptDirectory(str(MIGRATIONS)).get_current_head()
    current = query(tools, lambda connection: MigrationContext.configure(connection).get_current_revision())
    if current == newest:
        return ok("tables", f"at migration {current}")
    return fault(
        "tables", f"at migration {current or 'none'}, this program needs {newest}. Run: flask --app wsgi db upgrade"
    )


def check_webhooks(tools: Context) -> Iterator[Finding]:
    """Endpoints that don't take what is sent, and the setting by which anything on the network may be sent to."""
    if tools.settings.webhooks_anywhere:
        yield warning(
            "webhooks",
            "also go to private addresses and over http: set REDEEM_WEBHOOKS_ANYWHERE=false, but for a laptop or a closed network.",
        )
    troubled = tools.database.read(endpoints.list_troubled)
    for url, since, is_disabled in troubled:
        at = f"{datetime.fromtimestamp(since / 1000, UTC):%Y-%m-%d %H:%M} UTC"
        if is_disabled:
            yield fault(
                "webhooks", f"{url} is disabled since {at}: it took nothing. Mend it, then enable it at Webhooks."
            )
        else:
            yield warning("webhooks", f"{url} takes nothing since {at}. Look at its attempts at Webhooks.")
    if not troubled:
        yield ok("webhooks", "all endpoints take what is sent")


def check_keys(tools: Context) -> Finding:
    try:
        signer = tools.database.read(lambda session: signing.load_signer(session, tools.sealer))
        return ok("signing key", f"number {signer.newest} signs, {len(signer.private_keys)} in all")
    except RedeemError as error:
        return fault("signing key", error.detail)


def check_times(tools: Context, now: Ms) -> Finding:
    """Compares this clock with the database's, and with the newest act: none may be in the future."""
    if not tools.database.is_sqlite:
        theirs = query(
            tools, lambda connection: connection.scalar(text("SELECT extract(epoch FROM clock_timestamp()) * 1000"))
        )
        if abs(float(theirs) - now) > CLOCK_FAULT_MS:
            return fault("time", "The database's clock and this one differ by minutes. Synchronise both.")
    newest = tools.database.read(newest_act)
    if newest - now > CLOCK_FAULT_MS:
        return fault(
            "time",
            f"The newest act is {(newest - now) // MS_PER_MINUTE} minutes in the future. This clock was set back: correct it.",
        )
    return ok("time", "agrees with the newest act")


def check_ledger(tools: Context) -> Finding:
    """Look whether a device has shown that this database is an old copy."""
    life = tools.database.read(generation.current)
    if life.behind_generation is None:
        return ok("ledger", f"generation {life.generation}")
    return fault(
        "ledger",
        f"A tablet has shown what generation {life.behind_generation} signed, and this database, of generation {life.generation}, lacks"
        " it: it is an old copy. Put the newest one back, or run flask restore.",
    )


def newest_act(session: Session) -> Ms:
    """The time of the newest act, 0 if there is none. Ids begin with their time, so the newest act has the greatest id."""
    return session.scalar(select(Act.at).order_by(Act.id.desc()).limit(1)) or 0


def query(tools: Context, look: Callable[[Connection], Any]) -> Any:
    with tools.database.engine.connect() as connection:
        return look(connection)


def first_line(error: Exception) -> str:
    return str(getattr(error, "orig", None) or error).strip().splitlines()[0].rstrip(".")


def ok(subject: str, words: str) -> Finding:
    return Finding(Level.OK, subject, words)


def warning(subject: str, words: str) -> Finding:
    return Finding(Level.WARNING, subject, words)


def fault(subject: str, words: str) -> Finding:
    return Finding(Level.FAULT, subject, words)
