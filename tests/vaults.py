"""Backups in tests: the whole database at one moment, put back later in the place of what it has become."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import make_url, text
from sqlalchemy.engine import Engine

from redeem.db.engine import Database
from redeem.ops import backup


@dataclass
class Vault:
    """`back_up()` keeps the database as it is, `put_back()` makes it that again. Whoever uses it goes on with the same Database.

    There may be several copies, of other names.
    """

    database: Database
    back_up: Callable[..., None]
    put_back: Callable[..., None]


def vault_of(database: Database, maintenance: Engine | None) -> Vault:
    """`maintenance` is of another database of the same PostgreSQL server; None on SQLite."""
    return postgres_vault(database, maintenance) if maintenance is not None else sqlite_vault(database)


def sqlite_vault(database: Database) -> Vault:
    live = Path(str(database.engine.url.database))

    def copy(name: str) -> Path:
        return live.with_name(f"{name}.sqlite")

    def put_back(name: str = "backup") -> None:
        database.engine.dispose()
        for leftover in (live, live.with_name(f"{live.name}-wal"), live.with_name(f"{live.name}-shm")):
            leftover.unlink(missing_ok=True)
        shutil.copyfile(copy(name), live)

    def back_up(name: str = "backup") -> None:
        copy(name).unlink(missing_ok=True)
        backup.copy_sqlite(live, copy(name))

    return Vault(database, back_up, put_back)


def postgres_vault(database: Database, maintenance: Engine) -> Vault:
    live = str(make_url(str(database.engine.url)).database)

    def make(new: str, of: str) -> None:
        database.engine.dispose()  # PostgreSQL copies only databases that nobody uses
        with maintenance.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text(f'DROP DATABASE IF EXISTS "{new}" WITH (FORCE)'))
            connection.execute(text(f'CREATE DATABASE "{new}" TEMPLATE "{of}"'))

    def back_up(name: str = "backup") -> None:
        make(f"{live}_{name}", live)

    def put_back(name: str = "backup") -> None:
        make(live, f"{live}_{name}")

    return Vault(database, back_up, put_back)
