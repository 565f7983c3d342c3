"""Which coupon a text names: by its token as scanned, by its short code as typed, or by its id."""

from dataclasses import dataclass
from math import ceil

from sqlalchemy.orm import Session

from redeem.accounts import throttle
from redeem.domain import tokens
from redeem.domain.names import normalise_or_none, read_or_none
from redeem.domain.presented import ShownCoupon
from redeem.domain.signing_keys import KeyRing
from redeem.domain.tokens import Fault, Token
from redeem.ledger import ledger
from redeem.lib.errors import TooMany
from redeem.lib.ids import coupon_of
from redeem.lib.text import trimmed
from redeem.lib.times import Ms

MS_PER_SECOND = 1000


@dataclass(frozen=True, slots=True)
class Named:
    """What a text names a coupon by: one of these, or none. Only a token proves itself; whether the coupon exists is not known yet.

    `compromised`: the key that signed the token is, so the token proves no more than that somebody had the key.
    """

    token: Token | None = None
    short_code: str | None = None
    serial_of_id: int | None = None
    compromised: bool = False

    @property
    def shown(self) -> ShownCoupon | None:
        """The coupon as its token shows it. None without a token."""
        return ShownCoupon.of(self.token, compromised=self.compromised) if self.token else None


@dataclass(frozen=True, slots=True)
class Guesser:
    """The device whose wrong codes are counted: after some of them it must wait before the next. Where there is none, none are counted."""

    device_id: str
    at: Ms

    @property
    def subject(self) -> str:
        return f"code:{self.device_id}"


def read_name(text: str | None, ring: KeyRing) -> Named:
    """Read any text into what it names. No text can be two of these at once. Callers take what they accept as a proof."""
    if not text:
        return Named()
    token = read_or_none(text)
    fault = tokens.fault(token, ring) if token else None
    if token and fault in (None, Fault.COMPROMISED_KEY):
        return Named(token=token, compromised=fault is not None)
    serial = coupon_of(trimmed(text))
    if serial is not None:
        return Named(serial_of_id=serial)
    return Named(short_code=normalise_or_none(text))


def find_named(session: Session, named: Named) -> int | None:
    """The serial of the coupon, for somebody who may search: wrong codes are not counted. A token or an id need not exist here."""
    if named.token:
        return named.token.serial
    if named.serial_of_id is not None:
        return named.serial_of_id
    return find_by_code(session, named.short_code, guesser=None)


def find_by_code(session: Session, code: str | None, guesser: Guesser | None) -> int | None:
    """The serial of the coupon with this short code, None if there is none. Raises TooMany if the guesser must wait.

    Success forgets no failure: whoever has one good code could try thousands between two uses of it.
    """
    if code is None:
        return None
    if guesser:
        wait = throttle.wait_ms(session, guesser.subject, guesser.at)
        if wait:
            raise TooMany(ceil(wait / MS_PER_SECOND), "Scan the coupon, or wait before the next code is typed.")
    serial = ledger.find_serial_by_short_code(session, code)
    if guesser and serial is None:
        throttle.count_failure(session, guesser.subject, guesser.at)
    return serial
