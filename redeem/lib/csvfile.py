"""CSV that a spreadsheet reads as what it is: text stays text and never becomes a formula."""

import csv
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from io import StringIO

Cell = str | int | Decimal | date | None

# What Excel, LibreOffice and Sheets take for the beginning of a formula, or for a jump to a cell that begins one.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
# Without it Excel reads UTF-8 as the computer's own code page, and Cyrillic as rubbish.
BYTE_ORDER_MARK = "\ufeff"


def write(header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """The file's text: RFC 4180, with a byte order mark. Numbers stay numbers, days are written as 2026-11-21; text is defused."""
    file = StringIO()
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow([defused(cell) for cell in header])
    writer.writerows([defused(cell) for cell in row] for row in rows)
    return BYTE_ORDER_MARK + file.getvalue()


def defused(cell: Cell) -> Cell:
    """Text that would start a formula gets an apostrophe before it."""
    return f"'{cell}" if isinstance(cell, str) and cell.lstrip(" ").startswith(FORMULA_STARTS) else cell
