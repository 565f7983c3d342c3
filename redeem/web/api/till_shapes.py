"""The bodies and answers of the till's API."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from redeem.domain import short_codes
from redeem.domain.rules import Verdict
from redeem.domain.terms import Offer
from redeem.lib.days import to_date
from redeem.redemptions.verify import Recovering, Ruling
from redeem.web.api.shapes import Body, DayText, Moment, Place, Reason, Told

TEXT_MAX_CHARACTERS = 600  # more than any coupon's link; what is no token is answered as one that does not verify


class Scan(Body):
    """A coupon, either scanned (the QR's text or its digits, as the scanner gave them) or typed (its short code)."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": ["token"]}, {"required": ["short_code"]}]})

    token: Annotated[str, Field(max_length=TEXT_MAX_CHARACTERS)] = ""
    short_code: Annotated[str, Field(max_length=short_codes.TEXT_MAX_CHARACTERS, examples=["7KQ2-M4XZ-9F3C"])] = ""

    @model_validator(mode="after")
    def one_of_them(self) -> Self:
        if len(self.model_fields_set) != 1:
            raise ValueError("send either token or short_code")
        return self

    @property
    def is_typed(self) -> bool:
        return "short_code" in self.model_fields_set


class ReverseBody(Body):
    reason: Reason


class Redemption(Told):
    """The gift may be given: this coupon is redeemed by this till, and by nobody else."""

    id: str
    object: Literal["redemption"] = "redemption"
    coupon: str
    campaign: str
    redeemed_at: Moment
    store: Place
    device: Place


class CancelledAttempt(Told):
    """The attempt has redeemed nothing and never will. If it had, that was taken back."""

    id: str
    object: Literal["attempt"] = "attempt"
    status: Literal["cancelled"] = "cancelled"


class ReversedRedemption(Told):
    """The redemption was taken back; the coupon is good again."""

    id: Annotated[str, Field(description="the redemption's")]
    object: Literal["reversal"] = "reversal"
    coupon: str
    reason: str


class Holder(Told):
    """Who can give a coupon that is held; `device` is told to the holder's own store alone."""

    store: Place
    device: Place | None
    online: bool


class Verification(Told):
    """What a redemption would say here and now. Of a coupon that is unknown, nothing but the verdict."""

    object: Literal["verification"] = "verification"
    verdict: Verdict | Recovering
    coupon: str | None = None
    campaign: str | None = None
    valid_until: DayText | None = None
    offer: Annotated[Mapping[str, Offer] | None, Field(description="by language")] = None
    redeemed_at: Moment | None = None
    store: Annotated[Place | None, Field(description="where it was redeemed, for the same partner")] = None
    device: Annotated[Place | None, Field(description="which till or tablet redeemed it, for the same partner")] = None
    holder: Holder | None = None

    @classmethod
    def of(cls, ruling: Ruling) -> Self:
        told = {name: value for name, value in ruling.details.items() if name in cls.model_fields}
        last_day = ruling.details.get("last_day")
        return cls(
            verdict=ruling.verdict,
            valid_until=to_date(last_day).isoformat() if last_day is not None else None,
            offer=ruling.terms.offer if ruling.terms else None,
            **told,
        )
