"""Would this coupon be given here and now? Read-only; and what may be told of the answer, and to whom."""

from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy.orm import Session

from redeem.db.models.coupons import Campaign
from redeem.domain.presented import Actor, ShownCoupon
from redeem.domain.rules import Verdict, why_declined
from redeem.domain.terms import Terms
from redeem.holds import holds
from redeem.holds.holds import Holder
from redeem.ledger import generation, ledger, lost_coupons
from redeem.ledger.rows import IssuedCoupon, StandingRedemption
from redeem.lib.times import Ms, local_day, rfc3339

# A tablet rings every second; one that has been silent for this long is not there to answer a recall.
ONLINE_MS = 15_000
Recovering = Literal["recovering"]
RECOVERING: Recovering = "recovering"


@dataclass(frozen=True, slots=True)
class Ruling:
    """What verify says: the verdict, and what is known of the coupon."""

    verdict: Verdict | Recovering
    details: dict[str, Any]
    terms: Terms | None = None


def verify(session: Session, actor: Actor, coupon: int | ShownCoupon | None, now: Ms) -> Ruling:
    """Say whether this device could redeem the coupon now, without changing anything.

    The coupon is named by its serial, or by what it shows of itself.
    """
    shown = ShownCoupon(coupon) if isinstance(coupon, int) else coupon
    found = look(session, shown, now) if shown else None
    if found is None:
        return Ruling(RECOVERING if shown and may_come_back(session, shown) else unknown(shown), {})
    standing = ledger.find_standing(session, found.serial)
    if standing:
        return Ruling(Verdict.ALREADY_REDEEMED, describe(found) | explain(standing, actor), found.terms)
    verdict = reason_to_decline(found, actor, now) or (RECOVERING if must_wait(found) else Verdict.GOOD)
    held = holds.holder(session, found.holder_id) if verdict == Verdict.HELD_ELSEWHERE and found.holder_id else None
    return Ruling(verdict, describe(found) | ({"holder": tell_holder(held, actor, now)} if held else {}), found.terms)


def may_come_back(session: Session, shown: ShownCoupon) -> bool:
    """Say whether a restored ledger lacks the campaign of a genuine coupon, and still waits for who may bring it back."""
    return session.get(Campaign, shown.serial >> 32) is None and generation.current(session).is_recovering


def look(session: Session, shown: ShownCoupon, now: Ms) -> IssuedCoupon | None:
    """Return the coupon, also one that a restored ledger has lost and not adopted yet.

    None for a token that the shop has not issued: whoever has a compromised key must not learn anything of another coupon by it.
    """
    found = ledger.find_coupon(session, shown.serial) or lost_coupons.preview(session, shown, now)
    return found.seen_by(shown) if found and found.is_issued_as(shown) else None


def unknown(shown: ShownCoupon | None) -> Verdict:
    """Return the decline of a coupon that the ledger does not know."""
    return Verdict.COMPROMISED_KEY if shown and shown.compromised else Verdict.UNKNOWN_COUPON


def reason_to_decline(found: IssuedCoupon, actor: Actor, now: Ms) -> Verdict | None:
    return why_declined(found.facts, found.terms, actor.place, local_day(now, actor.time_zone))


def must_wait(found: IssuedCoupon) -> bool:
    """Say whether only a holder may give the coupon, and nobody is known to be that. So it is while the ledger recovers: whoever gave
    the coupon after the backup, or holds it by a grant, may not have reported yet. A claim without a grant proves nothing.
    """
    return found.recovering and (found.holder_id is None or bool(found.unproved))


def describe(found: IssuedCoupon) -> dict[str, Any]:
    return {
        "coupon": found.coupon_id,
        "campaign": f"cmp_{found.campaign_number}",
        "short_code": found.short_code,
        "last_day": found.last_day,
    }


def explain(standing: StandingRedemption, to: Actor) -> dict[str, Any]:
    """Tell when it was given; to the same partner also where and by which device; to the same store also by whom."""
    told: dict[str, Any] = {"redeemed_at": rfc3339(standing.at)}
    if standing.partner_id == to.partner_id:
        told |= {
            "store": {"id": standing.store_id, "name": standing.store_name},
            "device": {"id": standing.device_id, "name": standing.device_name},
        }
    if standing.store_id == to.store_id and standing.clerk_id:
        told |= {"clerk": {"id": standing.clerk_id, "name": standing.clerk_name}}
    return told


def tell_holder(held: Holder, to: Actor, now: Ms) -> dict[str, Any]:
    """Tell who can give it: a device of the asker's own store by name, any other only by its store."""
    online = held.last_seen_at is not None and now - held.last_seen_at < ONLINE_MS
    device = {"id": held.device_id, "name": held.device_name} if held.store_id == to.store_id else None
    return {"store": {"id": held.store_id, "name": held.store_name}, "device": device, "online": online}
