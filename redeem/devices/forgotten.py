"""Tablets that were enrolled after the backup that was put back. The ledger has no row of them, so it can't wait for them.

At enrolment a tablet gets a sealed copy of what it was told. One that is refused shows that copy. So managers see which
forgotten tablets there are and how much they have recorded, and a stranger can leave nothing here. A forgotten tablet that is
enrolled anew with its own key is an ordinary tablet again.
"""

from base64 import urlsafe_b64decode
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Self

from sqlalchemy import ColumnElement, ScalarSelect, and_, delete, func, or_, select, text
from sqlalchemy.orm import Session, aliased

from redeem.accounts.roles import WHOLE, Scope, within
from redeem.db.lines import lines, select_as
from redeem.db.models.devices import Device, Forgotten, Quarantine
from redeem.db.models.partners import Store
from redeem.lib.encoding import base64url
from redeem.lib.times import MS_PER_DAY, MS_PER_MINUTE, Ms

PROOF_MAX_AGE_SECONDS = 20 * 365 * 24 * 3600  # as long as a tablet may live
SHOWN_MS = 30 * MS_PER_DAY  # who has not called for so long has another key now, or is in no store any more
NOTE = text(
    "INSERT INTO forgotten (device_id, public_key, store_id, name, entries, first_at, last_at)"
    " VALUES (:device_id, :public_key, :store_id, :name, :entries, :now, :now)"
    " ON CONFLICT (device_id) DO UPDATE SET last_at = excluded.last_at,"
    " entries = CASE WHEN excluded.entries > forgotten.entries THEN excluded.entries ELSE forgotten.entries END"
    " WHERE forgotten.last_at <= :stale"
)
KEY_KEPT = "key_kept"  # why an entry is in quarantine: its sender claims to be the device anew, with the same key, and shows no proof
Sender = aliased(Device)
# What a sender without a proof hands in counts only if it has the key that the proof has.
HANDED_IN = (
    select(func.max(Quarantine.number))
    .join(Sender, Sender.id == Quarantine.handed_in_by_id)
    .where(
        Quarantine.device_id == Forgotten.device_id,
        or_(Quarantine.reason != KEY_KEPT, Sender.public_key == Forgotten.public_key),
    )
    .scalar_subquery()
)
IS_HERE_AGAIN = select(Device.id).where(Device.public_key == Forgotten.public_key).exists()


@dataclass(frozen=True, slots=True)
class Proof:
    """What the server sealed of a tablet when it enrolled it."""

    device_id: str
    public_key: bytes
    store_id: str
    name: str

    def as_json(self) -> dict[str, str]:
        return asdict(self) | {"public_key": base64url(self.public_key)}

    @classmethod
    def from_json(cls, said: Mapping[str, str]) -> Self:
        """Read what this server sealed itself."""
        return cls(said["device_id"], urlsafe_b64decode(said["public_key"] + "="), said["store_id"], said["name"])


@dataclass(frozen=True, slots=True)
class Caller:
    """A forgotten tablet that has called. `entries` is the length of its journal; `store_name` is None for a forgotten store."""

    device_id: str
    device_name: str
    store_id: str
    store_name: str | None
    entries: int
    last_at: Ms


CALLER = select_as(
    Caller,
    device_id=Forgotten.device_id,
    device_name=Forgotten.name,
    store_id=Forgotten.store_id,
    store_name=Store.name,
    entries=Forgotten.entries,
    last_at=Forgotten.last_at,
).outerjoin(Store, Store.id == Forgotten.store_id)


def note(session: Session, proof: Proof, entries: int, now: Ms) -> None:
    """Note that the tablet has called, with its signature, or that its journal was handed in. Written at most once a minute."""
    session.execute(NOTE, {**asdict(proof), "entries": entries, "now": now, "stale": now - MS_PER_MINUTE})


def key_of(session: Session, device_id: str) -> bytes | None:
    """Return the key with which the tablet was enrolled, if it has shown its proof."""
    return session.scalar(select(Forgotten.public_key).where(Forgotten.device_id == device_id))


def store_of(device_id: str | ColumnElement[str]) -> ScalarSelect[str]:
    """Return, as SQL, the store where the tablet was enrolled, if it has shown its proof and the ledger has that store."""
    proven = aliased(Store)
    at = select(proven.id).join(Forgotten, Forgotten.store_id == proven.id).where(Forgotten.device_id == device_id)
    return at.scalar_subquery()


def forget_callers(session: Session) -> None:
    """Empty the list at another restore. The keys of tablets whose journals are in quarantine stay."""
    session.execute(delete(Forgotten).where(HANDED_IN.is_(None)))


def list_callers(session: Session, now: Ms, scope: Scope = WHOLE) -> list[Caller]:
    """Return the tablets that have called lately and have not handed in their whole journal, by store and name.

    A tablet with an empty journal leaves the list when it is enrolled anew.
    """
    is_settled = or_(Forgotten.entries <= HANDED_IN, and_(Forgotten.entries == 0, IS_HERE_AGAIN))
    statement = CALLER.where(Forgotten.last_at > now - SHOWN_MS, ~func.coalesce(is_settled, False)).order_by(
        Store.name, Forgotten.name, Forgotten.device_id
    )
    return lines(session, Caller, within(statement, scope, Forgotten.store_id))
