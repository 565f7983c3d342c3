"""Two serving processes on one PostgreSQL. Each has its own memory and connections, and takes every other request.

A request may be held up in one while the other goes on. Between any two of its statements its process may die meanwhile, or PostgreSQL
may end its connection.
"""

from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any, TypeVar

from flask import Flask
from sqlalchemy import Connection, Engine, event

from redeem.app import create_app
from redeem.db.engine import Database, Driver
from redeem.lib.times import Ms
from redeem.web.api import auth
from redeem.web.context import Context, now_ms
from tests.simulation.network import Answer, Message
from tests.simulation.server import Quick, Served, Server
from tests.simulation.turns import InTurn, Job, Killed, Turns, step

T = TypeVar("T")
STEPS_MAX = 60


class Pair(Server):
    """`hold_up_after`: after so many steps the next request is held up."""

    def __init__(self, url: str, folder: Path, maintenance: Engine) -> None:
        self.turns = Turns(maintenance)
        self._apps: list[Flask] = []
        self._jobs: list[Job] = []
        super().__init__(url, folder, maintenance)

    def begin(self) -> None:
        if not self._apps:
            self._apps = [self.app, create_app(self.settings)]
            self._watch(tools_of(self._apps[1]).database)
        self.hold_up_after: int | None = None
        self._taken = 0
        super().begin()
        self.turns.met = self.met

    def calm(self) -> None:
        super().calm()
        self.hold_up_after = None

    def stop(self) -> None:
        """Both processes die."""
        self.turns.doom()
        for app in self._apps:
            tools_of(app).database.close()
            tools_of(app).database.engine.dispose()

    def close(self) -> None:
        super().close()
        self.turns.close()

    def restart(self) -> None:
        self.stop()
        for app in self._apps:
            start_anew(app, self.settings)

    @property
    def database(self) -> Any:
        """The database for those who act beside the requests, such as managers."""
        return InTurn(self.tools.database, self.turns)

    def back_up(self, name: str) -> None:
        while self.turns.held_up:
            self.turns.end(self.turns.held_up[0])
        for app in self._apps:
            tools_of(app).database.engine.dispose()  # PostgreSQL copies only databases that nobody uses
        super().back_up(name)

    def forget_keys(self) -> None:
        for app in self._apps:
            app.extensions[auth.CACHE].clear()

    def serve(self, message: Message) -> list[Served]:
        if self.is_down:
            return [*self.take_over(), (message, None)]
        self._taken += 1
        process = self._taken % len(self._apps)
        app = self._apps[process]
        job = Job(lambda: self._request(message.path, message.headers, message.body, app), process, message, now_ms())
        job.life_left, self.die_after = self.die_after, None
        job.steps_left, self.hold_up_after = self.hold_up_after, None
        self._jobs.append(job)
        if not self.turns.run(job):
            self.met["held up"] += 1
        return self.take_over()

    def finish(self, until: Ms | None = None) -> list[Served]:
        for job in [*self.turns.held_up]:
            if until is None or job.began <= until:
                self.turns.end(job)
        return self.take_over()

    def kill(self, process: int) -> None:
        """A process dies, with the requests that are held up in it, and is started anew."""
        self.turns.doom(process)
        start_anew(self._apps[process], self.settings)

    def take_over(self) -> list[Served]:
        """Return the requests that are over since the last call."""
        over = [job for job in self._jobs if job.is_done]
        self._jobs = [job for job in self._jobs if not job.is_done]
        return [(job.about, self._answer_of(job)) for job in over]

    def _answer_of(self, job: Job) -> Answer | None:
        """The answer, or None if its process died before it left. Raises ServerFault."""
        if isinstance(job.error, Killed):
            self.met.update(f"death {where}" for where in job.error.args)
        elif job.error:
            raise job.error
        if job.life_left is not None:
            self.kill(job.process)
        answer: Answer = job.result
        return None if job.life_left is not None else answer

    def _watch(self, database: Database) -> None:
        def watch(connection: Connection, *_: object) -> None:
            step("in a transaction", connection.connection.driver_connection)

        for name in ("before_cursor_execute", "after_cursor_execute", "commit"):
            event.listen(database.engine, name, watch)
        quickly = database.autocommit

        def autocommit(work: Callable[[Driver], T | None]) -> T | None:
            return quickly(lambda driver: work(Quick(driver, lambda where: step(where, driver))))

        vars(database)["autocommit"] = autocommit


def tools_of(app: Flask) -> Context:
    tools: Context = app.extensions["redeem"]
    return tools


def start_anew(app: Flask, settings: Any) -> None:
    """What was in memory is forgotten."""
    app.extensions["redeem"] = Context(settings, tools_of(app).database)
    app.extensions[auth.CACHE] = auth.KeyCache()


# What happens to a pair, and to nothing else.


def hold_up(world: Any, _place: int, chance: Random) -> None:
    if isinstance(world.server, Pair):
        world.server.hold_up_after = chance.randint(0, STEPS_MAX)


def go_on(world: Any, place: int, _chance: Random) -> None:
    """A request that was held up goes on to its end."""
    if isinstance(world.server, Pair) and (held_up := world.server.turns.held_up):
        world.server.turns.end(held_up[place % len(held_up)])
        world.hear(world.server.take_over())


def kill_process(world: Any, place: int, _chance: Random) -> None:
    """One of the two processes dies, with what is held up in it."""
    if isinstance(world.server, Pair):
        world.server.kill(place % 2)
        world.hear(world.server.take_over())


def cut_off(world: Any, place: int, _chance: Random) -> None:
    """PostgreSQL ends the connection of a request that is held up."""
    if isinstance(world.server, Pair) and (held_up := world.server.turns.held_up):
        world.server.turns.cut_off(held_up[place % len(held_up)])
