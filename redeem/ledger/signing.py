"""The stored signing keys: load the ring that verifies tokens and the signer that makes them, and rotate.

Private keys are sealed under the newest secret key of the configuration. They leave this module only inside a Signer.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from nacl.signing import SigningKey
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from redeem.db.models import coupons
from redeem.db.models.devices import HeardKey
from redeem.domain import signing_keys, tokens
from redeem.domain.signing_keys import KeyRing, KeyStatus, PublicKey
from redeem.ledger import generation
from redeem.ledger.high_water import KEYS, hand_out
from redeem.lib.errors import Conflict, NotFound
from redeem.lib.sealing import Sealer
from redeem.lib.times import Ms

HEARD = text("INSERT INTO heard_key (device_id, kid, number) VALUES (:device_id, :kid, :number) ON CONFLICT DO NOTHING")


class NoSigningKey(Conflict):
    """No signing key is active, so no coupon can be issued."""

    code = "no_signing_key"
    default_detail = "Make a signing key first: flask keys rotate."


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs tokens. `active` is the key id for new coupons; the older keys make the tokens of older coupons again, byte for byte.

    A key that came back after a restore only verifies. The newest one signs its coupons again: a coupon is its number, whoever signed it.
    """

    active: int | None
    private_keys: dict[int, SigningKey]

    @property
    def newest(self) -> int:
        """Return the key id for new coupons. Raises NoSigningKey."""
        if self.active is None:
            raise NoSigningKey
        return self.active

    def write(self, key_id: int, campaign: int, number: int, last_day: int) -> str:
        """Return the token's text. Raises NoSigningKey if the key can't sign and none is active."""
        signs = key_id if key_id in self.private_keys else self.newest
        return tokens.write(tokens.sign(campaign, number, last_day, self.private_keys[signs], signs))

    def write_serial(self, key_id: int, serial: int, last_day: int) -> str:
        return self.write(key_id, serial >> 32, serial & 0xFFFFFFFF, last_day)


def load_ring(session: Session) -> KeyRing:
    return KeyRing(PublicKey(row.kid, row.public_key, KeyStatus(row.status)) for row in _rows(session))


def load_signer(session: Session, sealer: Sealer) -> Signer:
    rows = [row for row in _rows(session) if row.sealed_private_key]
    active = [row.kid for row in rows if row.status == KeyStatus.ACTIVE]
    opened = {
        row.kid: signing_keys.signing_key(sealer.unseal(row.sealed_private_key))
        for row in rows
        if row.sealed_private_key
    }
    return Signer(max(active, default=None), opened)


def rotate(session: Session, sealer: Sealer, now: Ms, *, seed: bytes | None = None) -> int:
    """Add a new active key and return its id. Keys that were active only verify from now on."""
    for row in _rows(session):
        if row.status == KeyStatus.ACTIVE:
            row.status = KeyStatus.VERIFY_ONLY
    private = signing_keys.signing_key(seed) if seed else signing_keys.generate()
    newest = session.scalar(select(func.max(coupons.SigningKey.kid))) or 0
    kid = max(newest + 1, generation.current(session).keys_from)
    hand_out(session, KEYS, kid + 1)
    session.add(
        coupons.SigningKey(
            kid=kid,
            public_key=bytes(private.verify_key),
            sealed_private_key=sealer.seal(bytes(private)),
            status=KeyStatus.ACTIVE,
            created_at=now,
        )
    )
    session.flush()
    return kid


def set_status(session: Session, kid: int, status: KeyStatus, now: Ms | None = None) -> None:
    """Set a key's status. All coupons that a compromised key signed are refused from `now` on. Raises NotFound."""
    row = session.get(coupons.SigningKey, kid)
    if row is None:
        raise NotFound("Check the key id; see flask keys list.")
    row.status = status
    if status is KeyStatus.COMPROMISED and row.compromised_at is None:
        row.compromised_at = now


def note_heard(session: Session, device_id: str, kids: Sequence[int], number: int) -> None:
    """Record that a tablet, whose journal is here up to this number, has heard of these compromised keys. The first time counts."""
    rows = [{"device_id": device_id, "kid": kid, "number": number} for kid in kids]
    if rows:
        session.connection().execute(HEARD, rows)


def could_know(session: Session, device_id: str, kid: int, number: int, earliest: Ms) -> bool:
    """Return whether a tablet could know that the key is compromised when it wrote its entry `number`, at `earliest` or later.

    It could if it had said before that it has heard. If it never says so, it could a day after it was first told.
    """
    key = session.get(coupons.SigningKey, kid)
    heard = session.get(HeardKey, (device_id, kid))
    is_told = key is not None and key.compromised_at is not None and key.compromised_at <= earliest
    return is_told or (heard is not None and heard.number < number)


def _rows(session: Session) -> list[coupons.SigningKey]:
    return list(session.scalars(select(coupons.SigningKey).order_by(coupons.SigningKey.kid)))
