"""Throttling: how often something may be guessed at, counted in the database, over all workers and restarts.

A subject is what is guessed at (`pin:clk_…`). After some failures each further try must wait, longer each time, and never
for ever: a lock-out that others can cause would be a weapon against the clerk.
"""

from collections.abc import Iterable

from sqlalchemy import delete, select, text, update
from sqlalchemy.orm import Session

from redeem.db.models.managers import Throttle
from redeem.lib.times import Ms

FREE_FAILURES = 5
FIRST_WAIT_MS = 15_000
LONGEST_WAIT_MS = 5 * 60_000
FORGET_MS = 30 * 60_000

ROW = text(
    "INSERT INTO throttle (subject, failures, since_at) VALUES (:subject, 0, 0) ON CONFLICT (subject) DO NOTHING"
)
FAIL = text(
    "INSERT INTO throttle (subject, failures, since_at) VALUES (:subject, 1, :now)"
    " ON CONFLICT (subject) DO UPDATE SET since_at = :now,"
    " failures = CASE WHEN throttle.since_at < :stale THEN 1 ELSE throttle.failures + 1 END"
)


def wait_ms(session: Session, subject: str, now: Ms, *, free_failures: int = FREE_FAILURES) -> Ms:
    """How long the next try must wait; 0 if it may come now."""
    row = session.execute(select(Throttle.failures, Throttle.since_at).where(Throttle.subject == subject)).one_or_none()
    if row is None or row.failures < free_failures or now - row.since_at > FORGET_MS:
        return 0
    doubled: int = FIRST_WAIT_MS << min(row.failures - free_failures, 10)
    until: int = row.since_at + min(doubled, LONGEST_WAIT_MS)
    return max(0, until - now)


def lock(session: Session, subjects: Iterable[str]) -> None:
    """Lets nobody else count these before this transaction ends, so that two tries at once don't both see the last free one."""
    for subject in sorted(subjects):  # one order for all, so that no two wait for each other
        session.execute(ROW, {"subject": subject})
        session.execute(select(Throttle.subject).where(Throttle.subject == subject).with_for_update())


def count_failure(session: Session, subject: str, now: Ms) -> None:
    session.execute(FAIL, {"subject": subject, "now": now, "stale": now - FORGET_MS})


def reset(session: Session, subject: str) -> None:
    session.execute(delete(Throttle).where(Throttle.subject == subject))


def uncount_failure(session: Session, subject: str) -> None:
    """Takes one failure back: what was counted beforehand turned out right, and says nothing about the others."""
    session.execute(
        update(Throttle)
        .where(Throttle.subject == subject, Throttle.failures > 0)
        .values(failures=Throttle.failures - 1)
    )
