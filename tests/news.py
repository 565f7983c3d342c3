"""The auditor of the news: reads all events and reports where they differ from what the ledger has. It counts everything itself."""

from collections import defaultdict
from collections.abc import Iterator

from sqlalchemy import select
from sqlalchemy.orm import Session

from redeem.db.models.coupons import Coupon
from redeem.db.models.events import Event
from redeem.db.models.ledger import Conflict, Redemption, Reversal
from redeem.domain.events import EventType

Told = dict[str, list[Event]]


def faults(session: Session, redeemed: set[str], contested: set[str]) -> Iterator[str]:
    """Returns a line for each fault. `redeemed` are the acts that were ever the redemption of their coupon, `contested` those that break a
    rule.
    """
    told: Told = defaultdict(list)
    for event in session.scalars(select(Event).order_by(Event.seq)):
        told[event.type].append(event)
    conflicts = {row.act_id: row for row in session.scalars(select(Conflict))}
    standing = set(session.scalars(select(Redemption.act_id)))
    withdrawn = {act_id for act_id, row in conflicts.items() if row.withdrawn_at is not None} - standing
    yield from differing(told, EventType.REDEEMED, redeemed)
    yield from differing(told, EventType.CONTESTED, contested)
    yield from differing(told, EventType.CONFLICTED, conflicts.keys() - contested)
    yield from differing(told, EventType.REVERSED, withdrawn | set(session.scalars(select(Reversal.act_id))))
    yield from disordered(told)
    voids = {event.serial for event in told[EventType.VOIDED]}
    void = session.scalars(select(Coupon.serial).where(Coupon.voided_at.is_not(None)))
    yield from (f"nobody was told that coupon {serial} is void" for serial in set(void) - voids)


def differing(told: Told, kind: EventType, true: set[str]) -> Iterator[str]:
    """Returns the acts that were told of and are not so, or are so and were not told of, or were twice."""
    acts = [str(event.act_id) for event in told[kind]]
    yield from (f"nobody was told {kind} of {act}" for act in true - set(acts))
    yield from (f"{kind} was told of {act} and is not so" for act in set(acts) - true)
    yield from (f"{kind} was told of {act} {acts.count(act)} times" for act in set(acts) if acts.count(act) > 1)


def disordered(told: Told) -> Iterator[str]:
    """Returns the coupons of which the events, in their order, tell that two redemptions stand, or that one was undone before it stood."""
    now: dict[int | None, str | None] = {}
    redeemed = {event.act_id for event in told[EventType.REDEEMED]}
    both = sorted([*told[EventType.REDEEMED], *told[EventType.REVERSED]], key=lambda event: event.seq)
    for event in both:
        if event.type == EventType.REDEEMED:
            if now.get(event.serial):
                yield f"coupon {event.serial} was told to be redeemed by {event.act_id} and by {now[event.serial]}"
            now[event.serial] = event.act_id
        elif now.get(event.serial) == event.act_id:
            now[event.serial] = None
        elif event.act_id in redeemed:
            yield f"{event.act_id} was told to be undone before it stood"
