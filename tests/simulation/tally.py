"""The sums of a run: worlds, scans and time."""

import time
from dataclasses import dataclass, field

from tests.simulation.run import Outcome


@dataclass
class Tally:
    worlds: int = 0
    scans: int = 0
    broken: int = 0
    began: float = field(default_factory=time.monotonic)

    def note(self, outcome: Outcome) -> Outcome:
        self.worlds += 1
        self.scans += outcome.scans
        self.broken += bool(outcome.faults)
        return outcome

    def __str__(self) -> str:
        minutes = (time.monotonic() - self.began) / 60
        return f"{self.worlds:,} worlds, {self.scans:,} scans, {minutes:.1f} minutes, {self.broken} broke a promise"


# Of all that is run with every guard in its place.
TALLY = Tally()
