"""Restoring: a backup was put back, and is too old: whatever was given since would be given again.

`begin` starts a new generation of the ledger, in recovery: tablets and tills refill it with what they know (recovering.py), coupons that
were issued after the backup are adopted (adopting.py), and a manager writes off who never comes back. What was enrolled after the backup
nobody here knows of (forgotten.py): the ledger waits until a manager says that none of it is missing.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, case, delete, func, or_, select, update
from sqlalchemy.orm import Session

from redeem import forgotten, quarantining, writing_off
from redeem.accounts import audit
from redeem.accounts.audit import Change
from redeem.accounts.roles import WHOLE, Scope, within
from redeem.db.models.api import ApiKey
from redeem.db.models.coupons import Campaign
from redeem.db.models.devices import Claim, Device, Enrolment
from redeem.db.models.ledger import Change as Changed
from redeem.db.models.ledger import Deployment
from redeem.db.models.managers import ManagerSession
from redeem.db.models.partners import Store
from redeem.db.models.reports import Tally
from redeem.domain.acts import Act, Answer, Kind, Outcome
from redeem.domain.presented import Actor, Shown
from redeem.forgotten import Caller
from redeem.holds.holds import ACTIVE
from redeem.ledger import ledger, recovery_reports
from redeem.ledger.generation import Life, current
from redeem.lib.errors import Conflict, NotFound
from redeem.lib.ids import CAMPAIGN_LIMIT, NUMBER_LIMIT, is_id, new_id
from redeem.lib.times import Ms, local_day
from redeem.redeeming import settle
from redeem.writing_off import AtRisk

SKIPPED_NUMBERS = 10_000
SKIPPED_CAMPAIGNS = 1_000
RECENT_DAYS = 7


class NotRecovering(Conflict):
    """The ledger was not restored, or this device has said all that it had to say."""

    code = "not_recovering"
    default_detail = "Send new attempts; nothing is to be said again."


@dataclass(frozen=True, slots=True)
class Missing:
    """A device that has not reported since the restore. `last_seen_at`: as far as the backup knows.

    `risk` is what a tablet held at the backup. `recent`: how many gifts its store gave in the RECENT_DAYS before that, as a measure
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


@dataclass(frozen=True, slots=True)
class GivenBefore:
    """A redemption that a till was told of, and says again: the attempt's id and fingerprint, and the answer that it had.

    `shown` is None where what it had scanned does not verify.
    """

    attempt: str
    fingerprint: str
    shown: Shown | None
    redemption_id: str
    redeemed_at: Ms | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """How the ledger lives, and whether it waits for this device."""

    life: Life
    awaited: bool


@dataclass(frozen=True, slots=True)
class StillForgotten:
    """What is known of the tablets that were enrolled after the backup: those that have called and have not handed in all that they
    had recorded, and what was handed in and waits for a manager, which nothing of it books before.
    """

    callers: list[Caller]
    journals: list[quarantining.Waiting]

    def __len__(self) -> int:
        """Of how many tablets something is missing."""
        return len({each.device_id for each in self.callers} | {each.device_id for each in self.journals})


def begin(
    session: Session, now: Ms, skip_numbers: int = SKIPPED_NUMBERS, newest: int = 0, *, none_enrolled: bool = False
) -> Life:
    """The first thing after a backup was put back, before anybody is served. Answers the new life of the ledger.

    `skip_numbers` must be more than any campaign has issued since the backup: these numbers are out, and no coupon gets them again.
    `newest` is the newest generation that is known to have been, and more than the backup's if that was put back before: each life
    that is lost skipped numbers and went on behind them, and tablets still hold what it granted.
    `none_enrolled`: it is certain that no tablet and no till was enrolled since the backup; else a manager must say so.
    """
    life = current(session, lock=True)
    generation = max(life.generation, newest) + 1
    lives = generation - life.generation
    newest_campaign = session.scalar(select(func.max(Campaign.number))) or 0
    campaigns_from = max(newest_campaign + 1, life.campaigns_from) + SKIPPED_CAMPAIGNS * lives
    campaigns_from = min(campaigns_from, CAMPAIGN_LIMIT - 1)
    _save(session, Life(generation, now, campaigns_from, awaits_forgotten=life.awaits_forgotten or not none_enrolled))
    _skip_numbers(session, skip_numbers * lives)
    session.execute(delete(Changed))
    session.execute(delete(Claim))
    forgotten.forget_callers(session)
    _await_devices(session, generation)
    _end_what_may_have_ended(session, now)
    return current(session)


def list_missing(session: Session, now: Ms, scope: Scope = WHOLE) -> list[Missing]:
    """Who has not reported, tablets first. Empty while the ledger is not recovering."""
    life = current(session)
    if not life.is_recovering:
        return []
    used = select(func.max(ApiKey.last_used_at)).where(ApiKey.device_id == Device.id).scalar_subquery()
    columns = (Device.id, Device.name, Device.kind, Store.id, Store.name, func.coalesce(Device.last_seen_at, used))
    statement = (
        select(*columns, Device.revoked_at.is_not(None))
        .join(Store, Store.id == Device.store_id)
        .where(recovery_reports.is_awaited(life))
        .order_by(Device.kind, Store.name, Device.name, Device.id)
    )
    rows = session.execute(within(statement, scope, Device.store_id)).all()
    return [Missing(*row, risk=_risk(session, row, now), recent=_recent(session, row[3], now)) for row in rows]


def write_off_missing(session: Session, device_id: str, manager_id: str, now: Ms, scope: Scope = WHOLE) -> None:
    """Goes on without this device's report. A tablet is lost with that; a till goes on working. Raises NotFound, NotRecovering."""
    life = current(session)
    awaited = select(Device).where(Device.id == device_id, recovery_reports.is_awaited(life))
    device = session.scalar(within(awaited, scope, Device.store_id).with_for_update(key_share=True))
    if not life.is_recovering:
        raise NotRecovering
    if device is None:
        raise NotFound
    if device.kind == "tablet":
        writing_off.write_off(session, device.id, manager_id, now)
        return
    recent = _recent(session, device.store_id, now)
    what = {"name": device.name, "recent": recent}
    scope = Scope(store_id=device.store_id)
    audit.note(session, manager_id, Change.DEVICE_WRITTEN_OFF, device.id, now, scope=scope, **what)
    device.reported_generation = life.generation
    session.flush()
    recovery_reports.end_if_complete(session)


def find_still_forgotten(session: Session, now: Ms, scope: Scope = WHOLE) -> StillForgotten:
    waiting = quarantining.list_waiting(session, scope)
    journals = [each for each in waiting if each.device_name is None]
    return StillForgotten(forgotten.list_callers(session, now, scope), journals)


def go_on_without_forgotten(session: Session, manager_id: str, now: Ms, missing: int = 0) -> bool:
    """A manager says that of what was enrolled after the backup nothing is missing, or nothing but these `missing` tablets.

    Recorded with what was known of them. False, and nothing is changed, if it is another number, or if somebody said so before.
    """
    life = current(session, lock=True)
    found = find_still_forgotten(session, now)
    if not life.awaits_forgotten or len(found) != missing:
        return False
    what = {
        "name": ", ".join(each.device_name for each in found.callers) or "–",
        "devices": [each.device_id for each in found.callers],
        "journals": [each.device_id for each in found.journals],
    }
    subject = f"generation {life.generation}"
    audit.note(session, manager_id, Change.FORGOTTEN_SETTLED, subject, now, scope=WHOLE, **what)
    session.execute(update(Deployment).values(awaits_forgotten=False))
    recovery_reports.end_if_complete(session)
    return True


def say_again(session: Session, actor: Actor, given: GivenBefore, now: Ms) -> Answer:
    """A till says again what it had been answered before the restore. The gift is out: it is redeemed, or is a second gift.

    The same attempt twice is answered as the first time. Raises NotRecovering.
    """
    find_awaited_till(session, actor.device_id)
    seen = genuine(session, given.shown)
    is_free = is_id("rdm", given.redemption_id) and ledger.act_by_id(session, given.redemption_id) is None
    act = Act(
        actor=actor,
        name=given.attempt,
        kind=Kind.REDEEM,
        fingerprint=given.fingerprint,
        serial=seen.serial if seen else None,
        shown=seen,
        given_as=given.redemption_id if is_free else new_id("rdm", now),
        device_at=given.redeemed_at,
    )
    return settle(session, act, now)


def genuine(session: Session, shown: Shown | None) -> Shown | None:
    """A short code proves nothing about a coupon that is here and has another."""
    found = ledger.find(session, shown.serial) if shown and shown.short_code else None
    return None if found and shown and found.short_code != shown.short_code else shown


def is_awaited(session: Session, device_id: str) -> Waiting:
    return Waiting(current(session), recovery_reports.awaits(session, device_id))


def till_reported(session: Session, device_id: str) -> Waiting:
    """The till has said all again; answers how the ledger lives on. Raises NotRecovering if nobody waits for it."""
    device = find_awaited_till(session, device_id)
    device.reported_generation = current(session).generation
    session.flush()
    return Waiting(recovery_reports.end_if_complete(session), awaited=False)


def find_awaited_till(session: Session, device_id: str) -> Device:
    """The till, locked. Raises NotRecovering."""
    life = current(session)
    awaited = select(Device).where(Device.id == device_id, Device.kind == "till", recovery_reports.is_awaited(life))
    device = session.scalar(awaited.with_for_update(key_share=True))
    if device is None or not life.is_recovering:
        raise NotRecovering
    return device


def _save(session: Session, life: Life) -> None:
    row = session.get(Deployment, 1) or Deployment(id=1)
    row.generation, row.recovering_since = life.generation, life.recovering_since
    row.campaigns_from, row.changes_from = life.campaigns_from, life.changes_from
    row.awaits_forgotten = life.awaits_forgotten
    session.add(row)
    session.flush()


def _skip_numbers(session: Session, numbers: int) -> None:
    room = NUMBER_LIMIT - Campaign.coupons
    skipped = case((room < numbers, room), else_=numbers)
    session.execute(update(Campaign).values(coupons=Campaign.coupons + skipped, skipped=Campaign.skipped + skipped))


def _await_devices(session: Session, generation: int) -> None:
    """All but those that were out of service at the backup. When they have reported, the tablets look for coupons that nobody holds."""
    out_of_service = or_(Device.revoked_at.is_not(None), Device.lost_at.is_not(None))
    session.execute(update(Device).where(out_of_service).values(reported_generation=generation))
    session.execute(update(Device).where(ACTIVE).values(sweep_from=0))


def _end_what_may_have_ended(session: Session, now: Ms) -> None:
    """Sessions that were ended since the backup, and links that were used, must not come to life again."""
    session.execute(update(ManagerSession).where(ManagerSession.ended_at.is_(None)).values(ended_at=now))
    session.execute(update(Enrolment).where(Enrolment.expires_at > now).values(expires_at=now))


def _risk(session: Session, row: Row[*tuple[Any, ...]], now: Ms) -> AtRisk | None:
    return writing_off.what_is_at_risk(session, row.id, now) if row.kind == "tablet" else None


def _recent(session: Session, store_id: str, now: Ms) -> int:
    since = local_day(now, "UTC") - RECENT_DAYS
    gifts = select(func.coalesce(func.sum(Tally.count), 0)).where(Tally.store_id == store_id, Tally.day >= since)
    return int(session.scalars(gifts.where(Tally.outcome == Outcome.REDEEMED)).one())
