"""The house rules. Those that a program can check are checked here; each check is tried on a breach of it, too."""

import re
import sys
from collections.abc import Mapping
from functools import cache
from importlib.metadata import packages_distributions

import pytest
from packaging.utils import canonicalize_name

from redeem.config import ENV_FILE, Settings
from redeem.lib.files import ROOT
from tests.house import checks
from tests.house.checks import lines_with, ours, texts

LINES_LIMIT = 400
# Put together here, so that this file does not find itself.
UNFINISHED = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "X" * 3]) + r")\b")
RAW_HTML = re.compile(
    r"\.(inner|outer)HTML\b|insertAdjacentHTML|document\.write|\|\s*safe\b|Markup\(|autoescape\s+false"
)
INLINE = re.compile(r"<script(?![^>]*\ssrc=)(?![^>]*application/(ld\+)?json)|<style|\s(style|on[a-z]+)=[\"']")
MACHINE_PATH = re.compile(r"(?<![\w.}>-])/(" + "|".join(["wo" + "rk", "ro" + "ot", "ho" + "me"]) + r")/")
NO_AUTHOR = re.compile(r"\bOPERATOR\b|\bOperator\b")
SOURCE = re.compile(r"://|--(extra-)?index-url|--find-links|--trusted-host|\s@\s")
OTHER_WORDS = re.compile(r"\b(voucher|gift card|check-in|ticket)s?\b", re.IGNORECASE)
SKIPS = re.compile(
    r"pytest\.skip\(|importorskip\(|mark\.skip\b|mark\.skipif\((?!sys\.platform)|\b(test|it)\.(skip|only|todo)\("
)

# Needed without being imported by name.
USED_OTHERWISE = {
    "granian": "serves wsgi.py",
    "psycopg": "named by the database's URL",
    "tzdata": "zoneinfo's data, where the system has none",
}

# Parts that their wholes' own manuals tell one to import from.
COMES_WITH = {"babel": "flask-babel", "click": "flask", "jinja2": "flask", "markupsafe": "flask", "werkzeug": "flask"}

REQUIREMENTS = (ROOT / "requirements.txt").read_text()
REQUIREMENTS_DEV = (ROOT / "requirements-dev.txt").read_text()
LOCK = (ROOT / "requirements.lock").read_text()
LOCK_DEV = (ROOT / "requirements-dev.lock").read_text()
LOCKED, LOCKED_DEV = checks.locked(LOCK), checks.locked(LOCK_DEV)
PYTHON = texts(path for path in ours("redeem", "migrations") if path.suffix == ".py") | texts([ROOT / "wsgi.py"])
SERVED = texts(ours("redeem", "static", "templates"))
DOCUMENTS = "\n".join(texts(path for path in [*ours("docs"), *ROOT.glob("*.md")] if path.suffix == ".md").values())
CHANGELOG = (ROOT / "CHANGELOG.md").read_text()


def test_nothing_is_left_unfinished():
    assert lines_with(UNFINISHED, texts(ours())) == []


def test_no_path_of_anyones_machine_is_in_a_file():
    assert lines_with(MACHINE_PATH, texts(ours())) == []


def test_no_text_becomes_markup():
    assert lines_with(RAW_HTML, SERVED) == []


def test_pages_hold_no_script_and_no_style_of_their_own():
    assert lines_with(INLINE, {name: text for name, text in SERVED.items() if name.endswith(".html")}) == []


def test_only_our_own_words_are_used():
    assert lines_with(OTHER_WORDS, SERVED) == []


def test_whoever_changes_something_by_the_web_is_written_down():
    """An operator's changes leave no entry in the log of changes."""
    assert lines_with(NO_AUTHOR, {name: text for name, text in PYTHON.items() if name.startswith("redeem/web/")}) == []


@pytest.mark.parametrize("name", [name for name in PYTHON if not name.startswith(("redeem/cli", "redeem/demo"))])
def test_only_commands_print(name):
    assert checks.prints(name, PYTHON[name]) == []


@pytest.mark.parametrize("name", PYTHON)
def test_rows_become_values_by_the_names_of_their_columns(name):
    """That is what `redeem/db/lines.py` is for: it looks whether a SELECT asks for the fields, when the SELECT is made."""
    assert checks.made_by_position(name, PYTHON[name]) == []
    assert checks.late_selects(name, PYTHON[name]) == []


@pytest.mark.parametrize("name", [name for name in SERVED if name.endswith((".py", ".js", ".html"))])
def test_no_file_outgrows_one_sitting(name):
    assert len(SERVED[name].splitlines()) <= LINES_LIMIT


def test_no_test_is_skipped_in_silence():
    assert (
        lines_with(
            SKIPS, {name: text for name, text in texts(ours("tests")).items() if name != "tests/house/test_house.py"}
        )
        == []
    )


@pytest.mark.parametrize("text", [REQUIREMENTS, REQUIREMENTS_DEV], ids=["run", "develop"])
def test_each_requirement_says_in_three_words_why(text):
    assert checks.without_reason(text) == []


@pytest.mark.parametrize(
    ("requirements", "pins"), [(REQUIREMENTS, LOCKED), (REQUIREMENTS_DEV, LOCKED_DEV)], ids=["run", "develop"]
)
def test_the_lock_covers_the_requirements(requirements, pins):
    assert checks.not_locked(checks.requirements(requirements), pins) == []


def test_both_locks_pin_the_same_versions():
    both = LOCKED.keys() & LOCKED_DEV.keys()
    assert [name for name in both if LOCKED[name] != LOCKED_DEV[name]] == []


def test_what_serves_is_installed_without_what_tests():
    assert checks.requirements(REQUIREMENTS).keys() & checks.requirements(REQUIREMENTS_DEV).keys() == set()
    assert {"pytest", "mypy", "playwright"} & LOCKED.keys() == set()


@pytest.mark.parametrize(("pins", "at_least"), [(LOCKED, 30), (LOCKED_DEV, 80)], ids=["run", "develop"])
def test_everything_locked_has_hashes(pins, at_least):
    assert [name for name, (_, hashes) in pins.items() if not hashes] == []
    assert len(pins) > at_least


@pytest.mark.parametrize("text", [LOCK, LOCK_DEV], ids=["run", "develop"])
def test_no_lock_says_where_packages_come_from(text):
    assert lines_with(SOURCE, {"lock": text}) == []


@cache
def distributions() -> Mapping[str, list[str]]:
    """Which packages bring a module. To find out, all that is installed is read."""
    return packages_distributions()


def test_what_the_program_imports_is_required():
    imported = {package for source in PYTHON.values() for package in checks.imported_packages(source)}
    foreign = imported - set(sys.stdlib_module_names) - {"redeem"}
    required = checks.requirements(REQUIREMENTS).keys()
    foreign -= {part for part, whole in COMES_WITH.items() if whole in required}
    homeless = [
        name for name in foreign if not required & {canonicalize_name(d) for d in distributions().get(name, [])}
    ]
    assert homeless == []


def test_what_is_required_is_used():
    imported = {package for source in PYTHON.values() for package in checks.imported_packages(source)}
    used = {canonicalize_name(d) for name in imported for d in distributions().get(name, [])}
    assert sorted(checks.requirements(REQUIREMENTS).keys() - used - USED_OTHERWISE.keys()) == []


@pytest.mark.parametrize("name", Settings.model_fields)
def test_each_setting_is_documented(name):
    assert f"REDEEM_{name.upper()}" in DOCUMENTS


def test_each_documented_setting_exists():
    real = {f"REDEEM_{name.upper()}" for name in Settings.model_fields} | {ENV_FILE}
    tests = "\n".join(texts(path for path in ours("tests") if path.suffix == ".py").values())
    of_tests = set(re.findall(r'"(REDEEM_[A-Z_]+[A-Z])"', tests))
    told_of_today = DOCUMENTS.replace(CHANGELOG, "")  # it names what is gone, too
    assert set(re.findall(r"REDEEM_[A-Z_]+[A-Z]", told_of_today)) <= real | of_tests


def test_each_error_code_is_documented():
    declared = {code for source in PYTHON.values() for code in checks.codes(source)}
    assert sorted(code for code in declared if f"`{code}`" not in DOCUMENTS) == []


# Would these notice?


@pytest.mark.parametrize(
    ("pattern", "breach"),
    [
        (UNFINISHED, "x = 1  # TO" + "DO: later"),
        (MACHINE_PATH, 'open("/ho' + 'me/me/data")'),
        (RAW_HTML, "node.inner" + "HTML = text"),
        (RAW_HTML, "{{ name | sa" + "fe }}"),
        (RAW_HTML, "return Mark" + "up(name)"),
        (INLINE, "<script>alert(1)</script>"),
        (INLINE, '<p style="color: red">'),
        (INLINE, '<button onclick="go()">'),
        (SOURCE, "--find-links /opt/wheels"),
        (SOURCE, "flask @ file:///opt/flask.whl"),
        (NO_AUTHOR, "partners.add_partner(session, OPERATOR, name, now)"),
        (OTHER_WORDS, "A Voucher for you"),
        (SKIPS, "@pytest.mark.ski" + 'pif(not shutil.which("chromium"), reason="none")'),
        (SKIPS, "test.ski" + 'p("later", () => {})'),
    ],
)
def test_a_breach_is_found(pattern, breach):
    assert len(lines_with(pattern, {"file": f"\n{breach}\n"})) == 1


@pytest.mark.parametrize(
    ("pattern", "fine"),
    [
        (MACHINE_PATH, "POST /v1/coupons/{id}/home/"),
        (RAW_HTML, "unsafe | safely"),
        (INLINE, '<script type="module" src="/static/a.js"></script>'),
        (INLINE, '<script type="application/json" id="facts">{}</script>'),
        (SKIPS, '@pytest.mark.skipif(sys.platform != "linux", reason="only there")'),
    ],
)
def test_what_is_fine_is_not_found(pattern, fine):
    assert lines_with(pattern, {"file": fine}) == []


def test_a_print_is_found_but_not_the_word():
    assert checks.prints("a.py", "def f():\n    print(1)") == ["a.py:2 prints"]
    assert checks.prints("a.py", "# print(1)\nblueprint(1)") == []


@pytest.mark.parametrize(
    "breach",
    ["Line(*row)", "rows.Line(*row)", "[Line(*row) for row in found]", "Line(*(*row[:-1], 1))", "Line(1, *row[2:])"],
)
def test_a_row_by_position_is_found(breach):
    assert len(checks.made_by_position("a.py", breach)) == 1


@pytest.mark.parametrize(
    "fine", ["Line(**row)", "find(*row)", "Counts(*(a + b for a, b in pairs))", "def f(*own):\n    Index(*own)"]
)
def test_what_is_made_by_name_is_not_found(fine):
    assert checks.made_by_position("a.py", fine) == []


def test_a_select_in_a_function_is_found():
    assert checks.late_selects("a.py", "LINE = select_as(Line, id=Row.id)") == []
    assert checks.late_selects("a.py", "def f():\n    return select_as(Line, id=Row.id).where(x)") == [
        "a.py:2 selects in a function"
    ]


def test_a_requirement_without_three_words_is_found():
    text = "Flask~=3.1  # serves every request\nPillow~=13.0\nqrcode~=8.2  # draws\n# a comment\n-r other.txt\n"
    assert checks.without_reason(text) == ["Pillow~=13.0", "qrcode~=8.2  # draws"]


def test_a_gap_in_the_lock_is_found():
    wanted = checks.requirements("Flask~=3.1  # a b c\nqrcode~=8.2  # a b c\npsycopg[binary]~=3.3  # a b c\n")
    pins = checks.locked(
        "flask==2.0 \\\n    --hash=sha256:aa\n    # via x\npsycopg[binary]==3.3.9 \\\n    --hash=sha256:bb\n"
    )
    assert checks.not_locked(wanted, pins) == [
        "Flask~=3.1 is 2.0 in the lock",
        "qrcode~=8.2 is not in the lock",
    ]


def test_a_code_is_read_from_a_class_alone():
    assert checks.codes('class A(Exception):\n    code = "gone"\n    other = "x"\ncode = "not_me"') == {"gone"}
