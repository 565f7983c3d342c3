"""The architecture test would notice: each check, fed a program that breaks what it guards."""

import pytest

from tests.house import imports
from tests.house.imports import Layer

LAYERS = [
    Layer("core", ("shop.rules",), must_not_import=("flask", "sqlalchemy")),
    Layer("use cases", ("shop.issuing", "shop.voiding")),
    Layer("assembly", ("shop",)),
]
KNOWN = {"shop", "shop.rules", "shop.issuing", "shop.voiding"}


def read(**sources: str) -> dict[str, set[str]]:
    named = {f"shop.{name}": source for name, source in sources.items()}
    return {name: imports.python_imports(name, source, KNOWN) for name, source in named.items()}


@pytest.mark.parametrize(
    "source",
    ["from shop import issuing", "from shop.issuing import issue", "import shop.issuing", "from . import issuing"],
)
def test_an_import_that_points_up_is_found(source):
    assert imports.upward(read(rules=source), LAYERS) == ["shop.rules (core) imports shop.issuing (use cases)"]


def test_the_package_itself_is_its_topmost_module():
    assert imports.upward(read(rules="from shop import create_app"), LAYERS) == [
        "shop.rules (core) imports shop (assembly)"
    ]


def test_an_import_that_points_down_is_none_of_them():
    assert imports.upward(read(issuing="from shop import rules, voiding"), LAYERS) == []


@pytest.mark.parametrize("source", ["import flask", "from sqlalchemy.orm import Session"])
def test_what_a_layer_must_not_know_is_found(source):
    assert len(imports.forbidden(read(rules=source), LAYERS, set())) == 1


def test_what_is_allowed_is_allowed_to_that_module_alone():
    assert imports.forbidden(read(rules="import flask"), LAYERS, {("shop.rules", "flask")}) == []
    assert imports.forbidden(read(rules="import flask"), LAYERS, {("shop.other", "flask")}) != []


def test_a_package_with_a_longer_name_is_another_package():
    assert imports.forbidden(read(rules="import flaskette"), LAYERS, set()) == []


def test_a_circle_is_found_once_however_long():
    found = read(rules="import shop.voiding", voiding="import shop.issuing", issuing="import shop.rules")
    assert imports.cycles(found) == ["shop.issuing -> shop.rules -> shop.voiding -> shop.issuing"]


def test_two_ways_to_one_module_are_no_circle():
    assert imports.cycles({"a": {"b", "c"}, "b": {"d"}, "c": {"d"}}) == []


def test_a_module_in_no_layer_and_a_layer_without_its_module_are_found():
    assert imports.homeless(["shop.rules", "shop.new"], LAYERS) == ["shop.new is in no layer"]
    assert imports.vanished(["shop", "shop.rules", "shop.issuing"], LAYERS) == [
        "shop.voiding is in a layer but does not exist"
    ]


@pytest.mark.parametrize(
    "source",
    [
        "def late():\n    import shop",
        "class A:\n    async def late(self):\n        from shop import rules",
        "from typing import TYPE_CHECKING",
        "import typing\nif typing.TYPE_CHECKING:\n    import shop",
        "__import__('shop')",
        "import importlib\nimportlib.import_module('shop')",
    ],
)
def test_each_way_around_is_found(source):
    assert imports.escapes("shop.rules", source) != []


def test_a_plain_import_is_no_way_around():
    assert imports.escapes("shop.rules", "import shop\n\ndef f():\n    return shop") == []


@pytest.mark.parametrize("read", ["time.time()", "datetime.now(UTC)", "datetime.datetime.now()", "date.today()"])
def test_a_look_at_the_clock_is_found(read):
    assert len(imports.clocks("shop.rules", read)) == 1


def test_a_time_that_was_handed_in_is_none():
    assert imports.clocks("shop.rules", "datetime.fromtimestamp(now); now.time()") == []


@pytest.mark.parametrize(
    "source",
    [
        'import { a } from "./b.js";',
        'import "./b.js";',
        'import {\n  a,\n  c,\n} from "./b.js";',
        'export { a } from "./b.js";',
        'const b = await import("./b.js");',
        '/** @import { A } from "./b.js" */',
        '/** @param {import("./b.js").A} a */',
    ],
)
def test_each_way_a_script_imports_is_read(source):
    assert imports.script_imports(source) == {"./b.js"}


@pytest.mark.parametrize("source", ['// import { a } from "./b.js";', 'const text = "import";', "export const a = 1;"])
def test_what_only_looks_like_an_import_is_not(source):
    assert imports.script_imports(source) == set()


def test_a_script_is_found_by_its_path():
    assert imports.resolved("static/clerk/a.js", {"./b.js", "../vendor/c.js", "bare"}) == {
        "static/clerk/b.js",
        "static/vendor/c.js",
    }


def test_an_import_that_needs_a_bundler_is_found():
    assert len(imports.not_relative("a.js", {"./b.js", "idb", "https://cdn.example/x.js"})) == 2


def test_a_pure_script_that_touches_the_browser_is_found():
    check = imports.uses(["document", "Date.now"])
    assert check("a.js", "const a = document.title + Date.now(); // document") == [
        "a.js uses Date.now",
        "a.js uses document",
    ]
    assert check("a.js", "// document\nconst documents = page.document;") == []
