"""CSV: no cell becomes a formula, whatever text a user typed."""

import csv
from io import StringIO

import pytest

from redeem.lib.csvfile import BYTE_ORDER_MARK, escape_formula, write


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", " ="])
def test_it_escapes_text_that_would_be_a_formula(start):
    assert escape_formula(f"{start}HYPERLINK(1)") == f"'{start}HYPERLINK(1)"


@pytest.mark.parametrize("cell", ["North Coffee", "", None, 0, -3, "a=b", "5 - 3"])
def test_it_leaves_other_cells_alone(cell):
    assert escape_formula(cell) == cell


def test_spreadsheets_read_back_what_was_written():
    text = write(["store", "gifts"], [['Say "hi", ok', 3], ["Кофейня", -1], ["=1+1", None]])
    assert text.startswith(BYTE_ORDER_MARK)
    rows = list(csv.reader(StringIO(text.removeprefix(BYTE_ORDER_MARK))))
    assert rows == [["store", "gifts"], ['Say "hi", ok', "3"], ["Кофейня", "-1"], ["'=1+1", ""]]
