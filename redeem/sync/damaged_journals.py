"""A tablet whose journal is damaged hands it in: the file byte for byte, and the entries that can still be read.

It can't know what it has given, so it gives nothing more (docs/protocol.md, rule 10). By its own word it is revoked: what it holds stays
held, and managers are told what that is worth. The entries go to quarantine. The parts of a file come in order; a part that comes again
does no harm.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from redeem.accounts.audit import OPERATOR
from redeem.accounts.roles import Scope, within
from redeem.db.lines import lines, select_as
from redeem.db.models.devices import DamagedPart, Device
from redeem.db.models.ledger import Act
from redeem.db.models.partners import Partner, Store
from redeem.devices import enrolment, write_off
from redeem.devices.forgotten import Proof
from redeem.devices.write_off import AtRisk
from redeem.domain.journal import Entry, is_signed
from redeem.lib.times import Ms
from redeem.sync import old_journals, quarantine
from redeem.sync.old_journals import OldJournal
from redeem.sync.tablet import Tablet, lock_tablet

PART_BYTES_MAX = 128 * 1024
FILES_SHOWN_MAX = 100
REASON = "damaged"


class Damage(StrEnum):
    """Why a journal can't be gone on with, as its tablet says: see static/clerk/storage/damage.js."""

    UNREADABLE = "unreadable"
    SHORT = "short"
    REWRITTEN = "rewritten"


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a damaged journal's file: the bytes from `start` on, and the entries that begin in them.

    `device_id` is the device whose journal it is, `proof` what was sealed at that device's enrolment. `file` is the SHA-256 of the whole
    file, and `size` its length in bytes.
    """

    device_id: str
    damage: Damage
    file: str
    size: int
    start: int
    bytes: bytes = b""
    entries: Sequence[Entry] = ()
    proof: Proof | None = None


@dataclass(frozen=True, slots=True)
class Received:
    """How many bytes of the file are here, from its beginning, and how many of the part's entries were not signed by the device."""

    kept: int
    refused: int = 0


@dataclass(frozen=True, slots=True)
class Damaged:
    """A damaged journal, as the office shows it. `kept` of its `size` bytes are here. `name`, `lost_at` and `zone` are None if a restored
    ledger does not know the device.
    """

    device_id: str
    file: str
    name: str | None
    lost_at: Ms | None
    zone: str | None
    handed_in_by_id: str
    handed_in_by: str
    store_name: str
    partner_name: str
    damage: str
    size: int
    kept: int
    at: Ms


Claimed, ClaimedStore = aliased(Device), aliased(Store)
DAMAGED = (
    select_as(
        Damaged,
        device_id=DamagedPart.device_id,
        file=DamagedPart.file,
        name=func.max(Claimed.name),
        lost_at=func.max(Claimed.lost_at),
        zone=func.max(ClaimedStore.time_zone),
        handed_in_by_id=func.max(Device.id),
        handed_in_by=func.max(Device.name),
        store_name=func.max(Store.name),
        partner_name=func.max(Partner.name),
        damage=func.max(DamagedPart.damage),
        size=func.max(DamagedPart.size),
        kept=func.sum(func.length(DamagedPart.bytes)),
        at=func.min(DamagedPart.at),
    )
    .join(Device, Device.id == DamagedPart.handed_in_by_id)
    .join(Store, Store.id == Device.store_id)
    .join(Partner, Partner.id == Store.partner_id)
    .outerjoin(Claimed, Claimed.id == DamagedPart.device_id)
    .outerjoin(ClaimedStore, ClaimedStore.id == Claimed.store_id)
    .group_by(DamagedPart.device_id, DamagedPart.file)
    .order_by(func.min(DamagedPart.at).desc(), DamagedPart.device_id, DamagedPart.file)
)


def stop(session: Session, device_id: str, now: Ms) -> None:
    """Revoke the device, which says itself that its journal is damaged: what it holds stays held. Repeating it changes nothing."""
    enrolment.revoke_device(session, OPERATOR, device_id, now)


def hand_in(session: Session, sender_id: str, part: Part, now: Ms) -> Received:
    """Keep a part and its entries. A part that is not the next one changes nothing. Raises Unauthenticated and TooMany."""
    sender = lock_tablet(session, sender_id)
    here = kept(session, part.device_id, part.file)
    if part.start != here or (part.size and not part.bytes):
        return Received(here)
    if not is_heard(part, sender):
        return Received(here, len(part.entries))
    refused = keep_entries(session, part, sender, now)
    if session.get(DamagedPart, (part.device_id, part.file, part.start)) is None:
        quarantine.count_bytes(session, sender_id, len(part.bytes))
        session.add(as_row(part, sender_id, now))
        session.flush()
    return Received(here + len(part.bytes), refused)


def as_row(part: Part, sender_id: str, now: Ms) -> DamagedPart:
    row = DamagedPart(device_id=part.device_id, file=part.file, start=part.start, bytes=part.bytes, size=part.size)
    row.damage, row.handed_in_by_id, row.at = part.damage, sender_id, now
    return row


def is_heard(part: Part, sender: Tablet) -> bool:
    """Say whether the sender may hand this file in: its own, or another device's as long as it is in service itself."""
    return part.device_id == sender.row.id or sender.is_active


def keep_entries(session: Session, part: Part, sender: Tablet, now: Ms) -> int:
    """Put those entries into quarantine that were not taken before. Return how many are refused."""
    known = taken(session, part)
    new = [entry for entry in part.entries if entry.hash not in known]
    if part.device_id != sender.row.id:
        return old_journals.keep(session, OldJournal(part.device_id, new, part.proof), sender.row, now)
    own = [entry for entry in new if is_signed(entry, part.device_id, sender.public_key)]
    quarantine.keep(session, part.device_id, own, REASON, sender.row.id, now)
    return len(new) - len(own)  # an earlier device's, whose file was put back; the bytes are kept all the same


def taken(session: Session, part: Part) -> set[str]:
    """Return the hashes of those entries of the part that the ledger has."""
    names = [str(entry.number) for entry in part.entries]
    theirs = select(Act.fingerprint).where(Act.device_id == part.device_id, Act.name.in_(names))
    return set(session.scalars(theirs)) if names else set()


def kept(session: Session, device_id: str, file: str) -> int:
    """Return how many bytes of the file are here."""
    mine = (DamagedPart.device_id == device_id, DamagedPart.file == file)
    return session.scalar(select(func.sum(func.length(DamagedPart.bytes))).where(*mine)) or 0


def list_damaged(session: Session, scope: Scope) -> list[Damaged]:
    """Return the damaged journals of this scope, the newest first, at most FILES_SHOWN_MAX."""
    return lines(session, Damaged, within(DAMAGED, scope, Device.store_id).limit(FILES_SHOWN_MAX))


def list_damaged_at_risk(session: Session, scope: Scope, now: Ms) -> tuple[list[Damaged], Mapping[str, AtRisk]]:
    """Return the same, and what their devices may have given unknown to the ledger, by device, of those that are not written off."""
    damaged = list_damaged(session, scope)
    zones = {each.device_id: each.zone for each in damaged if each.zone and each.lost_at is None}
    return damaged, write_off.risks(session, zones, now)
