"""Idempotency: a shop's mutation under one key happens once, and every retry gets the first answer.

The key's row is inserted before anything else: a twin that comes at the same moment waits at the primary key until the
first has committed, and then reads its answer. Only what was done is kept. A refused request changed nothing, rolled its
row back, and may be corrected and sent again under the same key.
"""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import delete, select, text, tuple_, update
from sqlalchemy.orm import Session

from redeem.db.engine import Retry
from redeem.db.models.api import Idempotency
from redeem.lib.errors import Invalid
from redeem.lib.sealing import Sealer
from redeem.lib.times import MS_PER_DAY, Ms

KEY_MAX_CHARACTERS = 255
KEPT_MS = 90 * MS_PER_DAY
FORGOTTEN_AT_ONCE = 10


class KeyReused(Invalid):
    """The key came before, with another request."""

    code = "idempotency_key_reused"
    default_detail = "Use a new Idempotency-Key: this one was used for another request."


@dataclass(frozen=True, slots=True)
class Mutation:
    """A request to be done once: whose key, the Idempotency-Key, and the fingerprint that tells a retry from another request."""

    key_prefix: str
    key: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Done:
    """The answer, now or as it was the first time."""

    status: int
    body: bytes
    replayed: bool = False


RESERVE = text(
    "INSERT INTO idempotency (key_prefix, key, fingerprint, status, sealed_answer, at)"
    " VALUES (:key_prefix, :key, :fingerprint, 0, :nothing, :at) ON CONFLICT DO NOTHING RETURNING key"
)


def once(
    session: Session, mutation: Mutation, sealer: Sealer, now: Ms, work: Callable[[Session], tuple[int, bytes]]
) -> Done:
    """Runs `work` in this transaction and keeps its status and body, or answers what is kept. Raises KeyReused."""
    values = {"key_prefix": mutation.key_prefix, "key": mutation.key, "fingerprint": mutation.fingerprint}
    if session.execute(RESERVE, values | {"nothing": b"", "at": now}).one_or_none() is None:
        return first_answer(session, mutation, sealer)
    forget_old(session, now)
    status, body = work(session)
    row = Idempotency.key_prefix == mutation.key_prefix, Idempotency.key == mutation.key
    # Sealed, because an answer may hold a coupon's token, and the database holds none.
    session.execute(update(Idempotency).where(*row).values(status=status, sealed_answer=sealer.seal(body)))
    return Done(status, body)


def forget_old(session: Session, now: Ms) -> None:
    """Each new answer clears away a few that are too old, so that no one request has much to do. Whoever else does it is not waited for."""
    old = select(Idempotency.key_prefix, Idempotency.key).where(Idempotency.at < now - KEPT_MS).order_by(Idempotency.at)
    found = session.execute(old.limit(FORGOTTEN_AT_ONCE).with_for_update(skip_locked=True)).all()
    if found:
        keys = tuple_(Idempotency.key_prefix, Idempotency.key).in_([(row.key_prefix, row.key) for row in found])
        session.execute(delete(Idempotency).where(keys))


def first_answer(session: Session, mutation: Mutation, sealer: Sealer) -> Done:
    kept = session.execute(
        select(Idempotency.fingerprint, Idempotency.status, Idempotency.sealed_answer).where(
            Idempotency.key_prefix == mutation.key_prefix, Idempotency.key == mutation.key
        )
    ).one_or_none()
    if kept is None:
        raise Retry  # the twin that was in the way has just been rolled back
    if kept.fingerprint != mutation.fingerprint:
        raise KeyReused
    return Done(kept.status, sealer.unseal(kept.sealed_answer), replayed=True)
