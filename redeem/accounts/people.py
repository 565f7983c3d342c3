"""The managers: who may change, deactivate and sign out whom.

A manager may do so to those of lower rank within their scope. Nobody can give a higher role than their own, or a wider scope. Shop
managers have the highest rank, and may change each other. The last one can't be deactivated.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Select, func, select, update
from sqlalchemy.orm import Session

from redeem.accounts import audit
from redeem.accounts.audit import Change
from redeem.accounts.roles import WHOLE, Permission, Person, Role, Scope, as_person, people_within, scope_of
from redeem.db.models.managers import Manager, ManagerSession
from redeem.db.models.partners import Partner, Store
from redeem.lib.errors import Conflict, Forbidden, NotFound
from redeem.lib.times import Ms

RANKS = {Role.AUDITOR: 0, Role.STORE_MANAGER: 1, Role.PARTNER_MANAGER: 2, Role.SHOP_MANAGER: 3}


class NotAbove(Forbidden):
    """The caller does not outrank that person, or the role that they want to give."""

    default_detail = "Ask a manager who is above this person."


class LastManager(Conflict):
    """This is the last shop manager who can sign in."""

    code = "last_manager"
    default_detail = "Make somebody else a shop manager first: this is the last one who can sign in."


@dataclass(frozen=True, slots=True)
class PersonLine:
    """A manager as the office lists them. `seen_at` is when they last opened a page."""

    id: str
    name: str
    email: str
    role: Role
    scope: Scope
    partner_name: str | None
    store_name: str | None
    created_at: Ms
    disabled_at: Ms | None
    seen_at: Ms | None

    @property
    def place(self) -> str:
        """The names of their partner and store. Empty if their scope is the whole shop."""
        return " · ".join(name for name in (self.partner_name, self.store_name) if name)


SEEN = select(func.max(ManagerSession.seen_at)).where(ManagerSession.manager_id == Manager.id).scalar_subquery()


def may_appoint(person: Person, role: Role, scope: Scope) -> bool:
    """Return whether the person may give somebody this role and scope."""
    not_higher = RANKS[role] <= RANKS[person.role]
    return person.may(Permission.RUN_PEOPLE) and not_higher and person.scope.covers(scope)


def is_above(person: Person, other_id: str, role: Role, scope: Scope) -> bool:
    """Return whether the person may change the other, who has this role and scope."""
    above = RANKS[role] < RANKS[person.role] or person.role is Role.SHOP_MANAGER
    return person.id != other_id and above and may_appoint(person, role, scope)


def list_people(session: Session, scope: Scope) -> list[PersonLine]:
    """Return the managers within the scope: those who can sign in first, each part by name."""
    ordered = people(scope).order_by(Manager.disabled_at.is_not(None), Manager.name, Manager.id)
    return [as_line(row) for row in session.execute(ordered)]


def get_person(session: Session, scope: Scope, manager_id: str) -> PersonLine:
    """Return one manager. Raises NotFound, also for one outside the scope."""
    row = session.execute(people(scope).where(Manager.id == manager_id)).one_or_none()
    if row is None:
        raise NotFound
    return as_line(row)


def people(scope: Scope) -> Select[*tuple[Any, ...]]:
    return (
        select(Manager, Partner.name.label("partner_name"), Store.name.label("store_name"), SEEN.label("seen_at"))
        .outerjoin(Partner, Partner.id == Manager.partner_id)
        .outerjoin(Store, Store.id == Manager.store_id)
        .where(people_within(scope))
    )


def as_line(row: Row[*tuple[Any, ...]]) -> PersonLine:
    who = as_person(row.Manager)
    return PersonLine(
        id=who.id,
        name=who.name,
        email=who.email,
        role=who.role,
        scope=who.scope,
        partner_name=row.partner_name,
        store_name=row.store_name,
        created_at=row.Manager.created_at,
        disabled_at=row.Manager.disabled_at,
        seen_at=row.seen_at,
    )


def change_role(
    session: Session, person: Person, manager_id: str, role: Role, partner_id: str | None, store_id: str | None, now: Ms
) -> None:
    """Change a manager's role and scope. It applies from their next request. Raises NotFound, Forbidden, Invalid, LastManager."""
    scope = scope_of(session, role, partner_id, store_id)
    if role is not Role.SHOP_MANAGER:
        check_not_last_manager(session, person, manager_id)
    manager, before = get_below(session, person, manager_id)
    if not may_appoint(person, role, scope):
        raise NotAbove
    after = {"role": role.value, **place_names(session, scope)}
    changed = audit.changes({"role": before.role.value, **place_names(session, before.scope)}, after)
    manager.role, manager.partner_id, manager.store_id = role, scope.partner_id, scope.store_id
    session.flush()
    if changed:
        what = {"name": manager.name, "changed": changed}
        audit.note(
            session, person.id, Change.PERSON_CHANGED, manager.id, now, scope=shared(before.scope, scope), **what
        )


def place_names(session: Session, scope: Scope) -> dict[str, str | None]:
    return {
        "partner": session.scalar(select(Partner.name).where(Partner.id == scope.partner_id)),
        "store": session.scalar(select(Store.name).where(Store.id == scope.store_id)),
    }


def shared(before: Scope, after: Scope) -> Scope:
    """Return the scope of the audit entry: the smallest one that covers the scopes before and after."""
    if before == after:
        return after
    return Scope(after.partner_id) if before.partner_id == after.partner_id else WHOLE


def deactivate(session: Session, person: Person, manager_id: str, now: Ms) -> None:
    """Deactivate a manager and end their sessions. Idempotent. Raises NotFound, Forbidden, LastManager."""
    check_not_last_manager(session, person, manager_id)
    manager, who = get_below(session, person, manager_id)
    if manager.disabled_at is None:
        manager.disabled_at, manager.reset_at = now, None
        end_all(session, manager.id, now)
        note(session, person, Change.PERSON_DEACTIVATED, who, now)


def reactivate(session: Session, person: Person, manager_id: str, now: Ms) -> None:
    """Let a manager sign in again, with the earlier password. Idempotent. Raises NotFound, Forbidden."""
    manager, who = get_below(session, person, manager_id)
    if manager.disabled_at is not None:
        manager.disabled_at = None
        session.flush()
        note(session, person, Change.PERSON_REACTIVATED, who, now)


def sign_out(session: Session, person: Person, manager_id: str, now: Ms, secret_hash: bytes | None = None) -> int:
    """End one session of a manager, or all, and return how many ended. Raises NotFound, Forbidden."""
    _, who = get_below(session, person, manager_id)
    ended = end_all(session, who.id, now, secret_hash)
    if ended:
        note(session, person, Change.SESSIONS_ENDED, who, now, sessions=ended)
    return ended


def end_all(session: Session, manager_id: str, now: Ms, secret_hash: bytes | None = None) -> int:
    """End all sessions of a manager, or only the one with this secret, and return how many ended."""
    theirs = [ManagerSession.manager_id == manager_id, ManagerSession.ended_at.is_(None)]
    if secret_hash is not None:
        theirs.append(ManagerSession.secret_hash == secret_hash)
    ended = update(ManagerSession).where(*theirs).values(ended_at=now).returning(ManagerSession.secret_hash)
    return len(session.execute(ended).all())


def get_below(session: Session, person: Person, manager_id: str) -> tuple[Manager, Person]:
    """Return a manager whom the person may change, with the row locked. Raises NotFound (also outside the scope) or NotAbove."""
    known = select(Manager).where(Manager.id == manager_id, people_within(person.scope))
    manager = session.scalar(known.with_for_update().execution_options(populate_existing=True))
    if manager is None:
        raise NotFound
    who = as_person(manager)
    if not is_above(person, who.id, who.role, who.scope):
        raise NotAbove
    return manager, who


def check_not_last_manager(session: Session, person: Person, without_id: str) -> None:
    """Raise LastManager if `without_id` is the only shop manager who can sign in. Raise Forbidden if the caller was just deactivated.

    All shop managers are locked, in one order. So if two deactivate each other at the same time, the second waits here, and then is
    forbidden.
    """
    able = select(Manager.id).where(Manager.role == Role.SHOP_MANAGER, Manager.disabled_at.is_(None))
    ids = set(session.scalars(able.order_by(Manager.id).with_for_update()))
    if not ids - {without_id}:
        raise LastManager
    if person.role is Role.SHOP_MANAGER and person.id not in ids:
        raise Forbidden


def note(session: Session, person: Person, what: Change, who: Person, now: Ms, **details: object) -> None:
    audit.note(session, person.id, what, who.id, now, scope=who.scope, name=who.name, role=who.role.value, **details)
