"""What a tablet asks beside its journal: would this coupon be given here and now?"""

from collections.abc import Callable
from typing import Any

from sqlalchemy.orm import Session

from redeem.db.models.coupons import Coupon
from redeem.domain.presented import Actor, ShownCoupon
from redeem.domain.rules import Verdict
from redeem.domain.signing_keys import KeyRing
from redeem.holds import holds
from redeem.ledger import generation
from redeem.ledger.signing import Signer
from redeem.lib.errors import TooMany
from redeem.lib.times import Ms
from redeem.redemptions.identify import Guesser, find_by_code, read_name
from redeem.redemptions.verify import verify


def ask_verdict(
    session: Session, actor: Actor, text: str, ring: KeyRing, signer: Callable[[], Signer], now: Ms
) -> dict[str, Any]:
    """Verify a text. A typed short code is answered with the coupon's token, which the journal needs as evidence.

    The customer stands before this clerk, so a coupon that another device holds is recalled, to be given here. Whoever has guessed
    codes is told to wait or scan, and the rest of the request goes on.
    """
    try:
        shown, token = identify(session, text, ring, signer, Guesser(actor.device_id, now))
    except TooMany as early:
        return {"code": early.code, "retry_after": early.retry_after_seconds}
    ruling = verify(session, actor, shown, now)
    if ruling.verdict == Verdict.HELD_ELSEWHERE and shown:
        ask_back(session, actor, shown.serial, now)
    told = {"code": ruling.verdict, **ruling.details}
    return told | {"token": token} if token else told


def ask_back(session: Session, actor: Actor, serial: int, now: Ms) -> None:
    """Recall the hold. While only holders give nothing is recalled: a released hold could be granted to nobody."""
    if not generation.current(session).only_holders_give:
        holds.recall(session, serial, actor.device_id, now)


def identify(
    session: Session, text: str, ring: KeyRing, signer: Callable[[], Signer], guesser: Guesser | None
) -> tuple[ShownCoupon | None, str | None]:
    """Return (the coupon, the token to tell) for a scanned token or a typed short code."""
    named = read_name(text, ring)
    if named.shown:
        return named.shown, None
    serial = find_by_code(session, named.short_code, guesser)
    row = session.get(Coupon, serial) if serial is not None else None
    if row is None:
        return None, None
    return ShownCoupon(row.serial), signer().write_serial(row.key_id, row.serial, row.last_day)
