"""Write CSV for spreadsheets. Text that a spreadsheet would run as a formula is escaped."""

import csv
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from io import StringIO

Cell = str | int | Decimal | date | None

# Excel, LibreOffice and Sheets take a cell that starts so for a formula. Tab and line breaks move on to a cell that may start one.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
# Without it Excel reads the file in the computer's code page, not in UTF-8, and Cyrillic is garbled.
BYTE_ORDER_MARK = "\ufeff"


def write(header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """Return the file's text: RFC 4180 with a byte order mark. Numbers stay numbers, dates are written as 2026-11-21."""
    file = StringIO()
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow([escape_formula(cell) for cell in header])
    writer.writerows([escape_formula(cell) for cell in row] for row in rows)
    return BYTE_ORDER_MARK + file.getvalue()


def escape_formula(cell: Cell) -> Cell:
    """Put an apostrophe before text that a spreadsheet would take for a formula. Any other cell is returned unchanged."""
    return f"'{cell}" if isinstance(cell, str) and cell.lstrip(" ").startswith(FORMULA_STARTS) else cell
