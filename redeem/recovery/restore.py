"""A backup was put back. It lacks what happened since, so gifts given since would be given again.

`begin` starts a new generation of the ledger, in recovery. Tablets and tills report what they know
(`redeem/ledger/recovery_reports.py`, `redeem/recovery/tills.py`), coupons issued after the backup are adopted
(`redeem/ledger/lost_coupons.py`), campaigns and signing keys made since come back by what tablets keep of them
(`redeem/ledger/sealed_copies.py`), and a manager writes off devices that never come back (`redeem/recovery/missing_devices.py`). Devices
enrolled after the backup are unknown here (`redeem/recovery/enrolled_since_backup.py`): the ledger waits until a manager says that
none of them is missing.
"""

from sqlalchemy import case, delete, func, or_, select, update
from sqlalchemy.orm import Session

from redeem.coupons import batches
from redeem.db.models.coupons import Campaign, SigningKey
from redeem.db.models.devices import Claim, Device, Enrolment
from redeem.db.models.ledger import CouponChange, Deployment
from redeem.db.models.managers import ManagerSession
from redeem.devices import forgotten
from redeem.domain.signing_keys import KEY_ID_LIMIT
from redeem.holds.holds import ACTIVE
from redeem.ledger.generation import Life, current
from redeem.ledger.high_water import Marks
from redeem.lib.ids import CAMPAIGN_LIMIT, NUMBER_LIMIT
from redeem.lib.times import Ms

NONE_KNOWN = Marks()
SKIPPED_NUMBERS = 10_000
SKIPPED_CAMPAIGNS = 1_000
SKIPPED_KEYS = 3  # a token has room for 256


def begin(
    session: Session,
    now: Ms,
    skip_numbers: int = SKIPPED_NUMBERS,
    newest: int = 0,
    *,
    none_enrolled: bool = False,
    marks: Marks = NONE_KNOWN,
) -> Life:
    """Begin a new generation after a backup was put back, before anybody is served. Return it.

    No number that may be out is used again: those below `marks`, the high-water mark, and `skip_numbers` in each campaign. Where a server's
    mark is lost, these must be more than any campaign has issued since the backup.
    `newest` is the newest generation that is known to have existed. It is higher than the backup's if this backup was put back
    before: each lost generation skipped numbers and went on behind them, and tablets still hold what it granted.
    `none_enrolled` says that no tablet and no till was enrolled since the backup; otherwise a manager must say so later.
    """
    life = current(session, lock=True)
    generation = max(life.generation, life.behind_generation or 0, newest) + 1
    lives = generation - life.generation
    newest_campaign = session.scalar(select(func.max(Campaign.number))) or 0
    campaigns_from = max(newest_campaign + 1, life.campaigns_from) + SKIPPED_CAMPAIGNS * lives
    campaigns_from = min(max(campaigns_from, marks.campaigns), CAMPAIGN_LIMIT - 1)
    newest_key = session.scalar(select(func.max(SigningKey.kid))) or 0
    keys_from = max(newest_key + 1, life.keys_from) + SKIPPED_KEYS * lives
    keys_from = min(max(keys_from, marks.keys), KEY_ID_LIMIT - 1)
    _save(
        session,
        Life(
            generation,
            now,
            campaigns_from,
            awaits_forgotten=life.awaits_forgotten or not none_enrolled,
            awaits_shop=True,
            keys_from=keys_from,
            skipped_numbers=max(
                min(life.skipped_numbers + skip_numbers * lives, NUMBER_LIMIT),
                highest_of_lost_campaigns(session, marks),
            ),
        ),
    )
    _skip_numbers(session, skip_numbers * lives)
    _skip_to(session, marks)
    session.execute(delete(CouponChange))
    session.execute(delete(Claim))
    forgotten.forget_callers(session)
    batches.stop_all(session, now)
    _await_devices(session, generation)
    _end_what_may_have_ended(session, now)
    return current(session)


def _save(session: Session, life: Life) -> None:
    row = session.get(Deployment, 1) or Deployment(id=1)
    row.generation, row.recovering_since = life.generation, life.recovering_since
    row.campaigns_from, row.changes_from = life.campaigns_from, life.changes_from
    row.keys_from, row.skipped_numbers = life.keys_from, life.skipped_numbers
    row.awaits_forgotten, row.behind_generation = life.awaits_forgotten, life.behind_generation
    row.awaits_shop = life.awaits_shop
    session.add(row)
    session.flush()


def _skip_numbers(session: Session, numbers: int) -> None:
    room = NUMBER_LIMIT - Campaign.coupons
    skipped = case((room < numbers, room), else_=numbers)
    session.execute(update(Campaign).values(coupons=Campaign.coupons + skipped, skipped=Campaign.skipped + skipped))


def _skip_to(session: Session, marks: Marks) -> None:
    """Skip all numbers of each campaign that are below its mark."""
    for number, bound in marks.coupons.items():
        lower = (Campaign.number == number, Campaign.coupons < min(bound, NUMBER_LIMIT))
        skipped = Campaign.skipped + min(bound, NUMBER_LIMIT) - Campaign.coupons
        session.execute(update(Campaign).where(*lower).values(coupons=min(bound, NUMBER_LIMIT), skipped=skipped))


def highest_of_lost_campaigns(session: Session, marks: Marks) -> int:
    """Return the highest mark of campaigns that the backup lacks: one that comes back has all numbers below it skipped."""
    here = set(session.scalars(select(Campaign.number)))
    return max((min(bound, NUMBER_LIMIT) for number, bound in marks.coupons.items() if number not in here), default=0)


def _await_devices(session: Session, generation: int) -> None:
    """Await the report of every device in service at the backup. Then tablets look for coupons that nobody holds."""
    out_of_service = or_(Device.revoked_at.is_not(None), Device.lost_at.is_not(None))
    session.execute(update(Device).where(out_of_service).values(reported_generation=generation))
    session.execute(update(Device).where(ACTIVE).values(sweep_from=0))


def _end_what_may_have_ended(session: Session, now: Ms) -> None:
    """End all sessions and links: those that ended since the backup must not come back to life."""
    session.execute(update(ManagerSession).where(ManagerSession.ended_at.is_(None)).values(ended_at=now))
    session.execute(update(Enrolment).where(Enrolment.expires_at > now).values(expires_at=now))
