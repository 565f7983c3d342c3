"""Read the audit log: the changes in a manager's scope, filtered by author, kind and time."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, func, null, select, true
from sqlalchemy.orm import Session

from redeem.accounts.audit import Change, written_by
from redeem.accounts.roles import Scope, within
from redeem.db.lines import lines, page_of_lines, select_as
from redeem.db.models.api import ApiKey
from redeem.db.models.managers import AuditEntry, Manager
from redeem.db.models.partners import Store
from redeem.db.paging import Page, Slice
from redeem.lib.times import Ms


@dataclass(frozen=True, slots=True)
class ChangeLine:
    """One change: who changed what, and when. `key_prefix` is set if a program did. `details`: see `audit.note`."""

    id: str
    what: str
    subject_id: str
    details: dict[str, Any]
    at: Ms
    author_name: str
    key_prefix: str | None

    @property
    def name(self) -> str:
        """The name of what was changed, as it was at that time."""
        called = [self.details.get(key) for key in ("name", "coupon", "email", "store")]
        return " · ".join(str(each) for each in called if each)

    @property
    def changed(self) -> dict[str, list[Any]]:
        """The changed values as [before, after]. Empty if something was added or ended."""
        changed = self.details.get("changed")
        pairs = changed.items() if isinstance(changed, dict) else []
        return {name: pair for name, pair in pairs if isinstance(pair, list) and len(pair) == 2}

    @property
    def told(self) -> dict[str, Any]:
        """What an entry of a sign-in says besides: the address that it came from, and how many tries it counts."""
        return {name: self.details[name] for name in ("source", "tries") if name in self.details}

    @property
    def parts(self) -> list[str]:
        """The names of the changed values, if the values were too long for the entry."""
        changed = self.details.get("changed")
        return [str(name) for name in changed] if isinstance(changed, list) else []


@dataclass(frozen=True, slots=True)
class ChangeFilter:
    """Which changes to list: those from `since` to before `until`, in the scope. None means any."""

    scope: Scope
    author_id: str | None = None
    what: Change | None = None
    since: Ms | None = None
    until: Ms | None = None


@dataclass(frozen=True, slots=True)
class AuthorLine:
    """A manager or a program that has changed something. For a program, `id` and `key_prefix` are the key's family."""

    id: str
    name: str
    key_prefix: str | None


MANAGER = select_as(AuthorLine, id=Manager.id, name=Manager.name, key_prefix=null())
PROGRAM = select_as(AuthorLine, id=ApiKey.prefix, name=ApiKey.name, key_prefix=ApiKey.prefix)
CHANGE = select_as(
    ChangeLine,
    id=AuditEntry.id,
    what=AuditEntry.what,
    subject_id=AuditEntry.subject_id,
    details=AuditEntry.details,
    at=AuditEntry.at,
    author_name=func.coalesce(Manager.name, ApiKey.name),
    key_prefix=AuditEntry.key_prefix,
)
CHANGE = CHANGE.outerjoin(Manager, Manager.id == AuditEntry.manager_id)
CHANGE = CHANGE.outerjoin(ApiKey, ApiKey.prefix == AuditEntry.key_prefix)


def list_changes(session: Session, wanted: ChangeFilter, page: Page) -> Slice[ChangeLine]:
    """Return a page of the changes, newest first."""
    return page_of_lines(session, ChangeLine, filtered(CHANGE, wanted), AuditEntry.id.expression, page)


def list_authors(session: Session, scope: Scope) -> list[AuthorLine]:
    """Return everybody who changed something within the scope: managers by name, then programs."""
    people, programs = (
        select(column).where(changes_within(scope)) for column in (AuditEntry.manager_id, AuditEntry.key_prefix)
    )
    managers = MANAGER.where(Manager.id.in_(people)).order_by(Manager.name, Manager.id)
    keys = PROGRAM.where(ApiKey.prefix.in_(programs)).order_by(ApiKey.name, ApiKey.prefix)
    return lines(session, AuthorLine, managers) + lines(session, AuthorLine, keys)


def filtered(statement: Select[*tuple[Any, ...]], wanted: ChangeFilter) -> Select[*tuple[Any, ...]]:
    """Add the conditions of the filter to a statement on audit entries."""
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
    """Return the condition that an entry is within the scope. Entries of the whole shop are within no smaller scope."""
    if scope.is_whole:
        return true()
    if scope.store_id is not None:
        return AuditEntry.store_id.in_(within(select(Store.id), scope, Store.id))
    return AuditEntry.partner_id == scope.partner_id
