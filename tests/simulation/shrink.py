"""Shrinking: finds the shortest part of a schedule that still breaks a promise."""

import time
from collections.abc import Callable, Sequence

from tests.simulation.happenings import Happening

SECONDS_MAX = 120.0


def shrink(
    schedule: Sequence[Happening], breaks: Callable[[Sequence[Happening]], bool], seconds: float = SECONDS_MAX
) -> list[Happening]:
    """Leaves parts out, half of it first, then ever smaller ones, until no single one can be left out or the time is up."""
    end = time.monotonic() + seconds
    kept, size = list(schedule), len(schedule)
    while size > 0:
        before = len(kept)
        kept = without_parts(kept, size, breaks, end)
        if time.monotonic() > end:
            return kept
        # What could not be left out before may be superfluous now.
        size = size if len(kept) < before and size == 1 else size // 2
    return kept


def without_parts(
    kept: list[Happening], size: int, breaks: Callable[[Sequence[Happening]], bool], end: float
) -> list[Happening]:
    """From the end to the beginning: what comes late is mostly what happened after the harm was done."""
    for start in range((len(kept) - 1) // size * size, -1, -size):
        fewer = kept[:start] + kept[start + size :]
        if time.monotonic() <= end and breaks(fewer):
            kept = fewer
    return kept
