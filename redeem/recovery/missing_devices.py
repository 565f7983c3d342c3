"""Devices that a restored ledger still waits for, and how a manager goes on without them."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import BigInteger, cast, func, select
from sqlalchemy.orm import Session

from redeem.accounts import audit
from redeem.accounts.audit import Change
from redeem.accounts.roles import WHOLE, Person, Scope, within
from redeem.db.models.api import ApiKey
from redeem.db.models.devices import Device
from redeem.db.models.partners import Store
from redeem.db.models.reports import Tally
from redeem.devices import write_off
from redeem.devices.write_off import AtRisk
from redeem.domain.acts import Outcome
from redeem.ledger import recovery_reports
from redeem.ledger.generation import current
from redeem.lib.errors import Conflict, NotFound
from redeem.lib.times import Ms, local_day

RECENT_DAYS = 7


class NotRecovering(Conflict):
    """The ledger was not restored, or this device has reported already."""

    code = "not_recovering"
    default_detail = "Send new attempts; nothing is to be said again."


@dataclass(frozen=True, slots=True)
class Missing:
    """A device that has not reported since the restore. `last_seen_at` is as the backup has it.

    `risk` is what a tablet held at the backup. `recent` is how many gifts its store gave in the RECENT_DAYS before, as a measure
    of what a till may have given since.
    """

    device_id: str
    device_name: str
    kind: str
    store_id: str
    store_name: str
    last_seen_at: Ms | None
    is_revoked: bool
    risk: AtRisk | None
    recent: int


def go_on_without(session: Session, person: Person, device_ids: Sequence[str], now: Ms) -> int:
    """Write off those of these devices that a restored ledger still waits for. Return how many."""
    missing = [each.device_id for each in list_missing(session, now, person.scope)]
    wanted = [device_id for device_id in missing if device_id in device_ids]
    for device_id in wanted:
        write_off_missing(session, device_id, person.id, now, person.scope)
    return len(wanted)


def list_missing(session: Session, now: Ms, scope: Scope = WHOLE) -> list[Missing]:
    """Return the devices that have not reported, tablets first. Empty unless the ledger is recovering."""
    life = current(session)
    if not life.is_recovering:
        return []
    used = select(func.max(ApiKey.last_used_at)).where(ApiKey.device_id == Device.id).scalar_subquery()
    statement = (
        select(
            Device.id.label("device_id"),
            Device.name.label("device_name"),
            Device.kind,
            Store.id.label("store_id"),
            Store.name.label("store_name"),
            func.coalesce(Device.last_seen_at, used).label("last_seen_at"),
            Device.revoked_at.is_not(None).label("is_revoked"),
            Store.time_zone,
        )
        .join(Store, Store.id == Device.store_id)
        .where(recovery_reports.is_awaited(life))
        .order_by(Device.kind, Store.name, Device.name, Device.id)
    )
    rows = [dict(row) for row in session.execute(within(statement, scope, Device.store_id)).mappings()]
    zones = {row["device_id"]: row.pop("time_zone") for row in rows}
    tablets = [row["device_id"] for row in rows if row["kind"] == "tablet"]
    risks = write_off.risks(session, {device_id: zones[device_id] for device_id in tablets}, now)
    recent = _recent(session, {row["store_id"] for row in rows}, now)
    return [Missing(**row, risk=risks.get(row["device_id"]), recent=recent[row["store_id"]]) for row in rows]


def write_off_missing(session: Session, device_id: str, manager_id: str, now: Ms, scope: Scope = WHOLE) -> None:
    """Go on without this device's report. A tablet is lost with that; a till goes on working. Raises NotFound, NotRecovering."""
    life = current(session)
    awaited = select(Device).where(Device.id == device_id, recovery_reports.is_awaited(life))
    device = session.scalar(within(awaited, scope, Device.store_id).with_for_update(key_share=True))
    if not life.is_recovering:
        raise NotRecovering
    if device is None:
        raise NotFound
    if device.kind == "tablet":
        write_off.write_off(session, device.id, manager_id, now)
        return
    recent = _recent(session, [device.store_id], now)[device.store_id]
    what = {"name": device.name, "recent": recent}
    scope = Scope(store_id=device.store_id)
    audit.note(session, manager_id, Change.DEVICE_WRITTEN_OFF, device.id, now, scope=scope, **what)
    device.reported_generation = life.generation
    session.flush()
    recovery_reports.end_if_complete(session)


def _recent(session: Session, store_ids: Collection[str], now: Ms) -> Counter[str]:
    """Gifts given in the last days, by store."""
    since, times = local_day(now, "UTC") - RECENT_DAYS, cast(func.sum(Tally.count), BigInteger)
    gifts = select(Tally.store_id, times).where(Tally.store_id.in_(store_ids), Tally.day >= since)
    rows = session.execute(gifts.where(Tally.outcome == Outcome.REDEEMED).group_by(Tally.store_id))
    return Counter(dict(rows.all()))
