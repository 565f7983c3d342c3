"""Endpoints: the URLs that are told of events. Add, change, rotate, enable, disable, delete; and send again."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from redeem.accounts import audit
from redeem.accounts.audit import Author, Change
from redeem.db.models.webhooks import WebhookEndpoint
from redeem.domain.events import EventType
from redeem.lib.errors import Conflict, Invalid, NotFound
from redeem.lib.ids import new_id
from redeem.lib.sealing import Sealer
from redeem.lib.text import clean_line
from redeem.lib.times import MS_PER_DAY, Ms
from redeem.webhooks import attempts, places
from redeem.webhooks.addresses import Reach, check_url
from redeem.webhooks.signatures import Secret

ENDPOINTS_MAX = 20
DESCRIPTION_CHARACTERS = 120
OVERLAP_MAX_MS = 7 * MS_PER_DAY
RESEND_MAX = 100


class State(StrEnum):
    """The states of an endpoint. `FAILING`: the newest attempt failed, and it is tried again."""

    ACTIVE = "active"
    FAILING = "failing"
    DISABLED = "disabled"


class DisabledReason(StrEnum):
    """Why an endpoint is disabled. The set is closed, and the values are stored."""

    FAILING = "failing"
    GONE = "gone"
    BY_HAND = "by_hand"


class EndpointDisabled(Conflict):
    """Nothing is sent to the endpoint."""

    code = "endpoint_disabled"
    default_detail = "Enable the endpoint first: nothing is sent to it."


class TooManyEndpoints(Conflict):
    """There are ENDPOINTS_MAX endpoints."""

    code = "too_many_endpoints"
    default_detail = "Delete an endpoint that nobody uses: there are 20 already."


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint as it is shown. `types` is empty if it wants all. `missed`: from when to when events were deleted unsent."""

    id: str
    version: int
    url: str
    description: str
    types: tuple[str, ...]
    state: State
    disabled_at: Ms | None
    disabled_reason: DisabledReason | None
    failing_since: Ms | None
    failures: int
    next_try_at: Ms | None
    last_success_at: Ms | None
    told_until: Ms
    missed: tuple[Ms, Ms] | None
    previous_until: Ms | None
    public_key: str
    created_at: Ms


@dataclass(frozen=True, slots=True)
class Shown:
    """An endpoint with its secret, which is shown once."""

    endpoint: Endpoint
    secret: str


def add(
    session: Session,
    author: Author,
    url: str,
    now: Ms,
    *,
    sealer: Sealer,
    reach: Reach,
    description: str = "",
    types: Collection[str] = (),
) -> Shown:
    """Add an endpoint. It is told of what happens from now on. Raises Invalid, TooManyEndpoints."""
    checked, secret = check_url(url, reach), Secret.new()
    if (session.scalar(select(func.count()).select_from(WebhookEndpoint)) or 0) >= ENDPOINTS_MAX:
        raise TooManyEndpoints
    row = WebhookEndpoint(
        id=new_id("whe", now),
        version=1,
        url=checked,
        description=clean_line(description, DESCRIPTION_CHARACTERS),
        types=written(types),
        sealed_secret=sealer.seal(secret.packed),
        cursor=str(places.end(session)),
        done=[],
        told_until=now,
        resend=[],
        attempts=0,
        failures=0,
        created_at=now,
    )
    session.add(row)
    session.flush()
    audit.note(session, author.id, Change.WEBHOOK_ADDED, row.id, now, name=row.url)
    return Shown(endpoint_of(row, sealer), secret.text)


def list_endpoints(session: Session, sealer: Sealer) -> list[Endpoint]:
    """Return all endpoints, newest first."""
    rows = session.scalars(select(WebhookEndpoint).order_by(WebhookEndpoint.id.desc()))
    return [endpoint_of(row, sealer) for row in rows]


def list_troubled(session: Session) -> list[tuple[str, Ms, bool]]:
    """Return the URL of each endpoint that fails or was disabled because it failed, since when, and whether it is disabled."""
    troubled = WebhookEndpoint.failing_since.is_not(None) | (WebhookEndpoint.disabled_reason != DisabledReason.BY_HAND)
    rows = session.scalars(select(WebhookEndpoint).where(troubled).order_by(WebhookEndpoint.id))
    return [(row.url, row.failing_since or row.disabled_at or 0, row.disabled_at is not None) for row in rows]


def get(session: Session, endpoint_id: str, sealer: Sealer) -> Endpoint:
    """Return an endpoint. Raises NotFound."""
    return endpoint_of(found(session, endpoint_id), sealer)


def lock(session: Session, endpoint_id: str, sealer: Sealer) -> Endpoint:
    """Return an endpoint as it stays until the end of the transaction. Raises NotFound."""
    return endpoint_of(locked(session, endpoint_id), sealer)


def change(
    session: Session,
    author: Author,
    endpoint_id: str,
    now: Ms,
    *,
    sealer: Sealer,
    reach: Reach,
    url: str | None = None,
    description: str | None = None,
    types: Collection[str] | None = None,
) -> Endpoint:
    """Change what is given. What was not sent yet goes to the new URL. Raises NotFound, Invalid."""
    row = locked(session, endpoint_id)
    before = told(row)
    if url is not None and (checked := check_url(url, reach)) != row.url:
        row.url, row.next_try_at = checked, None
    if description is not None:
        row.description = clean_line(description, DESCRIPTION_CHARACTERS)
    if types is not None:
        row.types = written(types)
    changed = audit.changes(before, told(row))
    if changed:
        touch(row)
        session.flush()
        audit.note(session, author.id, Change.WEBHOOK_CHANGED, row.id, now, name=row.url, changed=changed)
    return endpoint_of(row, sealer)


def told(row: WebhookEndpoint) -> dict[str, str]:
    """Return what the audit log says of an endpoint."""
    return {"url": row.url, "description": row.description, "types": row.types}


def rotate(session: Session, author: Author, endpoint_id: str, overlap_ms: Ms, now: Ms, *, sealer: Sealer) -> Shown:
    """Make another secret. Messages carry the signatures of both for `overlap_ms`. Raises NotFound, Invalid."""
    if not 0 <= overlap_ms <= OVERLAP_MAX_MS:
        raise Invalid("The earlier secret can go on for seven days at most.")
    row, secret = locked(session, endpoint_id), Secret.new()
    row.sealed_previous, row.previous_until = (row.sealed_secret, now + overlap_ms) if overlap_ms else (None, None)
    row.sealed_secret = sealer.seal(secret.packed)
    touch(row)
    session.flush()
    audit.note(session, author.id, Change.WEBHOOK_SECRET_ROTATED, row.id, now, name=row.url)
    return Shown(endpoint_of(row, sealer), secret.text)


def enable(session: Session, author: Author, endpoint_id: str, now: Ms, *, sealer: Sealer) -> Endpoint:
    """Send again, from where it stopped. Of one that fails: try at once. Idempotent. Raises NotFound."""
    row = locked(session, endpoint_id)
    if row.disabled_at is not None:
        audit.note(session, author.id, Change.WEBHOOK_ENABLED, row.id, now, name=row.url)
    row.disabled_at, row.disabled_reason = None, None
    row.failures, row.failing_since, row.next_try_at = 0, None, None
    touch(row)
    session.flush()
    return endpoint_of(row, sealer)


def disable(session: Session, author: Author, endpoint_id: str, now: Ms, *, sealer: Sealer) -> Endpoint:
    """Send nothing until it is enabled. Idempotent. Raises NotFound."""
    row = locked(session, endpoint_id)
    if row.disabled_at is None:
        row.disabled_at, row.disabled_reason = now, DisabledReason.BY_HAND
        touch(row)
        session.flush()
        audit.note(session, author.id, Change.WEBHOOK_DISABLED, row.id, now, name=row.url)
    return endpoint_of(row, sealer)


def delete(session: Session, author: Author, endpoint_id: str, now: Ms) -> None:
    """Delete an endpoint and its attempts. Raises NotFound."""
    row = locked(session, endpoint_id)
    audit.note(session, author.id, Change.WEBHOOK_DELETED, row.id, now, name=row.url)
    attempts.forget(session, row.id)
    session.delete(row)
    session.flush()


def resend(session: Session, author: Author, endpoint_id: str, event_id: str, now: Ms) -> None:
    """Have one event sent once more, whether or not the endpoint wants its type. Raises NotFound, EndpointDisabled, Conflict."""
    row = to_send_again(session, endpoint_id, event_id)
    if event_id not in row.resend:
        if len(row.resend) >= RESEND_MAX:
            raise Conflict(f"Wait: {RESEND_MAX} events are to be sent again already.")
        row.resend = [*row.resend, event_id]
        end_lease(row)
    session.flush()
    audit.note(session, author.id, Change.WEBHOOK_RESENT, row.id, now, name=row.url, event=event_id)


def resend_after(session: Session, author: Author, endpoint_id: str, event_id: str, now: Ms) -> None:
    """Have all events sent again that came after this one. Raises NotFound, EndpointDisabled."""
    row = to_send_again(session, endpoint_id, event_id)
    row.cursor, row.done, row.next_try_at = str(places.after(session, event_id)), [], None
    end_lease(row)
    session.flush()
    audit.note(session, author.id, Change.WEBHOOK_RESENT, row.id, now, name=row.url, after=event_id)


def to_send_again(session: Session, endpoint_id: str, event_id: str) -> WebhookEndpoint:
    row = locked(session, endpoint_id)
    if row.disabled_at is not None:
        raise EndpointDisabled
    if not places.is_kept(session, event_id):
        raise NotFound("Check the event's id: there is no such event, or it is deleted because it is old.")
    return row


def touch(row: WebhookEndpoint) -> None:
    """Count a change, and have whoever is sending stop: it counts from the next event on."""
    row.version += 1
    end_lease(row)


def end_lease(row: WebhookEndpoint) -> None:
    """Have whoever is sending stop after the event that it is at."""
    row.lease_id, row.lease_until = None, None


def written(types: Collection[str]) -> str:
    """Return the types as they are stored. Raises Invalid for one that no event has."""
    known = {kind.value for kind in EventType}
    unknown = sorted(set(types) - known)
    if unknown:
        raise Invalid(f"Choose from these types of events: {', '.join(sorted(known))}.")
    return " ".join(sorted(set(types)))


def found(session: Session, endpoint_id: str) -> WebhookEndpoint:
    row = session.get(WebhookEndpoint, endpoint_id)
    if row is None:
        raise NotFound("Check the endpoint's id: there is no such endpoint.")
    return row


def locked(session: Session, endpoint_id: str) -> WebhookEndpoint:
    row = session.get(WebhookEndpoint, endpoint_id, with_for_update=True)
    if row is None:
        raise NotFound("Check the endpoint's id: there is no such endpoint.")
    return row


def endpoint_of(row: WebhookEndpoint, sealer: Sealer) -> Endpoint:
    return Endpoint(
        id=row.id,
        version=row.version,
        url=row.url,
        description=row.description,
        types=tuple(row.types.split()),
        state=state_of(row),
        disabled_at=row.disabled_at,
        disabled_reason=None if row.disabled_reason is None else DisabledReason(row.disabled_reason),
        failing_since=row.failing_since,
        failures=row.failures,
        next_try_at=row.next_try_at,
        last_success_at=row.last_success_at,
        told_until=row.told_until,
        missed=None if row.missed_from is None or row.missed_until is None else (row.missed_from, row.missed_until),
        previous_until=row.previous_until,
        public_key=Secret.of_bytes(sealer.unseal(row.sealed_secret)).public_key,
        created_at=row.created_at,
    )


def state_of(row: WebhookEndpoint) -> State:
    if row.disabled_at is not None:
        return State.DISABLED
    return State.ACTIVE if row.failing_since is None else State.FAILING
