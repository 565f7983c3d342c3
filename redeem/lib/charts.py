"""Charts: from figures to shapes. What a template draws as SVG, which beside it lists the same figures as a table.

Across, places are percentages of the chart's width, so that it fits a phone and a desk with the same drawing and text keeps
its size; upwards they are pixels. No colour and no word is chosen here.
"""

from collections.abc import Sequence
from dataclasses import dataclass

COLUMN_GAP = 0.25  # of each column's share of the width
TICKS_UP = 4
TICKS_ACROSS = 5
ROOM_ABOVE = 10
STEPS = (1, 2, 5)


@dataclass(frozen=True, slots=True)
class Stack:
    """One column: its label, and the figures that are piled up in it, lowest first."""

    label: str
    parts: Sequence[int]


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a column: the number of its part, and its box (x and width in %, y and height in pixels from the top)."""

    part: int
    x: float
    width: float
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Column:
    """A drawn column; `x` and `width` are its whole share of the width, where pointing at it counts."""

    stack: Stack
    x: float
    width: float
    pieces: Sequence[Piece]


@dataclass(frozen=True, slots=True)
class Tick:
    """A value, or a label, and where it is: pixels from the top, or % from the left."""

    value: int
    label: str
    at: float


@dataclass(frozen=True, slots=True)
class Columns:
    """A column chart of this height in pixels."""

    height: float
    columns: Sequence[Column]
    upward: Sequence[Tick]
    across: Sequence[Tick]


@dataclass(frozen=True, slots=True)
class Bar:
    """One ranked bar: `width` in % of the longest, `share` of the total in %, as far as there is a total."""

    label: str
    value: int
    width: float
    share: float | None
    key: str = ""


def columns(stacks: Sequence[Stack], height: float = 200) -> Columns:
    """Stacked columns side by side, with a round scale; negative figures count as none."""
    marks = scale(max((sum_of(stack) for stack in stacks), default=0))
    per_unit = (height - ROOM_ABOVE) / marks[-1]
    share = 100 / len(stacks) if stacks else 100
    return Columns(
        height,
        [draw(stack, number * share, share, height, per_unit) for number, stack in enumerate(stacks)],
        [Tick(mark, "", round(height - mark * per_unit, 2)) for mark in marks],
        labels([stack.label for stack in stacks], share),
    )


def draw(stack: Stack, x: float, share: float, height: float, per_unit: float) -> Column:
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
    """Round values from 0 to at least `top`, about TICKS_UP of them, in steps of 1, 2 or 5 times a power of ten."""
    least = max(1, -(-top // TICKS_UP))
    power = 10 ** (len(str(least)) - 1)
    step = next(size * power for size in (*STEPS, 10) if size * power >= least)
    return list(range(0, max(top, 1) + step, step))


def labels(names: Sequence[str], share: float) -> list[Tick]:
    """Some of the names, each in the middle of an equal part of the chart, so that none sticks out of it."""
    every = max(1, -(-len(names) // TICKS_ACROSS))
    return [
        Tick(number, names[number], round((number + 0.5) * share, 3)) for number in range(every // 2, len(names), every)
    ]


def ranked(figures: Sequence[tuple[str, str, int]], total: int | None = None) -> list[Bar]:
    """Bars of (key, label, value), the longest first; those of no value are left out."""
    some = sorted((figure for figure in figures if figure[2] > 0), key=lambda figure: (-figure[2], figure[1]))
    longest = some[0][2] if some else 1
    return [
        Bar(label, value, round(100 * value / longest, 2), 100 * value / total if total else None, key)
        for key, label, value in some
    ]


def sum_of(stack: Stack) -> int:
    return sum(max(part, 0) for part in stack.parts)
