"""Read what a program imports, and say where that breaks its layers. Works on source text, so it can be tested on any."""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache


@dataclass(frozen=True)
class Layer:
    """A layer's name, its modules and what these must not import; both are names that may end in `*`."""

    name: str
    modules: tuple[str, ...]
    must_not_import: tuple[str, ...] = ()


Imports = Mapping[str, set[str]]


@cache
def parsed(source: str) -> ast.Module:
    """Parse a text once for all that is looked for in it. The tree is for reading alone."""
    return ast.parse(source)


def matches(name: str, patterns: Iterable[str]) -> bool:
    """Say whether a dotted name is one of the patterns, or lies within one."""
    return any(fnmatchcase(name, pattern) or fnmatchcase(name, f"{pattern}.*") for pattern in patterns)


def rank(module: str, layers: list[Layer]) -> int | None:
    """Return the number of the module's layer, from the bottom; None if it is in none."""
    return next((number for number, layer in enumerate(layers) if module in layer.modules), None)


def homeless(modules: Iterable[str], layers: list[Layer]) -> list[str]:
    return [f"{module} is in no layer" for module in modules if rank(module, layers) is None]


def vanished(modules: Iterable[str], layers: list[Layer]) -> list[str]:
    listed = {module for layer in layers for module in layer.modules}
    return [f"{module} is in a layer but does not exist" for module in sorted(listed - set(modules))]


def upward(imports: Imports, layers: list[Layer]) -> list[str]:
    """Find imports from a layer to one above it."""
    return [
        f"{module} ({layers[own].name}) imports {other} ({layers[its].name})"
        for module, others in imports.items()
        for other in sorted(others)
        if (own := rank(module, layers)) is not None and (its := rank(other, layers)) is not None and its > own
    ]


def forbidden(imports: Imports, layers: list[Layer], allowed: set[tuple[str, str]]) -> list[str]:
    """Find imports that a layer's own list forbids, but for the pairs (module, what it imports) that are allowed."""
    return [
        f"{module} ({layer.name}) imports {other}"
        for layer in layers
        for module in layer.modules
        for other in sorted(imports.get(module, ()))
        if matches(other, layer.must_not_import) and (module, other) not in allowed
    ]


def cycles(imports: Imports) -> list[str]:
    """Find modules that lead back to themselves, each cycle once."""
    found: dict[frozenset[str], str] = {}

    def walk(path: list[str]) -> None:
        for other in sorted(imports.get(path[-1], ())):
            if other in path:
                cycle = path[path.index(other) :]
                found.setdefault(frozenset(cycle), " -> ".join([*cycle, other]))
            elif other not in done:
                walk([*path, other])
        done.add(path[-1])

    done: set[str] = set()
    for module in sorted(imports):
        walk([module])
    return list(found.values())


# Python


def python_imports(module: str, source: str, known: Iterable[str]) -> set[str]:
    """Return the dotted names that a module imports. `from a import b` is `a.b` if that is a module, else `a`."""
    package = module.rpartition(".")[0]
    return {name for node in ast.walk(parsed(source)) for name in _names(node, package, set(known))}


def _names(node: ast.AST, package: str, known: set[str]) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = ".".join(filter(None, [package if node.level else "", node.module]))
        for alias in node.names:
            submodule = f"{base}.{alias.name}"
            yield submodule if submodule in known else base


def escapes(module: str, source: str) -> list[str]:
    """Find the ways around an import that points down: inside a function, TYPE_CHECKING, by name at run time."""
    tree = parsed(source)
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    inside = [
        f"{module}:{node.lineno} imports inside {function.name}()"
        for function in functions
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    words = {"TYPE_CHECKING", "__import__", "import_module"}
    named = [f"{module} uses {word}" for word in sorted(words & _words(tree))]
    return inside + named


def _words(tree: ast.AST) -> set[str]:
    nodes = list(ast.walk(tree))
    names = {node.id for node in nodes if isinstance(node, ast.Name)}
    attributes = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    return (
        names | attributes | {alias.name for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names}
    )


CLOCKS = {"time.time", "time.time_ns", "time.monotonic", "datetime.now", "datetime.utcnow", "date.today"}


def clocks(module: str, source: str) -> list[str]:
    """Find where a module asks what time it is."""
    nodes = [node for node in ast.walk(parsed(source)) if isinstance(node, ast.Attribute)]
    return [f"{module}:{node.lineno} reads {read}" for node in nodes if (read := _last_two(node)) in CLOCKS]


def _last_two(node: ast.Attribute) -> str:
    owner = node.value
    name = owner.id if isinstance(owner, ast.Name) else owner.attr if isinstance(owner, ast.Attribute) else ""
    return f"{name}.{node.attr}"


# JavaScript

_COMMENT = re.compile(r"/\*.*?\*/|(?<![:\"'`\w])//[^\n]*", re.DOTALL)
_STATIC = re.compile(r"^\s*(?:import|(?:import|export)\b[\w\s{},*$]*?\bfrom)\s*[\"']([^\"']+)[\"']", re.MULTILINE)
_DYNAMIC = re.compile(r"\bimport\(\s*[\"'`]([^\"'`]+)[\"'`]\s*\)")
_TYPE = re.compile(r"@import\b[^*]*?\bfrom\s*[\"']([^\"']+)[\"']")


def without_comments(source: str) -> str:
    return _COMMENT.sub("", source)


def script_imports(source: str) -> set[str]:
    """Return what a script imports, as written, the types in its comments too: a type that points up is a way around."""
    return set(_STATIC.findall(without_comments(source)) + _DYNAMIC.findall(source) + _TYPE.findall(source))


def resolved(script: str, specifiers: Iterable[str]) -> set[str]:
    """Turn relative specifiers into paths from the same root as `script`."""
    folder = posixpath.dirname(script)
    return {posixpath.normpath(posixpath.join(folder, name)) for name in specifiers if name.startswith(".")}


def not_relative(script: str, specifiers: Iterable[str]) -> list[str]:
    return [
        f"{script} imports {name!r}, which needs a bundler" for name in specifiers if not name.startswith(("./", "../"))
    ]


def uses(words: Iterable[str]) -> Callable[[str, str], list[str]]:
    """Make a check that finds these globals in a script's code."""
    pattern = re.compile(rf"(?<![\w.#\"'])({'|'.join(map(re.escape, words))})(?!\w)")

    def check(script: str, source: str) -> list[str]:
        return [f"{script} uses {word}" for word in sorted(set(pattern.findall(without_comments(source))))]

    return check
