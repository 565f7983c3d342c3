"""Reauthentication: the most sensitive actions ask for the password again if it was last typed some time ago.

So a browser that was left open is not enough to make an API key or to invite somebody. As in sessions.py, argon2 runs between two
transactions: `begin` counts the try as failed, `finish` resets the count. Tries are counted for each session, so that guessing
here does not delay anybody's sign-in.
"""

from sqlalchemy import update
from sqlalchemy.orm import Session

from redeem.accounts import throttle
from redeem.accounts.sessions import SignedIn
from redeem.db.models.managers import Manager, ManagerSession
from redeem.lib.errors import TooMany
from redeem.lib.times import MS_PER_MINUTE, Ms

FRESH_MS = 15 * MS_PER_MINUTE


def is_fresh(mine: SignedIn, now: Ms) -> bool:
    """Return whether the password was typed in this session recently."""
    return now - mine.confirmed_at <= FRESH_MS


def begin(session: Session, mine: SignedIn, now: Ms) -> str | None:
    """Count a try, and return the stored hash to verify the password against. Raises TooMany."""
    subject = subject_of(mine)
    throttle.lock(session, [subject])
    wait = throttle.wait_ms(session, subject, now)
    if wait:
        raise TooMany(-(-wait // 1000))
    throttle.count_failure(session, subject, now)
    return session.get_one(Manager, mine.person.id).password_hash


def give_back(session: Session, mine: SignedIn) -> None:
    """Take back the failure that `begin` has counted: the password was not looked at."""
    throttle.uncount_failure(session, subject_of(mine))


def finish(session: Session, mine: SignedIn, now: Ms) -> None:
    """Record that the password was right."""
    throttle.reset(session, subject_of(mine))
    session.execute(
        update(ManagerSession).where(ManagerSession.secret_hash == mine.secret_hash).values(confirmed_at=now)
    )


def subject_of(mine: SignedIn) -> str:
    return f"confirm:{mine.secret_hash.hex()[:32]}"
