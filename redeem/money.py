"""Money: whole minor units (kopecks, cents) of one ISO 4217 currency. Never a float, never two currencies at once."""

from decimal import Decimal
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field

AMOUNT_LIMIT_MINOR_UNITS = 10**15

Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$", description="ISO 4217, three capitals")]
Amount = Annotated[int, Field(ge=-AMOUNT_LIMIT_MINOR_UNITS, le=AMOUNT_LIMIT_MINOR_UNITS, description="minor units")]


class Money(BaseModel):
    """An amount in minor units and its currency; frozen, hashable, and strict (True is no amount)."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    amount: Amount
    currency: Currency

    def __add__(self, other: Self) -> Self:
        return self._with(self.amount + self._alike(other).amount)

    def __sub__(self, other: Self) -> Self:
        return self._with(self.amount - self._alike(other).amount)

    def __neg__(self) -> Self:
        return self._with(-self.amount)

    def __mul__(self, times: int) -> Self:
        return self._with(self.amount * times)

    def major(self, digits: int) -> Decimal:
        """Return the amount in major units, exactly, for a currency with `digits` decimals."""
        return Decimal(self.amount).scaleb(-digits)

    def _with(self, amount: int) -> Self:
        return type(self)(amount=amount, currency=self.currency)

    def _alike(self, other: Self) -> Self:
        if other.currency != self.currency:
            raise ValueError(f"{self.currency} and {other.currency} can't be reckoned together")
        return other


def zero(currency: str) -> Money:
    """Return nothing, in a currency."""
    return Money(amount=0, currency=currency)
