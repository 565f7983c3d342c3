"""Write the audit log. Every change by a manager or by a program of the shop adds an entry, in the same transaction as the change."""

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
    """A program of the shop. `id` is the family of its key, which stays the same when the key is rolled."""

    id: str
    scope: Scope = WHOLE


@dataclass(frozen=True, slots=True)
class Operator:
    """A person who runs commands on the server. Their changes have no audit entry: the log is of managers and programs."""

    id: str = ""
    scope: Scope = WHOLE


OPERATOR = Operator()
Author = Person | Program | Operator  # who makes a change, and in which scope they may


class Change(StrEnum):
    """The kinds of changes in the audit log. The set is closed, and the values are stored."""

    TABLET_INVITED = "tablet_invited"
    TILL_ADDED = "till_added"
    DEVICE_REVOKED = "device_revoked"
    DEVICE_RENAMED = "device_renamed"
    DEVICE_TO_MOVE = "device_to_move"
    DEVICE_MOVED = "device_moved"
    DEVICE_STAYS = "device_stays"
    DEVICE_WRITTEN_OFF = "device_written_off"
    FORGOTTEN_SETTLED = "forgotten_settled"
    ORDERS_COMPLETE = "orders_complete"
    CLERK_ADDED = "clerk_added"
    CLERK_LEFT = "clerk_left"
    CLERK_PIN_CHANGED = "clerk_pin_changed"
    PARTNER_ADDED = "partner_added"
    PARTNER_RENAMED = "partner_renamed"
    PARTNER_CLOSED = "partner_closed"
    PARTNER_REOPENED = "partner_reopened"
    STORE_ADDED = "store_added"
    STORE_CHANGED = "store_changed"
    STORE_CLOSED = "store_closed"
    STORE_REOPENED = "store_reopened"
    CAMPAIGN_MADE = "campaign_made"
    CAMPAIGN_CHANGED = "campaign_changed"
    CAMPAIGN_STOPPED = "campaign_stopped"
    CAMPAIGN_WENT_ON = "campaign_went_on"
    CAMPAIGN_CONFIRMED = "campaign_confirmed"
    COUPONS_VOIDED = "coupons_voided"
    BATCH_ASKED = "batch_asked"
    CODE_REVEALED = "code_revealed"
    KEY_MADE = "key_made"
    KEY_ROLLED = "key_rolled"
    KEY_REVOKED = "key_revoked"
    WEBHOOK_ADDED = "webhook_added"
    WEBHOOK_CHANGED = "webhook_changed"
    WEBHOOK_SECRET_ROTATED = "webhook_secret_rotated"  # noqa: S105  (a name)
    WEBHOOK_ENABLED = "webhook_enabled"
    WEBHOOK_DISABLED = "webhook_disabled"
    WEBHOOK_DELETED = "webhook_deleted"
    WEBHOOK_RESENT = "webhook_resent"
    ENTRIES_ADMITTED = "entries_admitted"
    ENTRIES_LEFT = "entries_left"
    GIFT_UNDONE = "gift_undone"
    PENDING_DECIDED = "pending_decided"
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
    SIGNED_IN = "signed_in"
    SIGN_IN_FAILED = "sign_in_failed"
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
    """Add an audit entry for a change.

    `author_id` is a manager's id, or the family of an API key. For an operator no entry is added. `scope` is whose thing was changed: a
    manager reads the entry only if their own scope covers it. `details` are JSON values: the thing's name (`name`, `store`), and the
    values before and after (`changed={"hours": [before, after]}`). They must not contain a secret.
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
    """Return the column of the entry that has the author, with its value."""
    return {"manager_id" if is_id("mgr", author_id) else "key_prefix": author_id}


def manager_id_of(author: Author) -> str | None:
    """Return the id of an author who is a manager, else None, for columns that name the manager who made a row."""
    return author.id if isinstance(author, Person) else None


def partner_of(session: Session, store_id: str | None) -> str | None:
    return session.scalar(select(Store.partner_id).where(Store.id == store_id)) if store_id else None


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Return the items that differ, as [before, after]. Both mappings have the same keys."""
    return {name: [value, after[name]] for name, value in before.items() if value != after[name]}
