"""Charts: compute the shapes that a template draws as SVG. Colours and words are the template's.

Horizontal positions are percentages of the chart's width, so the same drawing fits a phone and a wide screen and its text keeps
its size. Vertical positions are pixels.
"""

from collections.abc import Sequence
from dataclasses import dataclass

COLUMN_GAP = 0.25  # of each column's share of the width
Y_TICKS = 4
X_LABELS_MAX = 5
TOP_MARGIN_PIXELS = 10
STEPS = (1, 2, 5)


@dataclass(frozen=True, slots=True)
class Stack:
    """The figures of one column, to be stacked from the bottom up, and its label."""

    label: str
    parts: Sequence[int]


@dataclass(frozen=True, slots=True)
class Piece:
    """One drawn part of a column: the part's index in its stack, and its box (x and width in %, y and height in pixels from the top)."""

    part: int
    x: float
    width: float
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Column:
    """A drawn column. `x` and `width` (in %) include the gap around it: this is the area that reacts to the pointer."""

    stack: Stack
    x: float
    width: float
    pieces: Sequence[Piece]


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on an axis: a `value`, `at` pixels from the top, on the vertical axis; a `label`, `at` % from the left, on the horizontal."""

    value: int
    label: str
    at: float


@dataclass(frozen=True, slots=True)
class Columns:
    """A column chart. `height` is in pixels; `upward` marks the vertical axis, `across` the horizontal one."""

    height: float
    columns: Sequence[Column]
    upward: Sequence[Tick]
    across: Sequence[Tick]


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of a ranking: `width` in % of the longest bar, `share` in % of the total, or None if no total was given."""

    label: str
    value: int
    width: float
    share: float | None
    key: str = ""


def columns(stacks: Sequence[Stack], height: float = 200) -> Columns:
    """Lay out stacked columns side by side, with a round scale. A negative figure counts as 0."""
    marks = scale(max((sum_of(stack) for stack in stacks), default=0))
    per_unit = (height - TOP_MARGIN_PIXELS) / marks[-1]
    share = 100 / len(stacks) if stacks else 100
    return Columns(
        height,
        [draw(stack, number * share, share, height, per_unit) for number, stack in enumerate(stacks)],
        [Tick(mark, "", round(height - mark * per_unit, 2)) for mark in marks],
        labels([stack.label for stack in stacks], share),
    )


def draw(stack: Stack, x: float, share: float, height: float, per_unit: float) -> Column:
    """Lay out one column. `x` and `share` are in %, `height` in pixels, `per_unit` in pixels for each unit of a figure."""
    pieces, top = [], height
    for part, figure in enumerate(stack.parts):
        tall = max(figure, 0) * per_unit
        top -= tall
        if tall:
            width = share * (1 - COLUMN_GAP)
            left = x + share * COLUMN_GAP / 2
            pieces.append(Piece(part, round(left, 3), round(width, 3), round(top, 2), round(tall, 2)))
    return Column(stack, round(x, 3), round(share, 3), pieces)


def scale(top: int) -> list[int]:
    """Return round values from 0 to at least `top`, about Y_TICKS of them, in steps of 1, 2 or 5 times a power of ten."""
    least = max(1, -(-top // Y_TICKS))
    power = 10 ** (len(str(least)) - 1)
    step = next(size * power for size in (*STEPS, 10) if size * power >= least)
    return list(range(0, max(top, 1) + step, step))


def labels(names: Sequence[str], share: float) -> list[Tick]:
    """Pick at most X_LABELS_MAX of the columns' names. Each is the middle one of an equal part, so that no label is cut off at an edge."""
    every = max(1, -(-len(names) // X_LABELS_MAX))
    return [
        Tick(number, names[number], round((number + 0.5) * share, 3)) for number in range(every // 2, len(names), every)
    ]


def ranked(figures: Sequence[tuple[str, str, int]], total: int | None = None) -> list[Bar]:
    """Return the bars of (key, label, value), the longest first. Values of 0 or less are left out."""
    some = sorted((figure for figure in figures if figure[2] > 0), key=lambda figure: (-figure[2], figure[1]))
    longest = some[0][2] if some else 1
    return [
        Bar(label, value, round(100 * value / longest, 2), 100 * value / total if total else None, key)
        for key, label, value in some
    ]


def sum_of(stack: Stack) -> int:
    return sum(max(part, 0) for part in stack.parts)
