"""The bodies and answers of the shop's API for partners and stores."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field

from redeem.domain import terms
from redeem.lib.text import LINE
from redeem.lib.times import Ms, rfc3339
from redeem.partners.partners import ADDRESS_CHARACTERS, HOURS_CHARACTERS, NewStore
from redeem.web.api.edits import READ_ONLY, Patch
from redeem.web.api.shapes import Body, ListOf, Moment, Name, PageQuery, ResponseBody, Version

ZoneName = Annotated[str, Field(min_length=1, max_length=60, examples=["Europe/Moscow"])]
Address = Annotated[str, Field(max_length=ADDRESS_CHARACTERS, pattern=LINE)]
Hours = Annotated[str, Field(max_length=HOURS_CHARACTERS, pattern=LINE)]


class PartnerBody(Body):
    name: Name


class PartnerPatch(Patch):
    """The members to change. A member that is left out or null stays as it is. A partner may be sent back as it was read."""

    id: Annotated[terms.PartnerId | None, READ_ONLY] = None
    object: Annotated[Literal["partner"] | None, READ_ONLY] = None
    version: Annotated[int | None, READ_ONLY] = None
    created_at: Annotated[Moment | None, READ_ONLY] = None
    closed_at: Annotated[Moment | None, READ_ONLY] = None
    name: Name | None = None


class StoreBody(Body):
    partner: terms.PartnerId
    name: Name
    time_zone: ZoneName
    address: Address = ""
    hours: Hours = ""

    def as_new(self) -> NewStore:
        return NewStore(self.partner, self.name, self.time_zone, self.address, self.hours)


class StorePatch(Patch):
    """The members to change. A member that is left out or null stays as it is. A store may be sent back as it was read."""

    id: Annotated[terms.StoreId | None, READ_ONLY] = None
    object: Annotated[Literal["store"] | None, READ_ONLY] = None
    partner: Annotated[terms.PartnerId | None, READ_ONLY] = None
    version: Annotated[int | None, READ_ONLY] = None
    created_at: Annotated[Moment | None, READ_ONLY] = None
    closed_at: Annotated[Moment | None, READ_ONLY] = None
    name: Name | None = None
    time_zone: ZoneName | None = None
    address: Address | None = None
    hours: Hours | None = None


class PartnerQuery(PageQuery):
    starting_after: terms.PartnerId | None = None
    ending_before: terms.PartnerId | None = None


class StoreQuery(PageQuery):
    starting_after: terms.StoreId | None = None
    ending_before: terms.StoreId | None = None
    partner: terms.PartnerId | None = None


class Partner(ResponseBody):
    """A chain whose stores give the gifts."""

    id: str
    object: Literal["partner"] = "partner"
    name: str
    version: Version
    created_at: Moment
    closed_at: Annotated[Moment | None, Field(description="When it was closed, and all its stores with it. Null: open")]

    @classmethod
    def of(cls, row: Any) -> Self:
        return cls(
            id=row.id,
            name=row.name,
            version=row.version,
            created_at=rfc3339(row.created_at),
            closed_at=time_or_none(row.closed_at),
        )


class Store(ResponseBody):
    """One location of a partner."""

    id: str
    object: Literal["store"] = "store"
    partner: str
    name: str
    address: str
    hours: str
    time_zone: str
    version: Version
    created_at: Moment
    closed_at: Annotated[
        Moment | None, Field(description="When it was closed by itself. Null: it is open if its partner is")
    ]

    @classmethod
    def of(cls, row: Any) -> Self:
        return cls(
            id=row.id,
            partner=row.partner_id,
            name=row.name,
            address=row.address,
            hours=row.hours,
            time_zone=row.time_zone,
            version=row.version,
            created_at=rfc3339(row.created_at),
            closed_at=time_or_none(row.closed_at),
        )


def time_or_none(at: Ms | None) -> str | None:
    return None if at is None else rfc3339(at)


class PartnerList(ListOf[Partner]):
    """A page of partners."""


class StoreList(ListOf[Store]):
    """A page of stores."""
