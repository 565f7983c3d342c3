"""A device that is lost for good. A manager ends its holds, having seen first which coupons may then be given twice."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, delete, false, func, or_, select, update
from sqlalchemy.orm import Session

from redeem.accounts import audit
from redeem.accounts.audit import Change
from redeem.accounts.roles import WHOLE, Scope, within
from redeem.db.models.coupons import Campaign, Coupon
from redeem.db.models.devices import Claim, Device
from redeem.db.models.ledger import Redemption
from redeem.db.models.partners import Store
from redeem.domain.events import EventType
from redeem.domain.terms import parse_terms
from redeem.events import log
from redeem.holds import sweep
from redeem.holds.holds import NO_RECALL
from redeem.ledger import recovery_reports
from redeem.ledger.sql import IS_COMPROMISED, IS_REDEEMED, IS_VOID, IS_VOID_FOR_HOLDER
from redeem.lib.errors import NotFound
from redeem.lib.ids import coupon_id
from redeem.lib.money import Money, add_up
from redeem.lib.times import Ms, local_day


@dataclass(frozen=True, slots=True)
class AtRisk:
    """What a device may have given without the ledger's knowledge: the open coupons that it holds, and their value by currency.

    `unconfirmed` counts coupons that were redeemed for it and of which it never said whether the gift was handed over.
    """

    coupons: int
    values: tuple[Money, ...]
    unconfirmed: int

    def as_json(self) -> dict[str, object]:
        values = [{"amount": value.amount, "currency": value.currency} for value in self.values]
        return {"coupons": self.coupons, "values": values, "unconfirmed": self.unconfirmed}


def what_is_at_risk(session: Session, device_id: str, now: Ms, scope: Scope = WHOLE) -> AtRisk:
    """Return what writing the device off puts at risk. Coupons whose last day is over don't count. Raises NotFound."""
    device, zone = _find(session, device_id, scope)
    return risks(session, {device.id: zone}, now)[device.id]


def risks(session: Session, zones: Mapping[str, str], now: Ms) -> dict[str, AtRisk]:
    """By device, of tablets and the time zones that they are in; as many statements for many as for one."""
    held, unconfirmed = _held(session, zones, now), _unconfirmed(session, zones)
    return {
        device_id: AtRisk(
            sum(count for _, count in held[device_id]),
            add_up(value * count for value, count in held[device_id]),
            unconfirmed[device_id],
        )
        for device_id in zones
    }


def write_off(session: Session, device_id: str, manager_id: str, now: Ms, scope: Scope = WHOLE) -> AtRisk:
    """Write the device off: its holds end, and other devices are granted them with newer epochs. Return what that puts at risk.

    The decision is recorded with it. If the device turns up, its journal is kept in quarantine. Repeating it changes nothing.
    Raises NotFound.
    """
    device, _ = _find(session, device_id, scope, lock=True)
    risk = what_is_at_risk(session, device.id, now)
    if device.lost_at is None:
        device.lost_at, device.moves_to_id, device.moves_by_id = now, None, None
        session.flush()
        _end_holds(session, device.id, now)
        scope, what = Scope(store_id=device.store_id), {"name": device.name, **risk.as_json()}
        audit.note(session, manager_id, Change.DEVICE_WRITTEN_OFF, device.id, now, scope=scope, **what)
        recovery_reports.end_if_complete(session)
    return risk


def _end_holds(session: Session, device_id: str, now: Ms) -> None:
    """End the holds. Voids that waited for them happen now; the other coupons are open, and tablets at their homes get them.

    The coupons are locked by a statement of its own, so that no void comes between the two that follow: it would wait for ever.
    """
    mine = Coupon.holder_id == device_id
    sweep.begin_sweep(session, Device.store_id.in_(select(Coupon.home_store_id).where(mine)))
    session.execute(select(Coupon.serial).where(mine).order_by(Coupon.serial).with_for_update(key_share=True))
    waiting = and_(mine, IS_VOID, ~IS_VOID_FOR_HOLDER, ~IS_REDEEMED)
    ended = update(Coupon).where(waiting).values(voided_at=now, void_requested_at=None).returning(Coupon.serial)
    for serial in session.scalars(ended).all():
        log.append(session, EventType.VOIDED, coupon_id(serial), serial, now)
    session.execute(update(Coupon).where(mine).values(holder_id=None, **NO_RECALL))
    session.execute(delete(Claim).where(Claim.device_id == device_id))


def _find(session: Session, device_id: str, scope: Scope, *, lock: bool = False) -> tuple[Device, str]:
    """Return the tablet and its store's time zone."""
    statement = select(Device, Store.time_zone).join(Store, Store.id == Device.store_id)
    wanted = within(statement.where(Device.id == device_id, Device.kind == "tablet"), scope, Device.store_id)
    row = session.execute(wanted.with_for_update(of=Device, key_share=True) if lock else wanted).one_or_none()
    if row is None:
        raise NotFound
    return row[0], row[1]


def _held(session: Session, zones: Mapping[str, str], now: Ms) -> Mapping[str | None, Sequence[tuple[Money, int]]]:
    """By device, the value of one coupon and how many it holds, of each campaign."""
    each = (Coupon.holder_id, Campaign.number, Campaign.terms)
    statement = (
        select(*each, func.count())
        .join(Coupon, Coupon.campaign_number == Campaign.number)
        .where(~IS_VOID_FOR_HOLDER, ~IS_COMPROMISED, ~IS_REDEEMED, _is_in_time(zones, now))
        .group_by(*each)
    )
    found: defaultdict[str | None, list[tuple[Money, int]]] = defaultdict(list)
    for device_id, _, terms, count in session.execute(statement):
        found[device_id].append((parse_terms(terms).value, count))
    return found


def _is_in_time(zones: Mapping[str, str], now: Ms) -> ColumnElement[bool]:
    """Of coupons: does one of these devices hold it, and is its last day not over there? It is three days at most, all over the world."""
    by_day: defaultdict[int, list[str]] = defaultdict(list)
    for device_id, zone in zones.items():
        by_day[local_day(now, zone)].append(device_id)
    return or_(
        false(), *(and_(Coupon.holder_id.in_(held_by), Coupon.last_day >= day) for day, held_by in by_day.items())
    )


def _unconfirmed(session: Session, device_ids: Collection[str]) -> Counter[str]:
    unsaid = (Redemption.device_id.in_(device_ids), Redemption.handed_over_at.is_(None))
    each = Redemption.device_id
    return Counter(dict(session.execute(select(each, func.count()).where(*unsaid).group_by(each)).all()))
