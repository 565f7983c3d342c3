"""Sets of coupon numbers, tested with the vectors that the browser's code is tested with as well."""

import random

import pytest

from redeem.lib.bitmaps import to_bitmap, to_gaps
from tests.gaps import from_gaps
from tests.vectors.read import named, vectors

VECTORS = vectors("bitmaps")


@pytest.mark.parametrize(**named(VECTORS["sets"]))
def test_a_set_is_a_bitmap(case):
    assert to_bitmap(case["numbers"], case["size"]).hex() == case["bitmap"]


@pytest.mark.parametrize(**named(VECTORS["sets"] + VECTORS["far"]))
def test_a_set_is_its_gaps_and_back(case):
    written = to_gaps(case["numbers"])
    assert written.hex() == case["gaps"]
    assert from_gaps(written) == case["numbers"]


def test_order_and_repetition_do_not_matter():
    assert to_gaps([9, 3, 9, 0]) == to_gaps([0, 3, 9])


def test_a_number_beyond_the_size_is_refused():
    with pytest.raises(IndexError):
        to_bitmap([8], 8)


def test_any_set_comes_back():
    chance = random.Random(7)
    for _ in range(50):
        numbers = sorted(chance.sample(range(10 ** chance.randrange(3, 9)), 200))
        assert from_gaps(to_gaps(numbers)) == numbers
