"""When an endpoint that fails is tried again, and when it has failed for too long.

The pauses grow, so that a receiver that is down for a minute hears soon, and one that is down for a day is not asked a thousand times.
Each is longer or shorter by a fifth at random, so that endpoints that failed together don't come back together.
"""

from redeem.lib.times import MS_PER_DAY, MS_PER_MINUTE, Ms

MS_PER_SECOND, MS_PER_HOUR = 1_000, 60 * MS_PER_MINUTE
PAUSES_MS = (
    5 * MS_PER_SECOND,
    30 * MS_PER_SECOND,
    2 * MS_PER_MINUTE,
    10 * MS_PER_MINUTE,
    30 * MS_PER_MINUTE,
    MS_PER_HOUR,
    2 * MS_PER_HOUR,
    4 * MS_PER_HOUR,
    6 * MS_PER_HOUR,
)
JITTER = 0.2
LONGEST_PAUSE_MS = round(PAUSES_MS[-1] * (1 + JITTER))
GIVE_UP_MS = 3 * MS_PER_DAY
GIVE_UP_FAILURES = len(PAUSES_MS)  # a server that was itself down for three days has not tried often enough to judge


def pause_ms(failures: int, chance: float) -> Ms:
    """Return how long to wait after so many failures in a row, counted from 1. `chance` is from 0 to 1."""
    pause = PAUSES_MS[min(failures, len(PAUSES_MS)) - 1]
    return round(pause * (1 - JITTER + 2 * JITTER * chance))


def gives_up(failing_since: Ms, failures: int, now: Ms) -> bool:
    """Return whether an endpoint has failed for so long that it is disabled."""
    return now - failing_since >= GIVE_UP_MS and failures >= GIVE_UP_FAILURES
