"""What the import contracts in pyproject.toml do not say: who may read the clock, that no import hides, and the scripts' layers."""

from collections.abc import Mapping
from pathlib import Path
from posixpath import dirname

import pytest

from redeem.lib.files import ROOT
from tests.house.imports import (
    Layer,
    clocks,
    cycles,
    escapes,
    homeless,
    matches,
    not_relative,
    resolved,
    script_imports,
    upward,
    uses,
    vanished,
)


def modules(package: str, names: str) -> tuple[str, ...]:
    return tuple(f"{package}.{name}" for name in names.split())


# What asks for the time at most in the assembly and at the edge; all others are told it.
READS_CLOCK = ("wsgi", *modules("redeem", "app cli config demo ops web backup doctor serving tls commands"))
CLOCK_ALLOWED = {"redeem.lib.ids"}  # an id's time only keeps neighbours together in an index

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
SCRIPT_SOURCES = {
    path.relative_to(ROOT).as_posix(): path.read_text()
    for path in (ROOT / "static").rglob("*.js")
    if "vendor" not in path.parts
}
SCRIPT_IMPORTS = {name: resolved(name, script_imports(source)) for name, source in SCRIPT_SOURCES.items()}
FOLDER_IMPORTS = by_folder(SCRIPT_IMPORTS)


@pytest.mark.parametrize("module", SOURCES)
def test_no_import_hides(module):
    assert escapes(module, SOURCES[module]) == []


@pytest.mark.parametrize("module", [name for name in SOURCES if not matches(name, READS_CLOCK)])
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
