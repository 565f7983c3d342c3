"""Write CSV for spreadsheets. Text that a spreadsheet would run as a formula is escaped, wherever the spreadsheet parts the cells."""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from io import StringIO

Cell = str | int | Decimal | date | None

# Without it Excel reads the file in the computer's code page, not in UTF-8, and Cyrillic is garbled.
BYTE_ORDER_MARK = "\ufeff"
# One cell is one line: a spreadsheet that reads quotes otherwise would begin a row at a line break, and a cell at a tab.
_BREAKS = re.compile(r"[\t-\r\x1c-\x1f\x85\u2028\u2029]+")
# Excel, LibreOffice and Sheets take a cell that starts so for a formula. Which of `,` `;` `|` parts cells depends on the reader's
# settings, and a quotation mark may begin a cell, so that text may start one after any of these.
_FORMULA = re.compile(r"((?:^|[,;|\"])[\s\ufeff\u200b-\u200f\u2060\"]*)(?=[=+\-@＝＋－＠])")


@dataclass(frozen=True, slots=True)
class Style:
    """How the reader's spreadsheet parts cells and writes decimals."""

    separator: str = ","
    decimal_sign: str = "."

    @classmethod
    def of(cls, decimal_sign: str) -> "Style":
        """The style of a language: where the comma is the decimal sign, the semicolon parts cells."""
        return cls(";" if decimal_sign == "," else ",", decimal_sign)


def write(header: Sequence[str], rows: Iterable[Sequence[Cell]], style: Style = Style()) -> str:
    """Return the file's text: RFC 4180 with a byte order mark. Numbers stay numbers, dates are written as 2026-11-21."""
    return "".join(write_in_parts(header, [rows], style))


def write_in_parts(
    header: Sequence[str], parts: Iterable[Iterable[Sequence[Cell]]], style: Style = Style()
) -> Iterator[str]:
    """Yield the same text: first the header, then each part's rows."""
    yield BYTE_ORDER_MARK + lines([header], style)
    for rows in parts:
        yield lines(rows, style)


def lines(rows: Iterable[Sequence[Cell]], style: Style) -> str:
    file = StringIO()
    writer = csv.writer(file, delimiter=style.separator, lineterminator="\r\n")
    writer.writerows([written(cell, style) for cell in row] for row in rows)
    return file.getvalue()


def written(cell: Cell, style: Style) -> Cell:
    if isinstance(cell, Decimal):
        return f"{cell:f}".replace(".", style.decimal_sign)
    return escape_formula(cell) if isinstance(cell, str) else cell


def escape_formula(text: str) -> str:
    """Return the text on one line, with an apostrophe before all that a spreadsheet would take for the start of a formula."""
    return _FORMULA.sub(r"\1'", _BREAKS.sub(" ", text))
