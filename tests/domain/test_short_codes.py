from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redeem.domain import short_codes
from redeem.lib.errors import BadCode
from redeem.lib.ids import CROCKFORD
from tests.vectors.read import named, vectors

VECTORS = vectors("codes")

drawn = st.integers(0, 2**55 - 1).map(short_codes.new_code)


def reason_of(text: str) -> str | None:
    try:
        short_codes.normalise(text)
    except BadCode as error:
        return error.reason
    return None


@pytest.mark.parametrize("case", VECTORS["codes"], ids=lambda case: case["code"])
def test_the_check_character_is_the_one_computed_by_hand(case):
    assert case["body"] + short_codes.check_character(case["body"]) == case["code"]


@pytest.mark.parametrize(**named(VECTORS["good"]))
def test_it_takes_a_code_as_people_type_it(case):
    assert short_codes.normalise(case["text"]) == case["code"]


@pytest.mark.parametrize(**named(VECTORS["bad"]))
def test_it_refuses_a_mistyped_code_with_its_reason(case):
    assert reason_of(case["text"]) == case["reason"]


def test_every_reason_has_a_vector():
    assert {case["reason"] for case in VECTORS["bad"]} == set(short_codes.Fault)


@given(drawn)
def test_a_drawn_code_is_a_code(code):
    assert short_codes.normalise(short_codes.grouped(code).lower()) == code
    assert len(code) == 12


@given(drawn, st.integers(0, 11), st.sampled_from(CROCKFORD))
def test_any_single_wrong_character_is_detected(code, place, character):
    typed = code[:place] + character + code[place + 1 :]
    assert reason_of(typed) == (None if typed == code else "wrong_check")


@given(drawn)
def test_any_swap_of_two_characters_is_detected(code):
    for one, two in combinations(range(12), 2):
        typed = list(code)
        typed[one], typed[two] = typed[two], typed[one]
        assert reason_of("".join(typed)) == (None if code[one] == code[two] else "wrong_check")


@given(st.text(max_size=80))
def test_any_text_at_all_is_a_code_or_refused(text):
    assert reason_of(text) in {None, *short_codes.Fault}


def test_codes_are_drawn_at_random():
    assert len({short_codes.new_code() for _ in range(100)}) == 100


def test_the_same_entropy_gives_the_same_code():
    assert short_codes.new_code(0) == "0" * 12
    assert short_codes.new_code(12345) == short_codes.new_code(12345)


@pytest.mark.parametrize("entropy", [-1, 2**55])
def test_entropy_out_of_range_is_refused(entropy):
    with pytest.raises(ValueError, match="55 bits"):
        short_codes.new_code(entropy)


def test_a_code_is_shown_in_groups_of_four():
    assert short_codes.grouped("7KQ2M4XZ9F3C") == "7KQ2-M4XZ-9F3C"
