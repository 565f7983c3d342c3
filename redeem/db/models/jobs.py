"""The table of jobs: work that is done in steps, beside the requests."""

from typing import Any

from sqlalchemy import CheckConstraint, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from redeem.db.base import Base, Id, partial


class Job(Base):
    """Work about one thing (`subject`). Each step is a transaction that does a part and moves `done` on, so no part is lost or repeated.

    Whoever works at it has the lease (`lease_id`) until `lease_until`. `attempts` counts the leases since the last step that was
    committed. Before `due_at` nobody takes it. `error_code`: why it has failed, or why the last attempt did.
    """

    __tablename__ = "job"
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    kind: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str] = mapped_column(Id)
    payload: Mapped[dict[str, Any]]
    state: Mapped[str] = mapped_column(String(20))
    attempts: Mapped[int]
    due_at: Mapped[int]
    lease_id: Mapped[str | None] = mapped_column(Id)
    lease_until: Mapped[int | None]
    done: Mapped[int]
    total: Mapped[int]
    created_at: Mapped[int]
    finished_at: Mapped[int | None]
    error_code: Mapped[str | None] = mapped_column(String(40))
    __table_args__ = (
        UniqueConstraint("kind", "subject"),
        CheckConstraint("state IN ('open', 'done', 'failed')", name="state"),
        CheckConstraint("(state = 'open') = (finished_at IS NULL)", name="open_until_finished"),
        CheckConstraint("state <> 'failed' OR error_code IS NOT NULL", name="failed_with_a_code"),
        CheckConstraint("(lease_id IS NULL) = (lease_until IS NULL)", name="lease_is_whole"),
        CheckConstraint("done BETWEEN 0 AND total", name="done"),
        partial("ix_job_open", "due_at", where="state = 'open'"),
    )
