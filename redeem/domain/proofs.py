"""Proofs: what the ledger signs, so that a device can show it later to a ledger that was restored from a backup, or to a court.

- A **grant** says that a device holds a coupon, by which epoch, and in which generation of the ledger it was granted.
- A **yes** says that an act of a device was answered with `redeemed`.
- A **receipt** says up to which entry the ledger has a device's journal, and in which generation.
- A **code proof** shows that a short code is a coupon's own. Only the server can make or check it.
- A **sealed copy** of a campaign or of the signing keys, which only the server can make or read: see ledger/sealed_copies.py.

The keys are derived from REDEEM_SECRET_KEYS, with a purpose of their own. So no table holds them, and a restore loses none.
"""

import hashlib
import hmac
import zlib
from binascii import Error
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from json import dumps, loads
from typing import Any

from nacl.signing import SigningKey

from redeem.domain.signing_keys import verifies
from redeem.lib.encoding import base64url, from_base64url
from redeem.lib.errors import BadKey
from redeem.lib.ids import coupon_id
from redeem.lib.sealing import Sealer, derive
from redeem.lib.times import Ms

EPOCHS_PER_GENERATION = 2**32
CODE_PROOF_BYTES = 16
NAME_IN_JOURNAL = ""  # an entry's fingerprint, which is its hash, names it already


def name_at_till(attempt: str, redemption_id: str) -> str:
    """Return by what a till's yes names its attempt: with the id of the redemption, so that nobody can claim another's."""
    return f"{redemption_id} {attempt}"


def generation_of(epoch: int) -> int:
    """Return the generation of the ledger in which this epoch was granted."""
    return epoch // EPOCHS_PER_GENERATION


@dataclass(frozen=True, slots=True)
class Receipt:
    """The ledger, in this generation, had the journal up to the entry of this number and hash at this time; `proof` is our signature."""

    generation: int
    number: int
    hash: str
    at: Ms
    proof: str


class Proofs:
    """Makes proofs and checks them. `secret_keys` are ordered from oldest to newest: the newest signs, and each one verifies.

    Proofs are base64url: 86 characters for a signature, 22 for a code proof. A check answers False for any text that is no such proof.
    """

    def __init__(self, secret_keys: Sequence[str]) -> None:
        self._keys = [SigningKey(derive(secret, "proofs")) for secret in secret_keys]
        self._code_keys = [derive(secret, "code-proofs") for secret in secret_keys]
        self._copies = Sealer(secret_keys, "copies")

    def published(self) -> list[str]:
        """Return the public keys in base64url, newest first."""
        return [base64url(bytes(key.verify_key)) for key in reversed(self._keys)]

    def grant(self, device_id: str, serial: int, epoch: int) -> str:
        return self._sign(_grant(device_id, serial, epoch))

    def is_grant(self, proof: str | None, device_id: str, serial: int, epoch: int) -> bool:
        return self._is_signed(proof, _grant(device_id, serial, epoch))

    def yes(self, device_id: str, name: str, fingerprint: str, serial: int) -> str:
        """Sign that the device's act of this name and fingerprint redeemed the coupon."""
        return self._sign(_yes(device_id, name, fingerprint, serial))

    def is_yes(self, proof: str | None, device_id: str, name: str, fingerprint: str, serial: int) -> bool:
        return self._is_signed(proof, _yes(device_id, name, fingerprint, serial))

    def receipt(self, device_id: str, generation: int, number: int, entry_hash: str, at: Ms) -> Receipt:
        """Sign that the ledger, in this generation, has the device's journal up to this entry; `at` is the server's time.

        Anybody can check it: `published`.
        """
        proof = self._sign(_receipt(device_id, generation, number, entry_hash, at))
        return Receipt(generation, number, entry_hash, at, proof)

    def is_receipt(self, shown: Receipt, device_id: str) -> bool:
        return self._is_signed(shown.proof, _receipt(device_id, shown.generation, shown.number, shown.hash, shown.at))

    def code_proof(self, serial: int, short_code: str) -> str:
        return _code_proof(self._code_keys[-1], serial, short_code)

    def is_code(self, proof: str | None, serial: int, short_code: str) -> bool:
        made = [_code_proof(key, serial, short_code) for key in self._code_keys]
        return proof is not None and proof.isascii() and any(hmac.compare_digest(proof, each) for each in made)

    def seal_copy(self, members: Mapping[str, Any]) -> str:
        """Return the members, encrypted and authenticated, as base64url."""
        return base64url(self._copies.seal(zlib.compress(dumps(members).encode())))

    def open_copy(self, copy: str) -> dict[str, Any] | None:
        """Return the members of a sealed copy, or None for a text that this server did not seal."""
        try:
            opened = self._copies.unseal(from_base64url(copy))
        except (BadKey, Error):
            return None
        members: dict[str, Any] = loads(zlib.decompress(opened))
        return members

    def _sign(self, message: bytes) -> str:
        return base64url(self._keys[-1].sign(message).signature)

    def _is_signed(self, proof: str | None, message: bytes) -> bool:
        try:
            signature = from_base64url(proof or "")
        except Error:
            return False
        return any(verifies(bytes(key.verify_key), message, signature) for key in reversed(self._keys))


def _grant(device_id: str, serial: int, epoch: int) -> bytes:
    return _said("redeem-grant-v1", device_id, coupon_id(serial), epoch, generation_of(epoch))


def _yes(device_id: str, name: str, fingerprint: str, serial: int) -> bytes:
    return _said("redeem-yes-v1", device_id, name, fingerprint, coupon_id(serial))


def _receipt(device_id: str, generation: int, number: int, entry_hash: str, at: Ms) -> bytes:
    return _said("redeem-receipt-v2", device_id, generation, number, entry_hash, at)


def _said(*members: str | int) -> bytes:
    """Join the members with NUL, which none of them contains: so no two statements have the same bytes."""
    return "\0".join(str(member) for member in members).encode()


def _code_proof(key: bytes, serial: int, short_code: str) -> str:
    made = hmac.digest(key, _said("redeem-code-v1", coupon_id(serial), short_code), hashlib.sha256)
    return base64url(made[:CODE_PROOF_BYTES])


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a device shows with an act: a grant of the coupon by this epoch, the yes that it was answered with, or the newest receipt that
    it had. Not checked yet.
    """

    proofs: Proofs
    device_id: str
    epoch: int | None = None
    grant: str | None = None
    yes: str | None = None
    receipt: Receipt | None = None

    def has_grant(self, serial: int) -> bool:
        return self.epoch is not None and self.proofs.is_grant(self.grant, self.device_id, serial, self.epoch)

    def has_yes(self, name: str, fingerprint: str, serial: int) -> bool:
        return self.proofs.is_yes(self.yes, self.device_id, name, fingerprint, serial)

    def heard_until(self) -> int:
        """Return up to which entry we had the device's journal when this was written, as far as a receipt shows; 0 without one."""
        return self.receipt.number if self.receipt and self.proofs.is_receipt(self.receipt, self.device_id) else 0
