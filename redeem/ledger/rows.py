"""The rows that the ledger's statements return, as values."""

from dataclasses import dataclass, replace
from typing import Self

from redeem.domain.acts import NOT_HANDED_OVER, gift_name
from redeem.domain.presented import ShownCoupon
from redeem.domain.rules import Facts
from redeem.domain.terms import Terms, parse_terms
from redeem.lib.ids import coupon_id
from redeem.lib.times import Ms


@dataclass(frozen=True, slots=True)
class IssuedCoupon:
    """A coupon's row, with its campaign's terms. `void_since`: it is void, or a void is requested.

    `compromised`: the key that signed it is. `unproved`: its holder has shown no grant. `recovering`: the whole ledger recovers, or is an
    old copy.
    """

    serial: int
    key_id: int
    compromised: bool
    short_code: str
    last_day: int
    void_since: Ms | None
    holder_id: str | None
    epoch: int
    unproved: bool | None
    home_store_id: str | None
    terms_text: str
    recovering: bool

    @property
    def campaign_number(self) -> int:
        return self.serial >> 32

    @property
    def void(self) -> bool:
        return self.void_since is not None

    @property
    def coupon_id(self) -> str:
        return coupon_id(self.serial)

    @property
    def terms(self) -> Terms:
        return parse_terms(self.terms_text)

    @property
    def facts(self) -> Facts:
        return Facts(self.last_day, self.void, held_by=self.holder_id, compromised=bool(self.compromised))

    def seen_by(self, shown: ShownCoupon | None) -> Self:
        """Return the coupon as it is for whoever shows this of it. A token of a compromised key is refused whatever key its coupon has."""
        return replace(self, compromised=True) if shown and shown.compromised else self

    def is_issued_as(self, shown: ShownCoupon | None) -> bool:
        """Return whether a token of a compromised key is the one that the shop has issued. Anything else shown is taken to be."""
        return shown is None or not shown.compromised or (shown.key_id, shown.last_day) == (self.key_id, self.last_day)


@dataclass(frozen=True, slots=True)
class StandingRedemption:
    """The redemption of a coupon that stands: when, where and by whom."""

    serial: int
    act_id: str
    at: Ms
    handed_over_at: Ms | None
    device_id: str
    device_name: str
    store_id: str
    store_name: str
    partner_id: str
    time_zone: str
    clerk_id: str | None
    clerk_name: str | None


@dataclass(frozen=True, slots=True)
class KeptAct:
    """An act that was taken and answered before. `reversal` is the reason of its reversal, or None, and `reversed_by_id` the manager who
    decided that. `at` and `device_at`: as in Act. `in_journal`: it is a journal's entry.
    """

    id: str
    device_id: str
    name: str
    kind: str
    store_id: str
    serial: int | None
    code: str
    answer: str
    fingerprint: str
    time_zone: str
    at: Ms
    device_at: Ms | None
    in_journal: bool
    reversal: str | None
    reversed_by_id: str | None

    @property
    def gift(self) -> str:
        """The name of the gift that this act gave."""
        return gift_name(self.device_id, self.name, self.fingerprint, in_journal=self.in_journal)

    @property
    def is_denied(self) -> bool:
        """Return whether a shop manager has decided that the gift, which was pending, was never given."""
        return self.reversal == NOT_HANDED_OVER and self.reversed_by_id is not None


@dataclass(frozen=True, slots=True)
class SecondGift:
    """A gift that was given while another redemption of the coupon stood. `rule`: the one that it breaks, if it is contested."""

    act_id: str
    device_id: str
    at: Ms
    store_id: str
    time_zone: str
    rule: str | None
