"""docs/what-happens-when.md and docs/security.md name the tests that show what they say: each is there, and nothing goes without."""

import re

import pytest

from redeem.domain.judgement import Rule
from redeem.lib.files import ROOT

PARTS = (ROOT / "docs" / "what-happens-when.md").read_text().split("\n## ")[1:]
SECURITY = (ROOT / "docs" / "security.md").read_text()
ROWS = [line for line in SECURITY.splitlines() if re.match(r"\| (?!threat|rule|section)", line)]
# How many sections each chapter of OWASP ASVS 5.0 has.
SECTIONS = dict(enumerate((5, 4, 7, 4, 4, 8, 6, 4, 2, 7, 7, 3, 4, 3, 4, 5, 3), start=1))
SECTION = re.compile(r"\| (?:\*\*V\d+\*\* )?(\d+)\.(\d+) ")
WITHOUT_TESTS = ("Not applicable, because ", "Not met: ")
SHOWN = re.compile(r"`(tests/[\w/]+\.py)`|`(test_\w+)`")


def named_in(part: str) -> list[tuple[str, str]]:
    """(file, test): a test is of the file that was named last."""
    found, file = [], ""
    for path, test in SHOWN.findall(part):
        file = path or file
        found += [(file, test)] if test else []
    return found


def missing_in(part: str) -> list[tuple[str, str]]:
    files = {file: (ROOT / file).read_text() if (ROOT / file).is_file() else "" for file, _ in named_in(part)}
    return [(file, test) for file, test in named_in(part) if f"def {test}(" not in files[file]]


def is_shown(row: str) -> bool:
    """Whether the row names tests, or says plainly why there are none."""
    return bool(named_in(row)) or any(words in row for words in WITHOUT_TESTS)


@pytest.mark.parametrize("part", PARTS, ids=[part.partition("\n")[0] for part in PARTS])
def test_what_is_said_is_shown_by_tests_that_are_there(part: str):
    assert named_in(part)
    assert missing_in(part) == []


@pytest.mark.parametrize("part", PARTS, ids=[part.partition("\n")[0] for part in PARTS])
def test_each_part_says_what_is_promised_and_what_is_not(part: str):
    assert "**Promised.**" in part
    assert "**Not promised.**" in part


@pytest.mark.parametrize("row", ROWS, ids=[row.split("|")[1].strip() for row in ROWS])
def test_each_threat_and_section_is_shown_or_said_to_be_not_met(row: str):
    assert is_shown(row)
    assert missing_in(row) == []


def test_no_section_of_the_standard_is_left_out():
    answered = [(int(found[1]), int(found[2])) for row in ROWS if (found := SECTION.match(row))]
    assert answered == [(chapter, number) for chapter, last in SECTIONS.items() for number in range(1, last + 1)]


def test_each_rule_for_reported_gifts_is_among_the_promises():
    assert {found[1] for row in ROWS if (found := re.match(r"\| `(\w+)` \|", row))} == set(Rule)


def test_a_breach_is_found():
    assert missing_in("`tests/house/test_promises.py`: `test_a_breach_is_found`, `test_nobody_wrote`") == [
        ("tests/house/test_promises.py", "test_nobody_wrote")
    ]
    assert missing_in("`tests/house/test_nowhere.py`: `test_this`") == [("tests/house/test_nowhere.py", "test_this")]
    assert missing_in("`test_of_no_file`") == [("", "test_of_no_file")]
    assert not is_shown("| a threat | all is well | |")
