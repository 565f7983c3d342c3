"""The bodies and answers of the shop's API for batches."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from redeem.coupons.batches import COUNT_MAX, ITEMS_MAX, BatchView
from redeem.coupons.issue import NewCoupon
from redeem.domain import terms
from redeem.jobs.queue import State
from redeem.lib.times import rfc3339
from redeem.web.api.shapes import Body, ListOf, Moment, PageQuery, ResponseBody
from redeem.web.api.shop_shapes import CampaignId, Metadata, OrderLine, OrderRef

Status = Literal["running", "done", "failed"]
STATUS: dict[State, Status] = {State.OPEN: "running", State.DONE: "done", State.FAILED: "failed"}
BatchId = Annotated[str, Field(pattern="^bat_[0-7][0-9A-HJKMNP-TV-Z]{25}$")]


def without_default(schema: dict[str, Any]) -> None:
    schema.pop("default", None)


class BatchItem(Body):
    """One coupon of a batch."""

    order_ref: OrderRef | None = None
    line: OrderLine | None = None
    home_store: terms.StoreId | None = None
    metadata: Metadata = Field(default_factory=dict)


class BatchBody(Body):
    """The coupons to issue: how many, or what is to be said of each."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": ["count"]}, {"required": ["items"]}]})

    # Neither has a default in the document: some generated clients send what has one.
    count: Annotated[int, Field(ge=1, le=COUNT_MAX, json_schema_extra=without_default)] = 0
    items: Annotated[list[BatchItem], Field(min_length=1, max_length=ITEMS_MAX, default_factory=list)]

    @model_validator(mode="after")
    def one_of_them(self) -> Self:
        if len(self.model_fields_set) != 1:
            raise ValueError("send either count or items")
        return self

    def wanted(self, campaign: int) -> int | Sequence[NewCoupon]:
        return self.count or [
            NewCoupon(campaign, each.order_ref, each.line, each.home_store, each.metadata) for each in self.items
        ]


class BatchQuery(PageQuery):
    starting_after: BatchId | None = None
    ending_before: BatchId | None = None


class Batch(ResponseBody):
    """Many coupons of a campaign that were asked for at once, and how many of them are made."""

    id: BatchId
    object: Literal["batch"] = "batch"
    campaign: CampaignId
    status: Status
    count: Annotated[int, Field(description="How many coupons were asked for")]
    made: Annotated[int, Field(description="How many of them there are. They are good, also if the batch has failed")]
    existing: Annotated[
        int, Field(description="How many of these were there before: their orders had a coupon already")
    ]
    error: Annotated[str | None, Field(description="The code that says why the batch has failed")]
    created_at: Moment
    finished_at: Moment | None

    @classmethod
    def of(cls, view: BatchView) -> Self:
        return cls(
            id=view.id,
            campaign=view.campaign_id,
            status=STATUS[State(view.state)],
            count=view.items,
            made=view.made,
            existing=view.existing,
            error=view.error_code if view.state == State.FAILED else None,
            created_at=rfc3339(view.created_at),
            finished_at=None if view.finished_at is None else rfc3339(view.finished_at),
        )


class BatchList(ListOf[Batch]):
    """A page of a campaign's batches."""
