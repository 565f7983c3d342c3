"""Idempotency keys: a shop's mutation with one Idempotency-Key is done once, and every retry gets the first answer.

The key's row is inserted first. A concurrent request with the same key waits at the primary key until the first has committed, and
then reads its answer. A refused request is rolled back together with that row, so it may be corrected and sent again with the
same key.
"""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from json import JSONEncoder

from pydantic import BaseModel
from sqlalchemy import delete, select, text, tuple_, update
from sqlalchemy.orm import Session

from redeem.db.engine import Retry
from redeem.db.models.api import Idempotency
from redeem.lib.encoding import base64url
from redeem.lib.errors import Invalid
from redeem.lib.sealing import Sealer
from redeem.lib.times import MS_PER_DAY, Ms

KEY_MAX_CHARACTERS = 255
KEPT_MS = 90 * MS_PER_DAY
DELETED_PER_REQUEST_MAX = 10
CANONICAL = JSONEncoder(sort_keys=True)


class KeyReused(Invalid):
    """The Idempotency-Key was used before, with another request."""

    code = "idempotency_key_reused"
    default_detail = "Use a new Idempotency-Key: this one was used for another request."


@dataclass(frozen=True, slots=True)
class Mutation:
    """A request to be done once: the family of the API key (`key_prefix`), the Idempotency-Key (`key`), and a fingerprint.

    The fingerprint tells a retry from another request with the same key.
    """

    key_prefix: str
    key: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Done:
    """The answer to a mutation: an HTTP status and a body. `replayed`: it is the first answer, repeated."""

    status: int
    body: bytes
    replayed: bool = False


def fingerprint(method: str, path: str, said: BaseModel | str) -> str:
    """Return a hash that is the same for a retry and differs for another request.

    `said` is the body, or what stands for it where one thing can be written in several ways.
    """
    if isinstance(said, BaseModel):
        # Members that were not sent are left out: a member that a later release adds must not make a retry look new.
        said = CANONICAL.encode(said.model_dump(mode="json", exclude_unset=True))
    return base64url(sha256(f"{method}\0{path}\0{said}".encode()).digest())


RESERVE = text(
    "INSERT INTO idempotency (key_prefix, key, fingerprint, status, sealed_answer, at)"
    " VALUES (:key_prefix, :key, :fingerprint, 0, :nothing, :at) ON CONFLICT DO NOTHING RETURNING key"
)


def once(
    session: Session, mutation: Mutation, sealer: Sealer, now: Ms, work: Callable[[Session], tuple[int, bytes]]
) -> Done:
    """Run `work` in this transaction and store its status and body, or return the stored ones. Raises KeyReused."""
    values = {"key_prefix": mutation.key_prefix, "key": mutation.key, "fingerprint": mutation.fingerprint}
    if session.execute(RESERVE, values | {"nothing": b"", "at": now}).one_or_none() is None:
        return first_answer(session, mutation, sealer)
    delete_old(session, now)
    status, body = work(session)
    row = Idempotency.key_prefix == mutation.key_prefix, Idempotency.key == mutation.key
    # Sealed, because an answer may contain a coupon's token, and the database must not contain one in plain text.
    session.execute(update(Idempotency).where(*row).values(status=status, sealed_answer=sealer.seal(body)))
    return Done(status, body)


def delete_old(session: Session, now: Ms) -> None:
    """Delete a few expired answers, at each new one, so that no request has many to delete. Rows that others have locked are skipped."""
    old = select(Idempotency.key_prefix, Idempotency.key).where(Idempotency.at < now - KEPT_MS).order_by(Idempotency.at)
    rows = session.execute(old.limit(DELETED_PER_REQUEST_MAX).with_for_update(skip_locked=True)).all()
    if rows:
        keys = tuple_(Idempotency.key_prefix, Idempotency.key).in_([(row.key_prefix, row.key) for row in rows])
        session.execute(delete(Idempotency).where(keys))


def first_answer(session: Session, mutation: Mutation, sealer: Sealer) -> Done:
    """Return the stored answer. Raises KeyReused, or Retry if the request that inserted the row has been rolled back since."""
    kept = session.execute(
        select(Idempotency.fingerprint, Idempotency.status, Idempotency.sealed_answer).where(
            Idempotency.key_prefix == mutation.key_prefix, Idempotency.key == mutation.key
        )
    ).one_or_none()
    if kept is None:
        raise Retry
    if kept.fingerprint != mutation.fingerprint:
        raise KeyReused
    return Done(kept.status, sealer.unseal(kept.sealed_answer), replayed=True)
