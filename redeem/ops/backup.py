"""Backups of an SQLite database, taken while it is in use, and looked at before they are called one."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from redeem.lib.errors import RedeemError
from redeem.lib.files import ONLY_OWNER

PAGES_PER_STEP = 2_000  # the writer gets its turn between two steps


class BadBackup(RedeemError):
    """The copy is not sound; it was removed."""

    code = "bad_backup"


def copy_sqlite(source: Path, copy: Path) -> int:
    """A sound copy of one moment of the database, only for this user to read; answers its size in bytes.

    Raises FileExistsError rather than overwrite, and BadBackup if the copy doesn't pass SQLite's own check.
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
    # One plain file to carry away, not three: the copy must not need a write-ahead log beside it.
    connection.execute("PRAGMA journal_mode=DELETE")
    found = [row[0] for row in connection.execute("PRAGMA integrity_check")]
    if found != ["ok"]:
        raise BadBackup(f"The copy is not sound, and was removed. SQLite says: {found[0]}")


def make_durable(file: Path) -> None:
    for path in (file, file.parent):
        descriptor = os.open(path, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)
