"""Partners, the chains that give the gifts, and their stores: added and changed.

Names are cleaned here, whether a person typed them or a program sent them.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from redeem.accounts import audit
from redeem.accounts.audit import Author, Change
from redeem.accounts.roles import Scope, partners_within, within
from redeem.db.models.devices import Device
from redeem.db.models.partners import Partner, Store
from redeem.holds import sweep
from redeem.lib.errors import ChangedMeanwhile, Invalid, NotFound
from redeem.lib.ids import new_id
from redeem.lib.text import LONG_NAME_CHARACTERS, clean_line, clean_name
from redeem.lib.times import Ms, is_zone

ADDRESS_CHARACTERS, HOURS_CHARACTERS = 400, 200
MAY_CHANGE = ("name", "address", "hours", "time_zone")


@dataclass(frozen=True, slots=True)
class NewStore:
    """A store to open, or what one is to become. `time_zone` is an IANA name: the store's calendar decides which day it is."""

    partner_id: str
    name: str
    time_zone: str
    address: str = ""
    hours: str = ""


def cleaned(new: NewStore) -> NewStore:
    """Return the store with its texts cleaned. Raises Invalid for one that is not one line or too long, and for an unknown time zone."""
    check_zone(new.time_zone)
    return NewStore(
        partner_id=new.partner_id,
        name=clean_name(new.name, LONG_NAME_CHARACTERS),
        time_zone=new.time_zone,
        address=clean_line(new.address, ADDRESS_CHARACTERS),
        hours=clean_line(new.hours, HOURS_CHARACTERS),
    )


def add_partner(session: Session, author: Author, name: str, now: Ms) -> Partner:
    """Add a partner. Raises Invalid for a name that is not one line or too long."""
    name = clean_name(name, LONG_NAME_CHARACTERS)
    partner = Partner(id=new_id("prt", now), name=name, created_at=now)
    session.add(partner)
    session.flush()
    audit.note(session, author.id, Change.PARTNER_ADDED, partner.id, now, scope=Scope(partner.id), name=name)
    return partner


def change_partner(
    session: Session, author: Author, partner_id: str, now: Ms, *, name: str | None, seen: int | None = None
) -> Partner:
    """Change a partner. What is None or as before stays as it is. `seen` is the version that the author has changed: another one refuses.

    Raises NotFound for one outside the author's scope, ChangedMeanwhile, Invalid as `add_partner` does.
    """
    partner = lock_partner(session, author.scope, partner_id)
    after = {"name": partner.name if name is None else clean_name(name, LONG_NAME_CHARACTERS)}
    named, changed = partner.name, apply(partner, after, seen)
    if changed:
        session.flush()
        told = {"name": named, "changed": changed}
        audit.note(session, author.id, Change.PARTNER_RENAMED, partner.id, now, scope=Scope(partner.id), **told)
    return partner


def lock_partner(session: Session, scope: Scope, partner_id: str) -> Partner:
    """Return the partner, locked. Raises NotFound for one outside the scope."""
    partner = session.scalar(select(Partner).where(Partner.id == partner_id, partners_within(scope)).with_for_update())
    if partner is None:
        raise NotFound("Check the partner's id; no such partner is here.")
    return partner


def add_store(session: Session, author: Author, new: NewStore, now: Ms) -> Store:
    """Add a store. Raises Invalid for a partner that the author can't see, and as `cleaned` does."""
    known = select(Partner.id).where(Partner.id == new.partner_id, partners_within(author.scope))
    if session.scalar(known) is None:
        raise Invalid("Name an existing partner.", errors=[{"pointer": "/partner", "detail": "no such partner"}])
    new = cleaned(new)
    store = Store(
        id=new_id("sto", now),
        partner_id=new.partner_id,
        name=new.name,
        address=new.address,
        hours=new.hours,
        time_zone=new.time_zone,
        created_at=now,
    )
    session.add(store)
    session.flush()
    scope = Scope(store.partner_id, store.id)
    audit.note(session, author.id, Change.STORE_ADDED, store.id, now, scope=scope, name=store.name)
    return store


def change_store(
    session: Session, author: Author, store_id: str, changes: Mapping[str, str], now: Ms, *, seen: int | None = None
) -> Store:
    """Change a store, but for its partner. `changes` are its new values by name, of those in MAY_CHANGE; `seen` is as for a partner.

    Raises NotFound for one outside the author's scope, ChangedMeanwhile, Invalid as `cleaned` does.
    """
    store = lock_store(session, author.scope, store_id)
    new = cleaned(NewStore(store.partner_id, **({name: getattr(store, name) for name in MAY_CHANGE} | dict(changes))))
    named, changed = store.name, apply(store, {name: getattr(new, name) for name in MAY_CHANGE}, seen)
    if changed:
        session.flush()
        scope = Scope(store_id=store.id)
        audit.note(session, author.id, Change.STORE_CHANGED, store.id, now, scope=scope, name=named, changed=changed)
    return store


def lock_store(session: Session, scope: Scope, store_id: str) -> Store:
    """Return the store, locked. Raises NotFound for one outside the scope."""
    locked = select(Store).where(Store.id == store_id).with_for_update()
    store = session.scalar(within(locked, scope, Store.id))
    if store is None:
        raise NotFound("Check the store's id; no such store is here.")
    return store


def set_store_closed(session: Session, author: Author, store_id: str, now: Ms, *, closed: bool) -> Store:
    """Close a store, or open it again. Repeating it changes nothing. Raises NotFound for one outside the author's scope.

    At a closed store nothing is given and nothing new is at home. Its tablets release what they hold when they next report, and what they
    gave until then counts. Its devices stay enrolled, so reopening undoes it.
    """
    store = lock_store(session, author.scope, store_id)
    if turn(session, store, Device.store_id == store.id, now, closed=closed):
        what = Change.STORE_CLOSED if closed else Change.STORE_REOPENED
        audit.note(session, author.id, what, store.id, now, scope=Scope(store_id=store.id), name=store.name)
    return store


def set_partner_closed(session: Session, author: Author, partner_id: str, now: Ms, *, closed: bool) -> Partner:
    """Close a partner and with it all its stores, or open it again. A store that was closed by itself stays closed. Else as for a store."""
    partner = lock_partner(session, author.scope, partner_id)
    stores = Device.store_id.in_(select(Store.id).where(Store.partner_id == partner.id))
    if turn(session, partner, stores, now, closed=closed):
        what = Change.PARTNER_CLOSED if closed else Change.PARTNER_REOPENED
        audit.note(session, author.id, what, partner.id, now, scope=Scope(partner.id), name=partner.name)
    return partner


def turn(session: Session, row: Partner | Store, devices: ColumnElement[bool], now: Ms, *, closed: bool) -> bool:
    """Close what the row is of, or open it again and let its devices hold coupons again. Return whether that changed anything."""
    if closed == (row.closed_at is not None):
        return False
    row.closed_at, row.version = now if closed else None, row.version + 1
    session.flush()
    if not closed:
        sweep.begin_sweep(session, devices)
    return True


def apply(row: Partner | Store, after: Mapping[str, str], seen: int | None) -> dict[str, list[str]]:
    """Change the row to these values, in a new version, and return what became what. What is as before is no new version.

    Raises ChangedMeanwhile if something would change and the row is in another version than `seen`.
    """
    changed = audit.changes({name: getattr(row, name) for name in after}, after)
    if changed and seen not in (None, row.version):
        raise ChangedMeanwhile(errors=[{"pointer": "/version", "detail": "is not the newest"}])
    for name in changed:
        setattr(row, name, after[name])
    row.version += bool(changed)
    return changed


def check_zone(name: str) -> None:
    """Raises Invalid if there is no such time zone."""
    if not is_zone(name):
        fault = {"pointer": "/time_zone", "detail": "no IANA time zone, such as Europe/Moscow"}
        raise Invalid("Name the store's time zone.", errors=[fault])
