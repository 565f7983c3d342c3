"""Stages on PostgreSQL: with one serving process, or with a pair."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import create_engine

from redeem.db.base import Base
from tests import postgres
from tests.postgres import Cluster
from tests.simulation.pair import Pair
from tests.simulation.run import MEMORY, Stage
from tests.simulation.server import Server
from tests.simulation.tablets import Tablets

PAIR = " --pair"


@contextmanager
def stage_on(cluster: Cluster, kind: type[Server]) -> Iterator[Stage]:
    """On a database of its own. `kind`: Server or Pair."""
    with TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder, ExitStack() as after:
        url = cluster.new_database("worlds")
        after.callback(cluster.drop_database, url)
        maintenance = create_engine(cluster.url.replace("postgresql://", "postgresql+psycopg://"))
        after.callback(maintenance.dispose)
        tablets = Tablets()
        after.callback(tablets.close)
        server = kind(url, Path(folder), maintenance)
        after.callback(server.close)
        after.callback(cluster.drop_database, f"{url}_backup")

        def renew() -> None:
            server.stop()
            Base.metadata.drop_all(server.database.engine)
            Base.metadata.create_all(server.database.engine)

        yield Stage(tablets, server, renew, PAIR if kind is Pair else "")


@contextmanager
def stage_of_a_pair() -> Iterator[Stage]:
    """On a PostgreSQL server of its own."""
    cluster = postgres.start(MEMORY if MEMORY.is_dir() else None)
    try:
        with stage_on(cluster, Pair) as made:
            yield made
    finally:
        cluster.stop()
