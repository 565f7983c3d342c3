"""The answers of the shop's API about events."""

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field

from redeem.db.paging import PAGE_ITEMS, PAGE_ITEMS_MAX
from redeem.domain.events import EventType
from redeem.events.reader import CURSOR, CURSOR_MAX_CHARACTERS, Cursor, Events, News, read_cursor
from redeem.lib.ids import campaign_id, coupon_id
from redeem.lib.times import rfc3339
from redeem.web.api.shapes import Moment, Query, ResponseBody, whole
from redeem.web.api.shop_shapes import CampaignId, CouponId

EventId = Annotated[str, Field(examples=["evt_3V9Q2K7M1N8P4R5S6T0W2X4Y6Z"])]
VOIDS = (EventType.VOIDED, EventType.VOID_REQUESTED)


class EventQuery(Query):
    """The part of the list to read: at most `limit` events behind `after`."""

    after: Annotated[str, Field(max_length=CURSOR_MAX_CHARACTERS, pattern=f"^{CURSOR}$")] | None = None
    limit: Annotated[int, Field(ge=1, le=PAGE_ITEMS_MAX), BeforeValidator(whole)] = PAGE_ITEMS

    @property
    def cursor(self) -> Cursor | None:
        return read_cursor(self.after) if self.after is not None else None


class EventData(ResponseBody):
    """What the event is about. A member that its type does not have is null. Nothing here is a secret of the coupon."""

    coupon: CouponId | None
    campaign: CampaignId | None
    order_ref: str | None
    redemption: Annotated[str | None, Field(description="The redemption, or the gift that is no redemption yet")]
    partner: str | None
    store: str | None
    reason: Annotated[str | None, Field(description="Of a void or a reversal")]
    rule: Annotated[str | None, Field(description="The rule that a contested gift breaks")]
    standing: Annotated[str | None, Field(description="The redemption that stood when a second gift was reported")]
    decision: Annotated[str | None, Field(description="Who pays for the gift, or that it was never given")]

    @classmethod
    def of(cls, news: News) -> Self:
        serial, details = news.serial, news.details
        return cls(
            coupon=None if serial is None else coupon_id(serial),
            campaign=None if serial is None else campaign_id(serial >> 32),
            order_ref=news.order_ref,
            redemption=news.act_id,
            partner=news.partner_id,
            store=news.store_id,
            reason=news.void_reason if news.type in VOIDS else details.get("reason"),
            rule=details.get("rule"),
            standing=details.get("standing"),
            decision=details.get("decision"),
        )


class Event(ResponseBody):
    """One thing that happened. Its `id` is the same for ever, also after the server was restored from a backup.

    `occurred_at` is when it happened, as far as is known: a tablet may report it days later. `recorded_at` is when the server heard of it.
    """

    id: EventId
    object: Literal["event"] = "event"
    type: EventType
    occurred_at: Moment
    recorded_at: Moment
    generation: Annotated[int, Field(description="Of the database. Each restore from a backup begins another")]
    data: EventData

    @classmethod
    def of(cls, news: News) -> Self:
        return cls(
            id=news.id,
            type=EventType(news.type),
            occurred_at=rfc3339(news.occurred_at),
            recorded_at=rfc3339(news.recorded_at),
            generation=news.generation,
            data=EventData.of(news),
        )


class EventList(ResponseBody):
    """Events in the order in which they were committed, oldest first. Send `next_after` as `after` to read on, now or later."""

    object: Literal["list"] = "list"
    data: list[Event]
    next_after: str
    has_more: Annotated[bool, Field(description="More can be read at once")]

    @classmethod
    def of(cls, events: Events) -> Self:
        data = [Event.of(news) for news in events.items]
        return cls(data=data, next_after=str(events.cursor), has_more=events.has_more)
