"""Whose acts the entries in quarantine become, and under which names. A journal there may have forks: its tablet was copied, or its disk
put back.
"""

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from redeem.accounts.roles import WHOLE, Scope, within
from redeem.db.models.devices import Device, Quarantine
from redeem.db.models.partners import CLOSED_SINCE, Store
from redeem.devices import forgotten
from redeem.domain.journal import Entry, read_entry
from redeem.domain.presented import Actor
from redeem.ledger import ledger
from redeem.lib.errors import NotFound


@dataclass(frozen=True, slots=True)
class Author:
    """Whose acts the entries become, and the key that must have signed them.

    Usually that is the device itself. If the restored ledger doesn't know the device, it is the tablet that handed the journal
    in, and `prefix` keeps the two devices' names apart. The key and the store are those with which the device was enrolled, if its
    proof shows them; otherwise that tablet's own, for it may have kept its key. (A store that the ledger has lost is nobody's: then it
    is that tablet's.)
    """

    device_id: str
    actor: Actor
    public_key: bytes
    row: Device
    prefix: str


def find_author(session: Session, device_id: str, scope: Scope = WHOLE, *, lock: bool = False) -> Author:
    """Return the journal's author. Raises NotFound if no such journal is in quarantine, or none within the scope.

    No statement loads the device before the one that locks it: what was loaded earlier would keep its old values after the wait.
    """
    handed_in = select(Quarantine.handed_in_by_id).where(Quarantine.device_id == device_id)
    # Whoever has shown the device's proof goes before those who only claim to be it.
    proven_first = handed_in.order_by(Quarantine.reason == forgotten.KEY_KEPT, Quarantine.at, Quarantine.entry_hash)
    handed_in_by_id = session.scalar(proven_first.limit(1))
    is_known = session.scalar(select(Device.public_key).where(Device.id == device_id)) is not None
    at = Device.store_id.expression if is_known else func.coalesce(forgotten.store_of(device_id), Device.store_id)
    statement = (
        select(Device, Store, CLOSED_SINCE)
        .join(Store, Store.id == at)
        .where(Device.id == (device_id if is_known else handed_in_by_id))
    )
    scoped = within(statement, scope, Store.id)
    row = session.execute(scoped.with_for_update(of=Device, key_share=True) if lock else scoped).one_or_none()
    device, store, closed_at = row or (None, None, None)
    if handed_in_by_id is None or device is None or store is None or device.public_key is None:
        raise NotFound
    actor = Actor(device.id, device.name, store.id, store.name, store.partner_id, store.time_zone, closed_at)
    if is_known:
        return Author(device_id, actor, device.public_key, device, "")
    return Author(device_id, actor, forgotten.key_of(session, device_id) or device.public_key, device, f"{device_id}/")


def name_of(session: Session, author: Author, number: int, entry_hash: str) -> str:
    """Return the entry's number, or if another entry was taken under that number, the number and a part of the entry's hash."""
    name = f"{author.prefix}{number}"
    taken = ledger.find_act_by_name(session, author.actor.device_id, name)
    return name if taken is None or taken.fingerprint == entry_hash else f"{name}/{entry_hash[:8]}"


def name_before(session: Session, author: Author, entry: Entry, number: int) -> str | None:
    """Return the name of the earlier entry that this one refers to by its number; None if its journal is not here that far back.

    Of a number there may be several entries here, if the tablet was copied or its disk put back. So the one is taken that this entry
    follows, by the hashes of those between. Where these are broken, nothing is known but the number: then it must be the only one.
    """
    theirs = select(Quarantine).where(Quarantine.device_id == author.device_id, Quarantine.number < entry.number)
    rows = session.scalars(theirs.where(Quarantine.number >= number)).all()
    previous = {row.entry_hash: entry_of(row).previous for row in rows if row.number > number}
    at, entry_hash = entry.number - 1, entry.previous
    while entry_hash in previous:
        at, entry_hash = at - 1, previous[entry_hash]
    plain = f"{author.prefix}{number}"
    same = {row.entry_hash for row in rows if row.number == number}
    if entry_hash in same:
        return name_of(session, author, number, entry_hash)
    if is_taken(session, author, at, entry_hash):
        return plain
    taken = ledger.find_act_by_name(session, author.actor.device_id, plain)
    same |= {taken.fingerprint} if taken else set()
    return name_of(session, author, number, same.pop()) if at > number and len(same) == 1 else None


def is_taken(session: Session, author: Author, number: int, entry_hash: str) -> bool:
    """Say whether the ledger has taken the entry of this number and hash."""
    taken = ledger.find_act_by_name(session, author.actor.device_id, f"{author.prefix}{number}")
    return taken is not None and taken.fingerprint == entry_hash


def entry_of(row: Quarantine) -> Entry:
    return read_entry(row.entry, row.signature)
