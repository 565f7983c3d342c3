"""The queue of jobs: work that takes longer than a request may, done in steps by whoever takes it.

A job is put into the queue by the transaction that decides on it. A worker takes it with a lease. Each step is one transaction that
does a part and moves the progress on, under the job's lock and only if the lease is still the worker's. So a worker that dies, at any
moment, has done each of its parts once or not at all, and two workers never do the same one.

A step that raises a RedeemError has found that the work can't be done: the job has failed with that code. After any other error it is
tried again, later and later.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from sqlalchemy import JSON, and_, bindparam, or_, select, text, update
from sqlalchemy.orm import Session

from redeem.db.models.jobs import Job
from redeem.lib.ids import new_id
from redeem.lib.times import MS_PER_MINUTE, Ms

# A worker that dies leaves its lease behind. Until it ends nobody else goes on, so it must be longer than any step takes, and no more.
LEASE_MS = 15_000
ATTEMPTS_MAX = 10
BACK_OFF_MS = 1_000
BACK_OFF_MAX_MS = 10 * MS_PER_MINUTE
# The job took its worker's process down each time, or its worker was killed so often.
WORKER_DIED = "worker_died"


class State(StrEnum):
    """The states of a job. A finished job is done or has failed, and stays so."""

    OPEN = "open"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Task:
    """A job as its worker has taken it. `done` parts of `total` are done."""

    id: str
    kind: str
    subject: str
    payload: Mapping[str, Any]
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Lease:
    """What a worker has taken: `id` is new for each lease."""

    id: str
    job_id: str
    kind: str


# Does the next part of a task and returns how many of its `total` were done by that. It may be called again after a rollback, so all
# that it does is in the session. The job is done once `total` is reached.
Part = Callable[[Session, Task], int]

PUT = text(
    "INSERT INTO job (id, kind, subject, payload, state, attempts, due_at, done, total, created_at)"
    " VALUES (:id, :kind, :subject, :payload, 'open', 0, :now, 0, :total, :now) ON CONFLICT (kind, subject) DO NOTHING"
).bindparams(bindparam("payload", type_=JSON))
NO_LEASE = {"lease_id": None, "lease_until": None}


def put(
    session: Session,
    kind: str,
    subject: str,
    total: int,
    now: Ms,
    payload: Mapping[str, Any] = MappingProxyType({}),
) -> None:
    """Put a job of `total` parts into the queue. There is one of a kind for each subject: to put it again changes nothing."""
    values = {"kind": kind, "subject": subject, "total": total, "payload": dict(payload), "now": now}
    session.execute(PUT, {"id": new_id("job", now), **values})


def is_due(session: Session, kinds: Collection[str], now: Ms) -> bool:
    """Return whether there is a job to take, without a lock."""
    return session.scalar(select(Job.id).where(free(kinds, now)).limit(1)) is not None


def take(session: Session, kinds: Collection[str], lease_id: str, now: Ms) -> Lease | None:
    """Take the job of these kinds that has waited longest, or None. A job that others are just taking is skipped.

    A job whose workers died ATTEMPTS_MAX times before a step was committed fails here: it must not take down one more.
    """
    mine = Job.lease_id == lease_id  # the reply to the commit was lost, and the work runs again
    due = select(Job).where(or_(mine, free(kinds, now))).order_by(mine.desc(), Job.due_at, Job.id).limit(1)
    job = session.scalar(due.with_for_update(skip_locked=True))
    if job is None:
        return None
    if job.attempts >= ATTEMPTS_MAX:
        finish(job, State.FAILED, now, WORKER_DIED)
        return take(session, kinds, lease_id, now)
    if job.lease_id != lease_id:
        job.attempts += 1
    job.lease_id, job.lease_until = lease_id, now + LEASE_MS
    session.flush()
    return Lease(lease_id, job.id, job.kind)


def free(kinds: Collection[str], now: Ms) -> Any:
    """The condition that a job can be taken."""
    without_lease = or_(Job.lease_until.is_(None), Job.lease_until <= now)
    return and_(Job.state == State.OPEN, Job.kind.in_(kinds), Job.due_at <= now, without_lease)


def step(session: Session, lease: Lease, part: Part, now: Ms) -> bool:
    """Do the next part, and move the progress. False: nothing is left to do under this lease.

    What `part` raises goes through: nothing is done then.
    """
    job = locked(session, lease)
    if job is None:
        return False
    job.done += part(session, Task(job.id, job.kind, job.subject, job.payload, job.done, job.total))
    job.attempts, job.error_code, job.lease_until = 0, None, now + LEASE_MS
    if job.done == job.total:
        finish(job, State.DONE, now)
    session.flush()
    return job.state == State.OPEN


def locked(session: Session, lease: Lease) -> Job | None:
    """Return the job, locked, if the lease is the newest and the job is open."""
    return session.scalar(select(Job).where(Job.id == lease.job_id, Job.lease_id == lease.id).with_for_update())


def give_back(session: Session, lease: Lease, now: Ms) -> None:
    """End the lease. The job waits behind the others."""
    job = locked(session, lease)
    if job is not None:
        job.lease_id, job.lease_until, job.due_at = None, None, now


def fail(session: Session, lease: Lease, code: str, now: Ms) -> None:
    """The job can't be done: it has failed with this code. What was done of it stays."""
    job = locked(session, lease)
    if job is not None:
        finish(job, State.FAILED, now, code)


def put_off(session: Session, lease: Lease, code: str, now: Ms) -> None:
    """The attempt failed by accident. The job is taken again later; after ATTEMPTS_MAX attempts without a step it has failed."""
    job = locked(session, lease)
    if job is None:
        return
    if job.attempts >= ATTEMPTS_MAX:
        finish(job, State.FAILED, now, code)
        return
    wait = min(BACK_OFF_MS * 2 ** (job.attempts - 1), BACK_OFF_MAX_MS)
    job.lease_id, job.lease_until, job.due_at, job.error_code = None, None, now + wait, code


def finish(job: Job, state: State, now: Ms, code: str | None = None) -> None:
    job.state, job.finished_at, job.error_code = state, now, code
    job.lease_id, job.lease_until = None, None


def fail_all(session: Session, kind: str, code: str, now: Ms) -> None:
    """End all open jobs of a kind: they have failed with this code."""
    ended = {"state": State.FAILED, "finished_at": now, "error_code": code, **NO_LEASE}
    session.execute(update(Job).where(Job.kind == kind, Job.state == State.OPEN).values(ended))
