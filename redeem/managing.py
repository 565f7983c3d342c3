"""Managing: what managers change. Each change looks within the manager's scope first, and leaves an entry in the audit log."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy.orm import Session

from redeem import enrolling, moving, restoring
from redeem.accounts import api_key_list, audit
from redeem.accounts.api_keys import roll
from redeem.accounts.audit import Change
from redeem.accounts.roles import Person, Scope
from redeem.db.models.devices import Clerk, Device, Enrolment
from redeem.db.models.partners import Partner, Store
from redeem.enrolling import NewTill
from redeem.lib.errors import Conflict
from redeem.lib.text import clean_name
from redeem.lib.times import Ms
from redeem.partners import directory, partners
from redeem.partners.administration import LONG_NAME_CHARACTERS, clean_line
from redeem.partners.directory import ClerkLine, DeviceLine
from redeem.partners.partners import NewStore


def invite_tablet(session: Session, person: Person, store_id: str, name: str, now: Ms, minutes: int) -> Enrolment:
    """The right to enrol one tablet, for `minutes`. Raises NotFound for a store outside the scope, Invalid for the name."""
    store = directory.get_store(session, person.scope, store_id)
    enrolment = enrolling.invite_device(session, store.id, name, now, minutes, person.id)
    what = {"name": enrolment.device_name, "store": store.name}
    audit.note(session, person.id, Change.TABLET_INVITED, enrolment.id, now, scope=Scope(store_id=store.id), **what)
    return enrolment


def add_till(session: Session, person: Person, store_id: str, name: str, now: Ms) -> NewTill:
    """A partner's own till with its key, which is shown once."""
    store = directory.get_store(session, person.scope, store_id)
    till = enrolling.add_till(session, store.id, name, now, person.id)
    what = {"name": till.device.name, "store": store.name}
    audit.note(session, person.id, Change.TILL_ADDED, till.device.id, now, scope=Scope(store_id=store.id), **what)
    return till


def revoke_device(session: Session, person: Person, device_id: str, now: Ms) -> None:
    device = directory.get_device(session, person.scope, device_id)
    if device.revoked_at is None:
        enrolling.revoke_device(session, device.id, now)
        note_device(session, person, Change.DEVICE_REVOKED, device, now)


def go_on_without(session: Session, person: Person, device_ids: Sequence[str], now: Ms) -> int:
    """Writes off those of these devices that a restored ledger still waits for; answers how many."""
    missing = [each.device_id for each in restoring.list_missing(session, now, person.scope)]
    wanted = [device_id for device_id in missing if device_id in device_ids]
    for device_id in wanted:
        restoring.write_off_missing(session, device_id, person.id, now, person.scope)
    return len(wanted)


def rename_device(session: Session, person: Person, device_id: str, name: str, now: Ms) -> DeviceLine:
    """Raises NotFound for a device outside the scope, Invalid for the name."""
    line = directory.get_device(session, person.scope, device_id)
    cleaned = clean_name(name)
    if cleaned != line.name:
        session.get_one(Device, line.id).name = cleaned
        note_device(session, person, Change.DEVICE_RENAMED, line, now, changed={"name": [line.name, cleaned]})
    return line


def move_device(session: Session, person: Person, device_id: str, store_id: str, now: Ms) -> Device:
    """Has a till work at another store at once, and a tablet when it next reports. Raises NotFound outside the scope, Conflict."""
    line = directory.get_device(session, person.scope, device_id)
    store = directory.get_store(session, person.scope, store_id)
    return moving.ask(session, line.id, store.id, person.id, now)


def let_device_stay(session: Session, person: Person, device_id: str, now: Ms) -> bool:
    """Takes that back, if it has not happened; False if nothing was left to be taken back. Raises NotFound."""
    line = directory.get_device(session, person.scope, device_id)
    return moving.stay(session, line.id, person.id, now)


def note_device(session: Session, person: Person, what: Change, line: DeviceLine, now: Ms, **details: Any) -> None:
    told = {"name": line.name, "store": line.store_name, **details}
    audit.note(session, person.id, what, line.id, now, scope=Scope(store_id=line.store_id), **told)


def add_clerk(session: Session, person: Person, store_id: str, name: str, pin_hash: str, now: Ms) -> Clerk:
    """`pin_hash` is made before the transaction, after passwords.check_pin."""
    store = directory.get_store(session, person.scope, store_id)
    clerk = enrolling.add_clerk(session, store.id, name, pin_hash, now)
    what = {"name": clerk.name, "store": store.name}
    audit.note(session, person.id, Change.CLERK_ADDED, clerk.id, now, scope=Scope(store_id=store.id), **what)
    return clerk


def let_clerk_leave(session: Session, person: Person, clerk_id: str, now: Ms) -> str:
    """The clerk's PIN opens no tablet any more; what they gave stays under their name. Answers the store's id."""
    line = directory.get_clerk(session, person.scope, clerk_id)
    if line.left_at is None:
        clerk = session.get_one(Clerk, line.id)
        clerk.left_at = now
        note_clerk(session, person, Change.CLERK_LEFT, line, now)
    return line.store_id


def set_pin(session: Session, person: Person, clerk_id: str, pin_hash: str, now: Ms) -> str:
    """A new PIN; `pin_hash` is made before the transaction. Answers the store's id. Raises NotFound, Conflict."""
    line = directory.get_clerk(session, person.scope, clerk_id)
    if line.left_at is not None:
        raise Conflict("This clerk was removed. Add them again.")
    session.get_one(Clerk, line.id).pin_hash = pin_hash
    session.flush()
    note_clerk(session, person, Change.CLERK_PIN_CHANGED, line, now)
    return line.store_id


def note_clerk(session: Session, person: Person, what: Change, line: ClerkLine, now: Ms) -> None:
    scope = Scope(store_id=line.store_id)
    audit.note(session, person.id, what, line.id, now, scope=scope, name=line.name, store=line.store_name)


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
    device = directory.get_device(session, person.scope, device_id)
    key = api_key_list.get_till_key(session, person.scope, device.id)
    return roll(session, person, key, overlap_ms, now, Scope(store_id=device.store_id))
