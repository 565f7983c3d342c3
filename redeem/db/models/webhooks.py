"""Tables of webhooks: the endpoints that are told of events, and the newest attempts to tell them."""

from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, LargeBinary, SmallInteger, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from redeem.db.base import Base, Id, Words


class WebhookEndpoint(Base):
    """A URL that is told of events, and how far it was told: `cursor`, and beyond it the events whose ids are in `done`.

    So an endpoint that is down for three days costs no rows. `version` counts its changes. `types` are those that it wants, with spaces
    between; empty: all.
    `told_until` is when the newest event before `cursor` was recorded. Events from `missed_from` to `missed_until` were deleted
    before it could be told.

    `resend` are ids of events to send once more. `attempts` counts all attempts. Whoever sends has the lease (`lease_id`) until
    `lease_until`. `failures` in a row since `failing_since`; before `next_try_at` nothing is sent.
    """

    __tablename__ = "webhook_endpoint"
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    version: Mapped[int] = mapped_column(default=1, server_default="1")
    url: Mapped[str] = mapped_column(String(2000))
    description: Mapped[str] = mapped_column(Words)
    types: Mapped[str] = mapped_column(String(1000))
    sealed_secret: Mapped[bytes] = mapped_column(LargeBinary)
    sealed_previous: Mapped[bytes | None] = mapped_column(LargeBinary)
    previous_until: Mapped[int | None]
    disabled_at: Mapped[int | None]
    disabled_reason: Mapped[str | None] = mapped_column(String(20))
    cursor: Mapped[str | None] = mapped_column(Text)
    done: Mapped[list[Any]] = mapped_column(JSON)
    told_until: Mapped[int]
    missed_from: Mapped[int | None]
    missed_until: Mapped[int | None]
    resend: Mapped[list[Any]] = mapped_column(JSON)
    attempts: Mapped[int] = mapped_column(default=0)
    failures: Mapped[int] = mapped_column(default=0)
    failing_since: Mapped[int | None]
    next_try_at: Mapped[int | None]
    last_success_at: Mapped[int | None]
    lease_id: Mapped[str | None] = mapped_column(Id)
    lease_until: Mapped[int | None]
    created_at: Mapped[int]
    __table_args__ = (
        CheckConstraint("(sealed_previous IS NULL) = (previous_until IS NULL)", name="previous_is_whole"),
        CheckConstraint("(disabled_at IS NULL) = (disabled_reason IS NULL)", name="disabled_for_a_reason"),
        CheckConstraint("disabled_reason IN ('failing', 'gone', 'by_hand')", name="disabled_reason"),
        CheckConstraint("(failures = 0) = (failing_since IS NULL)", name="failing_since"),
        CheckConstraint("(lease_id IS NULL) = (lease_until IS NULL)", name="lease_is_whole"),
        CheckConstraint("(missed_from IS NULL) = (missed_until IS NULL)", name="missed_is_whole"),
    )


class WebhookAttempt(Base):
    """One attempt to send one event. The newest of each endpoint are kept. `status` is empty if no answer came."""

    __tablename__ = "webhook_attempt"
    endpoint_id: Mapped[str] = mapped_column(ForeignKey("webhook_endpoint.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    event_id: Mapped[str] = mapped_column(Id)
    event_type: Mapped[str] = mapped_column(String(40))
    at: Mapped[int]
    outcome: Mapped[str] = mapped_column(String(20))
    status: Mapped[int | None] = mapped_column(SmallInteger)
    ms: Mapped[int]
