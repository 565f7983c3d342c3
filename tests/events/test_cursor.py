"""A cursor as it is written: whatever a server of ours wrote is read again, and nothing else is."""

import pytest

from redeem.events.reader import Cursor, Moment, read_cursor

CURSORS = [
    Cursor(1, 0),
    Cursor(2, 123_456_789, Moment(40, (38, 31)), Moment(40, (38, 31))),
    Cursor(2, 5, Moment(40), Moment(51, (50,)), 17),
    Cursor(2, 5, Moment(0), Moment(9_223_372_036), 0),
]


@pytest.mark.parametrize("cursor", CURSORS, ids=str)
def test_a_cursor_is_read_as_it_was_written(cursor):
    assert read_cursor(str(cursor)) == cursor


@pytest.mark.parametrize(
    "written",
    ["", "1", "1.2", "1.2.3.4", "x.1.0", "1.-1.0", "1.0.5-", "1.0.²", "1.0.5.6.", "1.0." + "9" * 19, "1.0.5\n"],
)
def test_what_no_server_of_ours_writes_is_no_cursor(written):
    assert read_cursor(written) is None


def test_a_moment_is_that_of_postgresqls_snapshot():
    assert Moment.of_snapshot("10:20:10,14,19") == Moment(20, (19, 14, 10))
    assert Moment.of_snapshot("20:20:") == Moment(20)
    assert Moment.of_snapshot("10:20:10,14,19").begin == 10
    assert str(Moment(20, (19, 14, 10))) == "20-1-6-10"
