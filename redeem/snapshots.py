"""What a tablet knows of each coupon before it is asked: the exact sets of redeemed and void ones, and what changed since.

Changes are heard of by position, never by time. SQLite commits one writer after another, so a position is a count. PostgreSQL
commits side by side: there a position is a transaction's number, and a reader goes on from the oldest one that was under way when it
read, so that a late commit is heard of too. A coupon heard of twice is told as it now is, which is the same thing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from redeem import holding
from redeem.bitmaps import to_bitmap, to_gaps
from redeem.errors import NotFound
from redeem.keys import base64url
from redeem.models import Campaign, Change, Coupon, Redemption

CHANGES_PER_REPLY_MAX = 20_000
NEXT_POSITION = {
    "sqlite": text("SELECT coalesce(max(position), 0) + 1 FROM change"),
    "postgresql": text("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint"),
}


@dataclass(frozen=True, slots=True)
class Sets:
    """One campaign whole: bitmaps of its redeemed and its void coupons, and the position to hear of changes from."""

    position: str
    size: int
    redeemed: bytes
    void: bytes


def sets(session: Session, campaign_number: int) -> Sets:
    """Raises NotFound. The position is read before the rows: what is committed in between is heard of again."""
    position = f"{holding.generation(session)}.{next_position(session)}"
    size = session.scalar(select(Campaign.coupons).where(Campaign.number == campaign_number))
    if size is None:
        raise NotFound
    low, high = campaign_number << 32, (campaign_number + 1) << 32
    redeemed = session.scalars(select(Redemption.serial).where(Redemption.serial >= low, Redemption.serial < high))
    void = session.scalars(
        select(Coupon.serial).where(Coupon.campaign_number == campaign_number, Coupon.voided_at.is_not(None))
    )
    return Sets(position, size, to_bitmap((s - low for s in redeemed), size), to_bitmap((s - low for s in void), size))


def changes_since(session: Session, position: str | None, campaigns: Sequence[int]) -> dict[str, Any] | None:
    """How the changed coupons of these campaigns now are, as gaps; None if the tablet must fetch the sets anew."""
    generation, _, number = (position or "").partition(".")
    if not number.isdecimal() or generation != str(holding.generation(session)):
        return None
    next_one = next_position(session)
    changed = list(
        session.scalars(select(Change.serial).where(Change.position >= int(number)).limit(CHANGES_PER_REPLY_MAX + 1))
    )
    if len(changed) > CHANGES_PER_REPLY_MAX:
        return None
    wanted = [serial for serial in set(changed) if serial >> 32 in campaigns]
    return {"position": f"{generation}.{next_one}", "campaigns": states(session, wanted)}


def states(session: Session, serials: Sequence[int]) -> dict[str, dict[str, str]]:
    """By campaign number: `redeemed`, `void` and `open` numbers."""
    redeemed = set(session.scalars(select(Redemption.serial).where(Redemption.serial.in_(serials))))
    void = set(session.scalars(select(Coupon.serial).where(Coupon.serial.in_(serials), Coupon.voided_at.is_not(None))))
    told: dict[str, dict[str, list[int]]] = {}
    for serial in serials:
        state = "redeemed" if serial in redeemed else "void" if serial in void else "open"
        told.setdefault(str(serial >> 32), {}).setdefault(state, []).append(serial & 0xFFFFFFFF)
    return {
        number: {state: base64url(to_gaps(numbers)) for state, numbers in by.items()} for number, by in told.items()
    }


def next_position(session: Session) -> int:
    """From where a reader goes on: every change below it is visible now."""
    return session.scalar(NEXT_POSITION[session.get_bind().dialect.name]) or 0
