"""The demo's customers: when each gets a coupon, and when and where they show it.

Nothing is decided here. Whether a coupon is good where it is shown is decided by the rules, in `history`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from random import Random
from zoneinfo import ZoneInfo

from redeem.demo import offers
from redeem.demo.offers import Campaign
from redeem.demo.partners import BY_KEY, DEMO_STORE, SHOP_ZONE, StoreCard
from redeem.lib.times import MS_PER_DAY, MS_PER_MINUTE, Ms

DAYS = 90

# Customers an hour by the clock of the store, and by weekday from Monday.
HOURS = {
    "coffee": {8: 9, 9: 10, 10: 6, 11: 4, 12: 5, 13: 7, 14: 6, 15: 4, 16: 4, 17: 5, 18: 5, 19: 3, 20: 2},
    "books": {11: 2, 12: 4, 13: 5, 14: 5, 15: 5, 16: 6, 17: 7, 18: 8, 19: 6},
    "bakery": {8: 8, 9: 9, 10: 7, 11: 5, 12: 4, 13: 4, 14: 3, 15: 3, 16: 5, 17: 6, 18: 5, 19: 2},
}
WEEK = {
    "coffee": (10, 11, 11, 11, 12, 8, 6),
    "books": (6, 6, 6, 7, 9, 14, 12),
    "bakery": (8, 8, 8, 8, 9, 12, 11),
}
ORDER_HOURS = {9: 3, 10: 5, 11: 6, 12: 7, 13: 6, 14: 5, 15: 5, 16: 5, 17: 6, 18: 7, 19: 9, 20: 11, 21: 12, 22: 8}
ORDER_WEEK = (9, 9, 8, 8, 9, 12, 13)

# By campaign: coupons a day, the share of them that is ever shown, and the stores at which the crowd lives.
TRADE = {
    offers.COFFEE: (37, 0.60, ("pokrovka", "rubinstein", "plotinka")),
    offers.BOOK: (25, 0.47, ("myasnitskaya", "krasny", "amber")),
    offers.CROISSANT: (22, 0.55, ("bauman", "sea")),
    offers.PIE: (20, 0.58, ("bauman", "sea", "pokrovka", "rubinstein", "plotinka")),
    offers.LEMONADE: (6, 0.10, ("pokrovka", "rubinstein", "plotinka")),
    offers.TART: (9, 0.55, ("sea",)),
}
# Where a coupon of another chain is tried now and then.
NEIGHBOURS = {"pokrovka": "myasnitskaya", "myasnitskaya": "pokrovka", "bauman": "pokrovka", "rubinstein": "amber"}


@dataclass(frozen=True, slots=True)
class Visit:
    """A customer shows their coupon at a store. `refused`: the clerk's reason not to give the gift. `undone`: the reason for undoing it."""

    at: Ms
    store: str
    refused: str | None = None
    undone: str | None = None


@dataclass(slots=True)
class Customer:
    """A person with one coupon: when it was issued, when it was shown. `number` is the coupon's; it is set when all are sorted by time."""

    campaign: Campaign
    issued_at: Ms
    order_ref: str = ""
    visits: list[Visit] = field(default_factory=list)
    voided_at: Ms | None = None
    number: int = -1


def gather(campaigns: list[Campaign], now: Ms, dice: Random, days: int = DAYS) -> list[Customer]:
    """Returns everybody who got a coupon in the `days` before `now`. Coupons are numbered in the order of issue."""
    today = local(now, SHOP_ZONE).date()
    crowd = [
        customer(campaign, issued_at, now, dice)
        for campaign in campaigns
        for day in dates(max(campaign.began, today - timedelta(days=days)), today)
        for issued_at in issues(campaign, day, now, dice)
    ]
    crowd += specimens({campaign.number: campaign for campaign in campaigns}, now)
    crowd.sort(key=lambda one: (one.campaign.number, one.issued_at))
    count_off(crowd)
    return crowd


def count_off(crowd: list[Customer]) -> None:
    numbers: dict[int, int] = {}
    for order, one in enumerate(crowd):
        one.number = numbers[one.campaign.number] = numbers.get(one.campaign.number, -1) + 1
        one.order_ref = one.order_ref or f"U-{20_000 + order}"


def issues(campaign: Campaign, day: date, now: Ms, dice: Random) -> Iterator[Ms]:
    """Returns the moments of one day at which coupons of the campaign are issued: more at weekends, and more the longer it has run."""
    until = campaign.terms.windows.issue.until
    if until and day > until:
        return
    rate = TRADE[campaign.number][0] * ORDER_WEEK[day.weekday()] / 10 * min(1.0, 0.4 + (day - campaign.began).days / 20)
    for _ in range(round(dice.gauss(rate, rate**0.5))):
        moment = at(day, clock(ORDER_HOURS, dice), SHOP_ZONE)
        if moment < now:
            yield moment


def customer(campaign: Campaign, issued_at: Ms, now: Ms, dice: Random) -> Customer:
    """Returns a customer. They may come never, once or twice, come to a store of another partner, or have sent the order back."""
    one = Customer(campaign, issued_at)
    _, share, places = TRADE[campaign.number]
    if dice.random() < 0.012:
        one.voided_at = issued_at + round(dice.uniform(0.1, 3) * MS_PER_DAY)
        share = 0.3
    if dice.random() < share:
        plan(one, dice.choices([BY_KEY[place] for place in places], [BY_KEY[place].busy for place in places])[0], dice)
    # The order may come back just before now, or the visit after it: what has not happened yet is left out.
    one.visits = [visit for visit in one.visits if issued_at < visit.at < now - 30 * MS_PER_MINUTE]
    if one.voided_at and one.voided_at >= now:
        one.voided_at, one.visits = None, []
    return one


def plan(one: Customer, store: StoreCard, dice: Random) -> None:
    moment = opening(one.issued_at, dice.lognormvariate(1.5, 0.9), store, dice)
    if one.voided_at:
        moment = opening(one.voided_at, 1.0, store, dice)
    if store.key in NEIGHBOURS and dice.random() < 0.045:
        one.visits.append(Visit(moment - round(dice.uniform(15, 90) * MS_PER_MINUTE), NEIGHBOURS[store.key]))
    if dice.random() < 0.03:
        one.visits.append(Visit(moment, store.key, refused=why_refused(dice)))
        if dice.random() < 0.4:
            return
        moment = opening(moment, 2.0, store, dice)
    one.visits.append(Visit(moment, store.key, undone=why_undone(dice) if dice.random() < 0.013 else None))
    if dice.random() < 0.02:
        again = moment + round(dice.uniform(0.02, 4) * MS_PER_DAY)
        one.visits.append(Visit(opening(again, 0.2, store, dice), store.key))


def specimens(campaigns: dict[int, Campaign], now: Ms) -> list[Customer]:
    """Returns the coupons of the test sheet to which something has happened. Good ones are issued anew at each start: see `samples`."""
    day = MS_PER_DAY
    lunch = at(local(now, SHOP_ZONE).date() - timedelta(days=1), time(13, 20, 8), BY_KEY[DEMO_STORE].zone)
    used = Customer(campaigns[offers.COFFEE], now - 3 * day, "demo-used", [Visit(lunch, DEMO_STORE)])
    void = Customer(campaigns[offers.COFFEE], now - 3 * day, "demo-void", voided_at=now - 2 * day)
    expired = Customer(campaigns[offers.PIE], now - 30 * day, "demo-expired")
    not_yet = Customer(campaigns[offers.LEMONADE], now - 3 * day, "demo-not-yet")
    other_store = Customer(campaigns[offers.TART], now - 3 * day, "demo-other-store")
    return [used, void, expired, not_yet, other_store]


def opening(after: Ms, days: float, store: StoreCard, dice: Random) -> Ms:
    """Returns a moment about `days` after `after`, in the hours of such a store."""
    first = local(after + round(days * MS_PER_DAY), store.zone).date()
    week = WEEK[store.trade]
    nearest = [first + timedelta(days=step) for step in range(4)]
    day = dice.choices(nearest, [week[each.weekday()] / (step + 1) for step, each in enumerate(nearest)])[0]
    moment = at(day, clock(HOURS[store.trade], dice), store.zone)
    return moment if moment > after else moment + MS_PER_DAY


def clock(hours: dict[int, int], dice: Random) -> time:
    hour = dice.choices(list(hours), list(hours.values()))[0]
    return time(hour, dice.randrange(60), dice.randrange(60), dice.randrange(1000) * 1000)


def why_refused(dice: Random) -> str:
    reasons = {"out_of_stock": 9, "no_receipt": 6, "unknown_campaign": 5, "system_down": 3, "other": 2}
    return dice.choices(list(reasons), list(reasons.values()))[0]


def why_undone(dice: Random) -> str:
    reasons = {"mistake": 5, "wrong_gift": 3, "returned": 3, "other": 1}
    return dice.choices(list(reasons), list(reasons.values()))[0]


def dates(first: date, last: date) -> Iterator[date]:
    for step in range((last - first).days + 1):
        yield first + timedelta(days=step)


def local(moment: Ms, zone: str) -> datetime:
    return datetime.fromtimestamp(moment / 1000, ZoneInfo(zone))


def at(day: date, clock_time: time, zone: str) -> Ms:
    return round(datetime.combine(day, clock_time, ZoneInfo(zone)).timestamp() * 1000)
