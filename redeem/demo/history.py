"""The answer to each visit: by the real rules, at a device of the store that is free, by a clerk on shift."""

from dataclasses import dataclass
from random import Random

from redeem.demo.crowd import Customer, Visit
from redeem.demo.devices import Books, Desk, Shown, Tablet, Till
from redeem.demo.partners import STORES, StoreCard, clerk_id
from redeem.domain.rules import Facts, Place, Verdict, last_day, why_declined
from redeem.ledger.signing import Signer
from redeem.lib.ids import serial_of
from redeem.lib.times import MS_PER_DAY, MS_PER_MINUTE, Ms, local_day
from redeem.redemptions.verify import explain

DARK_DEVICE, DARK_DAYS = ("amber", "Second floor"), 3
SKEWED_DEVICE, SKEW_MS = ("krasny", "Counter"), 14 * MS_PER_MINUTE
FORGERIES = 11


@dataclass(frozen=True, slots=True)
class Scene:
    """One visit of one customer; `customer` is None for a forged coupon."""

    visit: Visit
    customer: Customer | None
    shown: Shown


class History:
    """Plays the visits in the order of time. `books` holds the rows to insert, `desks` the devices in their last state."""

    def __init__(self, signer: Signer, zone: str, now: Ms, dice: Random) -> None:
        self.books = Books()
        self.signer, self._zone, self._now, self._dice = signer, zone, now, dice
        self.desks = {store.key: self._open(store) for store in STORES}

    def play(self, crowd: list[Customer]) -> None:
        scenes = [Scene(visit, one, self.coupon(one)) for one in crowd if one.visits for visit in one.visits]
        scenes += self._forgeries([scene for scene in scenes if scene.visit.at > self._now - 40 * MS_PER_DAY])
        for scene in sorted(scenes, key=lambda scene: scene.visit.at):
            self._play(scene)

    def last_day(self, customer: Customer) -> int:
        return last_day(customer.campaign.terms, local_day(customer.issued_at, self._zone))

    def coupon(self, customer: Customer) -> Shown:
        number, campaign = customer.number, customer.campaign.number
        digits = self.signer.write(self.signer.newest, campaign, number, self.last_day(customer))
        return Shown(digits, serial_of(campaign, number))

    def _open(self, store: StoreCard) -> list[Desk]:
        tablets = [Tablet(store, name, self.books, self._dice) for name in store.tablets]
        for tablet in tablets:
            mine = (store.key, tablet.name)
            tablet.skew_ms = SKEW_MS if mine == SKEWED_DEVICE else self._dice.randrange(-1_500, 1_500)
        return [*tablets, *(Till(store, name, self.books, self._dice) for name in store.tills)]

    def _forgeries(self, scenes: list[Scene]) -> list[Scene]:
        """Yields each visit, and beside a few of them one with a copied coupon of which a digit was changed."""
        chosen = self._dice.sample(scenes, min(FORGERIES, len(scenes)))
        return [
            Scene(Visit(scene.visit.at + 3 * MS_PER_MINUTE, scene.visit.store), None, forged(scene.shown))
            for scene in chosen
        ]

    def _play(self, scene: Scene) -> None:
        desk = self._choose(scene.visit)
        at = max(scene.visit.at, desk.free_at + 2_000)
        code = self._judge(scene, desk, at)
        desk.free_at = self._at_till(desk, scene, at, code) if isinstance(desk, Till) else at
        if isinstance(desk, Tablet):
            desk.free_at = self._at_tablet(desk, scene, at, code)

    def _choose(self, visit: Visit) -> Desk:
        """Returns the device for a visit. A refusal needs a tablet: a till notes none. A tablet that is offline for days is left out."""
        desks = self.desks[visit.store]
        awake = [desk for desk in desks if visit.at < self._asleep_from(desk)]
        tablets = [desk for desk in awake if isinstance(desk, Tablet)]
        return self._dice.choice(tablets if visit.refused else awake)

    def _asleep_from(self, desk: Desk) -> Ms:
        return self._now - DARK_DAYS * MS_PER_DAY if (desk.store.key, desk.name) == DARK_DEVICE else self._now

    def _judge(self, scene: Scene, desk: Desk, at: Ms) -> Verdict | None:
        if scene.customer is None:
            return Verdict.UNKNOWN_COUPON
        place = Place(desk.store.id, desk.store.partner_id, desk.id)
        redeemed = scene.shown.serial in self.books.standing
        facts = Facts(self.last_day(scene.customer), void=scene.customer.voided_at is not None, redeemed=redeemed)
        return why_declined(facts, scene.customer.campaign.terms, place, local_day(at, desk.store.zone))

    def _at_tablet(self, tablet: Tablet, scene: Scene, at: Ms, code: Verdict | None) -> Ms:
        visit, clerk = scene.visit, on_shift(tablet.store, at)
        if code:
            return tablet.decline(scene.shown, at, clerk, code)
        if visit.refused:
            return tablet.refuse(scene.shown, at, clerk, visit.refused)
        if self._dice.random() < 0.008:
            at = tablet.lose(scene.shown, at, clerk) + 15_000
        return tablet.give(scene.shown, at, clerk, visit.undone)

    def _at_till(self, till: Till, scene: Scene, at: Ms, code: Verdict | None) -> Ms:
        if code is None:
            return till.give(scene.shown, at, scene.visit.undone)
        standing = self.books.standing.get(scene.shown.serial) if scene.shown.serial is not None else None
        told = explain(standing, till.actor) if standing and code == Verdict.ALREADY_REDEEMED else {}
        return till.decline(scene.shown, at, code, told)


def on_shift(store: StoreCard, at: Ms) -> tuple[str, str]:
    """Returns the id and the name of the clerk who works that day."""
    name = store.clerks[local_day(at, store.zone) % len(store.clerks)]
    return clerk_id(store, name), name


def forged(shown: Shown) -> Shown:
    """The same coupon with its last digit changed."""
    return Shown(shown.digits[:-1] + str((int(shown.digits[-1]) + 1) % 10), None)
