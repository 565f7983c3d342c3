"""scripts/unused.py finds what nothing uses, and takes for used what templates, decorators and its list say."""

import pytest

from scripts.unused import CALLED_BY_OTHERS, CALLED_BY_OTHERS_AROUND, is_whole, judged, names_in_template, unused

PROGRAM = """
LIMIT = 3


class Line:
    shown: str

    @property
    def is_new(self):
        return True


@blueprint.get("/lines")
def lines():
    return Line("a")


def lost():
    return 1
"""


def names(found):
    return {item.name for item in found}


def test_it_finds_a_function_a_constant_and_a_field_that_nothing_uses():
    assert names(unused({"lines.py": PROGRAM})) == {"LIMIT", "shown", "is_new", "lost"}


def test_what_a_template_names_is_used():
    template = "<p title='lost'>{{ line.shown }}{% if line.is_new %}LIMIT{% endif %}</p>"
    assert names(unused({"lines.py": PROGRAM}, names_in_template(template))) == {"LIMIT", "lost"}


def test_what_another_file_names_is_used():
    assert "lost" not in names(unused({"lines.py": PROGRAM, "other.py": "import lines\nlines.lost()\n"}))


def test_around_the_program_only_whole_things_count():
    assert {item.name for item in unused({"lines.py": PROGRAM}) if is_whole(item, PROGRAM)} == {
        "LIMIT",
        "is_new",
        "lost",
    }


def test_what_is_allowed_is_not_told_and_what_is_allowed_in_vain_is():
    found = unused({"lines.py": PROGRAM})
    assert judged(found, ["LIMIT", "lo*", "is_new", "gone"]) == [
        "lines.py:6: unused variable 'shown'",
        "scripts/unused.py: nothing is called `gone`: it need not be allowed",
    ]


@pytest.mark.parametrize("allowed", [CALLED_BY_OTHERS, CALLED_BY_OTHERS_AROUND], ids=["program", "around"])
def test_every_allowed_name_says_whose_it_is(allowed):
    assert [name for name, whose in allowed.items() if not whose] == []
