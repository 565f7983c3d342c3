"""Migrations: from an empty database to the tables of the models and back, on both databases. A recreated table loses no row."""

import shutil

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask_migrate import downgrade, upgrade
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.exc import IntegrityError

from redeem.app import create_app
from redeem.config import load_settings
from redeem.db.base import Base
from redeem.lib.files import ROOT
from tests import factories
from tests.books import faults
from tests.cast import assemble
from tests.factories import SECRET
from tests.tills import tills_of

MIGRATIONS = ROOT / "migrations"
ANEW = '''
"""Changes the table of stores, which on SQLite recreates it."""
import sqlalchemy as sa
from alembic import op

revision, down_revision, branch_labels, depends_on = "9999", {head!r}, None, None

def upgrade():
    with op.batch_alter_table("store") as batch:
        batch.alter_column("name", type_=sa.String(300), existing_nullable=False)
        batch.add_column(sa.Column("telephone", sa.String(40)))
    {more}

def downgrade():
    pass
'''


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request, tmp_path):
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/empty.sqlite"
    return request.getfixturevalue("postgres_url")


@pytest.fixture
def app(empty_url, tmp_path):
    """The application on an empty database."""
    made = create_app(load_settings(secret_keys=(SECRET,), database_url=empty_url, instance_path=tmp_path))
    with made.app_context():
        yield made
    tools = made.extensions["redeem"]
    tools.database.close()
    tools.database.engine.dispose()


@pytest.fixture
def database(app):
    return app.extensions["redeem"].database


def head():
    (only,) = ScriptDirectory(str(MIGRATIONS)).get_heads()
    return only


def shape(engine):
    """Describe all tables of a database, so that two can be compared. Alembic's own comparison ignores checks and partial indexes."""
    inspector = inspect(engine)
    return {
        name: {
            "columns": {c["name"]: (str(c["type"]), c["nullable"], c["default"]) for c in inspector.get_columns(name)},
            "primary key": inspector.get_pk_constraint(name),
            "foreign keys": sorted(map(repr, inspector.get_foreign_keys(name))),
            "unique": sorted(map(repr, inspector.get_unique_constraints(name))),
            "checks": sorted(map(repr, inspector.get_check_constraints(name))),
            "indexes": sorted(
                repr((i["name"], i["column_names"], i["unique"], where(i))) for i in inspector.get_indexes(name)
            ),
        }
        for name in inspector.get_table_names()
        if name != "alembic_version"
    }


def where(index):
    return [str(condition) for name, condition in index.get("dialect_options", {}).items() if name.endswith("_where")]


def test_there_is_one_head():
    assert head()


def test_they_make_the_tables_of_the_models(app, database):
    upgrade(str(MIGRATIONS))
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, Base.metadata) == []


def test_they_make_every_constraint_as_the_models_do(app, database, tmp_path, request):
    upgrade(str(MIGRATIONS))
    if database.is_sqlite:
        url = f"sqlite:///{tmp_path}/other.sqlite"
    else:
        url = (
            request.getfixturevalue("postgres_cluster").new_database().replace("postgresql://", "postgresql+psycopg://")
        )
    other = create_engine(url)
    Base.metadata.create_all(other)
    assert shape(database.engine) == shape(other)
    other.dispose()


def test_the_migrated_database_works(app, database):
    upgrade(str(MIGRATIONS))
    cast = database.write(assemble)
    coupon = database.write(lambda session: factories.coupon(session, cast.anywhere))
    tills = tills_of(database, cast)
    assert [tills[name].redeem(coupon).code for name in ("north", "south")] == ["redeemed", "already_redeemed"]
    assert database.read(faults) == []


def test_downgrade_leaves_nothing(app, database):
    upgrade(str(MIGRATIONS))
    downgrade(str(MIGRATIONS), revision="base")
    assert shape(database.engine) == {}
    upgrade(str(MIGRATIONS))
    assert set(shape(database.engine)) == set(Base.metadata.tables)


def test_a_second_upgrade_changes_nothing(app, database):
    upgrade(str(MIGRATIONS))
    before = shape(database.engine)
    upgrade(str(MIGRATIONS))
    assert shape(database.engine) == before


def with_one_more(folder, more="pass"):
    """Copy the migrations, and add one that recreates a table with references to it."""
    copy = shutil.copytree(MIGRATIONS, folder / "migrations")
    (copy / "versions" / "9999_anew.py").write_text(ANEW.format(head=head(), more=more))
    return str(copy)


def test_a_table_that_is_recreated_keeps_its_rows_and_references_to_them(app, database, tmp_path):
    upgrade(str(MIGRATIONS))
    cast = database.write(assemble)
    coupon = database.write(lambda session: factories.coupon(session, cast.anywhere))
    tills_of(database, cast)["north"].redeem(coupon)
    upgrade(with_one_more(tmp_path))
    assert database.read(lambda session: session.scalar(text("SELECT count(*) FROM store"))) == 3
    assert tills_of(database, cast)["south"].redeem(coupon).code == "already_redeemed"
    assert database.read(faults) == []
    if database.is_sqlite:
        assert database.read(lambda session: session.scalar(text("PRAGMA foreign_keys"))) == 1


def test_a_migration_that_breaks_a_reference_is_rolled_back(app, database, tmp_path):
    upgrade(str(MIGRATIONS))
    cast = database.write(assemble)
    folder = with_one_more(tmp_path, more="op.execute(\"DELETE FROM store WHERE name LIKE '%station'\")")
    with pytest.raises((SystemExit, IntegrityError), match=r"(?i)foreign key"):
        upgrade(folder)
    assert database.read(lambda session: session.scalar(text("SELECT count(*) FROM store"))) == 3
    assert "telephone" not in {column["name"] for column in inspect(database.engine).get_columns("store")}
    assert tills_of(database, cast)["annex"].actor.store_id == cast.annex
