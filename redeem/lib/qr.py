"""QR symbols: a text as modules, as SVG or as PNG. The same text always gives the same bytes.

A coupon's link with up to 27 characters before the digits fits version 6 at level M: 41 modules, 49 with the quiet zone,
which is 19.6 mm at 0.4 mm a module. A token is written in digits because a numeric segment is the densest.
"""

from collections.abc import Iterator
from io import BytesIO
from itertools import groupby
from typing import Literal
from xml.sax.saxutils import escape

import qrcode.constants
from PIL import Image
from qrcode.main import QRCode

Level = Literal["M", "Q"]
Matrix = tuple[tuple[bool, ...], ...]

QUIET_ZONE_MODULES = 4
MODULE_MM = 0.4
MODULE_MAX_PIXELS = 64
TEXT_MAX_CHARACTERS = 512

# A run of this many digits gets a numeric segment of its own. A port or a year in the host is too short for one.
_NUMERIC_RUN = 20
_LEVELS: dict[Level, int] = {"M": qrcode.constants.ERROR_CORRECT_M, "Q": qrcode.constants.ERROR_CORRECT_Q}


def symbol(text: str, level: Level = "M") -> Matrix:
    """Return the modules row by row, True for dark, without the quiet zone. Raises ValueError for a text of the wrong length.

    Use level M. Level Q survives more damage, but makes a larger symbol: use it where dirt or a logo will cover some of it.
    """
    if not 0 < len(text) <= TEXT_MAX_CHARACTERS:
        raise ValueError(f"a symbol holds 1 to {TEXT_MAX_CHARACTERS} characters")
    code = QRCode(error_correction=_LEVELS[level], border=0)
    code.add_data(text, optimize=_NUMERIC_RUN)
    code.make(fit=True)
    return tuple(tuple(map(bool, row)) for row in code.get_matrix())


def svg(text: str, title: str, *, level: Level = "M", module_mm: float = MODULE_MM) -> str:
    """Return an SVG document: one dark path on white, with its quiet zone.

    `title` is read aloud by screen readers. Width and height give the size in print; CSS may override them.
    """
    matrix = symbol(text, level)
    side = len(matrix) + 2 * QUIET_ZONE_MODULES
    size = f"{round(side * module_mm, 3):g}mm"
    path = "".join(f"M{x} {y}.5h{length}" for x, y, length in dark_runs(matrix))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{size}" height="{size}" viewBox="0 0 {side} {side}"'
        f' role="img" shape-rendering="crispEdges"><title>{escape(title)}</title>'
        f'<path fill="#fff" d="M0 0h{side}v{side}H0z"/><path stroke="#000" d="{path}"/></svg>'
    )


def png(text: str, *, level: Level = "M", module_px: int = 10) -> bytes:
    """Return a black and white PNG with `module_px` pixels for each module, with its quiet zone. Raises ValueError."""
    if not 1 <= module_px <= MODULE_MAX_PIXELS:
        raise ValueError(f"a module has 1 to {MODULE_MAX_PIXELS} pixels")
    matrix = symbol(text, level)
    side = len(matrix) + 2 * QUIET_ZONE_MODULES
    image = Image.new("1", (side, side), 1)
    for x, y, length in dark_runs(matrix):
        image.paste(0, (x, y, x + length, y + 1))
    # Modules are whole pixels. If they were not, their widths would differ, and the symbol would scan badly.
    large = image.resize((side * module_px, side * module_px), Image.Resampling.NEAREST)
    dots_per_inch = module_px / MODULE_MM * 25.4
    file = BytesIO()
    large.save(file, "PNG", dpi=(dots_per_inch, dots_per_inch))
    return file.getvalue()


def dark_runs(matrix: Matrix) -> Iterator[tuple[int, int, int]]:
    """Yield each horizontal run of dark modules as (x, y, length), measured in modules from the corner of the quiet zone."""
    for y, row in enumerate(matrix, QUIET_ZONE_MODULES):
        for dark, run in groupby(enumerate(row, QUIET_ZONE_MODULES), key=lambda module: module[1]):
            if dark:
                places = [x for x, _ in run]
                yield places[0], y, len(places)
