"""Presuming: what the rules ask of a coupon that nothing has happened to is known before anybody looks.

Its token says which campaign it is of, and its last day; the campaign's terms are remembered from the last time. So the rules
can be asked without the database, and one statement redeems the coupon if it is as presumed: see ledger.redeem_if_unchanged.
"""

from redeem.db.engine import Driver
from redeem.domain.acts import Act, Answer
from redeem.domain.presented import ShownCoupon
from redeem.ledger import ledger
from redeem.ledger.ledger import IssuedCoupon
from redeem.lib.times import Ms, local_day
from redeem.redemptions.takers import new_act_id, redeemed, row_of
from redeem.redemptions.verify import reason_to_decline


class Memory:
    """The terms of the campaigns that this process has redeemed coupons of. They may be out of date, and are compared."""

    def __init__(self) -> None:
        self._terms: dict[int, str] = {}

    def presume(self, driver: Driver, shown: ShownCoupon) -> IssuedCoupon | None:
        """The coupon as it was issued: not void, held by nobody. None if its token was not shown, or its campaign is not known."""
        campaign_number = shown.serial >> 32
        terms = self._terms.get(campaign_number) or ledger.terms_text(driver, campaign_number)
        if terms is None or shown.last_day is None:
            return None
        self._terms[campaign_number] = terms
        return IssuedCoupon(
            serial=shown.serial,
            short_code="",
            last_day=shown.last_day,
            void=False,
            holder_id=None,
            epoch=0,
            home_store_id=None,
            terms_text=terms,
            recovering=False,
        )

    def forget(self, campaign_number: int) -> None:
        """Something was not as presumed: it may have been the terms."""
        self._terms.pop(campaign_number, None)


def redeem_at_once(driver: Driver, memory: Memory, act: Act, now: Ms) -> Answer | None:
    """The yes to a till's attempt, if there is nothing unusual about it: for Database.autocommit. None, and nothing done, if there is.

    The rules are asked first, of the coupon as it was issued; the statement that redeems sees to it that it is so. Everything
    else, and every no, is for `settle`.
    """
    found = memory.presume(driver, act.shown) if act.shown else None
    if found is None or reason_to_decline(found, act.actor, now):
        return None
    act_id, day = new_act_id(act, now), local_day(now, act.actor.time_zone)
    yes = redeemed(act_id, found, now)
    if ledger.redeem_if_unchanged(driver, found, row_of(act, act_id, found, yes, now), day):
        return yes
    memory.forget(found.campaign_number)
    return None
