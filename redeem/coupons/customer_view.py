"""A coupon as the customer's page shows it: its state now, and where its gift can be had.

Read-only, and without any personal data, for whoever holds the link may read it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from sqlalchemy.orm import Session

from redeem.db.lines import lines
from redeem.db.models.partners import CLOSED_SINCE, Partner, Store
from redeem.domain import presented
from redeem.domain.rules import Place, Verdict, why_declined_everywhere
from redeem.domain.terms import Terms, end_of
from redeem.ledger import ledger, lost_coupons
from redeem.ledger.rows import IssuedCoupon, StandingRedemption
from redeem.lib.days import to_day
from redeem.lib.errors import NotFound
from redeem.lib.times import Ms, local_day
from redeem.partners.directory import STORE, StoreLine, is_good_at_store

# A tablet was told yes, and has not yet said that the gift was handed over.
BeingGiven = Literal["being_given"]
BEING_GIVEN: BeingGiven = "being_given"


@dataclass(frozen=True, slots=True)
class Shown:
    """A coupon as it is shown. Days are since 2020-01-01; `last_day` is None where it is good for ever.

    `state` is the verdict of all its stores together; `wrong_store` if it has none any more.
    """

    serial: int
    short_code: str
    terms: Terms
    state: Verdict | BeingGiven
    standing: StandingRedemption | None
    stores: list[StoreLine]
    first_day: int | None
    last_day: int | None
    days_left: int | None


def show(session: Session, serial: int | None, now: Ms, zone: str, seen: presented.ShownCoupon | None = None) -> Shown:
    """Return the coupon as it is shown. `zone` is the shop's, for a coupon whose stores are gone. Raises NotFound.

    `seen` is its token, if that is what the reader has. One of a compromised key shows only the coupon that was issued with it.
    """
    found = ledger.find_coupon(session, serial)
    if found is None or not found.is_issued_as(seen):
        raise NotFound
    standing, stores = ledger.find_standing(session, found.serial), stores_of(session, found.terms)
    return as_shown(found, standing, stores, now, zone)


def as_shown(
    found: IssuedCoupon, standing: StandingRedemption | None, stores: list[StoreLine], now: Ms, zone: str
) -> Shown:
    today = min((local_day(now, store.time_zone) for store in stores), default=local_day(now, zone))
    first, last = found.terms.windows.redeem.first, found.last_day
    return Shown(
        serial=found.serial,
        short_code=found.short_code,
        terms=found.terms,
        state=state_of(found, standing, stores, now),
        standing=standing,
        stores=stores,
        first_day=to_day(first) if first else None,
        last_day=end_of(last),
        days_left=None if end_of(last) is None else last - today,
    )


def sample(terms: Terms, stores: Sequence[StoreLine], short_code: str, last_day: int, now: Ms, zone: str) -> Shown:
    """Return a coupon of these terms that nobody has, as it would be shown. `stores` are those where it would be good."""
    nobodys = IssuedCoupon(
        serial=0,
        key_id=0,
        compromised=False,
        short_code=short_code,
        last_day=last_day,
        void_since=None,
        holder_id=None,
        epoch=0,
        unproved=None,
        home_store_id=None,
        terms_text=terms.text(),
        recovering=False,
    )
    return as_shown(nobodys, None, list(stores), now, zone)


def show_lost(session: Session, seen: presented.ShownCoupon, now: Ms, zone: str) -> Shown:
    """Return a coupon that a restored ledger has lost, and give it its row back. Raises NotFound."""
    lost_coupons.adopt(session, seen, now)
    return show(session, seen.serial, now, zone, seen)


def stores_of(session: Session, terms: Terms) -> list[StoreLine]:
    """Return the stores at which coupons of these terms are good. Nobody is sent to a closed one."""
    good_at = is_good_at_store(terms), CLOSED_SINCE.is_(None)
    return lines(session, StoreLine, STORE.where(*good_at).order_by(Partner.name, Store.name, Store.id))


def state_of(
    found: IssuedCoupon, standing: StandingRedemption | None, stores: Sequence[StoreLine], now: Ms
) -> Verdict | BeingGiven:
    """Return the coupon's state over all its stores. Good at one store is good: days differ between time zones."""
    if standing and standing.handed_over_at is None:
        return BEING_GIVEN
    # Who holds it changes where it is given at once, and not whether it is good.
    facts = replace(found.facts, redeemed=standing is not None, held_by=None)
    places = [(Place(store.id, store.partner_id, None), local_day(now, store.time_zone)) for store in stores]
    return why_declined_everywhere(facts, found.terms, places) or Verdict.GOOD
