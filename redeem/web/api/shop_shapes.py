"""The bodies and answers of the shop's API, except those of statements."""

from dataclasses import replace
from typing import Annotated, Any, Literal, Self

from pydantic import Field

from redeem.coupons.issue import NewCoupon
from redeem.coupons.listing import CouponFilter
from redeem.domain import terms
from redeem.domain.acts import CANCELLED, Kind
from redeem.domain.status import Status
from redeem.domain.terms import Terms
from redeem.lib.ids import campaign_id, campaign_of, coupon_id, coupon_of
from redeem.lib.text import LINE
from redeem.lib.times import rfc3339
from redeem.redemptions.listing import Event, EventFilter, Redeemed, RedemptionStatus, Refused
from redeem.web.api.edits import READ_ONLY, Patch
from redeem.web.api.shapes import (
    Body,
    DayText,
    Instant,
    ListOf,
    Moment,
    Name,
    PageQuery,
    Place,
    Reason,
    ResponseBody,
    Version,
)

NO_NUMBER = -1  # stands for an id that can't be one: no campaign and no coupon has this number
CampaignId = Annotated[str, Field(pattern="^cmp_(0|[1-9][0-9]{0,9})$", examples=["cmp_7"])]
CouponId = Annotated[str, Field(pattern="^cpn_(0|[1-9][0-9]{0,9})_(0|[1-9][0-9]{0,9})$", examples=["cpn_7_42"])]
RedemptionId = Annotated[str, Field(pattern="^rdm_[0-7][0-9A-HJKMNP-TV-Z]{25}$")]
ActId = Annotated[str, Field(pattern="^act_[0-7][0-9A-HJKMNP-TV-Z]{25}$")]
OrderRef = Annotated[str, Field(min_length=1, max_length=200, pattern=LINE)]
OrderLine = Annotated[str, Field(min_length=1, max_length=200, pattern=LINE, description="The line of the order")]
MetadataKey = Annotated[str, Field(min_length=1, max_length=40, pattern=LINE)]
MetadataValue = Annotated[str, Field(max_length=500, pattern=r"^[^\x00]*$")]
Metadata = Annotated[
    dict[MetadataKey, MetadataValue],
    # Written out: pydantic leaves the limits of the names out of the schema.
    Field(max_length=20, json_schema_extra={"propertyNames": {"minLength": 1, "maxLength": 40}}),
]


# Bodies and queries.


class CampaignBody(Terms):
    """A campaign to create: its name and its terms."""

    name: Name

    def as_terms(self) -> Terms:
        return Terms.model_construct(**{name: getattr(self, name) for name in Terms.model_fields})


class CampaignPatch(Patch):
    """The members to change. Each replaces the stored member as a whole. A member that is left out or null stays as it is.

    A campaign may be sent back as it was read. `id`, `object`, `v`, `version`, `coupons`, `created_at` and `stopped_at` can't be changed.
    """

    COUNTED = frozenset({"coupons"})

    id: Annotated[CampaignId | None, READ_ONLY] = None
    object: Annotated[Literal["campaign"] | None, READ_ONLY] = None
    v: Annotated[int | None, READ_ONLY] = None
    version: Annotated[int | None, READ_ONLY] = None
    coupons: Annotated[int | None, READ_ONLY] = None
    created_at: Annotated[Moment | None, READ_ONLY] = None
    stopped_at: Annotated[Moment | None, READ_ONLY] = None
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

    def terms_changes(self) -> dict[str, Any]:
        """The members of the terms to change, by name."""
        return {name: value for name, value in self.changes().items() if name not in ("name", "stopped")}


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


class CampaignQuery(PageQuery):
    starting_after: CampaignId | None = None
    ending_before: CampaignId | None = None


class CouponQuery(PageQuery):
    starting_after: CouponId | None = None
    ending_before: CouponId | None = None
    campaign: CampaignId | None = None
    order_ref: OrderRef | None = None
    status: Status | None = None
    since: Annotated[Instant | None, Field(description="Issued at this time or later")] = None
    until: Annotated[Instant | None, Field(description="Issued before this time")] = None
    updated_since: Annotated[
        Instant | None, Field(description="Issued, given, undone, voided or moved at this time or later")
    ] = None

    def wanted(self) -> CouponFilter:
        return CouponFilter(
            _number(self.campaign), self.order_ref, self.status, self.since, self.until, self.updated_since
        )


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
    updated_since: Annotated[
        Instant | None, Field(description="Given, reported as handed over, or undone at this time or later")
    ] = None

    def wanted(self) -> EventFilter:
        return replace(super().wanted(), updated_since=self.updated_since)


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
    version: Version
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
