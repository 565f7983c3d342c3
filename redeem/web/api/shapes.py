"""The shapes of bodies and answers that the shop's and the till's API share.

A body is strict: no unknown member, no text for a number. The class that documents an answer also writes it.
"""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Generic, Literal, TypeVar
from urllib.parse import urlencode

from flask import request
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, computed_field

from redeem.db.paging import PAGE_ITEMS, PAGE_ITEMS_MAX, Page
from redeem.lib.days import to_date
from redeem.lib.errors import NotFound
from redeem.lib.text import FILLED_LINE, LONG_NAME_CHARACTERS
from redeem.lib.times import Ms

T = TypeVar("T", bound=BaseModel)
CursorReader = Callable[[str], Any]  # from an id to the value that orders the list; None if the text is no id

MOMENT = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})"
Moment = Annotated[str, Field(json_schema_extra={"format": "date-time"}, examples=["2026-11-21T09:30:00.123Z"])]
DayText = Annotated[str, Field(json_schema_extra={"format": "date"}, examples=["2026-12-31"])]
Name = Annotated[str, Field(min_length=1, max_length=LONG_NAME_CHARACTERS, pattern=FILLED_LINE)]
Version = Annotated[int, Field(description="Grows with each change")]
Reason = Annotated[str, Field(min_length=1, max_length=200, pattern=FILLED_LINE)]


def whole(value: Any) -> Any:
    """Accepts digits only: int() would also accept `+5`, `1_0` and ` 5`."""
    if isinstance(value, str) and not re.fullmatch("[0-9]{1,9}", value, re.ASCII):
        raise ValueError("write a whole number")
    return value


def _moment(text: Any) -> Ms:
    if not isinstance(text, str) or not re.fullmatch(MOMENT, text, re.ASCII):
        raise ValueError("write a time as in RFC 3339, such as 2026-11-21T09:30:00Z")
    return max(0, round(datetime.fromisoformat(text).timestamp() * 1000))


# A time of RFC 3339 in a query or a body, read as milliseconds since 1970.
Instant = Annotated[Ms, BeforeValidator(_moment), WithJsonSchema({"type": "string", "format": "date-time"})]


class Body(BaseModel):
    """A request's body."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class Query(BaseModel):
    """A request's query. All values come as text."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ResponseBody(BaseModel):
    """An answer's body."""

    model_config = ConfigDict(frozen=True)


class Place(ResponseBody):
    """A store or a device, by id and name."""

    id: str
    name: str


class ListOf(ResponseBody, Generic[T]):
    """A page of a list, newest first. `has_more`: there are more items in the direction that was asked for."""

    object: Literal["list"] = "list"
    data: list[T]
    has_more: bool

    @computed_field(  # type: ignore[prop-decorator]
        description="The next page in the same direction: its path and query. Null: there is none",
        examples=["/v1/coupons?limit=20&starting_after=cpn_7_42"],
    )
    @property
    def next(self) -> str | None:
        if not self.has_more:
            return None
        # Of the items that are on the page, so it is the same whatever is added meanwhile.
        newer = "ending_before" in request.args
        cursor = {"ending_before": id_of(self.data[0])} if newer else {"starting_after": id_of(self.data[-1])}
        return f"{request.path}?{urlencode(request.args.to_dict() | cursor)}"


class PageQuery(Query):
    """The page of a list: at most `limit` items after the one with the id `starting_after`, or before the one with `ending_before`."""

    limit: Annotated[int, Field(ge=1, le=PAGE_ITEMS_MAX), BeforeValidator(whole)] = PAGE_ITEMS
    starting_after: str | None = None
    ending_before: str | None = None

    def page(self, read: CursorReader) -> Page:
        """The page that is asked for. Raises NotFound for an id that no item can have."""
        return Page(self.limit, _cursor(self.starting_after, read), _cursor(self.ending_before, read))


def id_of(item: Any) -> str:
    return str(item.id)


def day_text(day: int | None) -> str | None:
    """A day number as a date."""
    return None if day is None else to_date(day).isoformat()


def _cursor(given: str | None, read: CursorReader) -> Any:
    value = None if given is None else read(given)
    if given is not None and value is None:
        raise NotFound("Give the id of an item of this list: this id is of none.")
    return value
