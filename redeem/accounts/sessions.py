"""Sign-in and sessions of managers. A session is a row, so it can be listed and ended on the server.

Signing in takes two transactions, with argon2 between them. `begin` counts the try as failed before the password is checked, so
that parallel tries are all counted. `finish` resets the count if the password was right, and stores a new hash if the parameters of
hashing have changed since the stored one was made.

Failures are counted by account and by source address, and delay further tries. To keep strangers from delaying a manager, a browser
in which the manager has signed in before has a signed cookie, and is counted by itself.
"""

import hashlib
import secrets
from dataclasses import dataclass

from sqlalchemy import Select, select, update
from sqlalchemy.orm import Session

from redeem.accounts import audit, throttle
from redeem.accounts.audit import Change
from redeem.accounts.roles import Person, as_person, clean_email, find_manager
from redeem.db.models.managers import AuditEntry, Manager, ManagerSession
from redeem.lib import passwords
from redeem.lib.encoding import base64url
from redeem.lib.errors import Invalid, NotFound, TooMany, Unauthenticated
from redeem.lib.times import MS_PER_MINUTE, Ms

SECRET_BYTES = 32
SOURCE_FREE_FAILURES = 30  # an office behind one address has many managers
SEEN_EVERY_MS = MS_PER_MINUTE
USER_AGENT_CHARACTERS = 200
MS_PER_HOUR = 60 * MS_PER_MINUTE


class WrongPassword(Unauthenticated):
    """The e-mail address or the password is wrong. It is not said which."""

    code = "wrong_password"
    default_detail = "The e-mail address or the password is not right."


@dataclass(frozen=True, slots=True)
class KnownBrowser:
    """The payload of the cookie of a browser that has signed in before: which manager, and a random name of the browser."""

    manager_id: str
    name: str


@dataclass(frozen=True, slots=True)
class Try:
    """One try to sign in: the manager (None if the address is unknown or deactivated), the throttle's subjects, and the source address."""

    manager: Manager | None
    subjects: tuple[str, ...]
    source: str


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """How long a session lasts: since it was last used, and since the sign-in."""

    idle_ms: Ms
    absolute_ms: Ms


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A live session and its manager. `confirmed_at` is when the password was last typed in it."""

    secret_hash: bytes
    person: Person
    user_agent: str
    created_at: Ms
    confirmed_at: Ms
    seen_at: Ms

    @property
    def name(self) -> str:
        """The session's name on pages. It is part of a hash of the cookie, so it signs nobody in."""
        return self.secret_hash.hex()[:16]


def begin(session: Session, email: str, source: str, known: KnownBrowser | None, now: Ms) -> Try:
    """Count a try to sign in. Raises TooMany if it comes too early. Known and unknown addresses are treated the same."""
    address = read_email(email)
    manager = find_manager(session, address)
    subjects = subjects_of(address, manager, source, known)
    throttle.lock(session, subjects)
    wait = max(waits(session, subjects, now))
    if wait:
        raise TooMany(-(-wait // 1000))
    for subject in subjects:
        throttle.count_failure(session, subject, now)
    return Try(manager if manager and not manager.disabled_at else None, subjects, source)


def check(attempt: Try, password: str) -> bool:
    """Return whether the password is right. It takes the same time if the address is unknown. Raises Crowded."""
    return passwords.verify(attempt.manager.password_hash if attempt.manager else None, password)


def give_back(session: Session, attempt: Try) -> None:
    """Take back the failures that `begin` has counted: the password was not looked at."""
    for subject in attempt.subjects:
        throttle.uncount_failure(session, subject)


def rehash(attempt: Try, password: str) -> str | None:
    """Hash a right password again if the stored hash was made with other parameters than the present ones; else return None."""
    stored = attempt.manager.password_hash if attempt.manager else None
    return passwords.hash_password(password) if stored and passwords.needs_rehash(stored) else None


def finish(
    session: Session, attempt: Try, *, right: bool, rehashed: str | None = None, user_agent: str, now: Ms
) -> str:
    """Open a session and return its secret, for the browser's cookie. Raises WrongPassword if not `right`."""
    if not right or attempt.manager is None:
        raise WrongPassword
    if rehashed:
        store_rehashed(session, attempt.manager, rehashed)
    account, *source = attempt.subjects
    throttle.reset(session, account)
    for subject in source:
        throttle.uncount_failure(session, subject)
    who = as_person(attempt.manager)
    audit.note(session, who.id, Change.SIGNED_IN, who.id, now, scope=who.scope, name=who.name, source=attempt.source)
    return open_session(session, who.id, user_agent, now)


def note_failure(session: Session, attempt: Try, now: Ms) -> None:
    """Record a wrong password in the audit log, if the address is a manager's: one entry an hour, which counts the tries.

    Of unknown addresses the request log tells. Anybody can make them up, and could fill the table.
    """
    if attempt.manager is None:
        return
    who, hour = as_person(attempt.manager), now - now % MS_PER_HOUR
    same = [AuditEntry.manager_id == who.id, AuditEntry.what == Change.SIGN_IN_FAILED, AuditEntry.at >= hour]
    entry = session.scalar(select(AuditEntry).where(*same).order_by(AuditEntry.id.desc()).limit(1).with_for_update())
    if entry is None:
        told = {"name": who.name, "source": attempt.source, "tries": 1}
        audit.note(session, who.id, Change.SIGN_IN_FAILED, who.id, now, scope=who.scope, **told)
    else:
        entry.details = entry.details | {"source": attempt.source, "tries": entry.details["tries"] + 1}


def store_rehashed(session: Session, verified: Manager, rehashed: str) -> None:
    """Replace the hash that was verified. If another password was set meanwhile, do nothing."""
    same = Manager.password_hash == verified.password_hash
    session.execute(update(Manager).where(Manager.id == verified.id, same).values(password_hash=rehashed))


def subjects_of(address: str, manager: Manager | None, source: str, known: KnownBrowser | None) -> tuple[str, ...]:
    """Return the throttle's subjects: only the browser if it is known, else the account and the source address."""
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
    """Return the cleaned address, or "", which no manager has, if the text is not an address."""
    try:
        return clean_email(text)
    except Invalid:
        return ""


# Sessions.


def open_session(session: Session, manager_id: str, user_agent: str, now: Ms) -> str:
    """Open a session and return its secret: 256 random bits. Only a hash of it is stored."""
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
    """Return the live session with this secret, or None, also if its manager was deactivated."""
    row = session.execute(
        live(lifetimes, now).where(ManagerSession.secret_hash == secret_hash, Manager.disabled_at.is_(None))
    ).one_or_none()
    return signed_in(*row) if row else None


def list_sessions(session: Session, manager_id: str, lifetimes: Lifetimes, now: Ms) -> list[SignedIn]:
    mine = live(lifetimes, now).where(Manager.id == manager_id).order_by(ManagerSession.seen_at.desc())
    return [signed_in(*row) for row in session.execute(mine)]


def live(lifetimes: Lifetimes, now: Ms) -> Select[ManagerSession, Manager]:
    """Select the sessions that have neither ended nor expired, with their managers."""
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


def is_stale(signed_in: SignedIn, now: Ms) -> bool:
    """Return whether `note_seen` is due. It is due once a minute, so that reading pages rarely writes to the database."""
    return now - signed_in.seen_at > SEEN_EVERY_MS


def end_session(session: Session, manager_id: str, secret_hash: bytes, now: Ms) -> None:
    """End a session, if it is this manager's."""
    mine = ManagerSession.manager_id == manager_id, ManagerSession.secret_hash == secret_hash
    session.execute(update(ManagerSession).where(*mine, ManagerSession.ended_at.is_(None)).values(ended_at=now))


def end_other_sessions(session: Session, manager_id: str, secret_hash: bytes, now: Ms) -> None:
    others = ManagerSession.manager_id == manager_id, ManagerSession.secret_hash != secret_hash
    session.execute(update(ManagerSession).where(*others, ManagerSession.ended_at.is_(None)).values(ended_at=now))


def change_password(session: Session, email: str, password_hash: str, now: Ms) -> None:
    """Set a manager's password from the command line, and end all their sessions. Raises NotFound."""
    manager = find_manager(session, read_email(email))
    if manager is None:
        raise NotFound("Check the e-mail address; no manager has it.")
    manager.password_hash = password_hash
    live_ones = ManagerSession.manager_id == manager.id, ManagerSession.ended_at.is_(None)
    session.execute(update(ManagerSession).where(*live_ones).values(ended_at=now))


def signed_in(row: ManagerSession, manager: Manager) -> SignedIn:
    return SignedIn(row.secret_hash, as_person(manager), row.user_agent, row.created_at, row.confirmed_at, row.seen_at)


def printable(text: str) -> str:
    return "".join(character for character in text if character.isprintable())
