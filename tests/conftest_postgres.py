"""PostgreSQL fixtures. They fail, and never skip, where there is no PostgreSQL."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import postgres


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[postgres.Cluster]:
    """One server for the whole run: REDEEM_TEST_POSTGRES_URL's, or our own. Tests kill programs; none cuts the power.

    Its files are where all of a run's are: in memory, if there is room. A test's database is some 300 files, which take 25 times as long
    to make on a disk.
    """
    place = os.environ.get("PYTEST_DEBUG_TEMPROOT")
    cluster = postgres.start(Path(place) if place else None, survives_power_loss=False)
    yield cluster
    cluster.stop()


@pytest.fixture
def postgres_url(postgres_cluster: postgres.Cluster) -> Iterator[str]:
    """The URL of a fresh, empty database."""
    url = postgres_cluster.new_database()
    yield url
    postgres_cluster.drop_database(url)
