"""The cost of one durable write on this disk. Every other figure of a benchmark depends on it.

python -m bench.fsync [FOLDER]      default: where the project lies
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

WRITE_BYTES = 4096
WRITES = 500


@dataclass(frozen=True)
class FsyncCost:
    """Microseconds for appending 4 KiB and fsync."""

    median_us: float
    p95_us: float

    def __str__(self) -> str:
        per_second = 1_000_000 / self.median_us
        return (
            f"fsync of an appended 4 KiB: median {self.median_us:.0f} µs, p95 {self.p95_us:.0f} µs "
            f"({per_second:.0f} one after the other in a second)"
        )


def measure(folder: Path, writes: int = WRITES) -> FsyncCost:
    """Append and fsync `writes` times to a file in `folder`, which is removed again."""
    block = os.urandom(WRITE_BYTES)
    with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
        took = sorted(_append(file.fileno(), block) for _ in range(writes))
    return FsyncCost(statistics.median(took), took[int(writes * 0.95)])


def _append(file: int, block: bytes) -> float:
    began = time.perf_counter_ns()
    os.write(file, block)
    os.fsync(file)
    return (time.perf_counter_ns() - began) / 1000


if __name__ == "__main__":
    print(measure(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent))
