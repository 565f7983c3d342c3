"""Invitations: a person becomes a manager by a link that works once, and chooses their own password.

Managers can't invite anybody to a higher role than their own, or to stores outside their scope. This is checked when the link is
made and again when it is used, so the links of a manager who was deactivated or moved work no more.
"""

from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.orm import Session, aliased

from redeem.accounts import audit, roles
from redeem.accounts.audit import Change
from redeem.accounts.people import NotAbove, may_appoint
from redeem.accounts.roles import Person, Role, Scope, TakenEmail, as_person, clean_email, people_within, scope_of
from redeem.db.lines import line, lines, select_as
from redeem.db.models.managers import Invitation, Manager
from redeem.db.models.partners import Partner, Store
from redeem.lib.errors import Conflict, NotFound
from redeem.lib.ids import new_id
from redeem.lib.text import clean_name
from redeem.lib.times import MS_PER_DAY, Ms

INVITATION_DAYS = 7
INVITATION_SECONDS = INVITATION_DAYS * MS_PER_DAY // 1000


class InvitationClosed(Conflict):
    """The invitation was used, was withdrawn or has expired, or its author may no longer invite to this role."""

    code = "invitation_over"
    default_detail = "This invitation was used or is not valid any more. Ask for a new one."


@dataclass(frozen=True, slots=True)
class NewPerson:
    """Who is invited, and to which role and scope."""

    email: str
    name: str
    role: Role
    partner_id: str | None = None
    store_id: str | None = None


@dataclass(frozen=True, slots=True)
class InvitationLine:
    """An invitation that can still be accepted."""

    id: str
    email: str
    name: str
    role_name: str
    partner_name: str | None
    store_name: str | None
    expires_at: Ms
    invited_by: str

    @property
    def role(self) -> Role:
        return Role(self.role_name)

    @property
    def place(self) -> str:
        return " · ".join(name for name in (self.partner_name, self.store_name) if name)


Inviter = aliased(Manager)
OPEN = (
    select_as(
        InvitationLine,
        id=Invitation.id,
        email=Invitation.email,
        name=Invitation.name,
        role_name=Invitation.role,
        partner_name=Partner.name,
        store_name=Store.name,
        expires_at=Invitation.expires_at,
        invited_by=Inviter.name,
    )
    .join(Inviter, Inviter.id == Invitation.manager_id)
    .outerjoin(Partner, Partner.id == Invitation.partner_id)
    .outerjoin(Store, Store.id == Invitation.store_id)
    .where(Invitation.accepted_id.is_(None), Invitation.withdrawn_at.is_(None))
)


def invite(session: Session, person: Person, new: NewPerson, now: Ms) -> Invitation:
    """Make an invitation. An open one for the same address is withdrawn. Raises Invalid, NotAbove, TakenEmail."""
    email, scope = clean_email(new.email), scope_of(session, new.role, new.partner_id, new.store_id)
    if not may_appoint(person, new.role, scope):
        raise NotAbove("Invite to what you run yourself, and to no more than you are.")
    if roles.find_manager(session, email):
        raise TakenEmail
    made = Invitation(
        id=new_id("inv", now),
        email=email,
        name=clean_name(new.name),
        role=new.role,
        partner_id=scope.partner_id,
        store_id=scope.store_id,
        manager_id=person.id,
        created_at=now,
        expires_at=now + INVITATION_DAYS * MS_PER_DAY,
    )
    same = [Invitation.email == email, Invitation.accepted_id.is_(None), Invitation.withdrawn_at.is_(None)]
    session.execute(update(Invitation).where(*same, people_within(person.scope, Invitation)).values(withdrawn_at=now))
    session.add(made)
    session.flush()
    note(session, person.id, Change.PERSON_INVITED, made, now)
    return made


def list_open(session: Session, scope: Scope, now: Ms) -> list[InvitationLine]:
    """Return the open invitations within the scope, newest first."""
    wanted = OPEN.where(people_within(scope, Invitation), Invitation.expires_at > now).order_by(Invitation.id.desc())
    return lines(session, InvitationLine, wanted)


def withdraw(session: Session, person: Person, invitation_id: str, now: Ms) -> None:
    """Withdraw an invitation: its link stops working. Idempotent. Raises NotFound, NotAbove."""
    known = select(Invitation).where(Invitation.id == invitation_id, people_within(person.scope, Invitation))
    row = session.scalar(known.with_for_update())
    if row is None:
        raise NotFound
    if not may_appoint(person, Role(row.role), scope_as_stored(row)):
        raise NotAbove
    if row.withdrawn_at is None and row.accepted_id is None:
        row.withdrawn_at = now
        session.flush()
        note(session, person.id, Change.INVITATION_WITHDRAWN, row, now)


def find(session: Session, invitation_id: str, now: Ms) -> InvitationLine:
    """Return an invitation that can be accepted. Raises InvitationClosed."""
    check(session, session.get(Invitation, invitation_id), now)
    return line(session, InvitationLine, OPEN.where(Invitation.id == invitation_id))


def accept(session: Session, invitation_id: str, name: str, password_hash: str, now: Ms) -> Manager:
    """Make the invited person a manager. Hash the password before the transaction. Raises InvitationClosed, TakenEmail, Invalid."""
    locked = select(Invitation).where(Invitation.id == invitation_id).with_for_update()
    row = check(session, session.scalar(locked), now)
    role = Role(row.role)
    manager = roles.add_manager(
        session, row.email, name, role, password_hash, now, partner_id=row.partner_id, store_id=row.store_id
    )
    row.accepted_id = manager.id
    session.flush()
    note(session, manager.id, Change.INVITATION_ACCEPTED, row, now)
    return manager


def check(session: Session, row: Invitation | None, now: Ms) -> Invitation:
    """Return the invitation if it can be accepted. Raises InvitationClosed."""
    if row is None or row.accepted_id or row.withdrawn_at or now > row.expires_at:
        raise InvitationClosed
    inviter = session.get_one(Manager, row.manager_id)
    if inviter.disabled_at or not may_appoint(as_person(inviter), Role(row.role), scope_as_stored(row)):
        raise InvitationClosed
    return row


def scope_as_stored(row: Invitation) -> Scope:
    return Scope(row.partner_id, row.store_id)


def note(session: Session, manager_id: str, what: Change, row: Invitation, now: Ms) -> None:
    details = {"name": row.name, "email": row.email, "role": row.role}
    audit.note(session, manager_id, what, row.id, now, scope=scope_as_stored(row), **details)
