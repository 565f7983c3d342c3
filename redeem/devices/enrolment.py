"""Devices are enrolled, renamed and revoked here: tablets by a one-time link, tills by a key.

A tablet makes its own key pair and registers the public half, so no secret is sent to it. An enrolment makes one device,
however often its link is opened: `device.enrolment_id` is unique.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from redeem.accounts import api_keys, audit
from redeem.accounts.audit import Author, Change
from redeem.accounts.roles import Scope
from redeem.db.engine import Retry
from redeem.db.lines import line_or_none, select_as
from redeem.db.models.api import ApiKey
from redeem.db.models.devices import Device, Enrolment
from redeem.devices.directory import DeviceLine, get_device
from redeem.domain.signing_keys import is_sound_point
from redeem.holds import sweep
from redeem.ledger import generation
from redeem.lib.errors import Conflict, Invalid, NotFound
from redeem.lib.ids import new_id
from redeem.lib.text import clean_name
from redeem.lib.times import MS_PER_MINUTE, Ms
from redeem.partners.directory import get_store


class UsedEnrolment(Conflict):
    """Another tablet has enrolled with this link."""

    code = "enrolment_used"
    default_detail = "This link was used by another tablet. Ask a manager for a new one."


class ExpiredEnrolment(Conflict):
    """The link is too old."""

    code = "enrolment_expired"
    default_detail = "This link is too old. Ask a manager for a new one."


@dataclass(frozen=True, slots=True)
class Tablet:
    """An enrolled tablet, as a call that it signed is judged by."""

    id: str
    store_id: str
    public_key: bytes | None


TABLET = select_as(Tablet, id=Device.id, store_id=Device.store_id, public_key=Device.public_key)


@dataclass(frozen=True, slots=True)
class NewTill:
    """A till and its key's text, which is shown once."""

    device: Device
    key_text: str


def invite_tablet(session: Session, author: Author, store_id: str, name: str, now: Ms, minutes: int) -> Enrolment:
    """Make the right to enrol one tablet within `minutes`. Raises NotFound for a store outside the author's scope, Invalid."""
    store = get_store(session, author.scope, store_id)
    enrolment = Enrolment(
        id=new_id("enr", now),
        store_id=store.id,
        device_name=clean_name(name),
        manager_id=audit.manager_id_of(author),
        created_at=now,
        expires_at=now + minutes * MS_PER_MINUTE,
    )
    session.add(enrolment)
    session.flush()
    told = {"name": enrolment.device_name, "store": store.name}
    audit.note(session, author.id, Change.TABLET_INVITED, enrolment.id, now, scope=Scope(store_id=store.id), **told)
    return enrolment


def enrol(session: Session, enrolment_id: str, public_key: bytes, now: Ms) -> Device:
    """Enrol the tablet. The same key again is the same tablet, whose first reply was lost; another key is refused."""
    enrolment = session.get(Enrolment, enrolment_id)
    if enrolment is None:
        raise NotFound("This link is not known here. Ask a manager for a new one.")
    # Both in one look: between two, the same tablet's other request may have been first.
    met = session.scalars(
        select(Device).where(or_(Device.enrolment_id == enrolment_id, Device.public_key == public_key))
    )
    known = {device.enrolment_id: device for device in met}
    if not known:
        return _new_tablet(session, enrolment, public_key, now)
    device = known.get(enrolment_id)
    if device is None:
        raise Conflict("Make a new key on this tablet; this one belongs to a device that is known here.")
    if device.public_key != public_key or device.revoked_at or device.lost_at:
        raise UsedEnrolment
    return device


def _new_tablet(session: Session, enrolment: Enrolment, public_key: bytes, now: Ms) -> Device:
    if now > enrolment.expires_at:
        raise ExpiredEnrolment
    if not is_sound_point(public_key):
        raise Invalid("The tablet's key is not an Ed25519 public key.")
    device = Device(
        id=new_id("dev", now),
        store_id=enrolment.store_id,
        kind="tablet",
        name=enrolment.device_name,
        enrolment_id=enrolment.id,
        public_key=public_key,
        created_at=now,
        last_seen_at=now,
        reported_generation=generation.current(session).generation,
    )
    add_once(session, device)
    return device


def add_once(session: Session, device: Device) -> None:
    """Insert the device. If a parallel use of the link was first, the unique constraint fails and the work is tried again."""
    session.add(device)
    try:
        session.flush()
    except IntegrityError as error:
        raise Retry from error


def add_till(session: Session, author: Author, store_id: str, name: str, now: Ms) -> NewTill:
    """Add a partner's own till, with its key. A till that a restore has forgotten is added anew and then awaited like the others.

    Raises NotFound for a store outside the author's scope, Invalid for the name.
    """
    store, life = get_store(session, author.scope, store_id), generation.current(session)
    device = Device(
        id=new_id("dev", now),
        store_id=store.id,
        kind="till",
        name=clean_name(name),
        created_at=now,
        reported_generation=0 if life.awaits_forgotten else life.generation,
    )
    session.add(device)
    session.flush()
    key = api_keys.add_till_key(session, author, device.id, device.name, now)
    told = {"name": device.name, "store": store.name}
    audit.note(session, author.id, Change.TILL_ADDED, device.id, now, scope=Scope(store_id=store.id), **told)
    return NewTill(device, key.text)


def rename_device(session: Session, author: Author, device_id: str, name: str, now: Ms) -> None:
    """Rename a device. Raises NotFound for one outside the author's scope, Invalid for the name."""
    line, cleaned = get_device(session, author.scope, device_id), clean_name(name)
    if cleaned != line.name:
        session.get_one(Device, line.id).name = cleaned
        note(session, author, Change.DEVICE_RENAMED, line, now, changed={"name": [line.name, cleaned]})


def revoke_device(session: Session, author: Author, device_id: str, now: Ms) -> None:
    """Revoke a device and its till keys. Repeating it changes nothing. Raises NotFound for one outside the author's scope."""
    line = get_device(session, author.scope, device_id)
    device = session.get_one(Device, line.id, with_for_update={"key_share": True})
    if device.revoked_at is not None:
        return
    device.revoked_at, device.moves_to_id, device.moves_by_id = now, None, None
    session.flush()
    sweep.begin_sweep(session, Device.store_id == device.store_id)  # what it was promised, others get
    own = (ApiKey.device_id == device.id, ApiKey.revoked_at.is_(None))
    session.execute(update(ApiKey).where(*own).values(revoked_at=now))
    note(session, author, Change.DEVICE_REVOKED, line, now)


def note(session: Session, author: Author, what: Change, line: DeviceLine, now: Ms, **details: Any) -> None:
    told = {"name": line.name, "store": line.store_name, **details}
    audit.note(session, author.id, what, line.id, now, scope=Scope(store_id=line.store_id), **told)


def find_tablet(session: Session, device_id: str, *, even_revoked: bool = False) -> Tablet | None:
    """Return an enrolled tablet with the key that must have signed its request. A revoked one may still hand its journal in."""
    known = TABLET.where(Device.id == device_id, Device.kind == "tablet")
    active = known.where(Device.revoked_at.is_(None), Device.lost_at.is_(None))
    return line_or_none(session, Tablet, known if even_revoked else active)
