"""Runs the migrations on the application's own engine, all in one transaction. On SQLite tables are altered by copying (batch mode)."""

from alembic import context
from flask import current_app
from sqlalchemy import Connection

from redeem.db.base import Base

engine = current_app.extensions["migrate"].db.engine


def run() -> None:
    with engine.connect() as connection:
        let_tables_be_made_anew(connection)
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            render_as_batch=True,
            transactional_ddl=True,  # SQLite can, too, since we begin our transactions ourselves
            compare_type=True,
            compare_server_default=True,
        )
        with context.begin_transaction():
            context.run_migrations()
            refuse_broken_references(connection)
        connection.invalidate()  # it no longer keeps our promises: nobody else may have it


def let_tables_be_made_anew(connection: Connection) -> None:
    """SQLite drops the old table when its rows are in the new one; what refers to them must not mind in between.

    It listens to this before a transaction alone, so it is told by way of the driver, which begins none.
    """
    if connection.dialect.name == "sqlite":
        connection.connection.cursor().execute("PRAGMA foreign_keys=OFF")


def refuse_broken_references(connection: Connection) -> None:
    """Looks at every reference, as the database itself would have."""
    if connection.dialect.name == "sqlite":
        broken = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
        if broken:
            raise SystemExit(f"Nothing was migrated: foreign key references would break: {broken[:5]}")


if context.is_offline_mode():
    raise SystemExit("Run migrations against a database: flask --app wsgi db upgrade")
run()
