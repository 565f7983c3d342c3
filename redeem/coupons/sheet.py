"""Sheets of coupons to print and scan: A4, each QR drawn as vectors, with what it is, what to expect, and its short code."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any, TypeVar

from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.lib.utils import simpleSplit
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from redeem.domain import short_codes
from redeem.lib import qr
from redeem.lib.files import ROOT

FONTS = ROOT / "static/vendor/fonts-dejavu-2.37.3"
PLAIN, BOLD = "DejaVuSans", "DejaVuSans-Bold"

WIDTH, HEIGHT = A4
MARGIN = 14 * mm
TOP = HEIGHT - 34 * mm  # under the page's heading
INK, GREY = 0.1, 0.4
# Neighbouring rows overlap by this share, or a viewer that smooths edges shows white hairs between them.
OVERLAP = 1.03

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Piece:
    """One coupon: its names, the lines that say what it is and what to expect, the QR's text, the short code if it has one."""

    names: Sequence[str]
    lines: Sequence[str]
    link: str
    short_code: str | None


@dataclass(frozen=True, slots=True)
class Grid:
    """How pieces lie on a page. `module` is the side of a QR's module; `beside`: the words stand at its right, not under it."""

    columns: int
    rows: int
    module: float
    beside: bool

    @property
    def per_page(self) -> int:
        return self.columns * self.rows

    @property
    def width(self) -> float:
        return (WIDTH - 2 * MARGIN) / self.columns

    @property
    def height(self) -> float:
        return (TOP - MARGIN) / self.rows

    def corner(self, place: int) -> tuple[float, float]:
        """Return the upper left corner of a place, counted along the rows."""
        row, column = divmod(place, self.columns)
        return MARGIN + column * self.width, TOP - row * self.height


LARGE = Grid(columns=2, rows=4, module=0.8 * mm, beside=True)
SMALL = Grid(columns=5, rows=6, module=0.56 * mm, beside=False)


def draw(title: str, subtitle: str, large: Sequence[Piece], small: Sequence[Piece]) -> bytes:
    """Return a PDF with the large pieces first, then the small ones. The same pieces give the same bytes."""
    register_fonts()
    file = BytesIO()
    canvas = Canvas(file, pagesize=A4, invariant=1)
    canvas.setTitle(title)
    pages = [(LARGE, some) for some in batches(large, LARGE.per_page)]
    pages += [(SMALL, some) for some in batches(small, SMALL.per_page)]
    for number, (grid, pieces) in enumerate(pages, 1):
        heading(canvas, title, subtitle, f"{number} / {len(pages)}")
        for place, piece in enumerate(pieces):
            draw_piece(canvas, grid, place, piece)
        canvas.showPage()
    canvas.save()
    return file.getvalue()


def register_fonts() -> None:
    for name in (PLAIN, BOLD):
        if name not in pdfmetrics.getRegisteredFontNames():
            pdfmetrics.registerFont(TTFont(name, FONTS / f"{name}.ttf"))


def heading(canvas: Canvas, title: str, subtitle: str, page: str) -> None:
    write(canvas, MARGIN, HEIGHT - 18 * mm, title, BOLD, 15)
    write(canvas, MARGIN, HEIGHT - 24.5 * mm, subtitle, PLAIN, 8.5, GREY)
    canvas.setFont(PLAIN, 8.5)
    canvas.drawRightString(WIDTH - MARGIN, HEIGHT - 18 * mm, page)


def draw_piece(canvas: Canvas, grid: Grid, place: int, piece: Piece) -> None:
    left, top = grid.corner(place)
    quiet = qr.QUIET_ZONE_MODULES * grid.module
    side = draw_symbol(canvas, left - quiet, top, piece.link, grid.module)
    if grid.beside:
        words_beside(canvas, left + side - quiet, top - quiet - 3 * mm, grid.width - side, piece)
    else:
        words_under(canvas, left, top - side - 2 * mm, piece)


def draw_symbol(canvas: Canvas, left: float, top: float, text: str, module: float) -> float:
    """Draw the symbol with its quiet zone. Return the side's length."""
    matrix = qr.symbol(text)
    path: Any = canvas.beginPath()
    for x, y, length in qr.dark_runs(matrix):
        path.rect(left + x * module, top - (y + 1) * module, length * module, module * OVERLAP)
    canvas.setFillGray(0)
    canvas.drawPath(path, stroke=0, fill=1)
    return (len(matrix) + 2 * qr.QUIET_ZONE_MODULES) * module


def words_beside(canvas: Canvas, left: float, y: float, width: float, piece: Piece) -> None:
    for name in piece.names:
        write(canvas, left, y, name, BOLD, 11)
        y -= 5 * mm
    for line in (part for text in piece.lines for part in simpleSplit(text, PLAIN, 8, width)):
        write(canvas, left, y, line, PLAIN, 8, GREY)
        y -= 3.9 * mm
    if piece.short_code:
        write(canvas, left, y - 1.2 * mm, short_codes.grouped(piece.short_code), BOLD, 9)


def words_under(canvas: Canvas, left: float, y: float, piece: Piece) -> None:
    write(canvas, left, y, " · ".join(piece.names), BOLD, 7)
    if piece.short_code:
        write(canvas, left, y - 3.6 * mm, short_codes.grouped(piece.short_code), PLAIN, 7)


def write(canvas: Canvas, left: float, y: float, text: str, font: str, size: float, gray: float = INK) -> None:
    canvas.setFont(font, size)
    canvas.setFillGray(gray)
    canvas.drawString(left, y, text)


def batches(things: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(things), size):
        yield things[start : start + size]
