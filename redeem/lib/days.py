"""Days as integers: days since 2020-01-01."""

from datetime import date, timedelta

EPOCH = date(2020, 1, 1)


def to_day(moment: date) -> int:
    """Count the days since 2020-01-01."""
    return (moment - EPOCH).days


def to_date(day: int) -> date:
    """Return the date of a day number."""
    return EPOCH + timedelta(days=day)
