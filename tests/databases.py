"""The databases that tests run on: for each test a copy of one that holds the cast.

Most tests run on SQLite alone. `@on_both_databases` is for those that are about the database.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from redeem.db.base import Base
from redeem.db.engine import Database
from tests.cast import Cast, assemble

on_postgresql = pytest.mark.parametrize("stage", ["postgresql"], indirect=True)
on_both_databases = pytest.mark.parametrize("stage", ["sqlite", "postgresql"], indirect=True)


@dataclass(frozen=True, slots=True)
class Stage:
    """A database of the test's own, and who is in it."""

    url: str
    cast: Cast


@dataclass
class Original:
    """The database that is copied. `fill` makes the tables and the cast in an empty one."""

    casts: list[Cast] = field(default_factory=list)

    def fill(self, url: str) -> None:
        database = Database(create_engine(url.replace("postgresql://", "postgresql+psycopg://")))
        Base.metadata.create_all(database.engine)
        self.casts.append(database.write(assemble))
        database.close()
        database.engine.dispose()

    @property
    def cast(self) -> Cast:
        return self.casts[0]


def copy_sqlite(original: Path, cast: Cast, folder: Path) -> Stage:
    copy = folder / "redeem.sqlite"
    shutil.copyfile(original, copy)
    return Stage(f"sqlite:///{copy}", cast)


def copy_postgres(original: Original, copy_of: Callable[[str, Callable[[str], None]], str]) -> Stage:
    url = copy_of("cast", original.fill)
    return Stage(url, original.cast)
