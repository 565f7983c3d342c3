"""Find what the house rules forbid. Each check takes text, so that it can be tried on text that breaks the rule."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from redeem.lib.files import ROOT
from tests.house.imports import parsed

NOT_OURS = {".git", ".venv", "node_modules", "vendor", "instance", "test-results", "__pycache__", "results"}
CACHES = re.compile(r"\.\w+_cache|\.hypothesis")
TEXTS = {".py", ".js", ".html", ".css", ".md", ".toml", ".txt", ".json", ".yml", ".sh", ".svg", ".pml", ".po", ""}
REASON = re.compile(r"#\s+(\S+ \S+ \S+)$")


def ours(*folders: str) -> Iterator[Path]:
    """Yield the text files that we wrote, in these folders of the project, or in all of it."""
    for folder in [ROOT / name for name in folders] or [ROOT]:
        for path in sorted(folder.iterdir()) if folder.is_dir() else []:
            if path.name in NOT_OURS or CACHES.fullmatch(path.name):
                continue
            if path.is_dir():
                yield from ours(str(path.relative_to(ROOT)))
            elif path.suffix in TEXTS and path.name != "package-lock.json":
                yield path


def texts(paths: Iterable[Path]) -> dict[str, str]:
    return {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in paths}


def lines_with(pattern: re.Pattern[str], files: Mapping[str, str]) -> list[str]:
    """List the lines in which a pattern is found, as `file:line: what`."""
    return [
        f"{name}:{number}: {found[0]}"
        for name, text in files.items()
        for number, line in enumerate(text.splitlines(), 1)
        if (found := pattern.search(line))
    ]


def prints(name: str, source: str) -> list[str]:
    calls = [node for node in ast.walk(parsed(source)) if isinstance(node, ast.Call)]
    return [
        f"{name}:{call.lineno} prints" for call in calls if isinstance(call.func, ast.Name) and call.func.id == "print"
    ]


def made_by_position(name: str, source: str) -> list[str]:
    """Find a class that is called with a row, as `Line(*row)`. What a function was called with itself, its `*columns`, is none."""
    nodes = list(ast.walk(parsed(source)))
    own = {node.args.vararg.arg for node in nodes if isinstance(node, ast.FunctionDef) and node.args.vararg}
    calls = [node for node in nodes if isinstance(node, ast.Call) and _called(node)[:1].isupper()]
    return [
        f"{name}:{call.lineno} makes {_called(call)} by position"
        for call in calls
        if any(getattr(each, "id", "") not in own for each in _rows(call.args))
    ]


def _rows(given: Iterable[ast.expr]) -> Iterator[ast.expr]:
    for each in given:
        if isinstance(each, ast.Starred) and isinstance(each.value, ast.Tuple):
            yield from _rows(each.value.elts)
        elif isinstance(each, ast.Starred) and isinstance(each.value, (ast.Name, ast.Subscript)):
            yield each.value


def late_selects(name: str, source: str) -> list[str]:
    """Find `select_as` within a function, where it is checked no earlier than it is used."""
    functions = [node for node in ast.walk(parsed(source)) if isinstance(node, ast.FunctionDef)]
    calls = [node for function in functions for node in ast.walk(function) if isinstance(node, ast.Call)]
    return [f"{name}:{call.lineno} selects in a function" for call in calls if _called(call) == "select_as"]


def _called(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")


def requirements(text: str) -> dict[str, Requirement]:
    """Read a requirements file's own lines, by canonical name."""
    lines = [line.split(" #")[0].strip() for line in text.splitlines()]
    found = [Requirement(line) for line in lines if line and not line.startswith(("#", "-"))]
    return {canonicalize_name(requirement.name): requirement for requirement in found}


def without_reason(text: str) -> list[str]:
    """List the requirements that do not say in three words why they are needed."""
    lines = [line for line in text.splitlines() if line and not line.startswith(("#", "-"))]
    return [line for line in lines if not REASON.search(line)]


def locked(text: str) -> dict[str, tuple[str, int]]:
    """Read a lock file: canonical name to its version and the number of its hashes."""
    entries = re.split(r"\n(?=\S)", "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#")))
    pins = [
        (re.match(r"([\w.-]+)(?:\[[\w,-]+\])?==([^\s;]+)", entry), entry.count("--hash=sha256:")) for entry in entries
    ]
    return {canonicalize_name(pin[1]): (pin[2], hashes) for pin, hashes in pins if pin}


def not_locked(wanted: Mapping[str, Requirement], pins: Mapping[str, tuple[str, int]]) -> list[str]:
    """List the requirements that a lock file lacks, or pins to a version that they exclude."""
    return [
        f"{requirement} is {pins[name][0] if name in pins else 'not'} in the lock"
        for name, requirement in wanted.items()
        if name not in pins or pins[name][0] not in requirement.specifier
    ]


def imported_packages(source: str) -> set[str]:
    """Return the topmost names of the packages that a module imports."""
    nodes = list(ast.walk(parsed(source)))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    qualified = {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module and not node.level}
    return {name.partition(".")[0] for name in plain | qualified}


def codes(source: str) -> set[str]:
    """Return the stable codes of the error classes in a module: each `code = "…"` in a class's body."""
    classes = [node for node in ast.walk(parsed(source)) if isinstance(node, ast.ClassDef)]
    return {found for each in classes for statement in each.body if (found := _code(statement))}


def _code(statement: ast.stmt) -> str | None:
    targets = statement.targets if isinstance(statement, ast.Assign) else []
    value = statement.value if isinstance(statement, ast.Assign) else None
    if [ast.unparse(target) for target in targets] != ["code"] or not isinstance(value, ast.Constant):
        return None
    return str(value.value)
