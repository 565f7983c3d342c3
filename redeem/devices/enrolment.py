"""Enrolling: tablets by a one-time link, tills by a key, clerks by a PIN.

A tablet makes its own key pair and registers the public half: nothing secret is ever sent to it. An enrolment makes one
device, whoever opens the link and however often: `device.enrolment_id` is unique.
"""

from dataclasses import dataclass

from sqlalchemy import or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from redeem.accounts import api_key_format
from redeem.db.engine import Retry
from redeem.db.models.api import ApiKey
from redeem.db.models.devices import Device, Enrolment
from redeem.db.models.partners import Store
from redeem.domain.signing_keys import is_sound_point
from redeem.holds import sweep
from redeem.ledger import generation
from redeem.lib.errors import Conflict, Invalid, NotFound
from redeem.lib.ids import new_id
from redeem.lib.text import clean_name
from redeem.lib.times import MS_PER_MINUTE, Ms

TILL_SCOPES = "redeem"


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


@dataclass(frozen=True, slots=True)
class NewTill:
    """A till and its key's text, which is shown once."""

    device: Device
    key_text: str


def invite_device(
    session: Session, store_id: str, name: str, now: Ms, minutes: int, manager_id: str | None = None
) -> Enrolment:
    """A right to enrol one tablet at the store within `minutes`."""
    enrolment = Enrolment(
        id=new_id("enr", now),
        store_id=get_store(session, store_id).id,
        device_name=clean_name(name),
        manager_id=manager_id,
        created_at=now,
        expires_at=now + minutes * MS_PER_MINUTE,
    )
    session.add(enrolment)
    session.flush()
    return enrolment


def enrol(session: Session, enrolment_id: str, public_key: bytes, now: Ms) -> Device:
    """The tablet of this enrolment. The same key again is the same tablet, whose first reply was lost; another key is refused."""
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
    """If a parallel use of the same link was first, the constraint says so: look again at what it made."""
    session.add(device)
    try:
        session.flush()
    except IntegrityError as error:
        raise Retry from error


def revoke_device(session: Session, device_id: str, now: Ms) -> Device:
    """The device may do nothing from now on; its till keys end with it. Doing it twice changes nothing."""
    device = session.get(Device, device_id, with_for_update={"key_share": True})
    if device is None:
        raise NotFound
    if device.revoked_at is None:
        device.revoked_at, device.moves_to_id, device.moves_by_id = now, None, None
        session.flush()
        sweep.begin_sweep(session, Device.store_id == device.store_id)  # what it was promised, others get
    for key in session.scalars(select(ApiKey).where(ApiKey.device_id == device_id, ApiKey.revoked_at.is_(None))):
        key.revoked_at = now
    return device


def add_till(session: Session, store_id: str, name: str, now: Ms, manager_id: str | None = None) -> NewTill:
    """A partner's own till, with its key. Made anew after a restore that has forgotten it, it is awaited like the others."""
    life = generation.current(session)
    device = Device(
        id=new_id("dev", now),
        store_id=get_store(session, store_id).id,
        kind="till",
        name=clean_name(name),
        created_at=now,
        reported_generation=0 if life.awaits_forgotten else life.generation,
    )
    session.add(device)
    session.flush()
    minted = api_key_format.mint("till")
    session.add(
        ApiKey(
            prefix=minted.prefix,
            secret_hash=minted.hash,
            kind="till",
            name=device.name,
            scopes=TILL_SCOPES,
            device_id=device.id,
            family=minted.prefix,
            manager_id=manager_id,
            created_at=now,
        )
    )
    return NewTill(device, minted.text)


def find_tablet(session: Session, device_id: str, *, even_revoked: bool = False) -> Tablet | None:
    """An enrolled tablet, with the key that must have signed its request. A revoked one may still hand its journal in."""
    columns = (Device.id, Device.store_id, Device.public_key)
    known = select(*columns).where(Device.id == device_id, Device.kind == "tablet")
    active = known.where(Device.revoked_at.is_(None), Device.lost_at.is_(None))
    row = session.execute(known if even_revoked else active).one_or_none()
    return Tablet(*row) if row else None


def get_store(session: Session, store_id: str) -> Store:
    store = session.get(Store, store_id)
    if store is None:
        raise NotFound("Check the store's id; no such store is here.")
    return store
