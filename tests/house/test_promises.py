"""docs/what-happens-when.md names the tests that show what it says: each is there, and no part goes without."""

import re

import pytest

from redeem.lib.files import ROOT

PARTS = (ROOT / "docs" / "what-happens-when.md").read_text().split("\n## ")[1:]
SHOWN = re.compile(r"`(tests/[\w/]+\.py)`|`(test_\w+)`")


def named_in(part: str) -> list[tuple[str, str]]:
    """(file, test): a test is of the file that was named last."""
    found, file = [], ""
    for path, test in SHOWN.findall(part):
        file = path or file
        found += [(file, test)] if test else []
    return found


@pytest.mark.parametrize("part", PARTS, ids=[part.partition("\n")[0] for part in PARTS])
def test_what_is_said_is_shown_by_tests_that_are_there(part: str):
    named = named_in(part)
    assert named
    assert [(file, test) for file, test in named if f"def {test}(" not in (ROOT / file).read_text()] == []


@pytest.mark.parametrize("part", PARTS, ids=[part.partition("\n")[0] for part in PARTS])
def test_each_part_says_what_is_promised_and_what_is_not(part: str):
    assert "**Promised.**" in part
    assert "**Not promised.**" in part
