"""An act about to be taken, as a value."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from redeem.domain.acts import Act
from redeem.ledger.ledger import IssuedCoupon, KeptAct
from redeem.lib.times import Ms


@dataclass(frozen=True, slots=True)
class Taking:
    """An act about to be taken: its new id, its coupon (locked), the act that it is about, and now."""

    session: Session
    act: Act
    id: str
    now: Ms
    found: IssuedCoupon | None
    about: KeptAct | None
