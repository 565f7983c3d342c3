"""The stores' counters in tests: their tablets, and the coupons that are at home there."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from nacl.signing import SigningKey
from sqlalchemy import select
from sqlalchemy.orm import Session

from redeem.coupons.issue import CouponView, get_coupon
from redeem.db.engine import Database
from redeem.db.models.coupons import Coupon
from redeem.db.models.devices import Device
from redeem.ledger.ledger import find_coupon, find_standing
from redeem.ledger.rows import StandingRedemption
from redeem.lib.times import Ms
from tests import factories
from tests.cast import SOUTH_TABLET_KEY, TABLET_KEY, Cast
from tests.factories import NOW, Issued
from tests.tablets import Tablet

T = TypeVar("T")
SECOND_KEY = SigningKey(b"the second tablet of the north 3")


@dataclass
class Counters:
    """`tablet` and `second` are the north store's, `south` is the south store's; `second` is made when it is first asked for."""

    database: Database
    cast: Cast

    def __post_init__(self) -> None:
        self.tablet = Tablet(self.database, self.cast.tablet_id, TABLET_KEY)
        self.south = Tablet(self.database, self.cast.south_tablet_id, SOUTH_TABLET_KEY)

    def add_tablet(self, key: SigningKey = SECOND_KEY, store: str | None = None) -> Tablet:
        """Enrols another tablet, at the north store if no store is named."""
        device = self.write(lambda session: factories.tablet(session, store or self.cast.north, key, "Second"))
        return Tablet(self.database, device.id, key)

    def coupon(self, home: str | None = None, campaign: int | None = None, now: Ms = NOW) -> Issued:
        number = campaign or self.cast.anywhere
        return self.write(lambda session: factories.coupon(session, number, now, home_store_id=home))

    def homed(self, now: Ms = NOW) -> Issued:
        """At the north store."""
        return self.coupon(self.cast.north, now=now)

    def held(self) -> tuple[Issued, int]:
        """Returns a coupon that the tablet of the north store holds and has heard of, and the epoch of the hold."""
        coupon = self.homed()
        grants = {grant.serial: grant.epoch for grant in self.tablet.sync().grants}
        return coupon, grants[coupon.serial]

    def holder(self, coupon: Issued) -> str | None:
        found = self.read(lambda session: find_coupon(session, coupon.serial))
        return found.holder_id if found else None

    def promised(self, coupon: Issued) -> str | None:
        return self.read(lambda s: s.scalar(select(Coupon.promised_to_id).where(Coupon.serial == coupon.serial)))

    def view(self, coupon: Issued) -> CouponView:
        return self.read(lambda session: get_coupon(session, coupon.serial))

    def standing(self, coupon: Issued) -> StandingRedemption | None:
        return self.read(lambda session: find_standing(session, coupon.serial))

    def device(self, device_id: str) -> Device:
        return self.read(lambda session: session.get_one(Device, device_id))

    def write(self, work: Callable[[Session], T]) -> T:
        return self.database.write(work)

    def read(self, work: Callable[[Session], T]) -> T:
        return self.database.read(work)


def serials(grants: Any) -> list[int]:
    """Returns the serials of grants or of recalls."""
    return [grant.serial for grant in grants]
