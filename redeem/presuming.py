"""Presuming: what the rules ask of a coupon that nothing has happened to is known before anybody looks.

Its token says which campaign it is of, and its last day; the campaign's terms are remembered from the last time. So the rules
can be asked without the database, and one statement redeems the coupon if it is as presumed: see ledger.redeem_as_presumed.
"""

from redeem.db.engine import Driver
from redeem.domain.presented import Shown
from redeem.ledger import ledger
from redeem.ledger.ledger import Found


class Memory:
    """The terms of the campaigns that this process has redeemed coupons of. They may be out of date, and are compared."""

    def __init__(self) -> None:
        self._terms: dict[int, str] = {}

    def presume(self, driver: Driver, shown: Shown) -> Found | None:
        """The coupon as it was issued: not void, held by nobody. None if its token was not shown, or its campaign is not known."""
        campaign_number = shown.serial >> 32
        terms = self._terms.get(campaign_number) or ledger.terms_text(driver, campaign_number)
        if terms is None or shown.last_day is None:
            return None
        self._terms[campaign_number] = terms
        return Found(
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
