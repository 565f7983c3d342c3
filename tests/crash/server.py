"""The real server on a database of the tests: `python -m tests.crash.server PORT`, and `Server` to start, kill and restart one."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

from redeem.config import load_settings
from redeem.lib.files import ROOT
from redeem.ops import server
from tests.commands import SECONDS, Lines, bare, pass_on, until_ready
from tests.ports import kept_port

SECRET = "a-secret-that-only-the-crash-tests-have"


class Server:
    """granian with its worker processes, in a process group of its own, so that one signal ends it all at once."""

    def __init__(self, folder: Path, database_url: str, log_level: str = "WARNING") -> None:
        self.port = kept_port()
        self._log = folder / "server.log"
        self._environment = bare(
            folder, REDEEM_DATABASE_URL=database_url, REDEEM_SECRET_KEYS=SECRET, REDEEM_LOG_LEVEL=log_level
        )
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Returns when it answers."""
        lines: Lines = Lines()
        words = [sys.executable, "-m", "tests.crash.server", str(self.port)]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                words,
                cwd=ROOT,
                env=self._environment,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        threading.Thread(target=pass_on, args=(self._process, lines), daemon=True).start()
        assert until_ready(lines)[-1:] == [f"ready http://127.0.0.1:{self.port}"]

    @property
    def pid(self) -> int:
        """Of the process that leads the group."""
        return self._process.pid if self._process else 0

    def kill(self) -> None:
        """As a power cut does: no process of it does anything more."""
        if self._process:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(SECONDS)
            self._process = None


def main(port: int) -> None:
    settings = load_settings()
    plan = server.plan(settings, "127.0.0.1", port)
    server.serve(plan, settings.base_url, lambda: print(f"ready {plan.url(settings.base_url)}", flush=True))  # noqa: T201


if __name__ == "__main__":
    main(int(sys.argv[1]))
