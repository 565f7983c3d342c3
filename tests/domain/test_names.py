import pytest

from redeem.domain.names import digits_in, normalise_or_none
from tests.vectors.read import named, vectors


@pytest.mark.parametrize(**named(vectors("names")["names"]))
def test_a_text_names_a_coupon_or_nothing(case):
    assert (digits_in(case["text"]) or normalise_or_none(case["text"])) == case["names"]
