"""A program that dies at the n-th step of a transaction: `python -m tests.crash.dying URL`.

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
from typing import Any

from sqlalchemy import create_engine, event

from redeem.db.engine import Database, engine_options
from redeem.lib.files import ROOT
from tests.crash.acts import ACTS


class Dying:
    """The program, as the tests hold it."""

    def __init__(self, database_url: str) -> None:
        words = [sys.executable, "-m", "tests.crash.dying", database_url]
        self._process = subprocess.Popen(
            words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )

    def do(self, act: str, step: int, **said: Any) -> str | None:
        """The answer's code, or None if it died at this step."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps({"act": act, "step": step, "said": said}) + "\n")
        line = json.loads(self._process.stdout.readline())
        assert "failed" not in line, line
        answer: str | None = line["answer"]
        return answer

    def close(self) -> None:
        self._process.communicate()


def main(url: str) -> None:
    for line in sys.stdin:
        sys.stdout.write(json.dumps(outcome(url, json.loads(line))) + "\n")
        sys.stdout.flush()


def outcome(url: str, task: dict[str, Any]) -> dict[str, Any]:
    """Forks, so that each child is as fresh as a new process and needs no second to start."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        act(url, task, writing)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        said = pipe.read()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
        return {"answer": None}
    return {"answer": json.loads(said)} if os.waitstatus_to_exitcode(status) == 0 else {"failed": status}


def act(url: str, task: dict[str, Any], writing: int) -> None:
    """In the child. It ends here, whatever happens."""
    try:
        database = Database(create_engine(url, **engine_options(url)))
        perform = ACTS[task["act"]](database, task["said"])
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
    main(sys.argv[1])
