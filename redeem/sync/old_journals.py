"""The journal of a device that a tablet was before it lost its key: what is kept of it in quarantine, and what is refused.

A tablet names that device itself, and may lie. So only what the named device has signed is kept, and its numbers say nothing about
any other journal.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from redeem.db.models.devices import Device, Quarantine
from redeem.devices import forgotten
from redeem.devices.forgotten import KEY_KEPT, Proof
from redeem.domain.journal import Entry, is_signed
from redeem.lib.errors import TooMany
from redeem.lib.times import Ms
from redeem.sync import quarantine

JOURNALS_PER_SENDER_MAX = 20  # a tablet leaves one behind each time that it loses its key
KEY_LOST = "key_lost"


@dataclass(frozen=True, slots=True)
class OldJournal:
    """The journal of the device that this tablet was before it lost its key, and the sealed proof of its enrolment."""

    device_id: str
    entries: Sequence[Entry]
    proof: Proof | None = None


@dataclass(frozen=True, slots=True)
class Signer:
    """With which key the entries must be signed, and the reason under which they are kept."""

    public_key: bytes
    reason: str


def keep(session: Session, old: OldJournal, sender: Device, now: Ms) -> int:
    """Keep the entries that the named device has signed. Return how many are refused. Raises TooMany.

    A tablet that the ledger lacks is noted with its key, so that a manager can admit what it wrote.
    """
    signer = find_signer(session, old, sender)
    signed = [entry for entry in old.entries if signer and is_signed(entry, old.device_id, signer.public_key)]
    if signer and signed:
        check_journals(session, old.device_id, sender.id)
        if old.proof and signer.public_key == old.proof.public_key and session.get(Device, old.device_id) is None:
            forgotten.note(session, old.proof, max(entry.number for entry in signed), now)
        quarantine.keep(session, old.device_id, signed, signer.reason, sender.id, now)
    return len(old.entries) - len(signed)


def find_signer(session: Session, old: OldJournal, sender: Device) -> Signer | None:
    """Return who must have signed the entries, None if nothing of this journal is taken from this sender.

    That is so if the sender is revoked or written off, and for the sender's own journal, which comes by itself. The key is that of the
    device's row; if the ledger lacks the device, that of its proof of enrolment; without a proof the sender's own, for a tablet that was
    enrolled anew may have kept its key.
    """
    if sender.revoked_at is not None or sender.lost_at is not None or old.device_id == sender.id:
        return None
    known = session.get(Device, old.device_id)
    if known is not None:
        return Signer(known.public_key, KEY_LOST) if known.public_key else None
    proven = old.proof.public_key if old.proof else forgotten.key_of(session, old.device_id)
    if proven is not None:
        return Signer(proven, KEY_LOST)
    return Signer(sender.public_key, KEY_KEPT) if sender.public_key else None


def last_kept(session: Session, device_id: str, sender_id: str) -> int:
    """Return the number of the last entry of this journal that this sender has handed in, 0 if there is none."""
    theirs = (Quarantine.device_id == device_id, Quarantine.handed_in_by_id == sender_id)
    return session.scalar(select(func.max(Quarantine.number)).where(*theirs)) or 0


def check_journals(session: Session, device_id: str, sender_id: str) -> None:
    """Raise TooMany if this would be one waiting journal too many of this sender."""
    theirs = Quarantine.handed_in_by_id == sender_id
    is_here = session.scalar(select(Quarantine.number).where(Quarantine.device_id == device_id, theirs).limit(1))
    if is_here is not None:
        return
    waiting = (theirs, Quarantine.decided_at.is_(None), Quarantine.device_id != sender_id)
    others = select(func.count(Quarantine.device_id.distinct())).where(*waiting)
    if (session.scalar(others) or 0) >= JOURNALS_PER_SENDER_MAX:
        raise TooMany(quarantine.RETRY_SECONDS, "Call a manager: this tablet has handed in too many old journals.")
