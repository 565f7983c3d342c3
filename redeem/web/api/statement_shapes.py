"""The answers of the shop's API about what it owes its partners."""

from typing import Annotated, Literal, Self

from pydantic import Field

from redeem.domain import terms
from redeem.lib import money
from redeem.lib.ids import campaign_id
from redeem.lib.times import rfc3339
from redeem.partners.settlement import Account
from redeem.partners.settlement import Line as AccountLine
from redeem.web.api.shapes import ListOf, Moment, PageQuery, Told
from redeem.web.api.shop_shapes import CampaignId

StatementId = Annotated[str, Field(pattern="^stm_[0-7][0-9A-HJKMNP-TV-Z]{25}$")]


class StatementQuery(PageQuery):
    starting_after: StatementId | None = None
    ending_before: StatementId | None = None
    partner: terms.PartnerId | None = None


class Sum(Told):
    """An amount that was reckoned: in minor units, below zero where more was taken back than given, and without a limit."""

    amount: int
    currency: money.Currency

    @classmethod
    def of(cls, amount: money.Money) -> Self:
        return cls(amount=amount.amount, currency=amount.currency)


class StatementLine(Told):
    """What is owed for one campaign: `owed` is (value + handling_fee) × (gifts + second_gifts)."""

    campaign: CampaignId
    gifts: int
    second_gifts: Annotated[int, Field(description="of one coupon; the shop bears these")]
    partner_bears: Annotated[int, Field(description="second gifts for which nothing is owed")]
    value: Annotated[Sum, Field(description="of one gift; nothing where the partner funds it")]
    handling_fee: Sum
    owed: Sum

    @classmethod
    def of(cls, line: AccountLine) -> Self:
        return cls(
            campaign=campaign_id(line.campaign),
            gifts=line.counts.gifts,
            second_gifts=line.counts.second_gifts,
            partner_bears=line.counts.partner_bears,
            value=Sum.of(line.value),
            handling_fee=Sum.of(line.handling_fee),
            owed=Sum.of(line.owed),
        )


class Statement(Told):
    """What a partner is owed that no earlier statement has. It never changes. Sums are by currency.

    `owed_in_all` is with all earlier ones: whoever pays up to it pays nothing twice, even where a restored backup has forgotten one.
    """

    id: StatementId
    object: Literal["statement"] = "statement"
    partner: str
    number: Annotated[int, Field(description="counts the partner's own, from 1")]
    lines: list[StatementLine]
    owed: list[Sum]
    owed_in_all: list[Sum]
    closed_at: Moment

    @classmethod
    def of(cls, account: Account) -> Self:
        return cls(
            id=account.id or "",
            partner=account.partner_id,
            number=account.number,
            lines=[StatementLine.of(line) for line in account.lines],
            owed=[Sum.of(each) for each in account.owed],
            owed_in_all=[Sum.of(each) for each in account.in_all],
            closed_at=rfc3339(account.at or 0),
        )


class StatementList(ListOf[Statement]):
    """Statements, a page of them."""
