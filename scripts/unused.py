"""Find Python that nothing uses: `python -m scripts.unused`, a part of scripts/lint.

vulture looks twice: at the program alone, so that nothing stays in it that only tests use; and at tests, benchmarks and scripts, where
only functions, classes and constants of a module are judged. A name counts as used wherever it stands, also in a template. Names that
libraries call are in CALLED_BY_OTHERS.
"""

import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from vulture.core import Item, Vulture

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = ("redeem", "wsgi.py", "migrations/env.py")
AROUND = ("tests", "bench", "scripts")
# vulture is as sure as this of a function that it has seen no use of; of imports and what comes after a return it is surer.
CONFIDENCE = 60
IN_TEMPLATES = re.compile(r"\{[{%](.*?)[%}]\}", re.DOTALL)
NAME = re.compile(r"[^\W\d]\w*")
# Routes, and what Flask, click, SQLAlchemy, pydantic and pytest are told of by a decorator.
DECORATORS = [
    *("@office", "@*.get", "@*.post", "@*.put", "@*.patch", "@*.delete", "@*.before_request", "@*.after_request"),
    *("@*.errorhandler", "@*.app_errorhandler", "@*.context_processor", "@*.listens_for", "@*.command"),
    *("@field_validator", "@model_validator", "@pytest.fixture", "@rule", "@*.rule", "@invariant", "@*.invariant"),
    "@lie",
]
CALLED_BY_OTHERS = {
    "model_config": "pydantic's settings of a model",
    "session_interface": "Flask's",
    "regex": "werkzeug's, of a converter",
    "request_class": "Flask's",
    "part_isolating": "werkzeug's, of a converter",
    "merge_slashes": "werkzeug's, of the map of addresses",
    "debug": "structlog's",
    "critical": "structlog's",
    "caller_prefix": "the log reads it of Flask's `g`",
    "alg": "a field of a key as programs get it",
    "valid_until": "a field of an answer",
    "proof_keys": "a field of an answer",
    "refused_at": "a field of an answer",
    "old_copy": "a field of an answer",
    "previous_secret_until": "a field of an answer",
    "milliseconds": "a field of an answer",
    "_new_conn": "urllib3's, of a connection",
    "owed_in_all": "a field of an answer",
    "next_after": "a field of an answer",
    "v": "the number of a wire format",
    "quarantined": "a field of a tablet's reply",
    "old_kept": "a field of a tablet's reply",
    "old_refused": "a field of a tablet's reply",
    "readline": "Werkzeug's, of the input of a request",
}
CALLED_BY_OTHERS_AROUND = {
    "pytest*": "pytest's hooks and marks",
    "teardown": "hypothesis's",
    "do_GET": "http.server's",
    "do_POST": "http.server's",
    "handle_error": "http.server's",
    "log_message": "http.server's",
    "connection_dropped": "werkzeug's",
}
WHOLE = {"class", "function", "import", "method", "property", "unreachable_code"}


def unused(sources: Mapping[str, str], used: Iterable[str] = ()) -> list[Item]:
    """Return what no line of the sources uses; `used` are names that something else uses."""
    found = Vulture(ignore_decorators=DECORATORS)
    found.used_names |= set(used)
    for name, source in sources.items():
        found.scan(source, filename=name)
    found.scavenge([])  # adds what vulture knows itself of the standard library
    return list(found.get_unused_code(min_confidence=CONFIDENCE))


def is_whole(item: Item, source: str) -> bool:
    """Say whether this is more than a field or a local variable: a function, a class, a constant of a module."""
    return item.typ in WHOLE or source.splitlines()[item.first_lineno - 1].startswith(item.name)


def judged(found: Sequence[Item], allowed: Iterable[str]) -> list[str]:
    """Return a line for each item whose name is not allowed, and for each pattern that allows nothing of what was found."""
    met = {item: [pattern for pattern in allowed if fnmatchcase(item.name, pattern)] for item in found}
    needless = set(allowed) - {pattern for patterns in met.values() for pattern in patterns}
    lines = [f"{item.filename}:{item.first_lineno}: {item.message}" for item, patterns in met.items() if not patterns]
    return lines + [
        f"scripts/unused.py: nothing is called `{pattern}`: it need not be allowed" for pattern in sorted(needless)
    ]


def names_in_template(text: str) -> set[str]:
    return {name for said in IN_TEMPLATES.findall(text) for name in NAME.findall(said)}


def read(folders: Iterable[str], suffix: str = ".py") -> dict[str, str]:
    """Return the files of these folders; a name with the suffix is a file itself."""
    paths = [
        path for name in folders for path in ([ROOT / name] if name.endswith(suffix) else (ROOT / name).rglob("*"))
    ]
    return {path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in paths if path.suffix == suffix}


def findings() -> list[str]:
    program = read(PROGRAM)
    everything = program | read(AROUND)
    in_templates = {name for text in read(["templates"], ".html").values() for name in names_in_template(text)}
    around = [
        item
        for item in unused(everything, in_templates)
        if str(item.filename) not in program and is_whole(item, everything[str(item.filename)])
    ]
    return judged(unused(program, in_templates), CALLED_BY_OTHERS) + judged(around, CALLED_BY_OTHERS_AROUND)


def main() -> int:
    found = findings()
    for line in found:
        sys.stdout.write(f"{line}\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
