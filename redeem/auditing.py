"""Auditing: every change that a manager makes leaves an entry, in the change's own transaction."""

from enum import StrEnum
from typing import Any

from sqlalchemy.orm import Session

from redeem.ids import new_id
from redeem.models import AuditEntry
from redeem.times import Ms


class Change(StrEnum):
    """What can be changed: the closed vocabulary of the audit log."""

    TABLET_INVITED = "tablet_invited"
    TILL_ADDED = "till_added"
    DEVICE_REVOKED = "device_revoked"
    DEVICE_RENAMED = "device_renamed"
    DEVICE_WRITTEN_OFF = "device_written_off"
    CLERK_ADDED = "clerk_added"
    CLERK_LEFT = "clerk_left"
    PARTNER_ADDED = "partner_added"
    STORE_ADDED = "store_added"
    STORE_CHANGED = "store_changed"
    CAMPAIGN_MADE = "campaign_made"
    CAMPAIGN_CHANGED = "campaign_changed"
    COUPONS_VOIDED = "coupons_voided"
    KEY_MADE = "key_made"
    KEY_REVOKED = "key_revoked"
    ENTRIES_ADMITTED = "entries_admitted"
    ENTRIES_LEFT = "entries_left"
    CONFLICT_DECIDED = "conflict_decided"


def note(session: Session, manager_id: str, what: Change, subject_id: str, now: Ms, **details: Any) -> None:
    """The audit entry of a change. No secret belongs into `details`."""
    entry = AuditEntry(
        id=new_id("aud", now), manager_id=manager_id, what=what, subject_id=subject_id, details=details, at=now
    )
    session.add(entry)
    session.flush()
