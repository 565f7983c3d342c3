"""Changing: what the shop's programs change by the API. The rules are those of issuing.py and partnering.py; here it is noted who did it.

`by` is the family of the program's key, by which it is known before and after the key was rolled.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from redeem.accounts import audit
from redeem.accounts.audit import Change
from redeem.accounts.roles import Scope
from redeem.coupons import campaigns
from redeem.db.models.coupons import Campaign
from redeem.db.models.partners import Partner, Store
from redeem.domain.terms import Terms, parse_terms
from redeem.lib.ids import campaign_id
from redeem.lib.times import Ms
from redeem.partners import partners
from redeem.partners.partners import NewStore


def create_campaign(session: Session, by: str, name: str, terms: Terms, now: Ms) -> Campaign:
    """As campaigns.create_campaign."""
    campaign = campaigns.create_campaign(session, name, terms, now)
    audit.note(session, by, Change.CAMPAIGN_MADE, campaign_id(campaign.number), now, name=name)
    return campaign


def patch_campaign(
    session: Session,
    by: str,
    number: int | None,
    name: str | None,
    changes: Mapping[str, Any],
    now: Ms,
    stopped: bool | None,
) -> Campaign:
    """As campaigns.patch_campaign. What is as it was before is no change."""
    row = campaigns.lock_campaign(session, number)
    seen, before, stopped_at = row.name, parse_terms(row.terms), row.stopped_at
    campaigns.patch_campaign(session, number, name, changes, now, stopped)
    campaigns.note_change(session, by, row, seen, before, now)
    campaigns.note_stop(session, by, row, stopped_at, now)
    return row


def add_partner(session: Session, by: str, name: str, now: Ms) -> Partner:
    """As partners.add_partner."""
    partner = partners.add_partner(session, name, now)
    audit.note(session, by, Change.PARTNER_ADDED, partner.id, now, scope=Scope(partner.id), name=name)
    return partner


def add_store(session: Session, by: str, new: NewStore, now: Ms) -> Store:
    """As partners.add_store."""
    store = partners.add_store(session, new, now)
    scope = Scope(store.partner_id, store.id)
    audit.note(session, by, Change.STORE_ADDED, store.id, now, scope=scope, name=store.name)
    return store
