"""Days as integers: the number of days since 2020-01-01. Tokens and tables store a day so."""

from datetime import date, timedelta

EPOCH = date(2020, 1, 1)


def to_day(moment: date) -> int:
    """Return the day number of a date."""
    return (moment - EPOCH).days


def to_date(day: int) -> date:
    """Return the date of a day number."""
    return EPOCH + timedelta(days=day)
