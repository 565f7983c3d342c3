"""Throttling: how often something may be guessed at, counted in the database, over all workers and restarts.

A subject is what is guessed at (`pin:clk_…`). After some failures each further try must wait, longer each time, and never
for ever: a lock-out that others can cause would be a weapon against the clerk.
"""

from sqlalchemy import delete, select, text
from sqlalchemy.orm import Session

from redeem.models import Throttle
from redeem.times import Ms

FREE_FAILURES = 5
FIRST_WAIT_MS = 15_000
LONGEST_WAIT_MS = 5 * 60_000
FORGET_MS = 30 * 60_000

FAIL = text(
    "INSERT INTO throttle (subject, failures, since_at) VALUES (:subject, 1, :now)"
    " ON CONFLICT (subject) DO UPDATE SET since_at = :now,"
    " failures = CASE WHEN throttle.since_at < :stale THEN 1 ELSE throttle.failures + 1 END"
)


def wait_ms(session: Session, subject: str, now: Ms) -> Ms:
    """How long the next try must wait; 0 if it may come now."""
    row = session.execute(select(Throttle.failures, Throttle.since_at).where(Throttle.subject == subject)).one_or_none()
    if row is None or row.failures < FREE_FAILURES or now - row.since_at > FORGET_MS:
        return 0
    doubled: int = FIRST_WAIT_MS << min(row.failures - FREE_FAILURES, 10)
    until: int = row.since_at + min(doubled, LONGEST_WAIT_MS)
    return max(0, until - now)


def failed(session: Session, subject: str, now: Ms) -> None:
    session.execute(FAIL, {"subject": subject, "now": now, "stale": now - FORGET_MS})


def succeeded(session: Session, subject: str) -> None:
    session.execute(delete(Throttle).where(Throttle.subject == subject))
