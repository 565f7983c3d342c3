"""Turns: work that runs in threads, one at a time, on a database where it may wait for what another has locked.

A job runs until it is done, until it is held up after so many statements, or until the database lets it wait. Then the job for
which it waits goes on to its end first. So what happens depends on the statements alone, not on how fast they are.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from threading import Event, Semaphore, Thread, local
from typing import Any

from sqlalchemy import Engine, text

from redeem.db.engine import Database, Driver
from redeem.lib.times import Ms

LOOK_SECONDS = 0.01
BLOCKERS = text("SELECT pg_blocking_pids(:pid)")


class Killed(BaseException):
    """The server died. Not an Exception: nobody may catch it and go on."""


class Job:
    """Work in a thread of a process. `about` and `began` are the caller's.

    After `steps_left` more steps it is held up, after `life_left` its process dies; None: never. A step is what comes before a
    statement, behind it, or before a commit.
    """

    def __init__(self, work: Callable[[], Any], process: int = 0, about: Any = None, began: Ms = 0) -> None:
        self.process, self.about, self.began = process, about, began
        self.steps_left: int | None = None
        self.life_left: int | None = None
        self.is_overtaken = self.is_held_up = self.is_doomed = self.is_done = False
        self.pid: int | None = None
        self.result: Any = None
        self.error: BaseException | None = None
        self.rests, self._may_go = Event(), Semaphore(0)
        self._work = work
        Thread(target=self._run, daemon=True).start()

    def go_on(self) -> None:
        self.rests.clear()
        self._may_go.release()

    def step(self, where: str, pid: int) -> None:
        """Take a step, in the job's own thread. Raises Killed where the process dies."""
        self.pid = pid
        if self.life_left is not None:
            self.life_left -= 1
            if self.life_left < 0:
                raise Killed(where)
        if self.is_overtaken:
            self._rest()
        if self.steps_left is not None:
            self.steps_left -= 1
            self.is_held_up = self.steps_left < 0
            if self.is_held_up:
                self._rest()

    def _rest(self) -> None:
        self.is_overtaken = False
        self.rests.set()
        self._may_go.acquire()
        if self.is_doomed:
            raise Killed("while it was held up")

    def _run(self) -> None:
        self._may_go.acquire()
        MINE.job = self
        try:
            if not self.is_doomed:
                self.result = self._work()
        except BaseException as error:  # noqa: BLE001 - whoever waits for the job gets it, whatever it is
            self.error = error
        self.is_done = True
        self.rests.set()


class _Mine(local):
    job: Job | None = None


MINE = _Mine()


def step(where: str, driver: Driver) -> None:
    """Take a step of the job that this thread is, if it is one."""
    if MINE.job:
        MINE.job.step(where, driver.info.backend_pid)


class Turns:
    """Gives each job its turn. `held_up` are those that wait for theirs, in the order in which they began. `met`: what they met."""

    def __init__(self, monitor: Engine) -> None:
        """`monitor` is of another database of the same PostgreSQL server."""
        self.held_up: list[Job] = []
        self.met: Counter[str] = Counter()
        self._monitor = monitor.connect().execution_options(isolation_level="AUTOCOMMIT")
        self._under_way: list[Job] = []

    def close(self) -> None:
        self._monitor.close()

    def run(self, job: Job) -> bool:
        """Let a job run. Returns whether it is done; if not, it is held up."""
        self._under_way.append(job)
        job.go_on()
        while not self._is_at_rest(job):
            for other in [*self._in_the_way_of(job)]:
                self.met[f"{'request' if job.about else 'manager'} waits for another"] += 1
                job.is_overtaken = True
                self.end(other)
        self._under_way.remove(job)
        if not job.is_done and job not in self.held_up:
            self.held_up.append(job)
        return job.is_done

    def end(self, job: Job) -> None:
        """Let a job that is held up run to its end. One may have ended meanwhile, because another waited for it."""
        if job not in self.held_up:
            return
        self.held_up.remove(job)
        job.steps_left, job.is_held_up = None, False
        self.run(job)

    def doom(self, process: int | None = None) -> list[Job]:
        """The held up jobs of a process, or all, die with it."""
        dying = [job for job in self.held_up if process in (None, job.process)]
        for job in dying:
            job.is_doomed = True
            self.end(job)
        return dying

    def cut_off(self, job: Job) -> None:
        """PostgreSQL ends the connection of a job that is held up."""
        self._monitor.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": job.pid})
        self.met["cut off"] += 1

    def _is_at_rest(self, job: Job) -> bool:
        rests = job.rests.wait(LOOK_SECONDS)
        if rests and not (job.is_done or job.is_held_up):
            job.go_on()  # it let another go first
            return False
        return rests

    def _in_the_way_of(self, job: Job) -> Iterator[Job]:
        """Those that are held up with what the job waits for."""
        pids = self._monitor.scalar(BLOCKERS, {"pid": job.pid}) if job.pid else []
        yield from (each for each in self.held_up if each.pid in (pids or []))


class InTurn:
    """A Database of which each transaction is a job that is not held up."""

    def __init__(self, database: Database, turns: Turns) -> None:
        self.engine, self.is_sqlite = database.engine, database.is_sqlite
        self._database, self._turns = database, turns

    def write(self, work: Callable[..., Any], *, one_moment: bool = False) -> Any:
        return self._in_turn(lambda: self._database.write(work, one_moment=one_moment))

    def read(self, work: Callable[..., Any]) -> Any:
        return self._in_turn(lambda: self._database.read(work))

    def close(self) -> None:
        self._database.close()

    def _in_turn(self, work: Callable[[], Any]) -> Any:
        job = Job(work)
        self._turns.run(job)
        if job.error:
            raise job.error
        return job.result
