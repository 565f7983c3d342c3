"""Money: an integer amount of minor units (kopecks, cents) and an ISO 4217 currency."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

AMOUNT_LIMIT_MINOR_UNITS = 10**15

Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$", description="ISO 4217, three capitals")]
Amount = Annotated[int, Field(ge=-AMOUNT_LIMIT_MINOR_UNITS, le=AMOUNT_LIMIT_MINOR_UNITS, description="minor units")]


class Money(BaseModel):
    """An amount in minor units and its currency. Frozen, hashable, and strict: True is not an amount.

    Amounts that are parsed have a limit. Results of arithmetic have none, so that a sum of valid amounts can't fail. Arithmetic
    on two currencies raises ValueError.
    """

    model_config = ConfigDict(
        frozen=True,
        strict=True,
        extra="forbid",
        json_schema_extra={"description": "An amount in minor units, and its currency."},
    )

    amount: Amount
    currency: Currency

    def __add__(self, other: "Money") -> "Money":
        return self._with(self.amount + self._same_currency(other).amount)

    def __sub__(self, other: "Money") -> "Money":
        return self._with(self.amount - self._same_currency(other).amount)

    def __neg__(self) -> "Money":
        return self._with(-self.amount)

    def __mul__(self, times: int) -> "Money":
        return self._with(self.amount * times)

    def major(self, digits: int) -> Decimal:
        """Return the exact amount in major units (roubles, euros), for a currency with `digits` decimals."""
        return Decimal(self.amount).scaleb(-digits)

    def _with(self, amount: int) -> "Money":
        return Money.model_construct(amount=amount, currency=self.currency)

    def _same_currency(self, other: "Money") -> "Money":
        if other.currency != self.currency:
            raise ValueError(f"{self.currency} and {other.currency} are different currencies")
        return other


def zero(currency: str) -> Money:
    """Return an amount of 0 in a currency."""
    return Money(amount=0, currency=currency)


def add_up(amounts: Iterable[Money]) -> tuple[Money, ...]:
    """Return one sum for each currency, ordered by currency code."""
    sums: dict[str, Money] = {}
    for each in amounts:
        sums[each.currency] = sums.get(each.currency, zero(each.currency)) + each
    return tuple(sums[currency] for currency in sorted(sums))
