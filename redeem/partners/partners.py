"""Partners, the chains that give the gifts, and their stores: added and changed.

Names are cleaned here, whether a person typed them or a program sent them.
"""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from redeem.accounts import audit
from redeem.accounts.audit import Author, Change
from redeem.accounts.roles import Scope, partners_within
from redeem.db.models.partners import Partner, Store
from redeem.lib.errors import Invalid
from redeem.lib.ids import new_id
from redeem.lib.text import LONG_NAME_CHARACTERS, clean_line, clean_name
from redeem.lib.times import Ms, is_zone
from redeem.partners import directory

ADDRESS_CHARACTERS, HOURS_CHARACTERS = 400, 200


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


def rename_partner(session: Session, author: Author, partner_id: str, name: str, now: Ms) -> None:
    """Rename a partner. Raises NotFound for one outside the author's scope, Invalid as `add_partner` does."""
    name = clean_name(name, LONG_NAME_CHARACTERS)
    line = directory.get_partner(session, author.scope, partner_id)
    if name == line.name:
        return
    session.get_one(Partner, line.id).name = name
    session.flush()
    told = {"name": line.name, "changed": {"name": [line.name, name]}}
    audit.note(session, author.id, Change.PARTNER_RENAMED, line.id, now, scope=Scope(line.id), **told)


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


def change_store(session: Session, author: Author, store_id: str, new: NewStore, now: Ms) -> None:
    """Change a store, but for its partner. Raises NotFound for one outside the author's scope, Invalid as `cleaned` does."""
    line, new = directory.get_store(session, author.scope, store_id), cleaned(new)
    row, told = session.get_one(Store, line.id), ("name", "address", "hours", "time_zone")
    before, after = ({name: getattr(each, name) for name in told} for each in (line, new))
    changed = audit.changes(before, after)
    if not changed:
        return
    for name in changed:
        setattr(row, name, after[name])
    session.flush()
    scope = Scope(store_id=line.id)
    audit.note(session, author.id, Change.STORE_CHANGED, line.id, now, scope=scope, name=line.name, changed=changed)


def check_zone(name: str) -> None:
    """Raises Invalid if there is no such time zone."""
    if not is_zone(name):
        fault = {"pointer": "/time_zone", "detail": "no IANA time zone, such as Europe/Moscow"}
        raise Invalid("Name the store's time zone.", errors=[fault])
