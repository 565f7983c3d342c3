"""What must never be, whatever happened: the gifts in customers' hands against the ledger, the journals and the holds."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from redeem.ids import coupon_id
from redeem.models import Act, Conflict, Coupon, Device, Redemption
from tests import books
from tests.simulation.hands import Gift
from tests.simulation.world import World


class Broken(AssertionError):
    """A promise is broken; `kind` is one word for which."""

    def __init__(self, kind: str, what: str) -> None:
        super().__init__(f"{kind}: {what}")
        self.kind = kind


def watch(world: World) -> None:
    """What must hold at every moment. Raises Broken."""
    for coupon in world.hands.out_at_once():
        if not is_at_risk(world, coupon) and world.hands.count(coupon) > 1 + world.may_double[coupon]:
            raise Broken("twice", f"{coupon} is in {world.hands.count(coupon)} hands")
    if world.is_risk_new:
        world.is_risk_new = False
        watch_limits(world, world.risks[-1])


def watch_limits(world: World, newest: Gift) -> None:
    """No tablet gives more at risk than its campaign allows before the server has heard of it."""
    campaign = campaign_of(newest.coupon)
    heard = world.server.read(
        lambda session: session.scalar(select(Device.last_number).where(Device.id == newest.giver))
    )
    unheard = [gift for gift in set(world.risks) if gift.giver == newest.giver and int(gift.act) > (heard or 0)]
    out = [gift for gift in unheard if world.hands.has(gift) and campaign_of(gift.coupon) == campaign]
    if len(out) > world.setting.limits[campaign]:
        raise Broken("limit", f"{newest.giver} gave {len(out)} coupons at risk")


def faults(world: World) -> list[str]:
    """What is wrong when everything has healed."""
    return [
        *world.server.read(
            lambda session: [*in_ledger(world, session), *in_journals(world, session), *in_holds(world, session)]
        )
    ]


def in_ledger(world: World, session: Session) -> Iterator[str]:
    """The ledger shows a redemption, and a conflict for each further one, exactly where gifts are in hands."""
    standing = Counter(coupon_id(serial) for serial in session.scalars(select(Redemption.serial)))
    second = select(Conflict.serial).where(Conflict.withdrawn_at.is_(None))
    standing.update(coupon_id(serial) for serial in session.scalars(second))
    for paper in world.setting.papers:
        out, booked = world.hands.count(paper.id), standing[paper.id]
        if out != booked and paper.id not in world.unsure:
            yield f"{'burned' if booked > out else 'unbooked'}: {paper.id} is in {out} hands, and booked {booked} times"
    yield from (f"books: {fault}" for fault in books.faults(session))


def in_journals(world: World, session: Session) -> Iterator[str]:
    """The server has each journal, byte for byte."""
    taken: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for device, name, entry in session.execute(
        select(Act.device_id, Act.name, Act.entry).where(Act.entry.is_not(None))
    ):
        if name.isdecimal():
            taken[device].append((int(name), entry or ""))
    for tablet in world.tablets:
        if tablet.is_gone:
            continue
        journal = world.tell("journal", tablet=tablet.name)
        if journal != [entry for _, entry in sorted(taken[tablet.device])]:
            yield f"journal: the server has {len(taken[tablet.device])} of the {len(journal)} entries of {tablet.name}, or others"


def in_holds(world: World, session: Session) -> Iterator[str]:
    """A tablet believes that it holds exactly what the server says that it holds, and knows what was redeemed or voided."""
    states = {
        coupon_id(serial): "void"
        for serial in session.scalars(select(Coupon.serial).where(Coupon.voided_at.is_not(None)))
    }
    states |= {coupon_id(serial): "redeemed" for serial in session.scalars(select(Redemption.serial))}
    for tablet in world.tablets:
        if tablet.is_gone:
            continue
        knows = world.tell("knows", tablet.tabs[0])
        held = select(Coupon.serial, Coupon.epoch).where(Coupon.holder_id == tablet.device)
        true = sorted([coupon_id(serial), epoch] for serial, epoch in session.execute(held))
        if sorted(knows["holds"]) != true:
            yield f"holds: {tablet.name} believes {knows['holds']}, and the server {true}"
        yield from in_lists(world, tablet.tabs[0], knows, states)


def in_lists(world: World, tab: str, knows: dict[str, Any], states: dict[str, str]) -> Iterator[str]:
    coupons = [paper.id for paper in world.setting.papers]
    listed = world.tell("listed", tab, coupons=coupons)
    for coupon, state in zip(coupons, listed, strict=True):
        if state != states.get(coupon) and knows["position"] is not None and is_listed_at(world, tab, coupon):
            yield f"lists: {tab} believes that {coupon} is {state}, and it is {states.get(coupon)}"


def is_listed_at(world: World, tab: str, coupon: str) -> bool:
    """A tablet has the lists of the campaigns that are good at its store."""
    one_store = world.setting.campaigns[-1]
    return campaign_of(coupon) != one_store or world.tablet_of(tab).place == world.setting.places[0]


def campaign_of(coupon: str) -> int:
    return int(coupon.split("_")[1])


def is_at_risk(world: World, coupon: str) -> bool:
    return campaign_of(coupon) in world.setting.limits
