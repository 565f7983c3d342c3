"""CSV: no cell becomes a formula, whatever text a user typed and however the spreadsheet parts the cells."""

import csv
import re
from datetime import date
from decimal import Decimal
from io import StringIO
from itertools import product

import pytest

from redeem.lib.csvfile import BYTE_ORDER_MARK, Cell, Style, escape_formula, write

ENGLISH, RUSSIAN = Style.of("."), Style.of(",")
FORMULA = "=+-@＝＋－＠"
BEFORE = ("", " ", "\u00a0", "\ufeff", "\u200b", '"', '""', '" ', "\t", "\r", "\n", "\r\n")
NUMBER = re.compile(r"-?\d+([.,]\d+)?")


def cells(text, separator):
    """Every cell that a spreadsheet may see: as RFC 4180 has it, and parted without regard to quotation marks."""
    plain = text.removeprefix(BYTE_ORDER_MARK)
    yield from (cell for row in csv.reader(StringIO(plain, newline=""), delimiter=separator) for cell in row)
    yield from re.split(rf"[{separator}\t\r\n|]", plain)


def formulas(text):
    found = [cell for separator in ",;" for cell in cells(text, separator)]
    seen = [cell.lstrip(' "\t\r\n\u00a0\ufeff\u200b') for cell in found if not NUMBER.fullmatch(cell)]
    breaks = re.findall("[\t\r\n]", text.replace("\r\n", ""))  # of rows alone, never within one
    return [cell for cell in seen if cell.startswith(tuple(FORMULA))] + breaks


@pytest.mark.parametrize("style", [ENGLISH, RUSSIAN])
@pytest.mark.parametrize("start", FORMULA)
def test_no_cell_starts_a_formula_wherever_cells_are_parted(style, start):
    for word, separator, before in product(("", "Кофе", '"Кофе"'), ("", *",;|\t\n", "\r\n", ',"', ';"'), BEFORE):
        text = f"{word}{separator}{before}{start}1+1;"
        rows: list[list[Cell]] = [
            [text],
            ["a", text],
            [text, text, "b"],
            [1, text, Decimal("-1.50"), date(2026, 11, 21)],
        ]
        for row in rows:
            assert formulas(write(["a", text], [row, row], style)) == [], (text, row)


def test_the_check_sees_a_formula_that_is_not_escaped():
    assert formulas("a,=1+1\r\n")
    assert formulas("Кофе;=1+1;,b\r\n")
    assert formulas('a,"x;""=1+1"\r\n')
    assert formulas('a,"Кофе\n=1"\r\n')


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
        (" =1", " '=1"),
        ("Кофе;=1+1;", "Кофе;'=1+1;"),
        ('"=1"', '"\'=1"'),
        ("two\nlines", "two lines"),
        ("\t-1", " '-1"),
    ],
)
def test_it_puts_an_apostrophe_before_a_formula(text, escaped):
    assert escape_formula(text) == escaped


@pytest.mark.parametrize("text", ["North Coffee", "", "a=b", "5 - 3", "Кофе; чай", "'=1", "mail@example.org"])
def test_it_leaves_other_text_alone(text):
    assert escape_formula(text) == text


def test_spreadsheets_read_back_what_was_written():
    text = write(["store", "gifts"], [['Say "hi", ok', 3], ["Кофейня", -1], ["=1+1", None]])
    assert text.startswith(BYTE_ORDER_MARK)
    rows = list(csv.reader(StringIO(text.removeprefix(BYTE_ORDER_MARK))))
    assert rows == [["store", "gifts"], ['Say "hi", ok', "3"], ["Кофейня", "-1"], ["'=1+1", ""]]


def test_a_russian_spreadsheet_reads_cells_and_amounts():
    row: list[Cell] = ["Кофе, чай; сок", 1000, Decimal("-1350.50"), date(2026, 11, 21)]
    text = write(["Точка", "К оплате"], [row], RUSSIAN).removeprefix(BYTE_ORDER_MARK)
    assert text == 'Точка;К оплате\r\n"Кофе, чай; сок";1000;-1350,50;2026-11-21\r\n'
    assert write(["Store"], [row], ENGLISH).endswith('"Кофе, чай; сок",1000,-1350.50,2026-11-21\r\n')
