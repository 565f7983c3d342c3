"""The server in the simulation: the real application on a real database. The world says what time it is there, and when it dies."""

from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from gzip import decompress
from io import BytesIO
from json import loads
from pathlib import Path
from traceback import format_exception
from types import SimpleNamespace
from typing import Any, TypeVar
from unittest.mock import patch
from urllib.parse import unquote

from flask import Flask
from sqlalchemy import Engine, event
from sqlalchemy.orm import Session

import redeem.web.problems
from redeem.app import create_app
from redeem.config import load_settings
from redeem.db.engine import Database, Driver, Work, run_in
from redeem.lib.times import Ms
from redeem.web.api import auth
from redeem.web.context import Context
from tests.factories import MOSCOW, SECRET
from tests.simulation.network import Answer, Message
from tests.simulation.turns import Killed
from tests.vaults import vault_of

T = TypeVar("T")
Served = tuple[Message, Answer | None]  # None: nobody answers
ENVIRONMENT = {
    "HTTP_HOST": "localhost",
    "REQUEST_METHOD": "POST",
    "QUERY_STRING": "",
    "SERVER_NAME": "localhost",
    "SERVER_PORT": "80",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "wsgi.url_scheme": "http",
    "wsgi.multithread": False,
}


class ServerFault(AssertionError):
    """The server met an error that nobody expected."""


class Alone:
    """Writes to SQLite without the thread that does it elsewhere: here nobody else asks, and going to it and back takes half the time."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine.execution_options(writes=True)

    def commit(self, work: Work[T]) -> T:
        with self._engine.begin() as connection:
            return run_in(connection, [work])[0]

    def stop(self) -> None:
        """There is nothing to stop."""


class Quick:
    """The driver's connection of Database.autocommit. One may die before each statement, and after it: then it is done, and durable."""

    def __init__(self, driver: Driver, count: Callable[..., None]) -> None:
        self._driver, self._count = driver, count

    def execute(self, statement: str, values: Mapping[str, Any]) -> Any:
        about = statement.split(maxsplit=1)[0]
        self._count(where=f"at once, before {about}")
        found = self._driver.execute(statement, values)
        self._count(where=f"at once, after {about}")
        return found


class Server:
    """`call` is one request. After `die_after` more statements and commits the server dies, and with it what was not committed.

    `met`: what it met in this world, such as where it died.
    """

    def __init__(self, url: str, folder: Path, maintenance: Engine | None = None) -> None:
        """`maintenance`: where PostgreSQL's databases are copied; None on SQLite."""
        self.settings = load_settings(
            secret_keys=SECRET,
            database_url=url,
            base_url="http://localhost",
            instance_path=folder,
            secure_cookies=False,
            time_zone=MOSCOW,
            log_level="ERROR",
        )
        self.app: Flask = create_app(self.settings)
        self._watch(self.tools.database)
        self._vault = vault_of(self.database, maintenance)
        self.begin()

    def begin(self) -> None:
        """In a new world, on a database that is empty again."""
        self.is_down = False
        self.backups: list[str] = []
        self.die_after: int | None = None
        self._left: int | None = None
        self._faults: list[BaseException] = []
        self.met: Counter[str] = Counter()
        self.restart()

    def calm(self) -> None:
        """Nothing more happens to it."""
        self.is_down, self.die_after = False, None

    def stop(self) -> None:
        self.database.close()
        self.database.engine.dispose()

    def close(self) -> None:
        self.stop()

    def restart(self) -> None:
        """What was in memory is forgotten, but for routes and compiled statements, which take long to make and know nothing."""
        self.stop()
        self.app.extensions["redeem"] = Context(self.settings, self.database)
        if self.database.is_sqlite:
            writer: Any = Alone(self.database.engine)
            self.database._writer = writer
        self.app.extensions[auth.CACHE] = auth.KeyCache()

    @property
    def tools(self) -> Context:
        found: Context = self.app.extensions["redeem"]
        return found

    @property
    def database(self) -> Database:
        return self.tools.database

    def write(self, work: Callable[[Session], T], *, one_moment: bool = False) -> T:
        return self.database.write(work, one_moment=one_moment)

    def read(self, work: Callable[[Session], T]) -> T:
        return self.database.read(work)

    def serve(self, message: Message) -> list[Served]:
        """Take a request. Returns those that are over now: this one, unless it is held up, and others that were. Raises ServerFault."""
        return [(message, self.call(message.path, message.headers, message.body))]

    def finish(self, until: Ms | None = None) -> list[Served]:  # noqa: ARG002 - a pair's
        """End what is held up, all or what came until then, and return it: here nothing is."""
        return []

    def call(self, path: str, headers: Mapping[str, str], body: str) -> Answer | None:
        """The answer, or None if nobody answers: it dies within, or before the answer leaves. Raises ServerFault."""
        if self.is_down:
            return None
        self._left, self.die_after = self.die_after, None
        try:
            answer = self._request(path, headers, body)
        except Killed as killed:
            answer = None
            self.met.update(f"death {where}" for where in killed.args)
        if self._left is None:
            return answer
        self._left = None
        self.restart()
        return None

    def back_up(self, name: str) -> None:
        self._vault.back_up(name)
        self.backups = sorted({*self.backups, name})

    def put_back(self, name: str) -> None:
        """The database is as it was at the backup."""
        self.stop()
        self._vault.put_back(name)
        self.restart()

    def forget_keys(self) -> None:
        """The second is up for which a process relies on the keys that it has read."""
        self.app.extensions[auth.CACHE].clear()

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Within it, an error that nobody expected is a ServerFault, and no line in a log."""
        with patch.object(redeem.web.problems, "log", SimpleNamespace(error=self._note_fault)):
            yield

    def _watch(self, database: Database) -> None:
        """The places to die in. What goes past SQLAlchemy, each statement a transaction of its own, is one as well."""
        for name in ("before_cursor_execute", "commit"):
            event.listen(database.engine, name, self._count)
        quickly = database.autocommit

        def autocommit(work: Callable[[Driver], T | None]) -> T | None:
            return quickly(lambda driver: work(Quick(driver, self._count)))

        vars(database)["autocommit"] = autocommit

    def _note_fault(self, _event: str, *, exc_info: BaseException, **_: object) -> None:
        self._faults.append(exc_info)

    def _request(self, path: str, headers: Mapping[str, str], body: str, app: Flask | None = None) -> Answer:
        head: list[Any] = []
        begin: Any = lambda status, headers, _error=None: head.extend((status, headers))  # noqa: E731
        content = b"".join((app or self.app)(environment(path, headers, body.encode()), begin))
        if self._faults:
            raise ServerFault("".join(format_exception(self._faults.pop())))
        return answer_of(int(head[0].split()[0]), dict(head[1]), content)

    def _count(self, *_: object, where: str = "in a transaction") -> None:
        if self._left is not None:
            self._left -= 1
            if self._left < 0:
                raise Killed(where)


def environment(path: str, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
    """A request as a web server hands it over. Flask's own test client takes as long for it as the application for the answer."""
    told = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}
    kind = headers.get("Content-Type", "application/json")
    about = {"PATH_INFO": unquote(path), "CONTENT_TYPE": kind, "CONTENT_LENGTH": str(len(body))}
    return {**ENVIRONMENT, **told, **about, "wsgi.input": BytesIO(body), "wsgi.errors": None}


def answer_of(status: int, headers: dict[str, str], content: bytes) -> Answer:
    if headers.get("Content-Encoding") == "gzip":
        content = decompress(content)
    kept = {name: value for name, value in headers.items() if name.startswith(("Redeem-", "Retry-"))}
    if "json" in headers["Content-Type"]:
        return Answer(status, kept, loads(content))
    return Answer(status, kept, base64=b64encode(content).decode())
