"""Roles of managers: what each role may do, and which stores each manager may know of.

`within` restricts a query to a manager's scope, and every query of the office goes through it. An id outside the scope gets the same
answer as an unknown id.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVarTuple

from sqlalchemy import ColumnElement, Select, func, select, true
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import InstrumentedAttribute, Session

from redeem.db.models.managers import Invitation, Manager
from redeem.db.models.partners import Partner, Store
from redeem.domain.disclosure import Audience
from redeem.lib import passwords
from redeem.lib.errors import Conflict, Invalid
from redeem.lib.ids import new_id
from redeem.lib.text import clean_name
from redeem.lib.times import Ms

EMAIL_MAX_CHARACTERS = 254
_EMAIL = re.compile(r"[^@\s\x00-\x1f\x7f]+@[^@\s\x00-\x1f\x7f]+")

Columns = TypeVarTuple("Columns")
StoreColumn = InstrumentedAttribute[str] | InstrumentedAttribute[str | None]


class Role(StrEnum):
    """The roles of managers."""

    SHOP_MANAGER = "shop_manager"
    PARTNER_MANAGER = "partner_manager"
    STORE_MANAGER = "store_manager"
    AUDITOR = "auditor"


class Permission(StrEnum):
    """What a page of the office requires. The manager's scope then says for which stores."""

    READ = "read"  # figures, coupons, stores, devices
    RUN_STORES = "run_stores"  # enrol and revoke devices, add and remove clerks
    RUN_PEOPLE = "run_people"  # invite, change and deactivate managers of lower rank
    READ_SHOP = "read_shop"  # what belongs to the shop as a whole: its keys, its audit log
    RUN_SHOP = "run_shop"  # make keys, partners and stores


@dataclass(frozen=True, slots=True)
class Scope:
    """The stores that a manager may know of: one store, all of a partner, or (both None) all."""

    partner_id: str | None = None
    store_id: str | None = None

    @property
    def is_whole(self) -> bool:
        return self.partner_id is None and self.store_id is None

    def covers(self, other: "Scope") -> bool:
        """Return whether every store of `other` is in this scope. A scope of one store has the store's partner, too."""
        if self.store_id is not None:
            return other.store_id == self.store_id
        return self.partner_id in (None, other.partner_id)


WHOLE = Scope()


@dataclass(frozen=True, slots=True)
class Person:
    """A manager who acts, as the use cases get them."""

    id: str
    name: str
    email: str
    role: Role
    scope: Scope

    @property
    def audience(self) -> Audience:
        """As whom this person reads coupons."""
        if not self.scope.is_whole:
            return Audience.PARTNER
        return Audience.SHOP_MANAGER if self.role is Role.SHOP_MANAGER else Audience.AUDITOR

    def may(self, permission: Permission) -> bool:
        return permission in permissions(self)


class TakenEmail(Conflict):
    """A manager has this e-mail address already."""

    code = "email_taken"
    default_detail = "A manager with this e-mail address exists already."


def permissions(person: Person) -> frozenset[Permission]:
    """Return what the person may do. Only those whose scope is the whole shop may read what belongs to the shop as a whole."""
    if person.role is Role.SHOP_MANAGER:
        return frozenset(Permission)
    if person.role is Role.AUDITOR:
        return frozenset({Permission.READ, Permission.READ_SHOP} if person.scope.is_whole else {Permission.READ})
    return frozenset({Permission.READ, Permission.RUN_STORES, Permission.RUN_PEOPLE})


def as_person(manager: Manager) -> Person:
    """Return the person of a row. The scope of a shop manager is always the whole shop."""
    role = Role(manager.role)
    scope = WHOLE if role is Role.SHOP_MANAGER else Scope(manager.partner_id, manager.store_id)
    return Person(manager.id, manager.name, manager.email, role, scope)


def within(statement: Select[*Columns], scope: Scope, store_id: StoreColumn) -> Select[*Columns]:
    """Restrict a statement to the scope's stores. `store_id` is the column with the store of a row."""
    return statement.where(is_within(scope, store_id))


def is_within(scope: Scope, store_id: StoreColumn) -> ColumnElement[bool]:
    """Return the condition that a column has a store of the scope."""
    if scope.store_id is not None:
        one_of_partner = Store.partner_id == scope.partner_id if scope.partner_id else true()
        return store_id.in_(select(Store.id).where(Store.id == scope.store_id, one_of_partner))
    if scope.partner_id is not None:
        return store_id.in_(select(Store.id).where(Store.partner_id == scope.partner_id))
    return true()


def partners_within(scope: Scope) -> ColumnElement[bool]:
    """Return the condition that a partner is within the scope: any, its own one, or the one of its store."""
    if scope.store_id is not None:
        return Partner.id.in_(within(select(Store.partner_id), scope, Store.id))
    return Partner.id == scope.partner_id if scope.partner_id else true()


def people_within(scope: Scope, who: type[Manager] | type[Invitation] = Manager) -> ColumnElement[bool]:
    """Return the condition that a manager or an invitation is within the scope: it covers theirs."""
    if scope.is_whole:
        return true()
    of_stores = who.store_id.in_(within(select(Store.id), scope, Store.id))
    if scope.store_id is not None:
        return of_stores
    return (who.partner_id == scope.partner_id) | of_stores


def add_manager(
    session: Session,
    email: str,
    name: str,
    role: Role,
    password_hash: str,
    now: Ms,
    *,
    partner_id: str | None = None,
    store_id: str | None = None,
) -> Manager:
    """Add a manager. Make `password_hash` before the transaction, with `new_password`. Raises TakenEmail, Invalid."""
    scope = scope_of(session, role, partner_id, store_id)
    manager = Manager(
        id=new_id("mgr", now),
        email=clean_email(email),
        name=clean_name(name),
        password_hash=password_hash,
        role=role,
        partner_id=scope.partner_id,
        store_id=scope.store_id,
        created_at=now,
    )
    if find_manager(session, manager.email):
        raise TakenEmail
    session.add(manager)
    try:
        session.flush()
    except IntegrityError as error:
        raise TakenEmail from error
    return manager


def scope_of(session: Session, role: Role, partner_id: str | None, store_id: str | None) -> Scope:
    """Return the scope of a role at this partner or store, as it is stored: with the store's partner. Raises Invalid."""
    if role is Role.PARTNER_MANAGER and partner_id is None:
        raise Invalid("Name the partner that this manager runs.")
    if role is Role.STORE_MANAGER and store_id is None:
        raise Invalid("Name the store that this manager runs.")
    if partner_id is not None and session.get(Partner, partner_id) is None:
        raise Invalid("Name an existing partner.")
    if role is Role.SHOP_MANAGER:
        return WHOLE
    if role is Role.PARTNER_MANAGER or store_id is None:
        return Scope(partner_id)
    store = session.get(Store, store_id)
    if store is None or partner_id not in (None, store.partner_id):
        raise Invalid("Name an existing store.")
    return Scope(store.partner_id, store.id)


def new_password(password: str, own: Iterable[str] = ()) -> str:
    """Check a new password and return its hash. `own` are its owner's name and address.

    Raises Invalid, Crowded. It is slow by design: call it outside transactions.
    """
    passwords.check_password(password, own)
    return passwords.hash_password(password)


def find_manager(session: Session, email: str) -> Manager | None:
    """Return the manager with this address (see `clean_email`), even if deactivated, or None."""
    return session.scalar(select(Manager).where(Manager.email == email))


def has_managers(session: Session) -> bool:
    return bool(session.scalar(select(func.count()).select_from(Manager)))


def clean_email(text: str) -> str:
    """Return an address as it is stored and compared: trimmed, in lower case. Raises Invalid."""
    email = text.strip().lower()
    if len(email) > EMAIL_MAX_CHARACTERS or not _EMAIL.fullmatch(email):
        raise Invalid("Write an e-mail address, like name@example.com.")
    return email
