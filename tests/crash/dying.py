"""A program that dies at the n-th step of a transaction: `python -m tests.crash.dying`.

It reads a task a line (JSON) and forks for each: the child does the act, and is killed as by a power cut (SIGKILL) before or
after the n-th statement, before or after the commit. A line comes back: whether it died, else what it was answered.
"""

import itertools
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sqlalchemy import create_engine, event

from redeem.db.engine import Database, engine_options
from redeem.lib.files import ROOT
from tests.crash.acts import ACTS


class Program:
    """The program, as the tests hold it. It takes longer to start than to do a task, so one serves all tests of a process."""

    def __init__(self) -> None:
        words = [sys.executable, "-m", "tests.crash.dying"]
        self._process = subprocess.Popen(
            words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )

    def do(self, task: dict[str, Any]) -> str | None:
        """The answer's code, or None if it died."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(task) + "\n")
        line = json.loads(self._process.stdout.readline())
        assert "failed" not in line, line
        answer: str | None = line["answer"]
        return answer

    def close(self) -> None:
        self._process.communicate()


@dataclass(frozen=True, slots=True)
class Dying:
    """The program at work on one database."""

    program: Program
    url: str

    def do(self, act: str, step: int, **said: Any) -> str | None:
        """The answer's code, or None if it died at this step."""
        return self.program.do({"url": self.url, "act": act, "step": step, "said": said})

    def do_for(self, act: str, seconds: float, **said: Any) -> str | None:
        """The answer's code, or None if it died after so many seconds."""
        return self.program.do({"url": self.url, "act": act, "seconds": seconds, "said": said})


class Rehearsed(Exception):
    """A rehearsal is over: it came to where it would be kept."""


def main() -> None:
    last, database = None, None
    for line in sys.stdin:
        task = json.loads(line)
        if database is None or last != (task["url"], task["act"]):
            database = Database(create_engine(task["url"], **engine_options(task["url"])))
            rehearse(database, task)
            last = (task["url"], task["act"])
        sys.stdout.write(json.dumps(outcome(database, task)) + "\n")
        sys.stdout.flush()


def rehearse(database: Database, task: dict[str, Any]) -> None:
    """Does the act, and commits nothing: the children need not each compile its statements, which takes longer than the act."""
    perform = ACTS[task["act"]](database, task["said"])
    dialect = vars(database.engine.dialect)
    dialect["do_commit"] = refuse
    with suppress(Rehearsed):
        perform()
    del dialect["do_commit"]
    database.close()
    database.engine.dispose()


def refuse(_connection: Any) -> None:
    raise Rehearsed


def outcome(database: Database, task: dict[str, Any]) -> dict[str, Any]:
    """Forks, so that each child is as fresh as a new process and needs no second to start. It has no connection yet."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        act(database, task, writing)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        said = pipe.read()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) in (signal.SIGKILL, signal.SIGALRM):
        return {"answer": None}
    return {"answer": json.loads(said)} if os.waitstatus_to_exitcode(status) == 0 else {"failed": status}


def act(database: Database, task: dict[str, Any], writing: int) -> None:
    """In the child. It ends here, whatever happens."""
    try:
        perform = ACTS[task["act"]](database, task["said"])
        if "seconds" in task:
            signal.setitimer(signal.ITIMER_REAL, task["seconds"])  # nothing handles SIGALRM: it kills as SIGKILL does
        else:
            die_at(database, task["step"])
        os.write(writing, json.dumps(perform()).encode())
        os._exit(0)
    finally:
        os._exit(1)


def die_at(database: Database, step: int) -> None:
    """Counts a step before and after each statement, and before and after each commit."""
    steps, engine = itertools.count(1), database.engine
    commit: Callable[[Any], None] = engine.dialect.do_commit

    def count(*_: Any) -> None:
        if next(steps) == step:
            os.kill(os.getpid(), signal.SIGKILL)

    def commit_between(connection: Any) -> None:
        count()
        commit(connection)
        count()

    if database.is_sqlite:  # asked itself, because the busiest statements go past SQLAlchemy
        event.listen(engine, "checkout", lambda connection, *_: connection.set_trace_callback(count))
    else:
        event.listen(engine, "before_cursor_execute", count)
    event.listen(engine, "after_cursor_execute", count)
    vars(engine.dialect)["do_commit"] = commit_between


if __name__ == "__main__":
    main()
