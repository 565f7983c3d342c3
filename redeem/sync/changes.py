"""What a tablet knows of each coupon offline: the exact sets of redeemed and void coupons, and what changed since.

Changes are read by position, never by time. SQLite commits one writer after another, so a position is a count. PostgreSQL
commits side by side: there a position is a transaction's number, and a reader resumes from the oldest transaction that was
under way when it read, so no late commit is missed. A coupon that is told twice is told as it is now, so that does no harm.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, delete, select, text, update
from sqlalchemy.orm import Session

from redeem.db.models.coupons import Campaign, Coupon
from redeem.db.models.ledger import CouponChange, Deployment, Redemption
from redeem.db.models.partners import Store
from redeem.domain.rules import is_good_at
from redeem.domain.terms import parse_terms
from redeem.ledger import generation
from redeem.ledger.generation import Life
from redeem.ledger.sql import IS_VOID
from redeem.lib.bitmaps import to_bitmap, to_gaps
from redeem.lib.encoding import base64url
from redeem.lib.errors import NotFound

CHANGES_PER_REPLY_MAX = 20_000
# More than any tablet is told at once: whoever is further behind fetches the sets.
CHANGES_KEPT_MAX = 2 * CHANGES_PER_REPLY_MAX
CHANGES_PER_PRUNING_MAX = 100_000
# The series of positions, and the one from which a reader goes on: every change below it can be seen now. A PostgreSQL server that
# a dump was moved to numbers its transactions anew, so its own number is part of the series.
NEXT_POSITION = {
    "sqlite": text("SELECT 0, coalesce(max(position), 0) + 1 FROM change"),
    "postgresql": text(
        "SELECT system_identifier % 1000000007, pg_snapshot_xmin(pg_current_snapshot())::text::bigint FROM pg_control_system()"
    ),
}
FIRST_WORD = text(
    "INSERT INTO deployment (id, generation, awaits_forgotten, campaigns_from, changes_from) VALUES (1, 1, FALSE, 0, 0)"
    " ON CONFLICT DO NOTHING"
)
# What is redeemed is told so, void or not. A void that waits for the holder is one for everybody else.
CHANGED = (
    select(CouponChange.serial, Redemption.serial.is_not(None), IS_VOID)
    .distinct()
    .join(Coupon, Coupon.serial == CouponChange.serial)
    .outerjoin(Redemption, Redemption.serial == CouponChange.serial)
    .where(CouponChange.position >= bindparam("since"))
    .limit(CHANGES_PER_REPLY_MAX + 1)
)
REDEEMED = select(Redemption.serial).where(Redemption.serial >= bindparam("low"), Redemption.serial < bindparam("high"))
VOID = select(Coupon.serial).where(IS_VOID, Coupon.serial >= bindparam("low"), Coupon.serial < bindparam("high"))


@dataclass(frozen=True, slots=True)
class Position:
    """How far a tablet has read the changes, written `<generation>.<number>.<series>`."""

    generation: int
    number: int
    series: int

    def __str__(self) -> str:
        return f"{self.generation}.{self.number}.{self.series}"


@dataclass(frozen=True, slots=True)
class Sets:
    """One campaign in full: bitmaps of its redeemed and void coupons, and the position from which to read changes."""

    position: str
    size: int
    redeemed: bytes
    void: bytes


def sets_at(session: Session, store_id: str, campaign_number: int) -> Sets:
    """Return the sets of a campaign that is good at this store. Raises NotFound."""
    terms = session.scalar(select(Campaign.terms).where(Campaign.number == campaign_number))
    partner_id = session.scalars(select(Store.partner_id).where(Store.id == store_id)).one()
    if terms is None or not is_good_at(parse_terms(terms), store_id, partner_id):
        raise NotFound
    return sets(session, campaign_number)


def sets(session: Session, campaign_number: int) -> Sets:
    """Return a campaign's sets. The position is read before the rows, so what commits between is told again. Raises NotFound."""
    position = next_position(session, generation.current(session))
    size = session.scalar(select(Campaign.coupons).where(Campaign.number == campaign_number))
    if size is None:
        raise NotFound
    low = campaign_number << 32
    between = {"low": low, "high": low + (1 << 32)}
    redeemed, void = (session.connection().execute(wanted, between).scalars() for wanted in (REDEEMED, VOID))
    return Sets(
        str(position), size, to_bitmap((s - low for s in redeemed), size), to_bitmap((s - low for s in void), size)
    )


def changes_since(
    session: Session, known: str | None, life: Life, campaigns: Callable[[], Collection[int]]
) -> dict[str, Any] | None:
    """Return the present state of the changed coupons of these campaigns, as gaps; None if the tablet must fetch the sets anew."""
    since, position = parse(known), next_position(session, life)
    if since is None or not is_continued_by(since, position):
        return None
    rows = session.connection().execute(CHANGED, {"since": since.number}).all()
    # Looked at behind the changes: what was forgotten meanwhile is not among them.
    if len(rows) > CHANGES_PER_REPLY_MAX or since.number < generation.current(session).changes_from:
        return None
    wanted = campaigns() if rows else ()
    return {"position": str(position), "campaigns": tell(row for row in rows if row[0] >> 32 in wanted)}


def tell(rows: Iterable[Any]) -> dict[str, dict[str, str]]:
    """Group changed coupons by campaign number: the `redeemed`, `void` and `open` numbers."""
    told: dict[str, dict[str, list[int]]] = {}
    for serial, is_redeemed, is_void in rows:
        state = "redeemed" if is_redeemed else "void" if is_void else "open"
        told.setdefault(str(serial >> 32), {}).setdefault(state, []).append(serial & 0xFFFFFFFF)
    return {
        number: {state: base64url(to_gaps(numbers)) for state, numbers in by.items()} for number, by in told.items()
    }


def prune(session: Session) -> int:
    """Delete old changes, at most CHANGES_PER_PRUNING_MAX positions' worth. Return how many. Once a day is enough.

    A tablet that has not read them fetches the sets. The newest changes stay: on SQLite positions continue from them.
    """
    last_kept = (
        select(CouponChange.position).order_by(CouponChange.position.desc()).offset(CHANGES_KEPT_MAX - 1).limit(1)
    )
    oldest = select(CouponChange.position).order_by(CouponChange.position).offset(CHANGES_PER_PRUNING_MAX).limit(1)
    keep_from, batch_end = session.scalar(last_kept), session.scalar(oldest)
    if keep_from is None:
        return 0
    end = keep_from if batch_end is None else min(keep_from, batch_end)
    pruned = session.scalars(
        delete(CouponChange).where(CouponChange.position < end).returning(CouponChange.position)
    ).all()
    if pruned:
        forget_below(session, max(pruned) + 1)
    return len(pruned)


def forget_below(session: Session, position: int) -> None:
    """Remember below which position changes are gone. The deployment's row is made when it is first needed."""
    session.execute(FIRST_WORD)
    session.execute(update(Deployment).where(Deployment.changes_from < position).values(changes_from=position))


def next_position(session: Session, life: Life) -> Position:
    """Return the position from which a reader resumes: every change below it is visible now."""
    series, number = session.connection().execute(NEXT_POSITION[session.get_bind().dialect.name]).one()
    return Position(life.generation, number, series)


def parse(text: str | None) -> Position | None:
    """Read a position. None for what no server of ours has written."""
    parts = (text or "").split(".")
    if len(parts) != len(Position.__slots__) or not all(part.isascii() and part.isdecimal() for part in parts):
        return None
    return Position(*(int(part) for part in parts))


def is_continued_by(since: Position, now: Position) -> bool:
    """Say whether a position can be resumed. One of another generation or series can't, nor one that lies ahead."""
    return (since.generation, since.series) == (now.generation, now.series) and since.number <= now.number
