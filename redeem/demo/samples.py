"""Coupons to try: one of each kind, sixty good ones, and a dozen that the demo's tablet can also give offline."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from redeem.coupons import issue
from redeem.coupons.issue import NewCoupon
from redeem.db.models.coupons import Coupon
from redeem.demo import offers
from redeem.demo.devices import Shown
from redeem.demo.history import forged
from redeem.demo.partners import BY_KEY, DEMO_STORE, device_id
from redeem.domain.presented import Actor
from redeem.domain.rules import Verdict
from redeem.ledger.sql import IS_REDEEMED, IS_VOID_FOR_HOLDER
from redeem.lib.times import MS_PER_DAY, Ms, local_day
from redeem.redemptions.verify import verify
from redeem.web.context import Context

GOOD_ONES, AT_HOME = 60, 12
VALID, HOMELY = "demo-valid", "demo-at-home"
TILL = "Till 1"

# What each kind is good for, by the reference under which it was issued. A forged one was never issued.
SPECIMENS = {
    "used": ("demo-used", Verdict.ALREADY_REDEEMED),
    "expired": ("demo-expired", Verdict.EXPIRED),
    "not_yet": ("demo-not-yet", Verdict.NOT_YET_VALID),
    "void": ("demo-void", Verdict.VOID),
    "other_store": ("demo-other-store", Verdict.WRONG_STORE),
}


@dataclass(frozen=True, slots=True)
class Sample:
    """A coupon as a customer has it: the token's digits and the short code. A forged one has no short code."""

    digits: str
    short_code: str | None


@dataclass(frozen=True, slots=True)
class Samples:
    """All samples. Those `at_home` are expected at the demo's store, and held by its tablets. `aged` names the kinds that are no longer
    what they were made to show."""

    valid: list[Sample]
    at_home: list[Sample]
    kinds: dict[str, Sample]
    aged: list[str]


def collect(tools: Context, now: Ms) -> Samples:
    """Returns the samples of now. For good ones that were given or are too old it issues others."""
    coupons = tools.database.read(lambda session: [find(session, reference) for reference, _ in SPECIMENS.values()])
    kinds = {kind: sample(tools, coupon) for kind, coupon in zip(SPECIMENS, coupons, strict=True)}
    valid = [sample(tools, coupon) for coupon in good_ones(tools, now, NewCoupon(offers.COFFEE, VALID), GOOD_ONES)]
    homely = NewCoupon(offers.COFFEE, HOMELY, home_store_id=BY_KEY[DEMO_STORE].id)
    at_home = [sample(tools, coupon) for coupon in good_ones(tools, now, homely, AT_HOME)]
    kinds["forged"] = Sample(forged(Shown(valid[0].digits, None)).digits, None)
    return Samples(valid, at_home, kinds, tools.database.read(lambda session: aged(session, now)))


def find(session: Session, reference: str) -> Coupon:
    return session.scalars(select(Coupon).where(Coupon.order_ref == reference)).one()


def good_ones(tools: Context, now: Ms, one: NewCoupon, wanted: int) -> list[Coupon]:
    mint = tools.mint()

    def work(session: Session) -> list[Coupon]:
        for _ in range(wanted - len(still_good(session, now, one))):
            issue.issue(session, one, mint, now)
        return still_good(session, now, one)

    return tools.database.write(work)


def still_good(session: Session, now: Ms, one: NewCoupon) -> list[Coupon]:
    """Returns the samples that are open and stay good for a week at least."""
    week_ahead = local_day(now + 7 * MS_PER_DAY, BY_KEY[DEMO_STORE].zone)
    unused = (
        select(Coupon)
        .where(Coupon.order_ref == one.order_ref, ~IS_VOID_FOR_HOLDER, ~IS_REDEEMED)
        .where(Coupon.last_day >= week_ahead)
        .order_by(Coupon.serial)
    )
    return list(session.scalars(unused))


def sample(tools: Context, coupon: Coupon) -> Sample:
    return Sample(tools.signer().write_serial(coupon.key_id, coupon.serial, coupon.last_day), coupon.short_code)


def aged(session: Session, now: Ms) -> list[str]:
    """Returns the kinds whose sample has another verdict now than it was made to show: it expired meanwhile, or somebody undid it."""
    return [
        kind
        for kind, (reference, expected) in SPECIMENS.items()
        if verify(session, till(), find(session, reference).serial, now).verdict != expected
    ]


def till() -> Actor:
    """Returns the demo's till, which asks for the verdicts."""
    store = BY_KEY[DEMO_STORE]
    return Actor(device_id(store, TILL), TILL, store.id, store.name, store.partner_id, store.zone)
