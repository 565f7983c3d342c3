"""A tablet as a request finds it: its row, locked, with its store; and when it was seen."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.orm import Session

from redeem.db.models.devices import Device
from redeem.db.models.partners import CLOSED_SINCE, Store
from redeem.domain.journal import Entry
from redeem.domain.presented import Actor
from redeem.lib.errors import Unauthenticated
from redeem.lib.times import Ms

ENTRIES_PER_SYNC_MAX = 200


@dataclass(frozen=True, slots=True)
class Tablet:
    """A device as the request found it, locked for this transaction."""

    actor: Actor
    public_key: bytes
    row: Device = field(repr=False)

    @property
    def is_active(self) -> bool:
        return self.row.revoked_at is None and self.row.lost_at is None


def lock_tablet(session: Session, device_id: str) -> Tablet:
    """Lock the device's row, with a lock that does not block rows which only refer to it, such as a promise."""
    statement = (
        select(Device, Store.name, Store.partner_id, Store.time_zone, CLOSED_SINCE)
        .join(Store, Store.id == Device.store_id)
        .where(Device.id == device_id, Device.kind == "tablet")
        .with_for_update(of=Device, key_share=True)
    )
    row = session.execute(statement).one_or_none()
    device, store_name, partner_id, time_zone, closed_at = row or (None, "", "", "", None)
    if device is None or device.public_key is None:
        raise Unauthenticated("This tablet is not enrolled here. Ask a manager for a new enrolment link.")
    actor = Actor(device.id, device.name, device.store_id, store_name, partner_id, time_zone, closed_at)
    return Tablet(actor, device.public_key, device)


def where_it_is(session: Session, tablet: Tablet) -> Tablet:
    """Return the tablet as it is now, for it may just have moved."""
    return tablet if tablet.row.store_id == tablet.actor.store_id else lock_tablet(session, tablet.actor.device_id)


def note_seen(device: Device, device_time: Ms | None, now: Ms) -> None:
    device.last_seen_at = now
    if device_time is not None:
        device.clock_skew_ms = device_time - now


def note_told(tablet: Tablet, entries: Sequence[Entry], fault: str | None, now: Ms) -> bool:
    """Note that the tablet has nothing left to tell, if the request was not full and all of it was taken. Return whether it has."""
    is_taken = fault is None and (not entries or entries[-1].number <= tablet.row.last_number)
    is_told = is_taken and len(entries) < ENTRIES_PER_SYNC_MAX
    if is_told:
        tablet.row.told_at = now
    return is_told
