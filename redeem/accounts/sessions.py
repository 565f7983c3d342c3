"""Signing in: a manager's browser becomes a row, which can be listed and ended on the server.

Signing in takes two steps with argon2 between them, outside any transaction: `begin` counts the try before anything is
known, so that many tries at once are as many tries; `finish` forgets the count if the password was right. A hash that was made
with other parameters than today's is made anew between them.

Guessing is slowed, and nobody can lock another out by it: a browser that this manager has signed in with before carries a
sign of that (a sealed link of its own purpose) and is counted by itself, so that strangers' failures don't delay it.
"""

import hashlib
import secrets
from dataclasses import dataclass

from sqlalchemy import Select, select, update
from sqlalchemy.orm import Session

from redeem.accounts import throttle
from redeem.accounts.roles import Person, as_person, clean_email, find_manager
from redeem.db.models.managers import Manager, ManagerSession
from redeem.lib import passwords
from redeem.lib.encoding import base64url
from redeem.lib.errors import Invalid, NotFound, TooMany, Unauthenticated
from redeem.lib.times import MS_PER_MINUTE, Ms

SECRET_BYTES = 32
SOURCE_FREE_FAILURES = 30  # an office behind one address has many managers
SEEN_EVERY_MS = MS_PER_MINUTE
USER_AGENT_CHARACTERS = 200


class WrongPassword(Unauthenticated):
    """The address, the password, or both."""

    code = "wrong_password"
    default_detail = "The e-mail address or the password is not right."


@dataclass(frozen=True, slots=True)
class KnownBrowser:
    """What a browser carries after its first sign-in: whose it is, and a random name for it."""

    manager_id: str
    name: str


@dataclass(frozen=True, slots=True)
class Try:
    """One try: whom it is about (None: nobody has this address), and what is counted."""

    manager: Manager | None
    subjects: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """How long a session lasts, unused and at all."""

    idle_ms: Ms
    absolute_ms: Ms


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session that is good now, and whose it is; `confirmed_at`: when the password was last typed in it."""

    secret_hash: bytes
    person: Person
    user_agent: str
    created_at: Ms
    confirmed_at: Ms
    seen_at: Ms

    @property
    def name(self) -> str:
        """What pages call it. It opens nothing: the cookie is what this is a hash of."""
        return self.secret_hash.hex()[:16]


def begin(session: Session, email: str, source: str, known: KnownBrowser | None, now: Ms) -> Try:
    """Counts the try. Raises TooMany if it must wait, alike whether the address is known or not."""
    address = read_email(email)
    manager = find_manager(session, address)
    subjects = subjects_of(address, manager, source, known)
    throttle.lock(session, subjects)
    wait = max(waits(session, subjects, now))
    if wait:
        raise TooMany(-(-wait // 1000))
    for subject in subjects:
        throttle.count_failure(session, subject, now)
    return Try(manager if manager and not manager.disabled_at else None, subjects)


def check(attempt: Try, password: str) -> bool:
    """Takes as long for an address that nobody has."""
    return passwords.verify(attempt.manager.password_hash if attempt.manager else None, password)


def rehash(attempt: Try, password: str) -> str | None:
    """The hash by today's parameters of a password that was found right; None if the stored hash has them. Takes as long as `check`."""
    stored = attempt.manager.password_hash if attempt.manager else None
    return passwords.hash_password(password) if stored and passwords.needs_rehash(stored) else None


def finish(
    session: Session, attempt: Try, *, right: bool, rehashed: str | None = None, user_agent: str, now: Ms
) -> str:
    """The new session's secret, for the browser's cookie. Raises WrongPassword."""
    if not right or attempt.manager is None:
        raise WrongPassword
    if rehashed:
        store_rehashed(session, attempt.manager, rehashed)
    account, *source = attempt.subjects
    throttle.reset(session, account)
    for subject in source:
        throttle.uncount_failure(session, subject)
    return open_session(session, attempt.manager.id, user_agent, now)


def store_rehashed(session: Session, verified: Manager, rehashed: str) -> None:
    """In place of the hash that was verified, and of no other: a password that was set meanwhile stays."""
    same = Manager.password_hash == verified.password_hash
    session.execute(update(Manager).where(Manager.id == verified.id, same).values(password_hash=rehashed))


def subjects_of(address: str, manager: Manager | None, source: str, known: KnownBrowser | None) -> tuple[str, ...]:
    if known and manager and known.manager_id == manager.id:
        return (f"signin:browser:{known.name}",)
    hashed = hashlib.sha256(address.encode()).hexdigest()[:32]
    return f"signin:account:{hashed}", f"signin:source:{source}"


def waits(session: Session, subjects: tuple[str, ...], now: Ms) -> list[Ms]:
    own, *source = subjects
    return [throttle.wait_ms(session, own, now)] + [
        throttle.wait_ms(session, subject, now, free_failures=SOURCE_FREE_FAILURES) for subject in source
    ]


def read_email(text: str) -> str:
    """A text that is no address is looked up like one; it will not be found."""
    try:
        return clean_email(text)
    except Invalid:
        return ""


# Sessions.


def open_session(session: Session, manager_id: str, user_agent: str, now: Ms) -> str:
    """256 random bits, of which only a hash is kept."""
    secret = base64url(secrets.token_bytes(SECRET_BYTES))
    session.add(
        ManagerSession(
            secret_hash=hash_secret(secret),
            manager_id=manager_id,
            user_agent=printable(user_agent)[:USER_AGENT_CHARACTERS],
            created_at=now,
            confirmed_at=now,
            seen_at=now,
        )
    )
    session.flush()
    return secret


def hash_secret(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def find_session(session: Session, secret_hash: bytes, lifetimes: Lifetimes, now: Ms) -> SignedIn | None:
    """The session of this secret, unless it or its manager's right to it has ended."""
    row = session.execute(
        live(lifetimes, now).where(ManagerSession.secret_hash == secret_hash, Manager.disabled_at.is_(None))
    ).one_or_none()
    return signed_in(*row) if row else None


def list_sessions(session: Session, manager_id: str, lifetimes: Lifetimes, now: Ms) -> list[SignedIn]:
    mine = live(lifetimes, now).where(Manager.id == manager_id).order_by(ManagerSession.seen_at.desc())
    return [signed_in(*row) for row in session.execute(mine)]


def live(lifetimes: Lifetimes, now: Ms) -> Select[ManagerSession, Manager]:
    return (
        select(ManagerSession, Manager)
        .join(Manager, Manager.id == ManagerSession.manager_id)
        .where(
            ManagerSession.ended_at.is_(None),
            ManagerSession.created_at > now - lifetimes.absolute_ms,
            ManagerSession.seen_at > now - lifetimes.idle_ms,
        )
    )


def note_seen(session: Session, secret_hash: bytes, now: Ms) -> None:
    later = ManagerSession.seen_at < now
    session.execute(update(ManagerSession).where(ManagerSession.secret_hash == secret_hash, later).values(seen_at=now))


def is_stale(found: SignedIn, now: Ms) -> bool:
    """Whether it is time to note that the session is in use: to the minute, so that reading a page is rarely a write."""
    return now - found.seen_at > SEEN_EVERY_MS


def end_session(session: Session, manager_id: str, secret_hash: bytes, now: Ms) -> None:
    """Ends it if it is this manager's own."""
    mine = ManagerSession.manager_id == manager_id, ManagerSession.secret_hash == secret_hash
    session.execute(update(ManagerSession).where(*mine, ManagerSession.ended_at.is_(None)).values(ended_at=now))


def end_other_sessions(session: Session, manager_id: str, secret_hash: bytes, now: Ms) -> None:
    others = ManagerSession.manager_id == manager_id, ManagerSession.secret_hash != secret_hash
    session.execute(update(ManagerSession).where(*others, ManagerSession.ended_at.is_(None)).values(ended_at=now))


def change_password(session: Session, email: str, password_hash: str, now: Ms) -> None:
    """A new password, and every session of the old one ended. Raises NotFound."""
    manager = find_manager(session, read_email(email))
    if manager is None:
        raise NotFound("Check the e-mail address; no manager has it.")
    manager.password_hash = password_hash
    whole = ManagerSession.manager_id == manager.id, ManagerSession.ended_at.is_(None)
    session.execute(update(ManagerSession).where(*whole).values(ended_at=now))


def signed_in(row: ManagerSession, manager: Manager) -> SignedIn:
    return SignedIn(row.secret_hash, as_person(manager), row.user_agent, row.created_at, row.confirmed_at, row.seen_at)


def printable(text: str) -> str:
    return "".join(character for character in text if character.isprintable())
