"""The layers: imports point down only. A new module goes into one of the tables below, or a test fails."""

from collections.abc import Mapping
from pathlib import Path
from posixpath import dirname

import pytest

from tests.imports import (
    Layer,
    clocks,
    cycles,
    escapes,
    forbidden,
    homeless,
    not_relative,
    python_imports,
    resolved,
    script_imports,
    upward,
    uses,
    vanished,
)

ROOT = Path(__file__).parent.parent
DATABASE = ("sqlalchemy", "alembic", "psycopg", "sqlite3", "flask_sqlalchemy", "flask_migrate")
WEB = ("flask", "flask_*", "apiflask", "werkzeug", "jinja2", "granian")


def modules(package: str, names: str) -> tuple[str, ...]:
    return tuple(f"{package}.{name}" for name in names.split())


# From the bottom up. A layer may import from itself, if that makes no cycle, and from those below it.
PYTHON = [
    Layer(
        "core",
        modules(
            "redeem",
            "apikeys bitmaps charts codes config csvfile errors files ids journal keys links money passwords"
            " qr rules sheet strictjson terms times tokens",
        ),
        must_not_import=DATABASE + WEB,
        reads_clock=False,
    ),
    Layer("storage", modules("redeem", "columns db ledger models office_models sql"), must_not_import=WEB),
    Layer(
        "use cases",
        modules(
            "redeem",
            "acts admitting adopting auditing briefing deciding enrolling entries generations holding homing idempotency inquiring issuing"
            " keeping listing managing moving overseeing quarantining recovering restoring snapshots verifying writing_off"
            " adding_up changing confirming planning simulating voiding"
            " appointing forgotten inviting resetting reviewing"
            " paging partnering presuming recognising redeeming reporting settling showing signing_in siblings staffing syncing throttling",
        ),
        must_not_import=WEB,
        reads_clock=False,
    ),
    Layer(
        "edge",
        (
            "redeem.web",
            *modules(
                "redeem.web",
                "api assets auth clerk context cookies coupons docs front headers health languages logs openapi problems reading shapes"
                " shop shop_shapes signatures statement_shapes till till_recovery till_shapes urls",
            ),
            *modules("redeem.web", "manager pictures public"),
            *modules(
                "redeem.web.manager",
                "campaign_form campaigns confirming coupons desk devices door filters forms guard keys losses overview"
                " places previews simulator statements tables telling voids words"
                " audit clerks invitations people resets",
            ),
        ),
        must_not_import=(*DATABASE, "redeem.models", "redeem.ledger"),
    ),
    Layer(
        "assembly",
        (
            "redeem",
            "wsgi",
            *modules("redeem", "backup cli commands demo doctor serving tls"),
            *modules("redeem.commands", "issue keys managers plainly restore"),
            *modules(
                "redeem.demo",
                "cast command crowd desks history notes offers printing samples seeding starting",
            ),
        ),
    ),
]
PYTHON_ALLOWED = {
    ("redeem.web.context", "flask_sqlalchemy"),  # binds the engine and the tables to the application, and nothing more
    ("redeem.web.context", "flask_migrate"),
    ("redeem.web.context", "redeem.models"),
    ("redeem.web.context", "sqlalchemy.orm"),
}
CLOCK_ALLOWED = {"redeem.ids"}  # an id's time only keeps neighbours together in an index

# Here a type in a comment counts as an import: what is below may not depend on the shape of what is above either.
# A layer is its folders, so a new file in one of them needs no entry.
SCRIPTS = [
    Layer("domain", ("static/clerk/domain",)),
    Layer("knowledge", ("static/clerk/knowledge",)),
    Layer("device", ("static/clerk/scanning", "static/clerk/storage", "static/clerk/view")),
    Layer("server", ("static/clerk/server",)),
    Layer("counter", ("static/clerk/counter",)),
    Layer("pages", ("static/clerk", "static/docs", "static/manager")),
]
PURE_FOLDERS = ("static/clerk/domain", "static/clerk/knowledge")
PURE_SCRIPTS = (
    "static/clerk/counter/explain.js",
    "static/clerk/storage/records.js",
    "static/clerk/view/strings.js",
    "static/clerk/view/words.js",
)
BROWSER = [
    *("document", "window", "navigator", "fetch", "indexedDB", "localStorage", "sessionStorage"),
    *("performance", "setTimeout", "setInterval", "Date.now", "Math.random"),
]


def name_of(path: Path) -> str:
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    return name.removesuffix(".__init__")


def by_folder(imports: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """Return which other folders each folder's scripts import from."""
    folders: dict[str, set[str]] = {dirname(script): set() for script in imports}
    for script, others in imports.items():
        folders[dirname(script)] |= {dirname(other) for other in others} - {dirname(script)}
    return folders


def is_there(script: Path) -> bool:
    """A type may come from a declaration alone."""
    return script.is_file() or script.with_suffix(".d.ts").is_file()


SOURCES = {name_of(path): path.read_text() for path in [*(ROOT / "redeem").rglob("*.py"), ROOT / "wsgi.py"]}
IMPORTS = {name: python_imports(name, source, SOURCES) for name, source in SOURCES.items()}
SCRIPT_SOURCES = {
    path.relative_to(ROOT).as_posix(): path.read_text()
    for path in (ROOT / "static").rglob("*.js")
    if "vendor" not in path.parts
}
SCRIPT_IMPORTS = {name: resolved(name, script_imports(source)) for name, source in SCRIPT_SOURCES.items()}
FOLDER_IMPORTS = by_folder(SCRIPT_IMPORTS)


def test_every_module_has_a_layer():
    assert homeless(SOURCES, PYTHON) == []
    assert vanished(SOURCES, PYTHON) == []


def test_imports_point_down():
    assert upward(IMPORTS, PYTHON) == []


def test_no_layer_imports_what_it_must_not_know():
    assert forbidden(IMPORTS, PYTHON, PYTHON_ALLOWED) == []


def test_no_imports_go_round_in_a_circle():
    assert cycles(IMPORTS) == []


@pytest.mark.parametrize("module", SOURCES)
def test_no_import_hides(module):
    assert escapes(module, SOURCES[module]) == []


@pytest.mark.parametrize(
    "module", [name for layer in PYTHON if not layer.reads_clock for name in layer.modules if name in SOURCES]
)
def test_core_and_use_cases_are_told_the_time(module):
    assert module in CLOCK_ALLOWED or clocks(module, SOURCES[module]) == []


def test_every_folder_of_scripts_has_a_layer():
    assert homeless(FOLDER_IMPORTS, SCRIPTS) == []
    assert vanished(FOLDER_IMPORTS, SCRIPTS) == []


def test_scripts_import_downwards_without_circles():
    assert upward(FOLDER_IMPORTS, SCRIPTS) == []
    assert cycles(FOLDER_IMPORTS) == []
    assert cycles(SCRIPT_IMPORTS) == []


@pytest.mark.parametrize("script", SCRIPT_SOURCES)
def test_scripts_import_only_files_that_are_there(script):
    assert not_relative(script, script_imports(SCRIPT_SOURCES[script])) == []
    assert [name for name in SCRIPT_IMPORTS[script] if not is_there(ROOT / name)] == []


@pytest.mark.parametrize("script", [*(name for name in SCRIPT_SOURCES if dirname(name) in PURE_FOLDERS), *PURE_SCRIPTS])
def test_pure_scripts_touch_neither_browser_nor_clock(script):
    assert uses(BROWSER)(script, SCRIPT_SOURCES[script]) == []
