"""Stranded coupons: open, and good at closed stores alone. Their customers have nowhere to go: a manager sees how many there are."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from redeem.accounts.roles import WHOLE
from redeem.db.models.coupons import Campaign, Coupon
from redeem.domain.terms import parse_terms
from redeem.ledger.sql import IS_REDEEMED, IS_VOID
from redeem.partners.directory import list_stores, where_good

COUNTED_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Stranded:
    """How many coupons, at most COUNTED_MAX, and the names of their campaigns."""

    coupons: int
    campaigns: list[str]


def stranded_without(session: Session, store_ids: Collection[str], today: int) -> Stranded:
    """Return the open coupons that are good at some of these stores, and else at closed ones alone. `today` is the shop's."""
    gone, stores = frozenset(store_ids), list_stores(session, WHOLE)
    found = {}
    for number, name, text in session.execute(select(Campaign.number, Campaign.name, Campaign.terms)):
        good = where_good(parse_terms(text), stores)
        if any(store.id in gone for store in good) and all(store.is_closed or store.id in gone for store in good):
            found[number] = name
    still_open = Coupon.campaign_number.in_(found), Coupon.last_day >= today, ~IS_VOID, ~IS_REDEEMED
    some = select(Coupon.campaign_number.label("campaign")).where(*still_open).limit(COUNTED_MAX).subquery()
    counts = session.execute(
        select(some.c.campaign, func.count().label("coupons")).group_by(some.c.campaign).order_by(some.c.campaign)
    )
    of = {row.campaign: row.coupons for row in counts}
    return Stranded(sum(of.values()), [found[campaign] for campaign in of])
