"""Brings the catalogues up to date: `python -m scripts.translate`.

Every sentence of templates and Python that people read is collected: what stands in `_()`, what errors say, and how kinds of
problems are called. The catalogues are then brought up to date, keeping what is translated, and compiled. Both forms are
committed, so that a fresh clone needs nothing. The tablet's sentences, `t("…")` in its scripts, go into the same catalogues. From these
its `words.js` is written, because a tablet also speaks offline. The tables in docs/errors.md are written, too.
"""

import ast
import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from redeem.web.declines import DECLINES
from redeem.web.problems import KINDS
from redeem.web.remedies import REMEDIES

ROOT = Path(__file__).resolve().parent.parent
TRANSLATIONS = ROOT / "translations"
LANGUAGES = ("ru",)
# `pgettext` names what a word is of, where one English word has two translations: pgettext("key", "Revoke").
KEYWORDS: Mapping[str, Any] = {
    "_": None,
    "gettext": None,
    "lazy_gettext": None,
    "ngettext": (1, 2),
    "pgettext": ((1, "c"), 2),
}
METHODS = [("**.py", "python"), ("**.html", "jinja2")]
OPTIONS = {"**.html": {"trimmed": "true", "encoding": "utf-8"}}
# Exceptions with the place of their argument that is a sentence for people; and `Kind(404, "title")` of web/problems.py.
SAYING = {
    "Invalid": 0,
    "NotFound": 0,
    "Conflict": 0,
    "Forbidden": 0,
    "Unauthenticated": 0,
    "NotAbove": 0,
    "TooMany": 1,
    "problem": 1,
    "respond": 1,
    "Kind": 1,
    "Decline": 1,
}
# Whose errors only a command says, on the terminal of whoever runs the server. All others are told in the language of whoever reads them.
SAID_BY_COMMANDS = ("cli.py", "config.py", "demo/", "ops/")

ERRORS_PAGE = ROOT / "docs" / "errors.md"
TABLET = ROOT / "static" / "clerk"
WORDS = TABLET / "view" / "words.js"
# What is said is always written out: t("…"), tn("…", "…", n).
SAID_IN_SCRIPTS = re.compile(r'\bt\(\s*("(?:[^"\\]|\\.)*")|\btn\(\s*("(?:[^"\\]|\\.)*"),\s*("(?:[^"\\]|\\.)*")')
WORDS_HEAD = """\
/**
 * The tablet's words in other languages than English, which is their key; of a word that counts, all its forms.
 * Made by scripts/translate.py from translations/: edit those, not this.
 */

/** @type {Record<string, Record<string, string | string[]>>} */
export const WORDS = """

Found = tuple[str, int, str | tuple[str, ...], str | None]


@cache
def sentences() -> tuple[Found, ...]:
    """(file, line, message, what it is of or None), the message in one form or in two. Found once: that takes seconds."""
    return tuple(found_sentences())


def found_sentences() -> Iterator[Found]:
    for folder in ("redeem", "templates"):
        for name, line, message, _comments, context in extract_from_dir(
            str(ROOT / folder), METHODS, OPTIONS, keywords=KEYWORDS, comment_tags=()
        ):
            yield f"{folder}/{name}", line, message, context
    for path in sorted(TABLET.rglob("*.js")):
        for message in said_in_script(path.read_text()) if path != WORDS else ():
            yield path.relative_to(ROOT).as_posix(), 0, message, None
    for name, message in said_of_errors():
        yield name, 0, message, None
    for path in sorted((ROOT / "redeem").rglob("*.py")):
        name = path.relative_to(ROOT / "redeem").as_posix()
        for line, message in said_by_errors(path.read_text()) if not name.startswith(SAID_BY_COMMANDS) else ():
            yield f"redeem/{name}", line, message, None


def said_of_errors() -> Iterator[tuple[str, str]]:
    """What to do about each error and each decline, and the sentences that a till shows its clerk."""
    for message in REMEDIES.values():
        yield "redeem/web/remedies.py", message
    for decline in DECLINES.values():
        yield "redeem/web/declines.py", decline.detail
        if decline.note:
            yield "redeem/web/declines.py", decline.note
    for kind in KINDS.values():
        if kind.detail:
            yield "redeem/web/problems.py", kind.detail


def said_in_script(source: str) -> Iterator[str | tuple[str, ...]]:
    for found in SAID_IN_SCRIPTS.finditer(source):
        one, *forms = (json.loads(text) for text in found.groups() if text)
        yield (one, *forms) if forms else one


def said_by_errors(source: str) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(source)):
        value = said(node)
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            yield value.lineno, value.value


def said(node: ast.AST) -> ast.expr | None:
    """Returns the expression that is a node's sentence, or None if it has none."""
    if isinstance(node, ast.AnnAssign | ast.Assign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        named = any(isinstance(target, ast.Name) and target.id == "default_detail" for target in targets)
        return node.value if named else None
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in SAYING:
        place = SAYING[node.func.id]
        return node.args[place] if len(node.args) > place else None
    return None


def template() -> Catalog:
    """Returns all sentences, untranslated, sorted by file and sentence: so the order of a catalogue changes only with its sentences."""
    catalog = Catalog(project="Redeem", charset="utf-8")
    for name, _line, message, context in sorted(sentences(), key=lambda found: (found[0], found[1])):
        catalog.add(message, locations=[(name, 0)], context=context)
    return catalog


def bring_up_to_date(language: str) -> Catalog:
    path = TRANSLATIONS / language / "LC_MESSAGES" / "messages.po"
    with path.open("rb") as file:
        catalog = read_po(file, locale=language)
    since = catalog.creation_date
    catalog.update(template(), no_fuzzy_matching=True)
    catalog.creation_date = since  # when they were collected says nothing, and would be in the way of every merge
    catalog.obsolete.clear()
    with path.open("wb") as file:
        write_po(file, catalog, width=120, include_lineno=False, omit_header=False, ignore_obsolete=True)
    with path.with_suffix(".mo").open("wb") as file:
        write_mo(file, catalog)
    return catalog


def words_script(catalogs: Mapping[str, Catalog]) -> str:
    """Returns the text of the script with the tablet's words."""
    wanted = [message.id for message in template() if any(name.startswith("static/") for name, _ in message.locations)]
    words = {language: words_of(catalog, wanted) for language, catalog in catalogs.items()}
    return f"{WORDS_HEAD}{json.dumps(words, ensure_ascii=False, indent=2)};\n"


def words_of(catalog: Catalog, wanted: Sequence[str | Sequence[str]]) -> dict[str, str | list[str]]:
    translated = {first(each.id): each.string or "" for each in catalog if each.id and not each.context}
    found = {first(said): translated[first(said)] for said in wanted}
    return {text: forms if isinstance(forms, str) else list(forms) for text, forms in found.items()}


def first(said: str | Sequence[str]) -> str:
    return said if isinstance(said, str) else said[0]


def errors_page(text: str) -> str:
    """Returns the text of docs/errors.md with its tables made anew, in the words of the code: the errors, then the declines."""
    errors = sorted((KINDS[code].status, code, KINDS[code].title, remedy) for code, remedy in REMEDIES.items())
    declines = [
        (each.status, verdict, each.title, " ".join(filter(None, (each.detail, each.note))))
        for verdict, each in DECLINES.items()
    ]
    head, _, middle, _ = re.split(r"(?<=\|---\|---\|---\|---\|\n)((?:\|.*\n)*)", text, maxsplit=2)[:4]
    return head + error_rows(errors) + middle + error_rows(declines)


def error_rows(rows: Sequence[tuple[int, str, str, str]]) -> str:
    return "".join(f"| `{code}` | {status} | {title} | {remedy} |\n" for status, code, title, remedy in rows)


def main() -> int:
    catalogs = {language: bring_up_to_date(language) for language in LANGUAGES}
    for language, catalog in catalogs.items():
        missing = [message.id for message in catalog if message.id and not is_translated(message.string)]
        print(f"{language}: {len(missing)} untranslated", *missing, sep="\n  ")
    WORDS.write_text(words_script(catalogs))
    ERRORS_PAGE.write_text(errors_page(ERRORS_PAGE.read_text()))
    return 0


def is_translated(string: str | Sequence[str] | None) -> bool:
    return bool(string) and all(string or ())


if __name__ == "__main__":
    sys.exit(main())
