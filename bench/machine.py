"""The machine on which figures are measured, and the processor time that processes have used."""

import os
import platform
import sqlite3
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psycopg

from bench import fsync

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Machine:
    """The facts about a machine without which a figure of it means nothing."""

    at: str
    cpu: str
    cores: int
    load: float
    fsync_median_us: float
    fsync_p95_us: float
    system: str
    python: str
    sqlite: str
    postgresql: str
    granian: str

    def lines(self) -> list[str]:
        return [f"{name.replace('_', ' ')}: {value}" for name, value in asdict(self).items()]


def describe(folder: Path, postgres_url: str) -> Machine:
    """Describes the machine. `folder` is on the disk that holds the databases."""
    cost = fsync.measure(folder)
    with psycopg.connect(postgres_url) as connection:
        major = connection.info.server_version // 10_000
    return Machine(
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        cpu=processor(),
        cores=os.cpu_count() or 0,
        load=round(os.getloadavg()[0], 2),
        fsync_median_us=round(cost.median_us),
        fsync_p95_us=round(cost.p95_us),
        system=platform.platform(),
        python=platform.python_version(),
        sqlite=sqlite3.sqlite_version,
        postgresql=str(major),
        granian=version("granian"),
    )


def processor() -> str:
    named = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return named[0].partition(":")[2].strip() if named else platform.machine()


def worked_seconds(leaders: Iterable[int]) -> float:
    """Returns the processor time of these processes, of their process groups and of their children."""
    wanted, ticks = set(leaders), 0
    for folder in Path("/proc").iterdir():
        fields = stat_of(folder) if folder.name.isdigit() else []
        if fields and ({int(folder.name), int(fields[1]), int(fields[2])} & wanted):
            ticks += int(fields[11]) + int(fields[12])
    return ticks / TICKS_PER_SECOND


def stat_of(process: Path) -> list[str]:
    """Returns the fields of /proc/PID/stat: state, parent, process group and so on. Empty if the process has just ended."""
    try:
        return (process / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
