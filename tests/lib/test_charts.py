"""Charts: the shapes have the sizes that the figures demand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redeem.lib.charts import Stack, columns, ranked, scale


@pytest.mark.parametrize(
    ("top", "expected"),
    [
        (0, [0, 1]),
        (1, [0, 1]),
        (3, [0, 1, 2, 3]),
        (4, [0, 1, 2, 3, 4]),
        (5, [0, 2, 4, 6]),
        (97, [0, 50, 100]),
        (1000, [0, 500, 1000]),
    ],
)
def test_scales_go_in_round_steps(top, expected):
    assert scale(top) == expected


@given(st.integers(0, 10**12))
def test_every_scale_reaches_the_top_in_few_steps(top):
    marks = scale(top)
    assert marks[0] == 0
    assert marks[-1] >= top
    assert 2 <= len(marks) <= 6


@given(st.lists(st.tuples(st.integers(-5, 10**6), st.integers(0, 10**6)), max_size=120))
def test_columns_stay_inside_and_are_as_tall_as_their_figures(figures):
    chart = columns([Stack(str(number), parts) for number, parts in enumerate(figures)])
    for column, parts in zip(chart.columns, figures, strict=True):
        assert [piece.part for piece in column.pieces] == [number for number, part in enumerate(parts) if part > 0]
        for piece in column.pieces:
            assert 0 <= piece.x <= piece.x + piece.width <= 100.01
            assert -0.01 <= piece.y <= piece.y + piece.height <= chart.height + 0.02


def test_pieces_are_piled_up():
    [column] = columns([Stack("Monday", [3, 1])], height=110).columns
    lower, upper = column.pieces
    assert lower.y + lower.height == 110
    assert upper.y + upper.height == lower.y
    assert lower.height == 3 * upper.height


def test_an_empty_chart_still_has_a_scale():
    chart = columns([])
    assert [tick.value for tick in chart.upward] == [0, 1]
    assert chart.across == []


def test_labels_are_few_and_stay_inside():
    ticks = columns([Stack(f"day {day}", [1]) for day in range(91)]).across
    assert [tick.label for tick in ticks] == ["day 9", "day 28", "day 47", "day 66", "day 85"]
    assert all(8 < tick.at < 95 for tick in ticks)


def test_a_few_columns_each_have_their_label():
    assert [tick.label for tick in columns([Stack(name, [1]) for name in "abc"]).across] == ["a", "b", "c"]


def test_bars_are_ranked_and_say_their_share():
    bars = ranked([("a", "Annex", 25), ("b", "Bakery", 75), ("c", "Closed", 0)], total=100)
    assert [(bar.label, bar.width, bar.share) for bar in bars] == [("Bakery", 100, 75), ("Annex", 33.33, 25)]


def test_a_bar_of_zero_is_left_out():
    assert ranked([("a", "Annex", 0)]) == []
