"""The worker: does, beside the requests, what is to be done now. One runs as a thread of a server; `flask worker` is one by itself.

Any number may run at once. A worker knows a few things to look at (`Thing`), such as jobs and webhooks, and turns from one to the next.
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from flask import Flask
from sqlalchemy.orm import Session

from redeem.coupons import batches
from redeem.db.engine import is_temporary
from redeem.jobs import queue
from redeem.jobs.queue import Lease, Part
from redeem.lib.errors import RedeemError
from redeem.lib.ids import new_id
from redeem.ops.webhook_worker import webhooks_of
from redeem.web.context import Context, now_ms
from redeem.web.logs import LOG

# Does one bounded part of what is to be done now. False if nothing is: then it is asked again after LOOK_SECONDS.
Thing = Callable[[], bool]

LOOK_SECONDS = 0.5
# On SQLite nothing else is written during a step. In the pause after it come those who waited. If a step has just waited itself, others
# write: for a while steps are short then, and pauses long, so that tills wait no longer than they would for one another.
STEP_SECONDS, PAUSE_SECONDS = 0.03, 0.005
BUSY_STEP_SECONDS, BUSY_PAUSE_SECONDS = 0.005, 0.03
WAITED_SECONDS, BUSY_FOR_SECONDS = 0.003, 1.0
TURN_SECONDS = 2.0  # at one job, while others wait
INTERNAL = "internal"


def make_coupons(tools: Context, seconds: float) -> Part:
    mint = tools.mint()
    return lambda session, task: batches.make_some(session, task, mint, now_ms(), timer(seconds))


# Makes the next part of a job ready, which is to take about so many seconds. It is called before the transaction of each step.
MakeReady = Callable[[Context, float], Part]
# Every kind of job.
KINDS: Mapping[str, MakeReady] = {
    batches.KIND: make_coupons,
}


def things(app: Flask) -> Sequence[Thing]:
    """Everything that a worker looks at."""
    return (Jobs(app.extensions["redeem"], app.extensions[LOG]).step, webhooks_of(app).look)


class Jobs:
    """Takes one job after the other and does it step by step. What it has of a job is its lease: all else is in the database."""

    def __init__(self, tools: Context, log: Any, kinds: Mapping[str, MakeReady] = KINDS) -> None:
        self._tools, self._log, self._kinds = tools, log, kinds
        self._write = tools.database.write
        self._lease: Lease | None = None
        self._has_time = timer(0)
        self._is_busy = timer(0)

    def step(self) -> bool:
        """Does one step of one job. False if no job is to be done now."""
        lease = self._lease or self._take()
        if lease is None:
            return False
        self._lease = lease if self._goes_on(lease) else None
        if self._lease and not self._has_time():
            self._lease = None
            self._write(lambda session: queue.give_back(session, lease, now_ms()))
        if self._is_busy():
            time.sleep(BUSY_PAUSE_SECONDS)
        return True

    def _take(self) -> Lease | None:
        if not self._tools.database.read(lambda session: queue.is_due(session, self._kinds, now_ms())):
            return None
        lease_id = new_id("lea")
        self._has_time = timer(TURN_SECONDS)
        return self._write(lambda session: queue.take(session, self._kinds, lease_id, now_ms()))

    def _goes_on(self, lease: Lease) -> bool:
        """Does the step, and notes how it failed if it did."""
        try:
            part = self._kinds[lease.kind](self._tools, BUSY_STEP_SECONDS if self._is_busy() else STEP_SECONDS)
            has_waited_not = timer(WAITED_SECONDS)

            def work(session: Session) -> bool:
                if not has_waited_not():
                    self._is_busy = timer(BUSY_FOR_SECONDS)
                return queue.step(session, lease, part, now_ms())

            return self._write(work)
        except RedeemError as error:
            code = error.code
            self._log.warning("job_failed", job=lease.job_id, kind=lease.kind, code=code)
            self._write(lambda session: queue.fail(session, lease, code, now_ms()))
        except Exception as error:
            if is_temporary(error):
                raise  # the database is away: the lease ends by itself
            self._log.error("job_put_off", job=lease.job_id, kind=lease.kind, exc_info=error)
            self._write(lambda session: queue.put_off(session, lease, INTERNAL, now_ms()))
        return False


class Worker(threading.Thread):
    """Turns from one thing to the next until it is stopped. It is a daemon: a process that ends takes it along, at any moment."""

    def __init__(self, things: Sequence[Thing], log: Any) -> None:
        super().__init__(name="worker", daemon=True)
        self._things, self._log = things, log
        self._stopped = threading.Event()

    def run(self) -> None:
        pause = 0.0
        while not self._stopped.wait(pause):
            did = [self._attempt(thing) for thing in self._things]
            pause = PAUSE_SECONDS if any(did) else LOOK_SECONDS

    def stop(self) -> None:
        """Ends the worker after the part that it is at."""
        self._stopped.set()
        self.join()

    def _attempt(self, thing: Thing) -> bool:
        try:
            return thing()
        except Exception as error:  # noqa: BLE001 - whatever it was, it is told, and the worker goes on
            self._log.error("worker_failed", exc_info=error)
            return False


def timer(seconds: float) -> Callable[[], bool]:
    """A function that tells whether there is still time."""
    end = time.monotonic() + seconds
    return lambda: time.monotonic() < end


def start(app: Flask) -> Worker:
    worker = Worker(things(app), app.extensions[LOG])
    worker.start()
    return worker
