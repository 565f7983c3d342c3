"""Staffing: who the managers are, what each role may do, and which stores each may know of.

`within` is the one function that keeps a query inside a manager's scope. What lies outside is not forbidden, it is not
there: a foreign id is answered as an unknown one.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVarTuple

from sqlalchemy import ColumnElement, Select, func, select, true
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import InstrumentedAttribute, Session

from redeem.db.models.managers import Invitation, Manager
from redeem.db.models.partners import Partner, Store
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
    """What a manager is."""

    SHOP_MANAGER = "shop_manager"
    PARTNER_MANAGER = "partner_manager"
    STORE_MANAGER = "store_manager"
    AUDITOR = "auditor"


class Permission(StrEnum):
    """What a page of the office asks of whoever opens it; `scope` then says about which stores."""

    READ = "read"  # figures, coupons, stores, devices
    RUN_STORES = "run_stores"  # enrol and revoke devices, add and remove clerks
    RUN_PEOPLE = "run_people"  # invite, change and deactivate whoever is below
    READ_SHOP = "read_shop"  # what belongs to the shop as a whole: its keys, its audit log
    RUN_SHOP = "run_shop"  # make keys, partners and stores


@dataclass(frozen=True, slots=True)
class Scope:
    """The stores one may know of: one, a partner's, or (both None) all."""

    partner_id: str | None = None
    store_id: str | None = None

    @property
    def is_whole(self) -> bool:
        return self.partner_id is None and self.store_id is None

    def covers(self, other: "Scope") -> bool:
        """Whether every store of the other is one of these. The other's store names its partner, too."""
        if self.store_id is not None:
            return other.store_id == self.store_id
        return self.partner_id in (None, other.partner_id)


WHOLE = Scope()


@dataclass(frozen=True, slots=True)
class Person:
    """A manager as the rest of the system needs to know them."""

    id: str
    name: str
    email: str
    role: Role
    scope: Scope

    def may(self, permission: Permission) -> bool:
        return permission in permissions(self)


class TakenEmail(Conflict):
    """Somebody has this address already."""

    code = "email_taken"
    default_detail = "Somebody with this e-mail address is here already."


def permissions(person: Person) -> frozenset[Permission]:
    """What the person may do. Nothing of the shop as a whole for whoever sees only a part of it."""
    if person.role is Role.SHOP_MANAGER:
        return frozenset(Permission)
    if person.role is Role.AUDITOR:
        return frozenset({Permission.READ, Permission.READ_SHOP} if person.scope.is_whole else {Permission.READ})
    return frozenset({Permission.READ, Permission.RUN_STORES, Permission.RUN_PEOPLE})


def as_person(manager: Manager) -> Person:
    """A shop manager sees all, whatever the row says besides."""
    role = Role(manager.role)
    scope = WHOLE if role is Role.SHOP_MANAGER else Scope(manager.partner_id, manager.store_id)
    return Person(manager.id, manager.name, manager.email, role, scope)


def within(statement: Select[*Columns], scope: Scope, store_id: StoreColumn) -> Select[*Columns]:
    """The statement, kept to the scope's stores; `store_id` is the column that says where a row belongs."""
    return statement.where(is_within(scope, store_id))


def is_within(scope: Scope, store_id: StoreColumn) -> ColumnElement[bool]:
    if scope.store_id is not None:
        one_of_partner = Store.partner_id == scope.partner_id if scope.partner_id else true()
        return store_id.in_(select(Store.id).where(Store.id == scope.store_id, one_of_partner))
    if scope.partner_id is not None:
        return store_id.in_(select(Store.id).where(Store.partner_id == scope.partner_id))
    return true()


def partners_within(scope: Scope) -> ColumnElement[bool]:
    """Which partners the scope knows of: all, its own, or that of its one store."""
    if scope.store_id is not None:
        return Partner.id.in_(within(select(Store.partner_id), scope, Store.id))
    return Partner.id == scope.partner_id if scope.partner_id else true()


def people_within(scope: Scope, who: type[Manager] | type[Invitation] = Manager) -> ColumnElement[bool]:
    """Which managers, or people invited, the scope knows of: those who run or read nothing but its stores."""
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
    """A new manager. `password_hash` is made before the transaction, by `new_password`. Raises TakenEmail, Invalid."""
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
    """What whoever has this role runs or reads, as it is stored: a store brings its partner along. Raises Invalid."""
    if role is Role.PARTNER_MANAGER and partner_id is None:
        raise Invalid("Name the partner that this manager runs.")
    if role is Role.STORE_MANAGER and store_id is None:
        raise Invalid("Name the store that this manager runs.")
    if partner_id is not None and session.get(Partner, partner_id) is None:
        raise Invalid("Name a partner that is here.")
    if role is Role.SHOP_MANAGER:
        return WHOLE
    if role is Role.PARTNER_MANAGER or store_id is None:
        return Scope(partner_id)
    store = session.get(Store, store_id)
    if store is None or partner_id not in (None, store.partner_id):
        raise Invalid("Name a store that is here.")
    return Scope(store.partner_id, store.id)


def new_password(password: str) -> str:
    """The hash to store, of a password that is good enough; raises Invalid. Takes long: call it outside transactions."""
    passwords.check_password(password)
    return passwords.hash_password(password)


def find_manager(session: Session, email: str) -> Manager | None:
    """The manager of a clean address, the disabled ones too."""
    return session.scalar(select(Manager).where(Manager.email == email))


def has_managers(session: Session) -> bool:
    return bool(session.scalar(select(func.count()).select_from(Manager)))


def clean_email(text: str) -> str:
    """An address as it is stored and compared: without blanks around it, in small letters. Raises Invalid."""
    email = text.strip().lower()
    if len(email) > EMAIL_MAX_CHARACTERS or not _EMAIL.fullmatch(email):
        raise Invalid("Write an e-mail address, like name@example.com.")
    return email
