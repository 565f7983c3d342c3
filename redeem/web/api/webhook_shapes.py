"""The bodies and answers of the shop's API about webhook endpoints."""

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field

from redeem.db.paging import Page, Slice
from redeem.domain.events import EventType
from redeem.lib.text import LINE
from redeem.lib.times import Ms, rfc3339
from redeem.web.api.edits import READ_ONLY, Patch
from redeem.web.api.event_shapes import EventId
from redeem.web.api.shapes import Body, Moment, PageQuery, ResponseBody, whole
from redeem.webhooks.addresses import URL_MAX_CHARACTERS
from redeem.webhooks.attempts import AttemptLine, Outcome
from redeem.webhooks.endpoints import DESCRIPTION_CHARACTERS, DisabledReason, Endpoint, Shown, State

EndpointId = Annotated[str, Field(pattern="^whe_[0-7][0-9A-HJKMNP-TV-Z]{25}$")]
Url = Annotated[str, Field(min_length=1, max_length=URL_MAX_CHARACTERS, examples=["https://shop.example/hooks/redeem"])]
Description = Annotated[str, Field(max_length=DESCRIPTION_CHARACTERS, pattern=LINE)]


def known_type(name: str) -> str:
    if name not in set(EventType):
        raise ValueError(f"choose from {', '.join(sorted(EventType))}")
    return name


TypeName = Annotated[
    str, AfterValidator(known_type), Field(json_schema_extra={"enum": [kind.value for kind in EventType]})
]
Types = Annotated[list[TypeName], Field(max_length=100, description="The types of events that are sent. Empty: all")]
GivenEvent = Annotated[str, Field(min_length=1, max_length=40)]
OVERLAP_HOURS_MAX = 7 * 24
MS_PER_HOUR = 3_600_000


class WebhookEndpointBody(Body):
    """An endpoint to add."""

    url: Url
    description: Description | None = None
    types: Types | None = None


class WebhookEndpointPatch(Patch):
    """The members to change. A member that is left out or null stays as it is. An endpoint may be sent back as it was read."""

    # These change by themselves, so what they were may be sent back.
    OF_SENDING: ClassVar[frozenset[str]] = frozenset(
        {
            "status",
            "disabled_at",
            "disabled_reason",
            "failing_since",
            "failures",
            "next_try_at",
            "last_success_at",
            "missed",
        }
    )

    id: Annotated[EndpointId | None, READ_ONLY] = None
    object: Annotated[Literal["webhook_endpoint"] | None, READ_ONLY] = None
    version: Annotated[int | None, READ_ONLY] = None
    url: Url | None = None
    description: Description | None = None
    types: Types | None = None
    status: Annotated[str | None, READ_ONLY] = None
    disabled_at: Annotated[str | None, READ_ONLY] = None
    disabled_reason: Annotated[str | None, READ_ONLY] = None
    failing_since: Annotated[str | None, READ_ONLY] = None
    failures: Annotated[int | None, READ_ONLY] = None
    next_try_at: Annotated[str | None, READ_ONLY] = None
    last_success_at: Annotated[str | None, READ_ONLY] = None
    missed: Annotated[dict[str, str] | None, READ_ONLY] = None
    public_key: Annotated[str | None, READ_ONLY] = None
    previous_secret_until: Annotated[str | None, READ_ONLY] = None
    created_at: Annotated[str | None, READ_ONLY] = None

    def read_only(self) -> list[str]:
        return sorted(set(super().read_only()) - self.OF_SENDING)


class RotateBody(Body):
    """`hours` is how long messages also carry the signatures of the earlier secret."""

    hours: Annotated[int, Field(ge=0, le=OVERLAP_HOURS_MAX)] | None = None

    @property
    def overlap_ms(self) -> Ms:
        return (24 if self.hours is None else self.hours) * MS_PER_HOUR


class ResendBody(Body):
    """What to send again: this one `event`, or all events `after` one. Give one of the two."""

    event: GivenEvent | None = None
    after: GivenEvent | None = None


class Missed(ResponseBody):
    """Events that were recorded between these times were deleted, because they were old, before they could be sent."""

    after: Moment
    before: Moment

    @classmethod
    def of(cls, missed: tuple[Ms, Ms]) -> Self:
        return cls(after=rfc3339(missed[0]), before=rfc3339(missed[1]))


class WebhookEndpoint(ResponseBody):
    """A URL that is told of events.

    `status`: `failing` while the newest attempt failed and it is tried again, until `disabled`: then nothing is sent until it is enabled.
    """

    id: EndpointId
    object: Literal["webhook_endpoint"] = "webhook_endpoint"
    version: Annotated[int, Field(description="Counts the changes of the endpoint")]
    url: str
    description: str
    types: list[EventType]
    status: State
    disabled_at: Moment | None
    disabled_reason: DisabledReason | None
    failing_since: Moment | None
    failures: Annotated[int, Field(description="Attempts in a row that failed")]
    next_try_at: Moment | None
    last_success_at: Moment | None
    missed: Missed | None
    public_key: Annotated[str, Field(description="To check the `v1a` signatures with: `whpk_` and 32 bytes in base64")]
    previous_secret_until: Moment | None
    created_at: Moment

    @classmethod
    def of(cls, endpoint: Endpoint) -> Self:
        return cls(**members(endpoint))


class WebhookEndpointWithSecret(WebhookEndpoint):
    """An endpoint with its secret, which is shown this once."""

    secret: Annotated[str, Field(description="To check the `v1` signatures with: `whsec_` and 32 bytes in base64")]

    @classmethod
    def of_shown(cls, shown: Shown) -> Self:
        return cls(**members(shown.endpoint), secret=shown.secret)


class WebhookEndpointList(ResponseBody):
    """All endpoints, newest first."""

    object: Literal["list"] = "list"
    data: list[WebhookEndpoint]
    has_more: Literal[False] = False


class AttemptQuery(PageQuery):
    """A page of attempts: the cursors are numbers of attempts."""

    starting_after: Annotated[int, Field(ge=0, le=999_999_999), BeforeValidator(whole)] | None = None  # type: ignore[assignment]
    ending_before: Annotated[int, Field(ge=0, le=999_999_999), BeforeValidator(whole)] | None = None  # type: ignore[assignment]

    @property
    def wanted(self) -> Page:
        return Page(self.limit, self.starting_after, self.ending_before)


class WebhookAttempt(ResponseBody):
    """An attempt to send one event. `status` is the HTTP status that was answered, null if no answer came."""

    number: Annotated[int, Field(description="Counts the endpoint's attempts from 1")]
    object: Literal["webhook_attempt"] = "webhook_attempt"
    event: EventId
    type: EventType
    at: Moment
    outcome: Outcome
    status: int | None
    milliseconds: int

    @classmethod
    def of(cls, line: AttemptLine) -> Self:
        return cls(
            number=line.number,
            event=line.event_id,
            type=EventType(line.event_type),
            at=rfc3339(line.at),
            outcome=Outcome(line.outcome),
            status=line.status,
            milliseconds=line.ms,
        )


class WebhookAttemptList(ResponseBody):
    """A page of attempts, newest first. The newest 200 of each endpoint are kept."""

    object: Literal["list"] = "list"
    data: list[WebhookAttempt]
    has_more: bool

    @classmethod
    def of(cls, found: Slice[AttemptLine]) -> Self:
        return cls(data=[WebhookAttempt.of(line) for line in found.items], has_more=found.has_more)


def members(endpoint: Endpoint) -> dict[str, Any]:
    """What an answer says of an endpoint."""
    return {
        "id": endpoint.id,
        "version": endpoint.version,
        "url": endpoint.url,
        "description": endpoint.description,
        "types": list(endpoint.types),
        "status": endpoint.state,
        "disabled_at": moment(endpoint.disabled_at),
        "disabled_reason": endpoint.disabled_reason,
        "failing_since": moment(endpoint.failing_since),
        "failures": endpoint.failures,
        "next_try_at": moment(endpoint.next_try_at),
        "last_success_at": moment(endpoint.last_success_at),
        "missed": None if endpoint.missed is None else Missed.of(endpoint.missed),
        "public_key": endpoint.public_key,
        "previous_secret_until": moment(endpoint.previous_until),
        "created_at": rfc3339(endpoint.created_at),
    }


def moment(at: Ms | None) -> str | None:
    return None if at is None else rfc3339(at)
