"""What the bodies and answers of /v1 look like, as far as shop and till share it.

A body is strict: no unknown member, no text for a number. An answer is written by the same class that documents it.
"""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from redeem.db.paging import PAGE_ITEMS, PAGE_ITEMS_MAX, Page
from redeem.lib.errors import NotFound
from redeem.lib.times import Ms

T = TypeVar("T", bound=BaseModel)
CursorReader = Callable[[str], Any]  # an id to the value that orders the list, or None if it can't be an id

MOMENT = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})"
Moment = Annotated[str, Field(json_schema_extra={"format": "date-time"}, examples=["2026-11-21T09:30:00.123Z"])]
DayText = Annotated[str, Field(json_schema_extra={"format": "date"}, examples=["2026-12-31"])]
LINE = r"^[^\x00-\x1f\x7f-\x9f]*$"
FILLED_LINE = r"^[^\x00-\x1f\x7f-\x9f]*[^\x00-\x20\x7f-\xa0][^\x00-\x1f\x7f-\x9f]*$"
Reason = Annotated[str, Field(min_length=1, max_length=200, pattern=FILLED_LINE)]


def _whole(value: Any) -> Any:
    """Digits alone: int() would take `+5`, `1_0` and ` 5` as well."""
    if isinstance(value, str) and not re.fullmatch("[0-9]{1,9}", value, re.ASCII):
        raise ValueError("write a whole number")
    return value


def _moment(text: Any) -> Ms:
    if not isinstance(text, str) or not re.fullmatch(MOMENT, text, re.ASCII):
        raise ValueError("write a time as RFC 3339 does, such as 2026-11-21T09:30:00Z")
    return max(0, round(datetime.fromisoformat(text).timestamp() * 1000))


# A time in a query, as milliseconds.
Instant = Annotated[Ms, BeforeValidator(_moment), WithJsonSchema({"type": "string", "format": "date-time"})]


class Body(BaseModel):
    """A request's body."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class Query(BaseModel):
    """A request's query; all values come as text."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Told(BaseModel):
    """An answer's body."""

    model_config = ConfigDict(frozen=True)


class Place(Told):
    """A store or a device, by id and name."""

    id: str
    name: str


class ListOf(Told, Generic[T]):
    """A page of a list, newest first. `has_more`: there are more in the direction that was asked for."""

    object: Literal["list"] = "list"
    data: list[T]
    has_more: bool


class PageQuery(Query):
    """`starting_after` continues behind an item of the last page, `ending_before` before its first; each list says what its ids are."""

    limit: Annotated[int, Field(ge=1, le=PAGE_ITEMS_MAX), BeforeValidator(_whole)] = PAGE_ITEMS
    starting_after: str | None = None
    ending_before: str | None = None

    def page(self, read: CursorReader) -> Page:
        """The page that is asked for; raises NotFound for an id that no item can have."""
        return Page(self.limit, _cursor(self.starting_after, read), _cursor(self.ending_before, read))


def _cursor(given: str | None, read: CursorReader) -> Any:
    value = None if given is None else read(given)
    if given is not None and value is None:
        raise NotFound("Give the id of an item of this list; nothing of that name is here.")
    return value
