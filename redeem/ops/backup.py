"""Backs an SQLite database up while it is in use, and checks the copy."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from redeem.lib.errors import RedeemError
from redeem.lib.files import ONLY_OWNER

PAGES_PER_STEP = 2_000  # between two steps other connections can write


class BadBackup(RedeemError):
    """The copy did not pass SQLite's integrity check, and was removed."""

    code = "bad_backup"


def copy_sqlite(source: Path, copy: Path) -> int:
    """Copies the database as it is at one moment. Returns the copy's size in bytes. Only this user may read the copy.

    Raises FileExistsError if the file exists, and BadBackup if the copy does not pass SQLite's integrity check.
    """
    os.close(os.open(copy, os.O_CREAT | os.O_EXCL | os.O_WRONLY, ONLY_OWNER))
    try:
        with closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True)) as old, closing(sqlite3.connect(copy)) as new:
            old.backup(new, pages=PAGES_PER_STEP)
            check(new)
    except BaseException:
        copy.unlink()
        raise
    make_durable(copy)
    return copy.stat().st_size


def check(connection: sqlite3.Connection) -> None:
    # The copy must be one file, without a write-ahead log beside it.
    connection.execute("PRAGMA journal_mode=DELETE")
    found = [row[0] for row in connection.execute("PRAGMA integrity_check")]
    if found != ["ok"]:
        raise BadBackup(f"The copy is not sound, and was removed. SQLite says: {found[0]}")


def make_durable(file: Path) -> None:
    for path in (file, file.parent):
        descriptor = os.open(path, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)
