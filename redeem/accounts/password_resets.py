"""Set a new password: by a link that a manager of higher rank makes and hands over, or by one's own choice while signed in.

A link works once, within a day. Only the newest link of a manager works, and none if that manager, or its author, was deactivated.
"""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from redeem.accounts import people
from redeem.accounts.audit import Change
from redeem.accounts.roles import Person, as_person
from redeem.accounts.sessions import SignedIn, end_other_sessions
from redeem.db.models.managers import Manager
from redeem.lib.errors import Conflict
from redeem.lib.times import MS_PER_DAY, Ms

RESET_SECONDS = MS_PER_DAY // 1000


class ResetClosed(Conflict):
    """The link was used, has expired, or a newer one was made."""

    code = "reset_over"
    default_detail = "This link was used or is not valid any more. Ask for a new one."


@dataclass(frozen=True, slots=True)
class Reset:
    """The payload of a reset link: whose password it sets, and when it was made."""

    manager_id: str
    at: Ms


def make_reset(session: Session, person: Person, manager_id: str, now: Ms) -> tuple[Reset, Person]:
    """Make a reset link, and return it with the manager whose it is. Earlier links of theirs end. Raises NotFound, NotAbove, Conflict."""
    manager, who = people.get_below(session, person, manager_id)
    if manager.disabled_at is not None:
        raise Conflict("Reactivate this person first.")
    manager.reset_at, manager.reset_by_id = now, person.id
    session.flush()
    people.note(session, person, Change.RESET_MADE, who, now)
    return Reset(manager.id, now), who


def find(session: Session, reset: Reset, now: Ms, *, lock: bool = False) -> Manager:
    """Return the manager whose password the link may set. Raises ResetClosed."""
    wanted = select(Manager).where(Manager.id == reset.manager_id, Manager.reset_at == reset.at)
    manager = session.scalar(wanted.with_for_update() if lock else wanted)
    if manager is None or manager.disabled_at is not None or now - reset.at > RESET_SECONDS * 1000:
        raise ResetClosed
    maker = session.get(Manager, manager.reset_by_id) if manager.reset_by_id else None
    if maker is None or maker.disabled_at is not None:
        raise ResetClosed
    return manager


def finish(session: Session, reset: Reset, password_hash: str, now: Ms) -> None:
    """Set the password and end all sessions of the manager. Hash the password before the transaction. Raises ResetClosed."""
    manager = find(session, reset, now, lock=True)
    manager.password_hash, manager.reset_at = password_hash, None
    people.end_all(session, manager.id, now)
    who = as_person(manager)
    people.note(session, who, Change.PASSWORD_CHANGED, who, now)


def change_own(session: Session, mine: SignedIn, password_hash: str, now: Ms) -> None:
    """Set one's own password. All other sessions end."""
    manager = session.get_one(Manager, mine.person.id)
    manager.password_hash, manager.reset_at = password_hash, None
    end_other_sessions(session, manager.id, mine.secret_hash, now)
    people.note(session, mine.person, Change.PASSWORD_CHANGED, mine.person, now)
