"""Times: integers of milliseconds since 1970 in UTC. Converts them to a store's calendar and to text. Nothing here reads the clock."""

from datetime import UTC, date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from redeem.lib.days import to_day

Ms = int
MS_PER_MINUTE = 60_000
MS_PER_DAY = 86_400_000

# In the database, and no places: a tablet would be told the name of what this computer is set to.
OF_THIS_COMPUTER = {"Factory", "localtime", "posixrules"}


def local_date(at: Ms, zone: str) -> date:
    """Return the calendar date at `at` in the IANA time zone `zone`."""
    return datetime.fromtimestamp(at / 1000, _zone(zone)).date()


def local_day(at: Ms, zone: str) -> int:
    """Return the day number (see days.py) at `at` in the IANA time zone `zone`."""
    return to_day(local_date(at, zone))


def rfc3339(at: Ms) -> str:
    """Format a time, such as 2026-11-21T09:30:00.123Z."""
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def is_zone(name: str) -> bool:
    """Return whether `name` is an IANA time zone of this computer's database that browsers know, too."""
    if name in OF_THIS_COMPUTER:
        return False
    try:
        _zone(name)
    except (KeyError, ValueError, OSError):
        return False
    return True


def zones() -> list[str]:
    """Return the names of all time zones, in order."""
    return sorted(available_timezones() - OF_THIS_COMPUTER)


@lru_cache(maxsize=1000)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)
