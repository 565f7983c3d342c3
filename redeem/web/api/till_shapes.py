"""The bodies and answers of the till's API."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from redeem.domain import short_codes, tokens
from redeem.domain.names import digits_in
from redeem.domain.rules import Verdict
from redeem.domain.terms import Offer, end_of
from redeem.redemptions.verify import Recovering, Ruling
from redeem.web.api.shapes import Body, DayText, Moment, Place, Reason, ResponseBody, day_text


class Scan(Body):
    """A coupon, scanned or typed. `token` is the QR's text or its digits, as the scanner gave them; `short_code` is what was typed."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1, "maxProperties": 1})

    token: Annotated[str, Field(max_length=tokens.TEXT_MAX_CHARACTERS)] = ""
    short_code: Annotated[str, Field(max_length=short_codes.TEXT_MAX_CHARACTERS, examples=["7KQ2-M4XZ-9F3S"])] = ""

    @model_validator(mode="after")
    def one_of_them(self) -> Self:
        if len(self.model_fields_set) != 1:
            raise ValueError("send either token or short_code")
        return self

    @property
    def is_typed(self) -> bool:
        return "short_code" in self.model_fields_set

    @property
    def identity(self) -> str:
        """What is named, however it was written: a coupon's link and its digits have the same. Raises BadCode."""
        if self.is_typed:
            return f"short code {short_codes.normalise(self.short_code)}"
        digits = digits_in(self.token)  # not verified: a retry may come after its key is compromised
        return f"token {digits}" if digits else f"text {self.token}"


class ReverseBody(Body):
    reason: Reason


class Redemption(ResponseBody):
    """The coupon is redeemed by this till: give the gift. `proof` is the server's signature: keep it, to report this redemption to a
    server that was restored from a backup.
    """

    id: str
    object: Literal["redemption"] = "redemption"
    coupon: str
    campaign: str
    redeemed_at: Moment
    store: Place
    device: Place
    proof: str


class CancelledAttempt(ResponseBody):
    """The attempt is cancelled: it redeems nothing any more. What it had redeemed was taken back."""

    id: str
    object: Literal["attempt"] = "attempt"
    status: Literal["cancelled"] = "cancelled"


class ReversedRedemption(ResponseBody):
    """The redemption was taken back; the coupon is good again."""

    id: Annotated[str, Field(description="The id of the redemption that was taken back")]
    object: Literal["reversal"] = "reversal"
    coupon: str
    reason: str


class Holder(ResponseBody):
    """The device that holds a coupon. `device` is null for every store but the holder's own."""

    store: Place
    device: Place | None
    online: bool


class Verification(ResponseBody):
    """What a redemption would be answered at this till now. For an unknown coupon, only `verdict` is set."""

    object: Literal["verification"] = "verification"
    verdict: Verdict | Recovering
    coupon: str | None = None
    campaign: str | None = None
    valid_until: Annotated[DayText | None, Field(description="The last day. Null: it is good without end")] = None
    offer: Annotated[Mapping[str, Offer] | None, Field(description="The offer in each language")] = None
    redeemed_at: Moment | None = None
    store: Annotated[Place | None, Field(description="Where it was redeemed. Null for another partner's till")] = None
    device: Annotated[
        Place | None, Field(description="The device that redeemed it. Null for another partner's till")
    ] = None
    holder: Holder | None = None

    @classmethod
    def of(cls, ruling: Ruling) -> Self:
        details = {name: value for name, value in ruling.details.items() if name in cls.model_fields}
        last_day = ruling.details.get("last_day")
        return cls(
            verdict=ruling.verdict,
            valid_until=day_text(end_of(last_day)) if last_day is not None else None,
            offer=ruling.terms.offer if ruling.terms else None,
            **details,
        )
