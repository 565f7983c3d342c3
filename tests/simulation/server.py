"""The server in the simulation: the real application on a real database, its clock and its deaths in the world's hand."""

from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from gzip import decompress
from types import SimpleNamespace
from typing import Any

from flask import Flask
from sqlalchemy import event

import redeem.web.context
from redeem.db import Database
from redeem.times import Ms

NS_PER_MS = 1_000_000


class Killed(Exception):
    """The server died between two statements."""


@dataclass
class Server:
    """`call` is one request; `die_after` statements it dies in the middle, and whatever was not committed is gone."""

    app: Flask
    now: Ms
    die_after: int | None = None

    def __post_init__(self) -> None:
        event.listen(self.database.engine, "before_cursor_execute", self._count)

    @property
    def database(self) -> Database:
        found: Database = self.app.extensions["redeem"].database
        return found

    def call(self, path: str, headers: dict[str, str], body: str) -> tuple[int, Any]:
        """(status, JSON); a death is (500, None)."""
        with self._clock():
            answer = self.app.test_client().post(path, headers=headers, data=body.encode())
        died = self.die_after is not None and self.die_after <= 0
        self.die_after = None
        return (500, None) if died else (answer.status_code, _value(answer))

    def _count(self, *_: object) -> None:
        if self.die_after is not None:
            self.die_after -= 1
            if self.die_after <= 0:
                raise Killed

    @contextmanager
    def _clock(self) -> Iterator[None]:
        real = redeem.web.context.time
        fake: Any = SimpleNamespace(time_ns=lambda: self.now * NS_PER_MS, monotonic=real.monotonic)
        redeem.web.context.time = fake
        try:
            yield
        finally:
            redeem.web.context.time = real


def _value(answer: Any) -> Any:
    """JSON, or what stands for bytes and their headers."""
    if answer.is_json:
        return answer.get_json()
    return {"base64": b64encode(decompress(answer.data)).decode(), "headers": dict(answer.headers)}
