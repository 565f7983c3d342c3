"""The answers of the shop's API about statements."""

from typing import Annotated, Literal, Self

from pydantic import Field

from redeem.domain import terms
from redeem.lib import money
from redeem.lib.ids import campaign_id
from redeem.lib.times import rfc3339
from redeem.partners.settlement import Account
from redeem.partners.settlement import Line as AccountLine
from redeem.web.api.shapes import ListOf, Moment, PageQuery, ResponseBody
from redeem.web.api.shop_shapes import CampaignId

StatementId = Annotated[str, Field(pattern="^stm_[0-7][0-9A-HJKMNP-TV-Z]{25}$")]


class StatementQuery(PageQuery):
    starting_after: StatementId | None = None
    ending_before: StatementId | None = None
    partner: terms.PartnerId | None = None


class Sum(ResponseBody):
    """A computed amount, in minor units. It is below zero where more gifts were taken back than given."""

    amount: int
    currency: money.Currency

    @classmethod
    def of(cls, amount: money.Money) -> Self:
        return cls(amount=amount.amount, currency=amount.currency)


class StatementLine(ResponseBody):
    """What is owed for one campaign: `owed` = (`value` + `handling_fee`) × (`gifts` + `second_gifts`)."""

    campaign: CampaignId
    gifts: int
    second_gifts: Annotated[int, Field(description="Second and contested gifts that the shop bears")]
    partner_bears: Annotated[
        int, Field(description="Second and contested gifts that the partner bears: nothing is owed for them")
    ]
    value: Annotated[Sum, Field(description="The value of one gift. Zero if the partner funds it")]
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


class Statement(ResponseBody):
    """What a partner is owed that no earlier statement has. It never changes. There is one sum for each currency.

    `owed_in_all` includes all earlier statements. A shop that pays up to it never pays twice, even if a restored backup lacks one.
    """

    id: StatementId
    object: Literal["statement"] = "statement"
    partner: str
    number: Annotated[int, Field(description="Counts the partner's statements from 1")]
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
    """A page of statements."""
