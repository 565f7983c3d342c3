"""Adds closed days up beside the requests, in one thread of a server, so that reading the overview never writes. Old events it deletes."""

import threading
from collections.abc import Callable
from typing import Any

from flask import Flask

from redeem.db.engine import Database
from redeem.events import log as events
from redeem.lib.times import MS_PER_DAY, Ms, local_day
from redeem.reports import rollups
from redeem.web.context import Context, now_ms
from redeem.web.logs import LOG

LOOK_SECONDS = 60.0
PAUSE_SECONDS = 0.5  # between two days: on SQLite nothing else is written while one is added up


class DailySums(threading.Thread):
    """Adds up one day at a time, each in a transaction of its own, until no closed day is left, and then deletes events that were recorded
    more than `event_days` days ago, some at a time; then looks again once a minute.

    Several servers of one database may do so at once: each day is added up under a lock, and by whoever comes first. The thread is a
    daemon: a process that ends takes it along, and the day that it was at is added up by the next.
    """

    def __init__(self, database: Database, log: Any, clock: Callable[[], Ms] = now_ms, event_days: int = 90) -> None:
        super().__init__(name="daily-sums", daemon=True)
        self._database, self._log, self._clock = database, log, clock
        self._events_kept_ms = event_days * MS_PER_DAY
        self._stopped = threading.Event()

    def run(self) -> None:
        pause = 0.0
        while not self._stopped.wait(pause):
            pause = PAUSE_SECONDS if self.step() else LOOK_SECONDS

    def stop(self) -> None:
        """Ends the thread after the day that it is at."""
        self._stopped.set()
        self.join()

    def step(self) -> bool:
        """Adds up one day, or deletes some old events. Answers whether it did: False if none was left, or if it failed, as the log says."""
        try:
            now = self._clock()
            settle_moved_events(self._database)
            return add_up_one(self._database, now) or delete_events(self._database, now - self._events_kept_ms)
        except Exception as error:  # noqa: BLE001 - whatever it was, it is told, and tried again at the next look
            self._log.error("daily_sums_failed", exc_info=error)
            return False


def start(app: Flask) -> DailySums:
    tools: Context = app.extensions["redeem"]
    sums = DailySums(tools.database, app.extensions[LOG], event_days=tools.settings.event_days)
    sums.start()
    return sums


def add_up_one(database: Database, now: Ms) -> bool:
    """Adds up the next closed day. Answers False, and takes no lock, if there is none."""
    today = local_day(now, "UTC")
    return database.read(lambda db: rollups.is_behind(db, today)) and database.write(
        lambda db: rollups.add_up(db, today), one_moment=True
    )


def delete_events(database: Database, until: Ms) -> bool:
    """Deletes some of the events that were recorded before `until`. Answers whether there were any."""
    return database.read(lambda db: events.has_old(db, until)) and database.write(
        lambda db: events.delete_old(db, until) > 0
    )


def settle_moved_events(database: Database) -> None:
    """Lets the events be read that another database server numbered, if the database was moved here."""
    if database.read(events.has_foreign):
        database.write(events.settle_foreign)
