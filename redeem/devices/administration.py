"""Managing: what managers change. Each change looks within the manager's scope first, and leaves an entry in the audit log."""

from typing import Any

from sqlalchemy.orm import Session

from redeem.accounts import api_key_list, audit
from redeem.accounts.api_keys import roll
from redeem.accounts.audit import Change
from redeem.accounts.roles import Person, Scope
from redeem.db.models.devices import Clerk, Device, Enrolment
from redeem.db.models.partners import Partner, Store
from redeem.devices import clerks, moves
from redeem.devices import enrolment as device_enrolment
from redeem.devices.directory import DeviceLine, get_device
from redeem.devices.enrolment import NewTill
from redeem.lib.text import clean_name
from redeem.lib.times import Ms
from redeem.partners import partners
from redeem.partners.administration import LONG_NAME_CHARACTERS, clean_line
from redeem.partners.directory import get_store
from redeem.partners.partners import NewStore


def invite_tablet(session: Session, person: Person, store_id: str, name: str, now: Ms, minutes: int) -> Enrolment:
    """The right to enrol one tablet, for `minutes`. Raises NotFound for a store outside the scope, Invalid for the name."""
    store = get_store(session, person.scope, store_id)
    enrolment = device_enrolment.invite_device(session, store.id, name, now, minutes, person.id)
    what = {"name": enrolment.device_name, "store": store.name}
    audit.note(session, person.id, Change.TABLET_INVITED, enrolment.id, now, scope=Scope(store_id=store.id), **what)
    return enrolment


def add_till(session: Session, person: Person, store_id: str, name: str, now: Ms) -> NewTill:
    """A partner's own till with its key, which is shown once."""
    store = get_store(session, person.scope, store_id)
    till = device_enrolment.add_till(session, store.id, name, now, person.id)
    what = {"name": till.device.name, "store": store.name}
    audit.note(session, person.id, Change.TILL_ADDED, till.device.id, now, scope=Scope(store_id=store.id), **what)
    return till


def revoke_device(session: Session, person: Person, device_id: str, now: Ms) -> None:
    device = get_device(session, person.scope, device_id)
    if device.revoked_at is None:
        device_enrolment.revoke_device(session, device.id, now)
        note_device(session, person, Change.DEVICE_REVOKED, device, now)


def rename_device(session: Session, person: Person, device_id: str, name: str, now: Ms) -> DeviceLine:
    """Raises NotFound for a device outside the scope, Invalid for the name."""
    line = get_device(session, person.scope, device_id)
    cleaned = clean_name(name)
    if cleaned != line.name:
        session.get_one(Device, line.id).name = cleaned
        note_device(session, person, Change.DEVICE_RENAMED, line, now, changed={"name": [line.name, cleaned]})
    return line


def move_device(session: Session, person: Person, device_id: str, store_id: str, now: Ms) -> Device:
    """Has a till work at another store at once, and a tablet when it next reports. Raises NotFound outside the scope, Conflict."""
    line = get_device(session, person.scope, device_id)
    store = get_store(session, person.scope, store_id)
    return moves.ask(session, line.id, store.id, person.id, now)


def let_device_stay(session: Session, person: Person, device_id: str, now: Ms) -> bool:
    """Takes that back, if it has not happened; False if nothing was left to be taken back. Raises NotFound."""
    line = get_device(session, person.scope, device_id)
    return moves.stay(session, line.id, person.id, now)


def note_device(session: Session, person: Person, what: Change, line: DeviceLine, now: Ms, **details: Any) -> None:
    told = {"name": line.name, "store": line.store_name, **details}
    audit.note(session, person.id, what, line.id, now, scope=Scope(store_id=line.store_id), **told)


def add_clerk(session: Session, person: Person, store_id: str, name: str, pin_hash: str, now: Ms) -> Clerk:
    """`pin_hash` is made before the transaction, after passwords.check_pin."""
    store = get_store(session, person.scope, store_id)
    clerk = clerks.add_clerk(session, store.id, name, pin_hash, now)
    what = {"name": clerk.name, "store": store.name}
    audit.note(session, person.id, Change.CLERK_ADDED, clerk.id, now, scope=Scope(store_id=store.id), **what)
    return clerk


def add_partner(session: Session, person: Person, name: str, now: Ms) -> Partner:
    partner = partners.add_partner(session, clean_name(name, LONG_NAME_CHARACTERS), now)
    audit.note(session, person.id, Change.PARTNER_ADDED, partner.id, now, scope=Scope(partner.id), name=partner.name)
    return partner


def add_store(session: Session, person: Person, new: NewStore, now: Ms) -> Store:
    """Raises Invalid for a partner or a time zone that is none."""
    cleaned = NewStore(
        partner_id=new.partner_id,
        name=clean_name(new.name, LONG_NAME_CHARACTERS),
        time_zone=new.time_zone,
        address=clean_line(new.address),
        hours=clean_line(new.hours, LONG_NAME_CHARACTERS),
    )
    store = partners.add_store(session, cleaned, now)
    audit.note(
        session, person.id, Change.STORE_ADDED, store.id, now, scope=Scope(store.partner_id, store.id), name=store.name
    )
    return store


def roll_till_key(session: Session, person: Person, device_id: str, overlap_ms: Ms, now: Ms) -> str:
    """The same for a till within the scope."""
    device = get_device(session, person.scope, device_id)
    key = api_key_list.get_till_key(session, person.scope, device.id)
    return roll(session, person, key, overlap_ms, now, Scope(store_id=device.store_id))
