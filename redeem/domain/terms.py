"""Terms: all that a campaign promises, as one frozen value that is parsed from one JSON text.

The database, the API and the tablet have the same JSON. Amounts are in minor units. Days are calendar days at the store, and both
ends of a window are included.
"""

import re
from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    WithJsonSchema,
    model_validator,
)

from redeem.lib.days import EPOCH
from redeem.lib.errors import Invalid
from redeem.lib.money import Money
from redeem.lib.text import LINE, LINES, on_one_line, printable

LAST_DAY_MAX = 2**16 - 1  # the token has two bytes for it: 2199-06-06
LATEST_DATE = date(2199, 6, 6)
TEXT_MAX_CHARACTERS = 1_000_000

_ULID = "[0-7][0-9A-HJKMNP-TV-Z]{25}"
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


def end_of(last_day: int) -> int | None:
    """Return a coupon's last day, or None if that is only the last that a token can hold: the coupon is good without end."""
    return None if last_day == LAST_DAY_MAX else last_day


def _written_date(value: Any) -> Any:
    """Accept only `YYYY-MM-DD`. Pydantic by itself would also accept numbers and date-times."""
    if isinstance(value, str) and _DATE.fullmatch(value):
        return date.fromisoformat(value)
    if type(value) is date:
        return value
    raise ValueError("write a date as YYYY-MM-DD")


def _distinct(values: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(values)) != len(values):
        raise ValueError("name each only once: one is repeated")
    return values


def _filled(value: str) -> str:
    cleaned = on_one_line(value)
    if not cleaned:
        raise ValueError("must not be blank")
    return cleaned


def _not_negative(value: Money) -> Money:
    if value.amount < 0:
        raise ValueError("an amount must not be negative")
    return value


Day = Annotated[
    date,
    BeforeValidator(_written_date),
    Field(ge=EPOCH, le=LATEST_DATE),
    # Written out: JSON Schema has no words for the first and the last of a text.
    WithJsonSchema({"type": "string", "format": "date", "description": f"From {EPOCH} to {LATEST_DATE}"}),
]
Language = Annotated[str, Field(pattern="^[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?$")]
Title = Annotated[str, Field(min_length=1, max_length=120, pattern=LINE), AfterValidator(_filled)]
Picture = Annotated[str, Field(max_length=2048, pattern=r"^(https?:/)?/[^/\\\s\x00-\x1f\x7f][^\\\s\x00-\x1f\x7f]*$")]
PartnerId = Annotated[str, Field(pattern=f"^prt_{_ULID}$")]
StoreId = Annotated[str, Field(pattern=f"^sto_{_ULID}$")]
Price = Annotated[Money, AfterValidator(_not_negative)]
Bearer = Literal["issuer", "partner"]


class _Part(BaseModel):
    model_config = ConfigDict(
        frozen=True, strict=True, extra="forbid", validate_by_name=True, validate_by_alias=True, serialize_by_alias=True
    )


class Offer(_Part):
    """What the customer gets, in one language."""

    title: Title
    description: Annotated[str, Field(max_length=2000, pattern=LINES)] = ""
    terms: Annotated[str, Field(max_length=4000, pattern=LINES)] = ""
    picture: Picture | None = None


class Window(_Part):
    """The calendar days from `first` (in JSON `from`) to `until`, both included. None means no limit on that side."""

    first: Day | None = Field(default=None, alias="from")
    until: Day | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.first and self.until and self.until < self.first:
            raise ValueError("a window must not end before it begins")
        return self


class Windows(_Part):
    """When coupons may be issued and redeemed. A coupon is good for `valid_days` days after the day of its issue."""

    issue: Window = Window()
    redeem: Window = Window()
    valid_days: Annotated[int, Field(ge=1, le=3660)] | None = None


class HeldOnly(_Part):
    """Offline, a device gives only coupons that it holds. So no coupon can be given twice."""

    policy: Literal["held_only"]


class AtRisk(_Part):
    """Offline, a device also gives coupons that it does not hold, within limits since its last sync. `bearer` pays for second gifts."""

    policy: Literal["at_risk"]
    coupons: Annotated[int, Field(ge=1, le=1000)]
    value: Annotated[int, Field(ge=1, le=10**12, description="minor units")]
    hours: Annotated[int, Field(ge=1, le=168)]
    bearer: Bearer


Offers = Annotated[Mapping[Language, Offer], Field(min_length=1, max_length=20)]
PartnerIds = Annotated[tuple[PartnerId, ...], Field(max_length=100, strict=False), AfterValidator(_distinct)]
StoreIds = Annotated[tuple[StoreId, ...], Field(max_length=500, strict=False), AfterValidator(_distinct)]
Offline = Annotated[HeldOnly | AtRisk, Field(discriminator="policy")]
UndoMinutes = Annotated[int, Field(ge=0, le=10_080)]
OncePer = Annotated[
    Literal["order", "line", "none"],
    Field(description="Whether each order, or each line of an order, gets at most one coupon of the campaign"),
]


class Terms(_Part):
    """A campaign's terms. Its coupons are good at each store in `stores`, and at every store of each partner in `partners`."""

    v: Annotated[int, Field(ge=1, le=1)] = 1  # not Literal[1], which would accept true
    offer: Offers
    windows: Windows = Windows()
    partners: PartnerIds = ()
    stores: StoreIds = ()
    value: Price
    handling_fee: Price
    funding: Bearer
    offline: Offline = HeldOnly(policy="held_only")
    undo_minutes: UndoMinutes = 30
    once_per: OncePer = "none"

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if not self.partners and not self.stores:
            raise ValueError("name at least one partner or store")
        if self.handling_fee.currency != self.value.currency:
            raise ValueError("value and handling fee must have the same currency")
        return self

    @property
    def bearer(self) -> Bearer | None:
        """Who pays for a second gift. None under `held_only`, where none is expected: a shop manager decides."""
        return self.offline.bearer if isinstance(self.offline, AtRisk) else None

    def text(self) -> str:
        """Return the terms as JSON for `parse_terms`. Partners and stores are sorted, so that equal terms have equal texts."""
        sets = {"partners": tuple(sorted(self.partners)), "stores": tuple(sorted(self.stores))}
        return self.model_copy(update=sets).model_dump_json()


@lru_cache(maxsize=1024)
def parse_terms(text: str) -> Terms:
    """Parse stored terms from JSON. The result is cached by text. Raises Invalid, with every fault in `extra["errors"]`.

    Unprintable characters are left out: version 0.2 stored titles with some of them, and their coupons stay good.
    """
    if len(text) > TEXT_MAX_CHARACTERS:
        raise Invalid("Shorten the terms; the text is too long.")
    try:
        return Terms.model_validate_json(printable(text))
    except ValidationError as error:
        raise Invalid("Correct the terms where the errors point.", errors=_faults(error)) from error


def _faults(error: ValidationError) -> list[dict[str, str]]:
    return [
        {"pointer": "".join(f"/{step}" for step in each["loc"]), "detail": each["msg"]}
        for each in error.errors(include_url=False, include_context=False, include_input=False)
    ]
