"""Files that managers download: tables as CSV, as the spreadsheet of the page's language reads them."""

from collections.abc import Iterable, Sequence

from babel import numbers
from flask import Response

from redeem.lib import csvfile
from redeem.lib.csvfile import Cell, Style
from redeem.web.languages import locale


def csv_file(name: str, header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Response:
    """The table as a file. In Russian `;` parts the cells and the comma is the decimal sign, as Excel and LibreOffice expect there."""
    style = Style.of(numbers.get_decimal_symbol(locale()))
    disposition = f'attachment; filename="{name}"'
    return Response(
        csvfile.write(header, rows, style), mimetype="text/csv", headers={"Content-Disposition": disposition}
    )
