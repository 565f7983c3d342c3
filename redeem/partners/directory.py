"""The lists of partners and stores: the office's, each kept to a manager's scope, and the API's, in pages."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from redeem.accounts.roles import Scope, partners_within, within
from redeem.db.lines import line, lines, select_as
from redeem.db.models.partners import CLOSED_SINCE, Partner, Store
from redeem.db.paging import Page, Slice, take
from redeem.domain.rules import is_good_at
from redeem.domain.terms import Terms
from redeem.lib.times import Ms


@dataclass(frozen=True, slots=True)
class PartnerLine:
    id: str
    name: str
    created_at: Ms
    version: int
    closed_at: Ms | None


@dataclass(frozen=True, slots=True)
class StoreLine:
    """`closed_at` is when the store itself was closed, `closed_since` since when it is by that or by its partner's end."""

    id: str
    name: str
    address: str
    hours: str
    time_zone: str
    partner_id: str
    partner_name: str
    created_at: Ms
    version: int
    closed_at: Ms | None = None
    closed_since: Ms | None = None

    @property
    def is_closed(self) -> bool:
        return self.closed_since is not None


PARTNER = select_as(
    PartnerLine,
    id=Partner.id,
    name=Partner.name,
    created_at=Partner.created_at,
    version=Partner.version,
    closed_at=Partner.closed_at,
)
STORE = select_as(
    StoreLine,
    id=Store.id,
    name=Store.name,
    address=Store.address,
    hours=Store.hours,
    time_zone=Store.time_zone,
    partner_id=Store.partner_id,
    partner_name=Partner.name,
    created_at=Store.created_at,
    version=Store.version,
    closed_at=Store.closed_at,
    closed_since=CLOSED_SINCE,
).join(Partner, Partner.id == Store.partner_id)


def list_partners(session: Session, scope: Scope) -> list[PartnerLine]:
    statement = PARTNER.where(partners_within(scope)).order_by(Partner.name, Partner.id)
    return lines(session, PartnerLine, statement)


def get_partner(session: Session, scope: Scope, partner_id: str) -> PartnerLine:
    return line(session, PartnerLine, PARTNER.where(partners_within(scope), Partner.id == partner_id))


def list_stores(session: Session, scope: Scope) -> list[StoreLine]:
    statement = within(STORE, scope, Store.id).order_by(Partner.name, Store.name, Store.id)
    return lines(session, StoreLine, statement)


def get_store(session: Session, scope: Scope, store_id: str) -> StoreLine:
    return line(session, StoreLine, within(STORE, scope, Store.id).where(Store.id == store_id))


def page_partners(session: Session, page: Page) -> Slice[Partner]:
    found = take(session, select(Partner), Partner.id.expression, page)
    return Slice([row[0] for row in found.items], found.has_more)


def page_stores(session: Session, partner_id: str | None, page: Page) -> Slice[Store]:
    statement = select(Store) if partner_id is None else select(Store).where(Store.partner_id == partner_id)
    found = take(session, statement, Store.id.expression, page)
    return Slice([row[0] for row in found.items], found.has_more)


def where_good(terms: Terms, stores: Sequence[StoreLine]) -> list[StoreLine]:
    """Return those of the stores at which coupons of these terms are good."""
    return [store for store in stores if is_good_at(terms, store.id, store.partner_id)]


def is_good_at_store(terms: Terms) -> ColumnElement[bool]:
    """`rules.is_good_at` as SQL, over the row of Store in a statement."""
    return or_(Store.id.in_(terms.stores), Store.partner_id.in_(terms.partners))
