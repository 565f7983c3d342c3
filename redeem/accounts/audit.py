"""Auditing: every change that a manager or a program of the shop makes leaves an entry, in the change's own transaction."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from redeem.accounts.roles import WHOLE, Person, Scope
from redeem.db.models.managers import AuditEntry
from redeem.db.models.partners import Store
from redeem.lib.ids import is_id, new_id
from redeem.lib.times import Ms


@dataclass(frozen=True, slots=True)
class Program:
    """A program of the shop. `id` is the family of its key, the same before and after the key was rolled."""

    id: str
    scope: Scope = WHOLE


@dataclass(frozen=True, slots=True)
class Operator:
    """Whoever runs commands on the server. The log is of managers and programs: an operator's changes leave no entry."""

    id: str = ""
    scope: Scope = WHOLE


OPERATOR = Operator()
Author = Person | Program | Operator  # who makes a change; `scope` is what they may make it to


class Change(StrEnum):
    """What can be changed: the closed vocabulary of the audit log."""

    TABLET_INVITED = "tablet_invited"
    TILL_ADDED = "till_added"
    DEVICE_REVOKED = "device_revoked"
    DEVICE_RENAMED = "device_renamed"
    DEVICE_TO_MOVE = "device_to_move"
    DEVICE_MOVED = "device_moved"
    DEVICE_STAYS = "device_stays"
    DEVICE_WRITTEN_OFF = "device_written_off"
    FORGOTTEN_SETTLED = "forgotten_settled"
    CLERK_ADDED = "clerk_added"
    CLERK_LEFT = "clerk_left"
    CLERK_PIN_CHANGED = "clerk_pin_changed"
    PARTNER_ADDED = "partner_added"
    PARTNER_RENAMED = "partner_renamed"
    STORE_ADDED = "store_added"
    STORE_CHANGED = "store_changed"
    CAMPAIGN_MADE = "campaign_made"
    CAMPAIGN_CHANGED = "campaign_changed"
    CAMPAIGN_STOPPED = "campaign_stopped"
    CAMPAIGN_WENT_ON = "campaign_went_on"
    COUPONS_VOIDED = "coupons_voided"
    KEY_MADE = "key_made"
    KEY_ROLLED = "key_rolled"
    KEY_REVOKED = "key_revoked"
    ENTRIES_ADMITTED = "entries_admitted"
    ENTRIES_LEFT = "entries_left"
    CONFLICT_DECIDED = "conflict_decided"
    STATEMENT_CLOSED = "statement_closed"
    PERSON_INVITED = "person_invited"
    INVITATION_WITHDRAWN = "invitation_withdrawn"
    INVITATION_ACCEPTED = "invitation_accepted"
    PERSON_CHANGED = "person_changed"
    PERSON_DEACTIVATED = "person_deactivated"
    PERSON_REACTIVATED = "person_reactivated"
    SESSIONS_ENDED = "sessions_ended"
    RESET_MADE = "reset_made"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105  (a name)


def note(
    session: Session,
    author_id: str,
    what: Change,
    subject_id: str,
    now: Ms,
    *,
    scope: Scope = WHOLE,
    **details: Any,
) -> None:
    """The audit entry of a change to something of this scope: who runs less than that does not read it.

    `author_id` is a manager's id, or the family of a program's key; for an operator there is no entry.
    `details` say what the thing is called (`name`, `store`) and what became what: `changed={"hours": [before, after]}`. No secret
    belongs into them.
    """
    if author_id == OPERATOR.id:
        return
    entry = AuditEntry(
        id=new_id("aud", now),
        **written_by(author_id),
        what=what,
        subject_id=subject_id,
        partner_id=scope.partner_id or partner_of(session, scope.store_id),
        store_id=scope.store_id,
        details=details,
        at=now,
    )
    session.add(entry)
    session.flush()


def written_by(author_id: str) -> dict[str, str]:
    """The author's column and what stands in it."""
    return {"manager_id" if is_id("mgr", author_id) else "key_prefix": author_id}


def manager_id_of(author: Author) -> str | None:
    """For the columns that say which manager made a row."""
    return author.id if isinstance(author, Person) else None


def partner_of(session: Session, store_id: str | None) -> str | None:
    return session.scalar(select(Store.partner_id).where(Store.id == store_id)) if store_id else None


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, list[Any]]:
    """What became what, of two values with the same names: only what differs."""
    return {name: [value, after[name]] for name, value in before.items() if value != after[name]}
