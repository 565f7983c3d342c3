"""Gifts by partner and campaign, over all days, for settlement. The number of SQL statements does not depend on that of partners."""

import itertools
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from redeem.db.models.coupons import Coupon
from redeem.db.models.ledger import Act, Redemption
from redeem.db.models.partners import Store
from redeem.db.models.reports import Rollup, Tally
from redeem.reports import rollups
from redeem.reports.overview import ADDED_UP, GIFTS, IS_LATE, TIMES, Gifts, gifts, known_campaigns

Row = tuple[str, int, str, int]  # partner id, campaign number, outcome, count


def gifts_by_partner(session: Session, partner_ids: Collection[str]) -> dict[tuple[str, int], Gifts]:
    """Return the counts of gifts by (partner id, campaign number)."""
    until, pending = rollups.closed_until(session), count_pending(session, partner_ids)
    sums: defaultdict[tuple[str, int], Counter[str]] = defaultdict(Counter)
    closed, counted = closed_by_partner(session, partner_ids, until), counted_by_partner(session, partner_ids, until)
    for partner_id, campaign, outcome, times in itertools.chain(closed, counted):
        sums[partner_id, campaign][outcome] += times
    return {key: gifts(of, pending[key]) for key, of in sums.items()}


def closed_by_partner(session: Session, partner_ids: Collection[str], until: int | None) -> Iterable[Row]:
    """Yield the counts of the closed days. The query names every campaign, see overview.closed_by_campaign."""
    if until is None:
        return
    each = Rollup.place, Rollup.campaign_number, Rollup.outcome
    wanted = (
        Rollup.campaign_number.in_(known_campaigns(session)),
        Rollup.place.in_(partner_ids),
        Rollup.outcome.in_(GIFTS),
    )
    for days, starts in rollups.starts_by_length(0, until).items():
        of_blocks = select(*each, ADDED_UP).where(Rollup.days == days, Rollup.day.in_(starts), *wanted)
        yield from session.execute(of_blocks.group_by(*each))


def counted_by_partner(session: Session, partner_ids: Collection[str], until: int | None) -> Iterable[Row]:
    """Yield what is in no rollup: all counts of the open days, and the late counts of the closed ones."""
    counted = counted_of(partner_ids)
    if until is None:
        yield from session.execute(counted)
        return
    yield from session.execute(counted.where(Tally.day > until))
    yield from session.execute(counted.where(IS_LATE, Tally.day <= until))


def counted_of(partner_ids: Collection[str]) -> Select[str, int, str, int]:
    each = Store.partner_id, Tally.campaign_number, Tally.outcome
    return (
        select(*each, TIMES)
        .join(Store, Store.id == Tally.store_id)
        .where(Store.partner_id.in_(partner_ids), Tally.outcome.in_(GIFTS))
        .group_by(*each)
    )


def count_pending(session: Session, partner_ids: Collection[str]) -> Counter[tuple[str, int]]:
    """Count the pending redemptions by (partner id, campaign number)."""
    statement = (
        select(Store.partner_id, Coupon.campaign_number, func.count())
        .select_from(Redemption)
        .join(Coupon, Coupon.serial == Redemption.serial)
        .join(Act, Act.id == Redemption.act_id)
        .join(Store, Store.id == Act.store_id)
        .where(Redemption.handed_over_at.is_(None), Store.partner_id.in_(partner_ids))
        .group_by(Store.partner_id, Coupon.campaign_number)
    )
    return Counter({(partner_id, number): times for partner_id, number, times in session.execute(statement)})
