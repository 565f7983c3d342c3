"""One act while it is being settled."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from redeem.domain.acts import Act
from redeem.ledger.rows import IssuedCoupon, KeptAct
from redeem.lib.times import Ms


@dataclass(frozen=True, slots=True)
class Taking:
    """An act that is being settled.

    `id` is the id that the act will have. `coupon` is locked; None if the ledger has no such coupon. `about` is the
    earlier act that this one refers to, such as the ask of a `gave`.
    """

    session: Session
    act: Act
    id: str
    now: Ms
    coupon: IssuedCoupon | None
    about: KeptAct | None
