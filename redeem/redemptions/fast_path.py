"""The usual redemption by a till, in one statement.

Of a coupon that nothing has happened to, the rules ask only what its token says (campaign, last day) and the campaign's
terms, which are remembered. So they are asked first, and `ledger.redeem_if_unchanged` redeems the coupon if the ledger
still has it as it was issued.
"""

from redeem.db.engine import Driver
from redeem.domain.acts import Act, Answer
from redeem.domain.presented import ShownCoupon
from redeem.ledger import ledger
from redeem.ledger.rows import IssuedCoupon
from redeem.lib.times import Ms, local_day
from redeem.redemptions.news import redeemed_event
from redeem.redemptions.takers import new_act_id, redeemed, row_of
from redeem.redemptions.verify import reason_to_decline


class Memory:
    """The terms of campaigns of which this process has redeemed coupons. They may be stale: the statement compares them."""

    def __init__(self) -> None:
        self._terms: dict[int, str] = {}

    def presume(self, driver: Driver, shown: ShownCoupon) -> IssuedCoupon | None:
        """Return the coupon as it was issued, not void and not held. None without a token of a good key or a known campaign."""
        campaign_number = shown.serial >> 32
        terms = self._terms.get(campaign_number) or ledger.terms_text(driver, campaign_number)
        if terms is None or shown.last_day is None or shown.compromised:
            return None
        self._terms[campaign_number] = terms
        return IssuedCoupon(
            serial=shown.serial,
            key_id=shown.key_id or 0,
            compromised=False,
            short_code="",
            last_day=shown.last_day,
            void_since=None,
            holder_id=None,
            epoch=0,
            unproved=None,
            home_store_id=None,
            terms_text=terms,
            recovering=False,
        )

    def forget(self, campaign_number: int) -> None:
        """Drop the campaign's terms. Called when the coupon was not as presumed, for the terms may be stale."""
        self._terms.pop(campaign_number, None)


def redeem_at_once(driver: Driver, memory: Memory, act: Act, now: Ms) -> Answer | None:
    """Redeem for a till in one statement, or return None and do nothing. Runs under `Database.autocommit`.

    Whatever is unusual, and every decline, is left to `settle`.
    """
    coupon = memory.presume(driver, act.shown) if act.shown else None
    if coupon is None or reason_to_decline(coupon, act.actor, now):
        return None
    act_id, day = new_act_id(act, now), local_day(now, act.actor.time_zone)
    yes = redeemed(act_id, coupon, now)
    row = row_of(act, act_id, coupon, yes, now)
    if ledger.redeem_if_unchanged(driver, coupon, row, day, redeemed_event(act, row, now)):
        return yes
    memory.forget(coupon.campaign_number)
    return None
