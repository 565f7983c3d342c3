"""Confirming: what matters most asks for the password again, if it was last typed some time ago.

A browser that was left open for a minute must not be enough to mint a key or to invite a friend. It takes two steps with argon2
between them, as signing in does: `begin` counts the try, `finish` forgets the count. It is counted by session: whoever guesses
here locks nobody out elsewhere.
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
    """Whether the password was typed in this session lately."""
    return now - mine.confirmed_at <= FRESH_MS


def begin(session: Session, mine: SignedIn, now: Ms) -> str | None:
    """Counts the try and answers the hash that the password must have. Raises TooMany if it must wait."""
    subject = subject_of(mine)
    throttle.lock(session, [subject])
    wait = throttle.wait_ms(session, subject, now)
    if wait:
        raise TooMany(-(-wait // 1000))
    throttle.count_failure(session, subject, now)
    return session.get_one(Manager, mine.person.id).password_hash


def finish(session: Session, mine: SignedIn, now: Ms) -> None:
    """The password was right."""
    throttle.reset(session, subject_of(mine))
    session.execute(
        update(ManagerSession).where(ManagerSession.secret_hash == mine.secret_hash).values(confirmed_at=now)
    )


def subject_of(mine: SignedIn) -> str:
    return f"confirm:{mine.secret_hash.hex()[:32]}"
