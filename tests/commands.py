"""The flask command in a process of its own, with no settings but those it is given."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Queue

from redeem.lib.files import ROOT

FLASK = [sys.executable, "-m", "flask", "--app", "wsgi"]
SECONDS = 90

Lines = Queue[str | None]


def bare(folder: Path, **more: str) -> dict[str, str]:
    """An environment without any settings but where the instance is, and `more`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("REDEEM_", "FLASK_"))}
    return kept | {"REDEEM_INSTANCE_PATH": str(folder)} | more


def command(folder: Path, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    return finished([*FLASK, *words], bare(folder, **more))


def finished(words: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        words, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
    )


@contextmanager
def started(folder: Path, *words: str, **more: str) -> Iterator[tuple[subprocess.Popen[str], Lines]]:
    """The process, and its lines as they come, None at their end. However the test ends, the process does."""
    lines: Lines = Queue()
    process = subprocess.Popen([*FLASK, *words], cwd=ROOT, env=bare(folder, **more), stdout=subprocess.PIPE, text=True)
    threading.Thread(target=pass_on, args=(process, lines), daemon=True).start()
    try:
        yield process, lines
    finally:
        process.terminate()
        process.wait(SECONDS)


def pass_on(process: subprocess.Popen[str], lines: Lines) -> None:
    for line in process.stdout or ():
        lines.put(line.rstrip("\n"))
    lines.put(None)


def until_ready(lines: Lines) -> list[str]:
    """Returns the lines up to the one that begins with `ready`, or up to the end."""
    said = []
    while (line := lines.get(timeout=SECONDS)) is not None:
        said.append(line)
        if line.startswith("ready"):
            break
    return said
