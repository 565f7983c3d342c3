"""The setting of a world: a shop, two partners, a few stores with tablets and tills, campaigns of each offline policy, coupons."""

from dataclasses import dataclass, field
from random import Random
from typing import Any

from sqlalchemy.orm import Session

from redeem.accounts.audit import OPERATOR
from redeem.coupons import issue as coupon_issue
from redeem.coupons.issue import NewCoupon
from redeem.devices import clerks
from redeem.devices.enrolment import add_till, invite_tablet
from redeem.ledger import signing
from redeem.ledger.signing import Signer
from redeem.lib.ids import coupon_id
from redeem.lib.links import Purpose
from redeem.lib.times import Ms
from tests import factories
from tests.simulation.server import Server

KEY_SEED = b"the key that signs in simulations"[:32]
NO_PIN = "the simulated tablets ask for no PIN"
LINK_MINUTES = 60 * 24


@dataclass(frozen=True, slots=True)
class Place:
    """A store, and who works there."""

    id: str
    partner: str
    clerk: str


@dataclass(frozen=True, slots=True)
class Paper:
    """A coupon as its customer has it: what is scanned and what can be typed. Copies of it are as good as it is."""

    serial: int
    token: str
    short_code: str
    home: str | None
    is_at_risk: bool
    key_id: int

    @property
    def id(self) -> str:
        return coupon_id(self.serial)


@dataclass
class Setting:
    """`limits`: how many coupons a tablet may give at risk, by campaign number; a campaign that isn't named gives none."""

    places: list[Place]
    till_keys: list[str]
    campaigns: list[int]
    limits: dict[int, int]
    manager: str
    papers: list[Paper] = field(default_factory=list)

    def place(self, store_id: str) -> Place:
        return next(place for place in self.places if place.id == store_id)


def furnish(server: Server, chance: Random) -> Setting:
    """Everything but the tablets, which enrol by themselves."""
    stores, tills, coupons = chance.choice([1, 2, 2, 3]), chance.choice([0, 1, 1, 2]), chance.randint(4, 20)

    def work(session: Session) -> Setting:
        signing.rotate(session, server.tools.sealer, factories.NOW, seed=KEY_SEED)
        partners = [factories.partner(session, name).id for name in ("North Coffee", "South Bakery")]
        places = [add_place(session, partners[index % 2], f"Store {index}") for index in range(stores)]
        keys = [till_key(session, chance.choice(places)) for _ in range(tills)]
        return add_campaigns(session, chance, partners, places, keys)

    setting = server.write(work)
    for _ in range(coupons):
        issue(server, setting, chance, factories.NOW)
    return setting


def add_place(session: Session, partner: str, name: str) -> Place:
    store = factories.store(session, partner, name).id
    return Place(store, partner, clerks.add_clerk(session, OPERATOR, store, "Anna", NO_PIN, factories.NOW).id)


def till_key(session: Session, place: Place) -> str:
    return add_till(session, OPERATOR, place.id, "Till", factories.NOW).key_text


def add_campaigns(
    session: Session, chance: Random, partners: list[str], places: list[Place], keys: list[str]
) -> Setting:
    limit = chance.choice([1, 2, 3])
    risky = {
        "policy": "at_risk",
        "coupons": limit,
        "value": 35_000 * 3,
        "hours": 24,
        "bearer": chance.choice(["issuer", "partner"]),
    }
    everywhere = factories.campaign(session, "Held only", partners=partners).number
    at_risk = factories.campaign(session, "At risk", partners=partners, offline=risky).number
    one_store = factories.campaign(session, "One store", stores=[places[0].id], partners=[]).number
    manager = factories.manager(session, "shop_manager", "manager@example.org", NO_PIN).id
    return Setting(places, keys, [everywhere, everywhere, everywhere, at_risk, one_store], {at_risk: limit}, manager)


def issue(server: Server, setting: Setting, chance: Random, now: Ms) -> Paper:
    """The shop issues a coupon, at home somewhere or nowhere, and its customer has it at once."""
    campaign = chance.choice(setting.campaigns)
    home = (
        chance.choice([None, *(place.id for place in setting.places), *(place.id for place in setting.places)])
        if campaign != setting.campaigns[-1]
        else None
    )
    signer: Signer = server.tools.signer()
    new, mint = NewCoupon(campaign, home_store_id=home), factories.mint(signer.newest)
    view = server.write(lambda session: coupon_issue.issue(session, new, mint, now)).coupon
    token = signer.write_serial(view.key_id, view.serial, view.last_day)
    paper = Paper(view.serial, token, view.short_code, view.home_store_id, campaign in setting.limits, view.key_id)
    setting.papers.append(paper)
    return paper


def link(server: Server, place: Place, now: Ms) -> Any:
    """A manager's link with which one tablet enrols at a store."""
    enrolment = server.write(lambda session: invite_tablet(session, OPERATOR, place.id, "Tablet", now, LINK_MINUTES))
    return server.tools.links.seal(Purpose.ENROLMENT, {"enrolment": enrolment.id})
