"""A clerk's PIN at a tablet. Wrong PINs are counted, and after some of them the next try must wait.

They are counted per tablet and clerk: a stolen tablet that guesses locks nobody out at another. How many are free and how long the waits
are is in accounts/throttle.py, and for a tablet without a network in `static/clerk/server/pins.js`.
"""

from sqlalchemy import select
from sqlalchemy.orm import Session

from redeem.accounts import throttle
from redeem.db.models.devices import Clerk
from redeem.devices.enrolment import Tablet
from redeem.lib import passwords
from redeem.lib.ids import is_id
from redeem.lib.times import Ms


def begin_try(session: Session, tablet: Tablet, clerk_id: str, now: Ms) -> tuple[Clerk | None, Ms]:
    """Return the clerk and how long this try must wait. If it need not wait, it is counted as wrong beforehand.

    This is the first of two steps; argon2 runs between them, outside any transaction. The try is counted first, so that a hundred
    tries at once are no more than a hundred in a row.
    """
    at_store = select(Clerk).where(Clerk.id == clerk_id, Clerk.store_id == tablet.store_id, Clerk.left_at.is_(None))
    clerk = session.scalar(at_store) if is_id("clk", clerk_id) else None
    if clerk is None:
        return None, 0  # there is nothing to guess at
    subject = subject_of(tablet, clerk_id)
    throttle.lock(session, [subject])
    wait = wait_ms(session, tablet, clerk_id, now)
    if not wait:
        throttle.count_failure(session, subject, now)
    return clerk, wait


def is_right(clerk: Clerk | None, pin: str) -> bool:
    """Return whether it is this clerk's PIN. An unknown clerk costs no hash: a tablet knows its store's clerks anyway. Raises Crowded."""
    return clerk is not None and passwords.verify(clerk.pin_hash, pin)


def give_try_back(session: Session, tablet: Tablet, clerk_id: str) -> None:
    """Take back the failure that `begin_try` has counted: the PIN was not looked at."""
    throttle.uncount_failure(session, subject_of(tablet, clerk_id))


def finish_try(session: Session, tablet: Tablet, clerk_id: str, *, right: bool, now: Ms) -> Ms:
    """Forget the wrong PINs if this one was right. Return how long the next try must wait."""
    if right:
        throttle.reset(session, subject_of(tablet, clerk_id))
    return wait_ms(session, tablet, clerk_id, now)


def wait_ms(session: Session, tablet: Tablet, clerk_id: str, now: Ms) -> Ms:
    """Return how long the next PIN of this clerk must wait at this tablet, in ms. 0 means that it may come now."""
    return throttle.wait_ms(session, subject_of(tablet, clerk_id), now)


def subject_of(tablet: Tablet, clerk_id: str) -> str:
    """Return what wrong PINs are counted under."""
    return f"pin:{tablet.id}:{clerk_id}"
