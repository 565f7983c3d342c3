"""What is presented to be redeemed, and where: what the shown coupon itself says, and the device with its store."""

from dataclasses import dataclass
from typing import Self

from redeem.domain.rules import Place
from redeem.domain.tokens import Token
from redeem.lib.times import Ms


@dataclass(frozen=True, slots=True)
class ShownCoupon:
    """What a shown coupon says by itself, without its row. A token has a key id and a last day. A typed short code has neither.

    `compromised`: the key that signed the token is. Whoever has that key can have made the token.
    """

    serial: int
    key_id: int | None = None
    last_day: int | None = None
    short_code: str | None = None
    compromised: bool = False

    @classmethod
    def of(cls, token: Token, *, compromised: bool = False) -> Self:
        return cls(token.serial, token.key_id, token.last_day, compromised=compromised)


@dataclass(frozen=True, slots=True)
class Actor:
    """The device that acts, with its store. `closed_at`: since when the store is closed."""

    device_id: str
    device_name: str
    store_id: str
    store_name: str
    partner_id: str
    time_zone: str
    closed_at: Ms | None = None

    @property
    def place(self) -> Place:
        return Place(
            store_id=self.store_id,
            partner_id=self.partner_id,
            device_id=self.device_id,
            closed=self.closed_at is not None,
        )
