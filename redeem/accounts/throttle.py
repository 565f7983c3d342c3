"""Throttle guesses. Failures are counted in the database, so the count holds for all workers and survives restarts.

A subject is what is guessed, such as `pin:clk_…`. After some free failures each further try must wait, longer each time, up to a
maximum. Nobody is locked out for ever: otherwise anybody could lock out a clerk by guessing wrong.
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
    """Return how long the next try must wait, in ms. 0 means that it may come now."""
    row = session.execute(select(Throttle.failures, Throttle.since_at).where(Throttle.subject == subject)).one_or_none()
    if row is None or row.failures < free_failures or now - row.since_at > FORGET_MS:
        return 0
    doubled: int = FIRST_WAIT_MS << min(row.failures - free_failures, 10)
    until: int = row.since_at + min(doubled, LONGEST_WAIT_MS)
    return max(0, until - now)


def lock(session: Session, subjects: Iterable[str]) -> None:
    """Lock the counts of these subjects until the transaction ends, so that two concurrent tries don't both take the last free one."""
    for subject in sorted(subjects):  # the same order everywhere, to avoid deadlocks
        session.execute(ROW, {"subject": subject})
        session.execute(select(Throttle.subject).where(Throttle.subject == subject).with_for_update())


def count_failure(session: Session, subject: str, now: Ms) -> None:
    """Count a failure. If the last one was long ago, the count begins anew."""
    session.execute(FAIL, {"subject": subject, "now": now, "stale": now - FORGET_MS})


def reset(session: Session, subject: str) -> None:
    """Delete the count of a subject, after a success."""
    session.execute(delete(Throttle).where(Throttle.subject == subject))


def uncount_failure(session: Session, subject: str) -> None:
    """Take one failure back: a try that was counted beforehand turned out right. Failures of others stay counted."""
    session.execute(
        update(Throttle)
        .where(Throttle.subject == subject, Throttle.failures > 0)
        .values(failures=Throttle.failures - 1)
    )
