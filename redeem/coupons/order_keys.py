"""Once keys: which coupon is the one for an order, or for a line of an order.

A once key is a keyed hash of campaign, order and line, and unique. It names the coupon also when the order's reference was erased, and
tells nothing of the order to whoever has only the database. Its secret is random, made once and stored sealed, so that it stays the same
when `REDEEM_SECRET_KEYS` changes.
"""

import hmac
import secrets
from collections.abc import Sequence
from json import dumps

from sqlalchemy import select
from sqlalchemy.orm import Session

from redeem.db.models.ledger import Deployment
from redeem.domain.terms import OncePer
from redeem.ledger import generation
from redeem.lib.encoding import base64url
from redeem.lib.errors import Invalid
from redeem.lib.sealing import Sealer

SECRET_BYTES = 32
PURPOSE = "order keys"
NEEDED = {"order": ("order_ref",), "line": ("order_ref", "line"), "none": ()}


class OrderKeys:
    """Makes once keys. Raises BadKey if their secret was sealed under a secret key that is not configured any more."""

    def __init__(self, secret_keys: Sequence[str]) -> None:
        self._sealer = Sealer(secret_keys, PURPOSE)

    def secret(self, session: Session) -> bytes:
        """Return the secret of the once keys; make it if there is none yet."""
        sealed = session.scalar(select(Deployment.sealed_order_secret).where(Deployment.id == 1))
        return self._sealer.unseal(sealed or self._make(session))

    def _make(self, session: Session) -> bytes:
        row = session.get(Deployment, 1, with_for_update=True, populate_existing=True) or generation.first_row(session)
        row.sealed_order_secret = row.sealed_order_secret or self._sealer.seal(secrets.token_bytes(SECRET_BYTES))
        session.flush()
        return row.sealed_order_secret


def once_key(secret: bytes, campaign: int, once_per: OncePer, order_ref: str | None, line: str | None) -> str | None:
    """Return the once key of a coupon, None if its campaign does not ask for one. Raises Invalid if the order or the line is not named."""
    said = {"order_ref": order_ref, "line": line}
    faults = [
        {"pointer": f"/{name}", "detail": "required by the campaign's once_per"}
        for name in NEEDED[once_per]
        if said[name] is None
    ]
    if faults:
        raise Invalid(f"Name the order: this campaign gives one coupon for each {WORDS[once_per]}.", errors=faults)
    if once_per == "none":
        return None
    named = [campaign, *(said[name] for name in NEEDED[once_per])]
    return base64url(hmac.digest(secret, dumps(named).encode(), "sha256"))


WORDS = {"order": "order", "line": "line of an order"}
