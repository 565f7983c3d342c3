"""Reviewing: the log of what managers and the shop's programs changed, kept to a manager's scope, by person, kind and day."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select, true
from sqlalchemy.orm import Session

from redeem.accounts.audit import Change, written_by
from redeem.accounts.roles import Scope, within
from redeem.db.models.api import ApiKey
from redeem.db.models.managers import AuditEntry, Manager
from redeem.db.models.partners import Store
from redeem.db.paging import Page, Slice, take
from redeem.lib.times import Ms


@dataclass(frozen=True, slots=True)
class ChangeLine:
    """Who changed what, and when; `key_prefix` if it was a program. `details` say what it was called at that time, and what became what."""

    id: str
    what: str
    subject_id: str
    details: dict[str, Any]
    at: Ms
    author_name: str
    key_prefix: str | None

    @property
    def name(self) -> str:
        """What was changed, as people call it."""
        called = [self.details.get(key) for key in ("name", "coupon", "email", "store")]
        return " · ".join(str(each) for each in called if each)

    @property
    def changed(self) -> dict[str, list[Any]]:
        """By name, what it was before and what it is since; empty where something was added or ended."""
        told = self.details.get("changed")
        pairs = told.items() if isinstance(told, dict) else []
        return {name: pair for name, pair in pairs if isinstance(pair, list) and len(pair) == 2}

    @property
    def parts(self) -> list[str]:
        """The names of what was changed, where it is too long to be told."""
        told = self.details.get("changed")
        return [str(name) for name in told] if isinstance(told, list) else []


@dataclass(frozen=True, slots=True)
class ChangeFilter:
    """What to list. `since` and `until` are the first moment and the one after the last."""

    scope: Scope
    author_id: str | None = None
    what: Change | None = None
    since: Ms | None = None
    until: Ms | None = None


@dataclass(frozen=True, slots=True)
class AuthorLine:
    """Somebody who has changed something, or a program that has: then `key_prefix` is its id."""

    id: str
    name: str
    key_prefix: str | None = None


CHANGE = select(
    AuditEntry.id,
    AuditEntry.what,
    AuditEntry.subject_id,
    AuditEntry.details,
    AuditEntry.at,
    func.coalesce(Manager.name, ApiKey.name),
    AuditEntry.key_prefix,
)
CHANGE = CHANGE.outerjoin(Manager, Manager.id == AuditEntry.manager_id)
CHANGE = CHANGE.outerjoin(ApiKey, ApiKey.prefix == AuditEntry.key_prefix)


def list_changes(session: Session, wanted: ChangeFilter, page: Page) -> Slice[ChangeLine]:
    """Newest first."""
    found = take(session, asked(CHANGE, wanted), AuditEntry.id.expression, page)
    return Slice([ChangeLine(*row) for row in found.items], found.has_more)


def list_authors(session: Session, scope: Scope) -> list[AuthorLine]:
    """Whoever changed something within the scope: people by name, then programs."""
    people, programs = (
        select(column).where(changes_within(scope)) for column in (AuditEntry.manager_id, AuditEntry.key_prefix)
    )
    managers = select(Manager.id, Manager.name).where(Manager.id.in_(people)).order_by(Manager.name, Manager.id)
    keys = select(ApiKey.prefix, ApiKey.name).where(ApiKey.prefix.in_(programs)).order_by(ApiKey.name, ApiKey.prefix)
    return [
        *(AuthorLine(*row) for row in session.execute(managers)),
        *(AuthorLine(prefix, name, prefix) for prefix, name in session.execute(keys)),
    ]


def asked(statement: Select[*tuple[Any, ...]], wanted: ChangeFilter) -> Select[*tuple[Any, ...]]:
    kept = statement.where(changes_within(wanted.scope))
    if wanted.author_id is not None:
        kept = kept.where(*(getattr(AuditEntry, name) == own for name, own in written_by(wanted.author_id).items()))
    if wanted.what is not None:
        kept = kept.where(AuditEntry.what == wanted.what)
    if wanted.since is not None:
        kept = kept.where(AuditEntry.at >= wanted.since)
    if wanted.until is not None:
        kept = kept.where(AuditEntry.at < wanted.until)
    return kept


def changes_within(scope: Scope) -> ColumnElement[bool]:
    """Changes to what is the scope's own. What is the whole shop's is nobody's who runs less."""
    if scope.is_whole:
        return true()
    if scope.store_id is not None:
        return AuditEntry.store_id.in_(within(select(Store.id), scope, Store.id))
    return AuditEntry.partner_id == scope.partner_id
