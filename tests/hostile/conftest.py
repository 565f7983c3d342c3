"""The scene of every lie, on the database of the test."""

from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import create_engine

from redeem.db.engine import Database
from tests.cast import Cast
from tests.hostile.scene import Scene
from tests.vaults import Vault, vault_of


@pytest.fixture
def vault(database: Database, request: pytest.FixtureRequest) -> Iterator[Vault]:
    if database.is_sqlite:
        yield vault_of(database, None)
        return
    cluster = request.getfixturevalue("postgres_cluster")
    engine = create_engine(cluster.url.replace("postgresql://", "postgresql+psycopg://"))
    yield vault_of(database, engine)
    engine.dispose()
    cluster.drop_database(cluster.url_of(f"{database.engine.url.database}_backup"))


@pytest.fixture
def scene(app: Flask, database: Database, cast: Cast, vault: Vault, manager_id: str) -> Scene:
    return Scene(app, database, cast, vault, manager_id)
