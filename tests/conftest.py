"""Fixtures for all tests.

stage     a fresh database with the cast in it (tests/cast.py); `@on_both_databases` runs a test on each kind
cast      who is in it
settings  made for it · app · client (Flask's, sends no key) · database (redeem.db.Database, for use cases)
counters  who stands there: tablet and south are of them · tills, by store: till is the north's · manager_id, the shop manager's
coupon    one that is good anywhere · vault, for backups of the database
"""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from jinja2 import FileSystemBytecodeCache
from sqlalchemy import Engine, create_engine, select
from werkzeug.routing import Rule

from redeem.app import create_app
from redeem.config import Settings, load_settings
from redeem.db.engine import Database, engine_options
from redeem.db.models.managers import Manager
from tests import books, factories
from tests.cast import Cast
from tests.counters import Counters
from tests.databases import Original, Stage, copy_postgres, copy_sqlite
from tests.factories import MOSCOW, SECRET, Issued
from tests.postgres import Cluster
from tests.tablets import Tablet
from tests.tills import Till, tills_of
from tests.vaults import Vault, vault_of

pytest_plugins = ["tests.conftest_postgres"]
MEMORY, MEMORY_BYTES_MIN = Path("/dev/shm"), 2 * 2**30
BROWSER_TESTS, SIMULATION = (Path(__file__).parent / name for name in ("browser", "simulation"))


def pytest_configure() -> None:
    """Tests have their files in memory, if the machine has such a place and room in it: none of them has the power cut.

    Where pytest is told to put them it does, and so do its workers.
    """
    if MEMORY.exists() and shutil.disk_usage(MEMORY).free > MEMORY_BYTES_MIN:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks what can be told from the test itself, before anything is left out by its marks; and begins with what takes long."""
    for item in items:
        if BROWSER_TESTS in item.path.parents:
            item.add_marker("browser")
        if SIMULATION in item.path.parents:
            item.add_marker("slow")
        if needs_postgres(item):
            item.add_marker("postgres")
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


def needs_postgres(item: pytest.Item) -> bool:
    """Whether it was parametrized by the kind of database, or uses a fixture of conftest_postgres."""
    parameters = item.callspec.params.values() if hasattr(item, "callspec") else ()
    return "postgresql" in map(str, parameters) or "postgres_cluster" in getattr(item, "fixturenames", ())


@pytest.fixture(scope="session", autouse=True)
def routes_are_compiled_once() -> Iterator[None]:
    """Werkzeug compiles each route of each application anew: that is nine tenths of making one."""
    anew: Callable[[Rule, bool], Any] = Rule._compile_builder
    compiled: dict[Any, Any] = {}

    def once(rule: Rule, append_unknown: bool = True) -> Any:
        key = (rule.rule, rule.subdomain, rule.host, str(rule.defaults), append_unknown)
        return compiled.get(key) or compiled.setdefault(key, anew(rule, append_unknown))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Rule, "_compile_builder", once)
        yield


@pytest.fixture(scope="session", autouse=True)
def statements_are_compiled_once() -> Iterator[None]:
    """SQLAlchemy compiles each statement anew for each engine: that is a third of what a test takes that has a database of its own."""
    caches: dict[str, CompiledOnce] = {}

    def of_its_kind(engine: Engine) -> CompiledOnce:
        return caches.setdefault(engine.dialect.name, CompiledOnce())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Engine, "_compiled_cache", property(of_its_kind, lambda *_: None), raising=False)
        yield


class CompiledOnce(dict[Any, Any]):
    """What is compiled, of whatever engine: a key's first part is the engine's dialect, and the caches are by kind of that."""

    def get(self, key: tuple[Any, ...], default: Any = None) -> Any:
        return super().get(key[1:], default)

    def __setitem__(self, key: tuple[Any, ...], compiled: Any) -> None:
        super().__setitem__(key[1:], compiled)


@pytest.fixture(scope="session")
def sqlite_original(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Cast]:
    path, original = tmp_path_factory.mktemp("original") / "redeem.sqlite", Original()
    original.fill(f"sqlite:///{path}")
    return path, original.cast


@pytest.fixture(scope="session")
def postgres_original() -> Original:
    return Original()


@pytest.fixture
def stage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stage]:
    if getattr(request, "param", "sqlite") == "sqlite":
        original, its_cast = request.getfixturevalue("sqlite_original")
        yield copy_sqlite(original, its_cast, tmp_path)
        return
    cluster: Cluster = request.getfixturevalue("postgres_cluster")
    made = copy_postgres(request.getfixturevalue("postgres_original"), cluster.copy_of)
    yield made
    cluster.drop_database(made.url)


@pytest.fixture
def cast(stage: Stage) -> Cast:
    return stage.cast


@pytest.fixture
def settings(stage: Stage, tmp_path: Path) -> Settings:
    return load_settings(
        secret_keys=SECRET,
        database_url=stage.url,
        base_url="http://localhost",
        instance_path=tmp_path,
        secure_cookies=False,
        time_zone=MOSCOW,
    )


@pytest.fixture(scope="session")
def compiled_templates(tmp_path_factory: pytest.TempPathFactory) -> FileSystemBytecodeCache:
    """Each template is compiled once, and not once for each application."""
    return FileSystemBytecodeCache(str(tmp_path_factory.mktemp("templates")))


@pytest.fixture
def app(settings: Settings, compiled_templates: FileSystemBytecodeCache) -> Iterator[Flask]:
    made = create_app(settings)
    made.jinja_env.bytecode_cache = compiled_templates
    made.testing = True
    yield made
    database: Database = made.extensions["redeem"].database
    database.close()
    database.engine.dispose()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def database(request: pytest.FixtureRequest, stage: Stage, settings: Settings) -> Iterator[Database]:
    """The application's own if the test uses that, too; otherwise one without an application, which is quicker to have."""
    if "app" in request.fixturenames:
        yield request.getfixturevalue("app").extensions["redeem"].database
        return
    url = settings.database_url
    made = Database(create_engine(url, **engine_options(url)))
    yield made
    made.close()
    made.engine.dispose()


@pytest.fixture
def the_books_are_right_in_the_end(database: Database) -> Iterator[None]:
    yield
    assert database.read(books.faults) == []


@pytest.fixture
def counters(database: Database, cast: Cast) -> Counters:
    return Counters(database, cast)


@pytest.fixture
def tablet(counters: Counters) -> Tablet:
    return counters.tablet


@pytest.fixture
def south(counters: Counters) -> Tablet:
    return counters.south


@pytest.fixture
def tills(database: Database, cast: Cast) -> dict[str, Till]:
    return tills_of(database, cast)


@pytest.fixture
def till(tills: dict[str, Till]) -> Till:
    return tills["north"]


@pytest.fixture
def coupon(database: Database, cast: Cast) -> Issued:
    return database.write(lambda session: factories.coupon(session, cast.anywhere))


@pytest.fixture
def manager_id(database: Database) -> str:
    return database.read(lambda db: db.scalars(select(Manager.id).where(Manager.role == "shop_manager")).one())


@pytest.fixture
def vault(database: Database, request: pytest.FixtureRequest) -> Iterator[Vault]:
    """Where the database is backed up to, and put back from."""
    if database.is_sqlite:
        yield vault_of(database, None)
        return
    cluster = request.getfixturevalue("postgres_cluster")
    engine = create_engine(cluster.url.replace("postgresql://", "postgresql+psycopg://"))
    yield vault_of(database, engine)
    engine.dispose()
    cluster.drop_database(cluster.url_of(f"{database.engine.url.database}_backup"))
