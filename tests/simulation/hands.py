"""What really happens at the counters: which gifts customers have. No device knows this, and every device is judged by it."""

from collections import Counter
from typing import NamedTuple


class Gift(NamedTuple):
    """One handing over: by which device (or till), by which of its acts, for which coupon."""

    giver: str
    act: str
    coupon: str


class Hands:
    """The gifts that were given. One that came back and is given again is the same gift."""

    def __init__(self) -> None:
        self._is_out: dict[Gift, bool] = {}
        self._out: Counter[str] = Counter()

    def give(self, gift: Gift) -> None:
        if not self.has(gift):
            self._is_out[gift] = True
            self._out[gift.coupon] += 1

    def take_back(self, gift: Gift) -> None:
        if self.has(gift):
            self._is_out[gift] = False
            self._out[gift.coupon] -= 1

    def has(self, gift: Gift) -> bool:
        """Whether it is in a customer's hand now."""
        return self._is_out.get(gift, False)

    def ever_had(self, gift: Gift) -> bool:
        return gift in self._is_out

    def count(self, coupon: str) -> int:
        """How many gifts for this coupon are out."""
        return self._out[coupon]

    def out(self) -> list[Gift]:
        return [gift for gift, is_out in self._is_out.items() if is_out]

    def out_at_once(self) -> list[str]:
        """The coupons for which more than one gift is out."""
        return [coupon for coupon, count in self._out.items() if count > 1]
