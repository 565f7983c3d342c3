"""A throw-away PostgreSQL server for tests and benchmarks.

`start()` makes a cluster in a temporary directory and runs it until `stop()`, or until the process that started it
dies. `python -m tests.postgres COMMAND…` runs a command with the server's URL in REDEEM_TEST_POSTGRES_URL.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypedDict
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from tests.ports import HOST, kept_port

URL_VARIABLE = "REDEEM_TEST_POSTGRES_URL"
START_SECONDS = 30
MISSING = (
    "PostgreSQL's server programs (initdb, postgres) were not found: run `scripts/system-packages test`, "
    f"or set {URL_VARIABLE} to the URL of a server on which databases may be made and dropped."
)
CONFIGURATION = {
    "fsync": "on",
    "full_page_writes": "on",
    "listen_addresses": "127.0.0.1",
    "max_connections": "200",
    "synchronous_commit": "on",
    "unix_socket_directories": "",
}
# Of the log there is as little as may be: it may be in memory.
UNSAFE = CONFIGURATION | {
    "fsync": "off",
    "full_page_writes": "off",
    "max_wal_size": "128MB",
    "min_wal_size": "32MB",
}


class PostgresMissingError(Exception):
    """There is no PostgreSQL to test with. Never a reason to skip."""


@dataclass
class Cluster:
    """A running server. `url` names its maintenance database, as a superuser."""

    url: str
    directory: Path | None = None
    process: subprocess.Popen[bytes] | None = None
    _names: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _templates: dict[str, str] = field(default_factory=dict)

    def new_database(self, name: str = "test", template: str = "template1") -> str:
        """Make a fresh database, its name made unique, copied from `template`; returns its URL."""
        unique = f"{name}_{os.getpid()}_{next(self._names)}"
        self._command("CREATE DATABASE {} TEMPLATE {}", unique, template)
        return self.url_of(unique)

    def copy_of(self, name: str, prepare: Callable[[str], None]) -> str:
        """Make a fresh copy of the database that `prepare(url)` fills the first time `name` is asked for.

        `prepare` must leave no connection open: PostgreSQL copies only databases that nobody uses.
        """
        if name not in self._templates:
            url = self.new_database(f"{name}_template")
            prepare(url)
            self._templates[name] = urlsplit(url).path.lstrip("/")
        return self.new_database(name, self._templates[name])

    def drop_database(self, url: str) -> None:
        """Drop a database made here, connections to it or not."""
        self._command("DROP DATABASE IF EXISTS {} WITH (FORCE)", urlsplit(url).path.lstrip("/"))

    def url_of(self, database: str) -> str:
        return urlunsplit(urlsplit(self.url)._replace(path=f"/{database}"))

    def stop(self) -> None:
        """Stop the server without ceremony and remove its files. A server that was lent only loses our templates."""
        for database in self._templates.values():
            self.drop_database(self.url_of(database))
        self._templates.clear()
        if self.process is not None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(START_SECONDS)
        if self.directory is not None:
            shutil.rmtree(self.directory)

    def _command(self, text: str, *names: str) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(sql.SQL(text).format(*map(sql.Identifier, names)))


def start(parent: Path | None = None, *, survives_power_loss: bool = True) -> Cluster:
    """Start a server, or use the one of REDEEM_TEST_POSTGRES_URL. `parent`: where to put the files, default is /tmp.

    One that need not survive a power loss never waits for the disk. What it had committed outlives every program that is killed.
    """
    lent = os.environ.get(URL_VARIABLE)
    if lent:
        return Cluster(lent)
    programs = find_programs()
    directory = Path(tempfile.mkdtemp(prefix="redeem-postgres-", dir=parent))
    try:
        _give_away(directory)
        _initialise(programs, directory)
        url, process = _serve(programs, directory, CONFIGURATION if survives_power_loss else UNSAFE)
    except BaseException:
        shutil.rmtree(directory)
        raise
    return Cluster(url, directory, process)


def find_programs() -> Path:
    """Return the folder with initdb and postgres, the newest version's; raises PostgresMissingError."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), reverse=True)
    on_path = [Path(found).resolve().parent for found in [shutil.which("initdb")] if found]
    for folder in [*debian, *on_path]:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    raise PostgresMissingError(MISSING)


class _User(TypedDict):
    """Whom to run the server as, in the words of subprocess. Nones mean ourselves."""

    user: int | None
    group: int | None
    extra_groups: list[int] | None


def _user() -> _User:
    """Return whom to run the server as: PostgreSQL refuses root."""
    if os.geteuid() != 0:
        return {"user": None, "group": None, "extra_groups": None}
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            found = pwd.getpwnam(name)
            return {"user": found.pw_uid, "group": found.pw_gid, "extra_groups": []}
    raise PostgresMissingError("PostgreSQL refuses to run as root, and there is neither a user postgres nor nobody.")


def _give_away(directory: Path) -> None:
    user = _user()
    if user["user"] is not None and user["group"] is not None:
        os.chown(directory, user["user"], user["group"])


def _initialise(programs: Path, directory: Path) -> None:
    # No sync: the files are a second old, and what counts is the fsync of the running server.
    arguments = ["--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "--username=postgres"]
    command = [str(programs / "initdb"), *arguments, f"--pgdata={directory}"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=directory, **_user())
    if done.returncode:
        raise PostgresMissingError(f"initdb failed: {done.stderr}")


def _serve(programs: Path, directory: Path, configuration: dict[str, str]) -> tuple[str, subprocess.Popen[bytes]]:
    port = kept_port()
    url = f"postgresql://postgres@{HOST}:{port}/postgres"
    process = _launch(programs, directory, port, configuration)
    if _answers(url, process):
        return url, process
    raise PostgresMissingError(f"PostgreSQL did not start:\n{(directory / 'log').read_text()}")


def _launch(programs: Path, directory: Path, port: int, configuration: dict[str, str]) -> subprocess.Popen[bytes]:
    settings = [f"--{name}={value}" for name, value in configuration.items()]
    command = [str(programs / "postgres"), "-D", str(directory), f"--port={port}", *settings]
    with (directory / "log").open("ab") as log:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=directory,
            start_new_session=True,  # Ctrl-C is for the tests; the server ends in stop()
            # Between fork and exec it only makes a system call, through a library already loaded: safe with threads.
            preexec_fn=functools.partial(_die_with_parent, _libc()),  # noqa: PLW1509
            **_user(),
        )


def _libc() -> ctypes.CDLL | None:
    return ctypes.CDLL(None) if sys.platform == "linux" else None


def _die_with_parent(libc: ctypes.CDLL | None) -> None:
    """Have Linux stop the server when we are killed and cannot."""
    set_parent_death_signal = 1
    if libc is not None:
        libc.prctl(set_parent_death_signal, signal.SIGQUIT)


def _answers(url: str, process: subprocess.Popen[bytes]) -> bool:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(psycopg.OperationalError), psycopg.connect(url, connect_timeout=2):
            return True
        time.sleep(0.05)
    return False


def main(command: list[str]) -> int:
    """Run `command` with a server, or print the server's URL and wait until standard input ends."""
    cluster = start()
    try:
        if command:
            return subprocess.run(command, env={**os.environ, URL_VARIABLE: cluster.url}, check=False).returncode
        sys.stdout.write(f"{cluster.url}\n")
        sys.stdout.flush()
        sys.stdin.read()
        return 0
    finally:
        cluster.stop()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    sys.exit(main(sys.argv[1:]))
