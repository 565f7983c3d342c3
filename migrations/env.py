"""Runs the migrations on the application's own engine. On SQLite tables are altered by copying (batch mode)."""

from alembic import context
from flask import current_app

from redeem.models import Base

engine = current_app.extensions["migrate"].db.engine


def run() -> None:
    with engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            render_as_batch=True,
            compare_type=True,
            compare_server_default=True,
        )
        with context.begin_transaction():
            context.run_migrations()
        connection.commit()


if context.is_offline_mode():
    raise SystemExit("Run migrations against a database: flask --app wsgi db upgrade")
run()
