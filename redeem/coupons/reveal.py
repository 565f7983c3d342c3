"""A shop manager has a coupon's short code shown, which the office hides otherwise. Each time is recorded."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from redeem.accounts import audit, throttle
from redeem.accounts.audit import Change
from redeem.accounts.roles import Person
from redeem.db.models.coupons import Coupon
from redeem.db.models.managers import AuditEntry
from redeem.lib.errors import NotFound, TooMany
from redeem.lib.ids import coupon_id
from redeem.lib.times import MS_PER_MINUTE, Ms

REVEALS_PER_HOUR_MAX = 30
MS_PER_HOUR = 60 * MS_PER_MINUTE


class TooManyReveals(TooMany):
    """This manager has had REVEALS_PER_HOUR_MAX codes shown within an hour."""

    default_detail = "You have had many codes shown within an hour. Show the next one later."


def reveal(session: Session, person: Person, serial: int | None, now: Ms) -> str:
    """Return the short code as it is stored, and record that this manager has seen it. Raises NotFound, TooManyReveals.

    The changes of the last hour are the count, so two requests at once take turns by the lock on the manager's subject.
    """
    throttle.lock(session, [f"reveal:{person.id}"])
    mine = (AuditEntry.manager_id == person.id, AuditEntry.what == Change.CODE_REVEALED)
    lately = AuditEntry.at > now - MS_PER_HOUR
    revealed, first = session.execute(select(func.count(), func.min(AuditEntry.at)).where(*mine, lately)).one()
    if revealed >= REVEALS_PER_HOUR_MAX:
        raise TooManyReveals(max(1, -(-(first + MS_PER_HOUR - now) // 1000)))
    coupon = session.get(Coupon, serial) if serial is not None else None
    if coupon is None:
        raise NotFound
    audit.note(session, person.id, Change.CODE_REVEALED, coupon_id(coupon.serial), now)
    return coupon.short_code
