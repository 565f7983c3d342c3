"""Receipts: the ledger signs up to where it has a tablet's journal, and the tablet shows its newest receipt with each request.

A receipt of an entry that the ledger does not have proves that it has lost what it had made durable: an old copy was put in place of
the database without `flask restore`, or PostgreSQL lost its last commits. Only what we have signed counts, and no number that a tablet
says. Receipts of an earlier generation prove nothing: a restore loses entries, says so, and the tablets send them again.
"""

from sqlalchemy.orm import Session

from redeem.domain.proofs import Proofs, Receipt
from redeem.ledger import generation, ledger
from redeem.ledger.generation import LedgerBehind
from redeem.lib.times import Ms
from redeem.sync.tablet import Tablet


def receipt_of(tablet: Tablet, generation: int, proofs: Proofs, now: Ms) -> Receipt | None:
    """Return a receipt of the end of the tablet's journal, None before its first entry."""
    number, entry_hash = tablet.row.last_number, tablet.row.last_hash
    if entry_hash is None:
        return None
    return proofs.receipt(tablet.actor.device_id, generation, number, entry_hash, now)


def refuse_if_lost(session: Session, device_id: str, shown: Receipt | None, proofs: Proofs) -> None:
    """Raise LedgerBehind if `shown` is a receipt that we signed for this device, and the ledger lacks what it is for.

    The device may be one that the ledger does not know.
    """
    if shown is None or not is_lost(session, device_id, shown):
        return
    if proofs.is_receipt(shown, device_id):
        raise LedgerBehind(shown.generation)


def is_lost(session: Session, device_id: str, shown: Receipt) -> bool:
    """Return whether the ledger lacks what this receipt is for, if it is one."""
    present = generation.current(session).generation
    if shown.generation != present:
        return shown.generation > present
    kept = ledger.find_act_by_name(session, device_id, str(shown.number))
    return kept is None or kept.fingerprint != shown.hash
