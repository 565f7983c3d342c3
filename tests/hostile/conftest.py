"""The scene of every lie, on the database of the test."""

import pytest
from flask import Flask

from redeem.db.engine import Database
from tests.cast import Cast
from tests.hostile.scene import Scene
from tests.vaults import Vault


@pytest.fixture
def scene(app: Flask, database: Database, cast: Cast, vault: Vault, manager_id: str) -> Scene:
    return Scene(app, database, cast, vault, manager_id)
