"""A few worlds on PostgreSQL: what is true of one database is true of the other."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from redeem.models import Base
from tests.postgres import Cluster
from tests.simulation.report import report
from tests.simulation.run import Stage
from tests.simulation.server import Server
from tests.simulation.tablets import Tablets
from tests.simulation.tally import TALLY

SEEDS = range(6)


@pytest.fixture
def made(postgres_cluster: Cluster, postgres_url: str, tmp_path: Path) -> Iterator[Stage]:
    maintenance = create_engine(postgres_cluster.url.replace("postgresql://", "postgresql+psycopg://"))
    server, tablets = Server(postgres_url, tmp_path, maintenance), Tablets()

    def renew() -> None:
        Base.metadata.drop_all(server.database.engine)
        Base.metadata.create_all(server.database.engine)

    yield Stage(tablets, server, renew)
    tablets.close()
    server.stop()
    maintenance.dispose()
    postgres_cluster.drop_database(postgres_cluster.url_of(f"{server.database.engine.url.database}_backup"))


@pytest.mark.slow
def test_no_promise_is_broken_on_postgresql(made: Stage) -> None:
    broken = [report(outcome) for outcome in map(TALLY.note, map(made.run, SEEDS)) if outcome.faults]
    if broken:
        pytest.fail("\n\n".join(broken), pytrace=False)
