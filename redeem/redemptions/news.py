"""What an act tells the shop: the events of its gift, written in the act's own transaction."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from redeem.domain.acts import Act
from redeem.domain.events import EventType
from redeem.events import log
from redeem.ledger.rows import IssuedCoupon, KeptAct
from redeem.lib.times import Ms
from redeem.redemptions.taking import Taking


def redeemed_event(act: Act, row: Mapping[str, Any], now: Ms) -> dict[str, Any]:
    """Return the row of the event that a redemption writes in its own statement. `row` is the act's."""
    occurred_at = act.happened_at(now)
    return log.row_of(EventType.REDEEMED, act.gift, row["serial"], now, act_id=row["id"], occurred_at=occurred_at)


def tell(taking: Taking, kind: EventType, coupon: IssuedCoupon, act_id: str, **data: str | None) -> None:
    """Tell of the gift that was given by the act that is being settled, or by the earlier one that this is about."""
    earlier = taking.about if taking.about and taking.about.id == act_id else None
    gift, occurred_at = (earlier or taking.act).gift, taking.act.happened_at(taking.now)
    log.append(taking.session, kind, gift, coupon.serial, taking.now, act_id=act_id, occurred_at=occurred_at, **data)


def tell_of_kept(
    session: Session, kind: EventType, gift: KeptAct, now: Ms, occurred_at: Ms | None = None, **data: str
) -> None:
    """Tell of a gift that was booked before."""
    log.append(session, kind, gift.gift, gift.serial, now, act_id=gift.id, occurred_at=occurred_at, **data)


def tell_decided(session: Session, gift: KeptAct, decision: str, now: Ms) -> None:
    """Tell of a decision. A gift may be decided anew, so its moment is a part of what the event is about."""
    kind, subject = EventType.DECIDED, f"{gift.gift}/{now}"
    log.append(session, kind, subject, gift.serial, now, act_id=gift.id, decision=decision)
