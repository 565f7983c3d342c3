"""What a tablet is told beforehand, except coupons: keys, its store's campaigns with their terms, the names of the clerks and of
the other tablets. And sealed copies, which it keeps for us.

Of a PIN it is told only a mark that changes with the PIN, so that an earlier PIN no longer counts. The etag is made of
versions and names alone, so a tablet that is up to date costs next to nothing. Nothing about customers is told.
"""

from collections.abc import Iterator
from hashlib import sha256
from json import dumps, loads
from typing import Any

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session

from redeem.db.models.coupons import Campaign
from redeem.db.models.devices import Clerk
from redeem.db.models.partners import Partner
from redeem.domain.presented import Actor
from redeem.domain.proofs import Proofs
from redeem.domain.rules import is_good_at
from redeem.domain.signing_keys import KeyRing
from redeem.domain.terms import parse_terms
from redeem.holds import siblings
from redeem.ledger.generation import Life
from redeem.ledger.sealed_copies import COPY_MAX_CHARACTERS, seal_campaign, seal_keys
from redeem.lib import passwords
from redeem.lib.times import Ms

ETAG_CHARACTERS = 32
# A campaign's version grows with each change of it, and none is ever removed: so no two states have the same number and sum.
EDITION = select(func.count(), func.sum(Campaign.version)).select_from(Campaign)
CAMPAIGNS = select(Campaign.number, Campaign.name, Campaign.terms, Campaign.version, Campaign.created_at).order_by(
    Campaign.number
)
PARTNER = select(Partner.name).where(Partner.id == bindparam("partner_id"))
CLERKS = (
    select(Clerk.id, Clerk.name, Clerk.pin_hash)
    .where(Clerk.store_id == bindparam("store_id"), Clerk.left_at.is_(None))
    .order_by(Clerk.name, Clerk.id)
)


def brief(
    session: Session, actor: Actor, ring: KeyRing, proofs: Proofs, life: Life, known: str | None
) -> dict[str, Any] | None:
    """Return the snapshot and its etag; None if the tablet has it already."""
    told = around(session, actor, ring)
    campaigns, versions = session.connection().execute(EDITION).one()
    sealed_by = proofs.published()[0]  # a new secret seals the copies anew
    said = dumps([life.generation, campaigns, int(versions or 0), sealed_by, told], sort_keys=True)
    etag = sha256(said.encode()).hexdigest()[:ETAG_CHARACTERS]
    return (
        None
        if etag == known
        else {
            "etag": etag,
            **told,
            "campaigns": campaigns_at(session, actor),
            "copies": copies_for(session, actor, ring, proofs),
        }
    )


def around(session: Session, actor: Actor, ring: KeyRing) -> dict[str, Any]:
    """Return the snapshot without the campaigns."""
    place = {
        "name": actor.store_name,
        "partner": actor.partner_id,
        "time_zone": actor.time_zone,
        "closed": actor.closed_at is not None,
    }
    partner_name = session.connection().execute(PARTNER, {"partner_id": actor.partner_id}).scalar_one()
    clerks = session.connection().execute(CLERKS, {"store_id": actor.store_id})
    return {
        "store": {"id": actor.store_id, **place},
        "partner": {"id": actor.partner_id, "name": partner_name},
        "device": {"id": actor.device_id, "name": actor.device_name},
        "keys": ring.published(),
        "clerks": [
            {"id": clerk_id, "name": name, "pin": passwords.fingerprint(stored)} for clerk_id, name, stored in clerks
        ],
        "siblings": siblings.list_tablets(session, actor.store_id, actor.device_id),
    }


def campaigns_at(session: Session, actor: Actor) -> list[dict[str, Any]]:
    """Return the campaigns whose coupons are good at the store, by number."""
    return [
        {"id": f"cmp_{number}", "number": number, "name": name, "terms": loads(text)}
        for number, name, text, _, _ in good_campaigns(session, actor)
    ]


def copies_for(session: Session, actor: Actor, ring: KeyRing, proofs: Proofs) -> list[str]:
    """Return sealed copies of the signing keys and of these campaigns, for a ledger that a restore makes forget them."""
    campaigns = [seal_campaign(proofs, *row) for row in good_campaigns(session, actor)]
    return [copy for copy in (seal_keys(proofs, ring), *campaigns) if len(copy) <= COPY_MAX_CHARACTERS]


def campaign_numbers_at(session: Session, actor: Actor) -> set[int]:
    return {number for number, *_ in good_campaigns(session, actor)}


def good_campaigns(session: Session, actor: Actor) -> Iterator[tuple[int, str, str, int, Ms]]:
    """(number, name, text of the terms, version, when it was made) of each campaign that is good at the actor's store."""
    for number, name, text, version, created_at in session.connection().execute(CAMPAIGNS):
        if is_good_at(parse_terms(text), actor.store_id, actor.partner_id):
            yield number, name, text, version, created_at
