"""The lists of campaigns: the office's, with how many coupons each has, and the API's, in pages."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from redeem.accounts.roles import Scope
from redeem.db.lines import lines, select_as
from redeem.db.models.coupons import Campaign
from redeem.db.paging import Page, Slice, take
from redeem.domain.terms import Terms, parse_terms
from redeem.lib.ids import campaign_id
from redeem.partners.directory import list_stores, where_good


@dataclass(frozen=True, slots=True)
class CampaignLine:
    """`coupons`: how many were issued so far."""

    number: int
    name: str
    terms_text: str
    coupons: int

    @property
    def id(self) -> str:
        return campaign_id(self.number)

    @property
    def terms(self) -> Terms:
        return parse_terms(self.terms_text)


CAMPAIGN = select_as(
    CampaignLine,
    number=Campaign.number,
    name=Campaign.name,
    terms_text=Campaign.terms,
    coupons=Campaign.coupons - Campaign.skipped,
)


def list_campaigns(session: Session, scope: Scope) -> list[CampaignLine]:
    """Those whose coupons are good at one of the scope's stores."""
    campaigns = lines(session, CampaignLine, CAMPAIGN.order_by(Campaign.number.desc()))
    if scope.is_whole:
        return campaigns
    stores = list_stores(session, scope)
    return [campaign for campaign in campaigns if where_good(campaign.terms, stores)]


def page_campaigns(session: Session, page: Page) -> Slice[Campaign]:
    found = take(session, select(Campaign), Campaign.number.expression, page)
    return Slice([row[0] for row in found.items], found.has_more)
