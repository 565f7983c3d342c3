"""Partnering: the chains that give the gifts, and their stores."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from redeem.db.models.partners import Partner, Store
from redeem.db.paging import Page, Slice, take
from redeem.lib.errors import Invalid
from redeem.lib.ids import new_id
from redeem.lib.times import Ms, is_zone


@dataclass(frozen=True, slots=True)
class NewStore:
    """A store to open. `time_zone` is an IANA name: the store's calendar decides which day it is."""

    partner_id: str
    name: str
    time_zone: str
    address: str = ""
    hours: str = ""


def add_partner(session: Session, name: str, now: Ms) -> Partner:
    partner = Partner(id=new_id("prt", now), name=name, created_at=now)
    session.add(partner)
    session.flush()
    return partner


def add_store(session: Session, new: NewStore, now: Ms) -> Store:
    """Raises Invalid if the partner is not here or the time zone is none."""
    if session.get(Partner, new.partner_id) is None:
        raise Invalid("Name a partner that is here.", errors=[{"pointer": "/partner", "detail": "no such partner"}])
    check_zone(new.time_zone)
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
    return store


def check_zone(name: str) -> None:
    """Raises Invalid if there is no such time zone."""
    if not is_zone(name):
        fault = {"pointer": "/time_zone", "detail": "no IANA time zone, such as Europe/Moscow"}
        raise Invalid("Name the store's time zone.", errors=[fault])


def list_partners(session: Session, page: Page) -> Slice[Partner]:
    found = take(session, select(Partner), Partner.id.expression, page)
    return Slice([row[0] for row in found.items], found.has_more)


def list_stores(session: Session, partner_id: str | None, page: Page) -> Slice[Store]:
    statement = select(Store) if partner_id is None else select(Store).where(Store.partner_id == partner_id)
    found = take(session, statement, Store.id.expression, page)
    return Slice([row[0] for row in found.items], found.has_more)
