"""The bodies and answers of the shop's API, except those of statements."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field

from redeem.coupons.issue import CouponFilter, NewCoupon
from redeem.domain import terms
from redeem.domain.acts import CANCELLED, Kind
from redeem.domain.status import Status
from redeem.domain.terms import Terms
from redeem.lib.ids import campaign_id, campaign_of, coupon_id, coupon_of
from redeem.lib.text import FILLED_LINE, LINE, LONG_NAME_CHARACTERS
from redeem.lib.times import rfc3339
from redeem.partners.partners import ADDRESS_CHARACTERS, HOURS_CHARACTERS, NewStore
from redeem.redemptions.listing import Event, EventFilter, Redeemed, RedemptionStatus, Refused
from redeem.web.api.shapes import (
    Body,
    DayText,
    Instant,
    ListOf,
    Moment,
    PageQuery,
    Place,
    Reason,
    ResponseBody,
)

NO_NUMBER = -1  # stands for an id that can't be one: no campaign and no coupon has this number
Name = Annotated[str, Field(min_length=1, max_length=LONG_NAME_CHARACTERS, pattern=FILLED_LINE)]
CampaignId = Annotated[str, Field(pattern="^cmp_(0|[1-9][0-9]{0,9})$", examples=["cmp_7"])]
CouponId = Annotated[str, Field(pattern="^cpn_(0|[1-9][0-9]{0,9})_(0|[1-9][0-9]{0,9})$", examples=["cpn_7_42"])]
RedemptionId = Annotated[str, Field(pattern="^rdm_[0-7][0-9A-HJKMNP-TV-Z]{25}$")]
ActId = Annotated[str, Field(pattern="^act_[0-7][0-9A-HJKMNP-TV-Z]{25}$")]
OrderRef = Annotated[str, Field(min_length=1, max_length=200, pattern=LINE)]
OrderLine = Annotated[str, Field(min_length=1, max_length=200, pattern=LINE, description="The line of the order")]
MetadataKey = Annotated[str, Field(min_length=1, max_length=40, pattern=LINE)]
MetadataValue = Annotated[str, Field(max_length=500, pattern=r"^[^\x00]*$")]
Metadata = Annotated[dict[MetadataKey, MetadataValue], Field(max_length=20)]


# Bodies and queries.


class CampaignBody(Terms):
    """A campaign to create: its name and its terms."""

    name: Name

    def as_terms(self) -> Terms:
        return Terms.model_construct(**{name: getattr(self, name) for name in Terms.model_fields})


class CampaignPatch(Body):
    """The members to change. Each replaces the stored member as a whole. A member that is left out or null stays as it is."""

    name: Name | None = None
    offer: terms.Offers | None = None
    windows: terms.Windows | None = None
    partners: terms.PartnerIds | None = None
    stores: terms.StoreIds | None = None
    value: terms.Price | None = None
    handling_fee: terms.Price | None = None
    funding: terms.Bearer | None = None
    offline: terms.Offline | None = None
    undo_minutes: terms.UndoMinutes | None = None
    once_per: terms.OncePer | None = None
    stopped: Annotated[bool | None, Field(description="True stops issuing, false lets it go on")] = None

    def changes(self) -> dict[str, Any]:
        """The members of the terms to change, by name."""
        own = {"name", "stopped"}
        return {name: value for name, value in dict(self).items() if value is not None and name not in own}


class CouponBody(Body):
    """A coupon to issue. `home_store` is the store at which it is expected: a device there can give it without a network.

    If the campaign's `once_per` is `order` or `line`, name the order, or the order and its line.
    """

    campaign: CampaignId
    order_ref: OrderRef | None = None
    line: OrderLine | None = None
    home_store: terms.StoreId | None = None
    metadata: Metadata = Field(default_factory=dict)

    def as_new(self) -> NewCoupon:
        number = campaign_of(self.campaign)
        known = NO_NUMBER if number is None else number
        return NewCoupon(known, self.order_ref, self.line, self.home_store, self.metadata)


class VoidBody(Body):
    reason: Reason | None = None


class HomeBody(Body):
    """The store at which the coupon is expected. Null: at no particular store."""

    store: terms.StoreId | None


class PartnerBody(Body):
    name: Name


class StoreBody(Body):
    partner: terms.PartnerId
    name: Name
    time_zone: Annotated[str, Field(min_length=1, max_length=60, examples=["Europe/Moscow"])]
    address: Annotated[str, Field(max_length=ADDRESS_CHARACTERS, pattern=LINE)] = ""
    hours: Annotated[str, Field(max_length=HOURS_CHARACTERS, pattern=LINE)] = ""

    def as_new(self) -> NewStore:
        return NewStore(self.partner, self.name, self.time_zone, self.address, self.hours)


class CampaignQuery(PageQuery):
    starting_after: CampaignId | None = None
    ending_before: CampaignId | None = None


class CouponQuery(PageQuery):
    starting_after: CouponId | None = None
    ending_before: CouponId | None = None
    campaign: CampaignId | None = None
    order_ref: OrderRef | None = None

    def wanted(self) -> CouponFilter:
        return CouponFilter(_number(self.campaign), self.order_ref)


class PartnerQuery(PageQuery):
    starting_after: terms.PartnerId | None = None
    ending_before: terms.PartnerId | None = None


class StoreQuery(PageQuery):
    starting_after: terms.StoreId | None = None
    ending_before: terms.StoreId | None = None
    partner: terms.PartnerId | None = None


class _EventQuery(PageQuery):
    """Filters what happened at stores. The moment `since` is included, `until` is not."""

    campaign: CampaignId | None = None
    coupon: CouponId | None = None
    store: terms.StoreId | None = None
    since: Instant | None = None
    until: Instant | None = None

    def wanted(self) -> EventFilter:
        return EventFilter(_number(self.campaign), _serial(self.coupon), self.store, self.since, self.until)


class RedemptionQuery(_EventQuery):
    starting_after: RedemptionId | None = None
    ending_before: RedemptionId | None = None
    status: RedemptionStatus | None = None


class RefusalQuery(_EventQuery):
    starting_after: ActId | None = None
    ending_before: ActId | None = None


def _number(campaign: str | None) -> int | None:
    """The number in a campaign's id, None if no id was given. For an id that no campaign can have: NO_NUMBER, which matches nothing."""
    number = campaign_of(campaign) if campaign is not None else None
    return NO_NUMBER if campaign is not None and number is None else number


def _serial(coupon: str | None) -> int | None:
    serial = coupon_of(coupon) if coupon is not None else None
    return NO_NUMBER if coupon is not None and serial is None else serial


# Answers.


class _CampaignHead(ResponseBody):
    id: CampaignId
    object: Literal["campaign"] = "campaign"
    name: str
    version: Annotated[int, Field(description="Grows with each change")]
    coupons: Annotated[int, Field(description="How many were issued")]
    created_at: Moment
    stopped_at: Annotated[Moment | None, Field(description="When issuing was stopped. Null: it is not stopped")]


class Campaign(Terms, _CampaignHead):
    """A group of coupons that share their terms."""

    @classmethod
    def of(cls, row: Any) -> Self:
        return cls(
            id=campaign_id(row.number),
            name=row.name,
            version=row.version,
            coupons=row.coupons - row.skipped,
            created_at=rfc3339(row.created_at),
            stopped_at=None if row.stopped_at is None else rfc3339(row.stopped_at),
            **dict(terms.parse_terms(row.terms)),
        )


class Coupon(ResponseBody):
    """A coupon. Whoever has its `token`, `url` or `short_code` can have the gift: a key without the scope `issue` gets null for them.

    `status` is `expired` by the shop's calendar. At the counter the store's calendar decides. A `compromised` coupon is refused, because
    the key that signed it has leaked: issue another one.
    """

    id: CouponId
    object: Literal["coupon"] = "coupon"
    campaign: CampaignId
    status: Status
    token: str | None
    url: str | None
    short_code: str | None
    order_ref: str | None
    line: str | None
    home_store: str | None
    metadata: dict[str, str]
    valid_until: Annotated[DayText | None, Field(description="The last day. Null: it is good without end")]
    issued_at: Moment
    redeemed_at: Moment | None
    voided_at: Moment | None
    void_reason: str | None


class CouponIssued(Coupon):
    """The coupon, and whether the order had it before: then nothing was issued, and it is as it is now, whatever was sent with it."""

    existing: bool


class Partner(ResponseBody):
    """A chain whose stores give the gifts."""

    id: str
    object: Literal["partner"] = "partner"
    name: str
    created_at: Moment

    @classmethod
    def of(cls, row: Any) -> Self:
        return cls(id=row.id, name=row.name, created_at=rfc3339(row.created_at))


class Store(ResponseBody):
    """One location of a partner."""

    id: str
    object: Literal["store"] = "store"
    partner: str
    name: str
    address: str
    hours: str
    time_zone: str
    created_at: Moment

    @classmethod
    def of(cls, row: Any) -> Self:
        return cls(
            id=row.id,
            partner=row.partner_id,
            name=row.name,
            address=row.address,
            hours=row.hours,
            time_zone=row.time_zone,
            created_at=rfc3339(row.created_at),
        )


class Reversal(ResponseBody):
    """The undo of a redemption."""

    reason: str
    reversed_at: Moment


class RedemptionRecord(ResponseBody):
    """A redemption. `pending`: a tablet was told to give the gift, and has not reported yet whether it was handed over.

    `cancelled`: the attempt was cancelled, and no gift was given. If it was cancelled before it arrived, nothing is known of it but its
    `attempt` and when it was cancelled: `coupon`, `campaign` and `redeemed_at` are null then, and never else.
    """

    id: str
    object: Literal["redemption"] = "redemption"
    attempt: Annotated[str | None, Field(description="The Idempotency-Key of a till's attempt. Null for a tablet")]
    coupon: CouponId | None
    campaign: CampaignId | None
    status: RedemptionStatus
    redeemed_at: Moment | None
    partner: str
    store: Place
    device: Place
    clerk: str | None
    reversal: Reversal | None

    @classmethod
    def of(cls, view: Redeemed) -> Self:
        return cls(
            id=view.id,
            attempt=view.attempt,
            coupon=None if view.serial is None else coupon_id(view.serial),
            campaign=None if view.serial is None else campaign_id(view.serial >> 32),
            status=view.status,
            redeemed_at=None if view.kind == Kind.CANCEL else rfc3339(view.at),
            reversal=_reversal(view),
            **_place(view),
        )


class Refusal(ResponseBody):
    """A clerk did not give the gift, and said why."""

    id: str
    object: Literal["refusal"] = "refusal"
    reason: str
    coupon: CouponId | None
    refused_at: Moment
    partner: str
    store: Place
    device: Place
    clerk: str | None

    @classmethod
    def of(cls, view: Refused) -> Self:
        return cls(
            id=view.id,
            reason=view.reason,
            coupon=coupon_id(view.serial) if view.serial is not None else None,
            refused_at=rfc3339(view.at),
            **_place(view),
        )


class CampaignList(ListOf[Campaign]):
    """A page of campaigns."""


class CouponList(ListOf[Coupon]):
    """A page of coupons."""


class PartnerList(ListOf[Partner]):
    """A page of partners."""


class StoreList(ListOf[Store]):
    """A page of stores."""


class RedemptionList(ListOf[RedemptionRecord]):
    """A page of redemptions."""


class RefusalList(ListOf[Refusal]):
    """A page of refusals."""


def _place(view: Event) -> dict[str, Any]:
    return {
        "partner": view.partner_id,
        "store": Place(id=view.store_id, name=view.store_name),
        "device": Place(id=view.device_id, name=view.device_name),
        "clerk": view.clerk_id,
    }


def _reversal(view: Redeemed) -> Reversal | None:
    if view.kind == Kind.CANCEL:
        return Reversal(reason=CANCELLED, reversed_at=rfc3339(view.at))
    if view.reversed_at is None or view.reversal_reason is None:
        return None
    return Reversal(reason=view.reversal_reason, reversed_at=rfc3339(view.reversed_at))
