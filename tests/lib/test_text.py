"""A line of text: what it may have, for people and programs alike."""

import re

import pytest

from redeem.lib.errors import Invalid
from redeem.lib.text import FILLED_LINE, LINE, LINES, clean_name

BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
UNSEEN = "\x00\x07\x1b\x7f\x85\u200b\u2028\u2029\u2060\ufeff"


@pytest.mark.parametrize("character", BIDI + UNSEEN)
def test_no_line_turns_round_or_hides_anything(character):
    text = f"gift{character}gpj.exe"
    assert not any(re.search(pattern, text) for pattern in (LINE, LINES, FILLED_LINE))
    if not character.isspace():  # white space is one space in a name, as a line break is
        with pytest.raises(Invalid, match="1 to 80 characters"):
            clean_name(text)


@pytest.mark.parametrize("text", ["Кофе", "👨‍👩‍👧 Семья", "☕️", "می‌خواهم", "50 % + 1", "ｶﾌｪ", "\U000f0000"])
def test_what_languages_need_is_a_line(text):
    assert all(re.search(pattern, text) for pattern in (LINE, LINES, FILLED_LINE))
    assert clean_name(text) == text


def test_only_several_lines_have_line_feeds():
    assert re.search(LINES, "a\nb")
    assert not re.search(LINE, "a\nb")
    assert not re.search(LINES, "a\rb")


@pytest.mark.parametrize("text", ["", " ", "\u00a0", "\t"])
def test_a_filled_line_has_something_to_see(text):
    assert not re.search(FILLED_LINE, text)
    with pytest.raises(Invalid):
        clean_name(text)
