"""Sealed copies: what tablets keep of campaigns and signing keys, for a ledger that is restored from a backup older than these.

Each snapshot carries them. A tablet can't read them, and hands them in with its report after a restore. The seal proves that this server
made the copy, not that it was the last one. So a signing key that comes back only verifies, or is refused if any copy says that it is
compromised; no private key is in a copy. Of a campaign the highest version counts. A campaign that comes back issues nothing, and nothing
of it is owed, until a shop manager confirms it.
"""

from base64 import urlsafe_b64decode
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import bindparam, func, text, update
from sqlalchemy.orm import Session

from redeem.db.models.coupons import Campaign, SigningKey
from redeem.domain import tokens
from redeem.domain.proofs import Proofs
from redeem.domain.signing_keys import KeyRing, KeyStatus
from redeem.domain.terms import parse_terms
from redeem.ledger import generation
from redeem.ledger.generation import Life
from redeem.lib.encoding import base64url
from redeem.lib.errors import BadToken
from redeem.lib.times import Ms

COPIES_PER_REQUEST_MAX = 200
COPY_MAX_CHARACTERS = 300_000

# A campaign that the ledger has of itself, or that was confirmed, stays as it is.
TAKE_CAMPAIGN = text(
    "INSERT INTO campaign (number, name, terms, version, coupons, skipped, created_at, stopped_at, restored_at)"
    " VALUES (:number, :name, :terms, :version, :skipped, :skipped, :created_at, :now, :now)"
    " ON CONFLICT (number) DO UPDATE SET name = excluded.name, terms = excluded.terms, version = excluded.version"
    " WHERE campaign.restored_at IS NOT NULL AND campaign.version < excluded.version"
)
TAKE_KEY = text(
    "INSERT INTO signing_key (kid, public_key, status, created_at) VALUES (:kid, :public_key, :status, :now) ON CONFLICT DO NOTHING"
)
CONDEMN = (
    update(SigningKey)
    .where(SigningKey.kid == bindparam("of_kid"), SigningKey.public_key == bindparam("of_public_key"))
    .values(status=KeyStatus.COMPROMISED, compromised_at=func.coalesce(SigningKey.compromised_at, bindparam("now")))
)


@lru_cache(maxsize=1024)  # all tablets of its stores fetch a campaign after each change
def seal_campaign(proofs: Proofs, number: int, name: str, terms: str, version: int, created_at: Ms) -> str:
    members = {"number": number, "name": name, "terms": terms, "version": version, "created_at": created_at}
    return proofs.seal_copy({"campaign": members})


def seal_keys(proofs: Proofs, ring: KeyRing) -> str:
    return proofs.seal_copy({"keys": [[key.kid, base64url(key.public_key), key.status.value] for key in ring]})


def lacks(session: Session, ring: KeyRing, text: str | None, serial: int | None) -> bool:
    """Say whether a coupon's campaign or signing key is not here, so that a copy may bring it back. The coupon is named by the text of
    its token, or else by its serial.
    """
    try:
        token = tokens.read(text or "")
    except BadToken:
        return serial is not None and session.get(Campaign, serial >> 32) is None
    return ring.get(token.key_id) is None or session.get(Campaign, token.campaign) is None


def take_back(session: Session, copies: Sequence[str], proofs: Proofs, now: Ms) -> None:
    """Take from copies what the restored ledger lacks. What this server did not seal is left out, and so is all if nothing was restored."""
    life = generation.current(session)
    if life.generation == 1 or not copies:
        return
    opened = [copy for copy in map(proofs.open_copy, copies) if copy is not None]
    for copy in opened:
        for kid, public_key, status in copy.get("keys", ()):
            take_key(session, kid, urlsafe_b64decode(public_key + "="), KeyStatus(status), now)
    campaigns = [copy["campaign"] for copy in opened if "campaign" in copy]
    # In one order, so that two reports can't deadlock.
    for campaign in sorted(campaigns, key=lambda each: int(each["number"])):
        take_campaign(session, campaign, life, now)


def take_key(session: Session, kid: int, public_key: bytes, status: KeyStatus, now: Ms) -> None:
    """Add a key that only verifies, unless its number is taken. A key that is compromised in any copy is compromised here."""
    known = KeyStatus.COMPROMISED if status is KeyStatus.COMPROMISED else KeyStatus.VERIFY_ONLY
    row = {"kid": kid, "public_key": public_key, "status": known.value, "now": now}
    session.connection().execute(TAKE_KEY, row)
    if status is KeyStatus.COMPROMISED:
        session.connection().execute(CONDEMN, {"of_kid": kid, "of_public_key": public_key, "now": now})


def take_campaign(session: Session, campaign: Mapping[str, Any], life: Life, now: Ms) -> None:
    """Add the campaign, if its number is one that the restores have skipped. All of its coupons are lost ones."""
    if campaign["number"] < life.campaigns_from:
        # An earlier version may have sealed it, whose terms lack what has a default now. Equal terms have equal texts.
        terms = parse_terms(campaign["terms"]).text()
        values = {**campaign, "terms": terms, "skipped": life.skipped_numbers, "now": now}
        session.connection().execute(TAKE_CAMPAIGN, values)
