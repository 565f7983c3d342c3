"""Reports of figures: as Markdown for people, as JSON for programs."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.load import Measured
from bench.machine import Machine

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True, slots=True)
class Line:
    """One measurement. `server_cpu_ms`: processor time of server and database per request."""

    database: str
    task: str
    connections: int
    measured: Measured
    server_cpu_ms: float
    bare_per_second: float | None = None

    def cells(self) -> list[str]:
        figures, bare = self.measured, self.bare_per_second
        return [
            self.database,
            self.task,
            str(self.connections),
            f"{figures.per_second:,.0f}",
            f"{figures.p50_ms:.1f}",
            f"{figures.p95_ms:.1f}",
            f"{figures.p99_ms:.1f}",
            f"{self.server_cpu_ms:.2f}",
            f"{bare:,.0f} ({figures.per_second / bare:.2f})" if bare else "",
        ]


@dataclass(frozen=True, slots=True)
class RaceResult:
    """The outcome of a race: several clients redeem each coupon at once."""

    database: str
    coupons: int
    clients: int
    given_once: int
    given_twice: int
    errors: int
    seconds: float

    def __str__(self) -> str:
        return (
            f"{self.database}: {self.clients} clients at each of {self.coupons} coupons: {self.given_once} given once, "
            f"{self.given_twice} twice, {self.errors} errors, in {self.seconds:.1f} s"
        )


HEAD = [
    "database",
    "task",
    "connections",
    "per second",
    "p50 ms",
    "p95 ms",
    "p99 ms",
    "server CPU ms",
    "bare database (ratio)",
]


def table(lines: Iterable[Line]) -> str:
    """Returns the lines as a table in Markdown."""
    rows = [HEAD, ["---", "---", *["---:"] * (len(HEAD) - 2)], *(line.cells() for line in lines)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def keep(machine: Machine, lines: Sequence[Line], races: Sequence[RaceResult]) -> Path:
    """Writes the report as JSON, and returns the file's path."""
    told = {
        "machine": asdict(machine),
        "lines": [asdict(line) | {"per_second": line.measured.per_second} for line in lines],
        "races": [asdict(race) for race in races],
    }
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{machine.at.replace(':', '')}.json"
    path.write_text(json.dumps(told, indent=1) + "\n")
    return path
