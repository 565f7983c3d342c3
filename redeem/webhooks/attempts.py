"""Attempts to send one event: what may become of them, and the newest of each endpoint."""

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import delete, insert
from sqlalchemy.orm import Session

from redeem.db.lines import page_of_lines, select_as
from redeem.db.models.webhooks import WebhookAttempt
from redeem.db.paging import Page, Slice
from redeem.lib.times import Ms

KEPT_MAX = 200  # of each endpoint
GONE, OK, MULTIPLE_CHOICES, BAD_REQUEST = 410, 200, 300, 400


class Outcome(StrEnum):
    """What became of an attempt to send. The set is closed, and the values are stored."""

    TAKEN = "taken"
    NO_SUCH_NAME = "no_such_name"
    NOT_PUBLIC = "not_public"
    UNREACHABLE = "unreachable"
    BAD_CERTIFICATE = "bad_certificate"
    TOO_LATE = "too_late"
    BROKEN_OFF = "broken_off"
    REDIRECTED = "redirected"
    GONE = "gone"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt to send one message. `status` is None if no answer came. `ms` is how long it took."""

    outcome: Outcome
    status: int | None
    ms: int

    @property
    def is_taken(self) -> bool:
        return self.outcome == Outcome.TAKEN


@dataclass(frozen=True, slots=True)
class AttemptLine:
    """An attempt of a list. The newest has the highest number."""

    number: int
    event_id: str
    event_type: str
    at: Ms
    outcome: str
    status: int | None
    ms: int


LINE = select_as(
    AttemptLine,
    number=WebhookAttempt.number,
    event_id=WebhookAttempt.event_id,
    event_type=WebhookAttempt.event_type,
    at=WebhookAttempt.at,
    outcome=WebhookAttempt.outcome,
    status=WebhookAttempt.status,
    ms=WebhookAttempt.ms,
)


def outcome_of(status: int) -> Outcome:
    """Return what an answer with this status means: only 2xx says that the message was taken."""
    if OK <= status < MULTIPLE_CHOICES:
        return Outcome.TAKEN
    if status == GONE:
        return Outcome.GONE
    return Outcome.REDIRECTED if MULTIPLE_CHOICES <= status < BAD_REQUEST else Outcome.REFUSED


def list_attempts(session: Session, endpoint_id: str, page: Page) -> Slice[AttemptLine]:
    """Return attempts of an endpoint, newest first."""
    own = LINE.where(WebhookAttempt.endpoint_id == endpoint_id)
    return page_of_lines(session, AttemptLine, own, WebhookAttempt.number.expression, page)


def keep(session: Session, endpoint_id: str, line: AttemptLine) -> None:
    """Keep an attempt, and delete the one that is too old by that."""
    row = {name: getattr(line, name) for name in AttemptLine.__match_args__}
    session.execute(insert(WebhookAttempt).values(endpoint_id=endpoint_id, **row))
    old = WebhookAttempt.endpoint_id == endpoint_id, WebhookAttempt.number <= line.number - KEPT_MAX
    session.execute(delete(WebhookAttempt).where(*old))


def forget(session: Session, endpoint_id: str) -> None:
    """Delete all attempts of an endpoint."""
    session.execute(delete(WebhookAttempt).where(WebhookAttempt.endpoint_id == endpoint_id))
