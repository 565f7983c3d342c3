"""Recognising: which coupon is this, by the scanned token or by the typed code?"""

from math import ceil

from sqlalchemy.orm import Session

from redeem.accounts import throttle
from redeem.domain import short_codes, tokens
from redeem.domain.signing_keys import KeyRing
from redeem.domain.tokens import Token
from redeem.ledger import ledger
from redeem.lib.errors import BadCode, BadToken, TooMany
from redeem.lib.ids import coupon_of
from redeem.lib.times import Ms

MS_PER_SECOND = 1000


def genuine_token(text: str | None, ring: KeyRing) -> Token | None:
    """The token, if it verifies, else None."""
    try:
        return tokens.verify(tokens.read(text), ring) if text else None
    except BadToken:
        return None


def genuine_serial(text: str | None, ring: KeyRing) -> int | None:
    """The serial of a token that verifies, else None."""
    token = genuine_token(text, ring)
    return token.serial if token else None


def typed_serial(session: Session, device_id: str, code: str, now: Ms) -> int | None:
    """The serial of a short code (as short_codes.normalise gives it), or None; raises TooMany where a device tries one after the other.

    Success forgets no failure: whoever has one good code could try thousands between two uses of it.
    """
    subject = f"code:{device_id}"
    wait = throttle.wait_ms(session, subject, now)
    if wait:
        raise TooMany(ceil(wait / MS_PER_SECOND), "Scan the coupon, or wait before the next code is typed.")
    serial = ledger.find_serial_by_short_code(session, code)
    if serial is None:
        throttle.count_failure(session, subject, now)
    return serial


def clean_code(text: str) -> str | None:
    try:
        return short_codes.normalise(text)
    except BadCode:
        return None


def named_serial(session: Session, text: str, ring: KeyRing) -> int | None:
    """The one coupon that the text names by itself, whether it is there or not."""
    by_id = coupon_of(text)
    if by_id is not None:
        return by_id
    try:
        return tokens.verify(tokens.read(text), ring).serial
    except BadToken:
        return serial_of_code(session, text)


def serial_of_code(session: Session, text: str) -> int | None:
    try:
        return ledger.find_serial_by_short_code(session, short_codes.normalise(text))
    except BadCode:
        return None
