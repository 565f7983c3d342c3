from decimal import Decimal

import pytest
from pydantic import ValidationError

from redeem.lib.money import AMOUNT_LIMIT_MINOR_UNITS, Money, add_up, zero


def rub(amount: int) -> Money:
    return Money(amount=amount, currency="RUB")


def test_arithmetic_is_in_whole_minor_units():
    assert rub(350) + rub(25) - rub(75) == rub(300)
    assert -rub(5) * 3 == rub(-15)
    assert sum([rub(1), rub(2)], zero("RUB")) == rub(3)


def test_arithmetic_on_two_currencies_is_refused():
    with pytest.raises(ValueError, match="RUB and EUR"):
        rub(1) + Money(amount=1, currency="EUR")


@pytest.mark.parametrize("amount", [1.0, 1.5, "1", True, None, Decimal(1), float("nan")])
def test_only_whole_numbers_are_amounts(amount):
    with pytest.raises(ValidationError):
        Money(amount=amount, currency="RUB")


@pytest.mark.parametrize("currency", ["", "rub", "RU", "RUBL", "РУБ", "RU1", None, "RUB\n"])
def test_only_three_capitals_are_a_currency(currency):
    with pytest.raises(ValidationError):
        Money(amount=1, currency=currency)


def test_a_parsed_amount_has_a_limit():
    with pytest.raises(ValidationError):
        rub(AMOUNT_LIMIT_MINOR_UNITS + 1)


def test_the_result_of_arithmetic_has_no_limit():
    """The total value of a tablet's holds must be shown, however large the value of each coupon is."""
    assert (rub(AMOUNT_LIMIT_MINOR_UNITS) * 3).amount == 3 * AMOUNT_LIMIT_MINOR_UNITS


def test_amounts_are_summed_by_currency():
    euro = Money(amount=500, currency="EUR")
    assert add_up([rub(1), euro, rub(-4), euro]) == (euro * 2, rub(-3))
    assert add_up([]) == ()


def test_major_units_are_exact():
    assert rub(-123456789012345).major(2) == Decimal("-1234567890123.45")
    assert Money(amount=500, currency="JPY").major(0) == Decimal(500)


def test_money_can_be_a_key():
    assert {rub(1): "one"}[rub(1)] == "one"
