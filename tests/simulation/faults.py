"""What must never happen. Compares the gifts that customers have with the ledger, the journals and the holds."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import pairwise
from json import loads
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from redeem.db.models.coupons import Campaign, Coupon, SigningKey
from redeem.db.models.devices import Claim, Device, Quarantine
from redeem.db.models.ledger import Act, Conflict, Redemption
from redeem.domain.acts import Outcome
from redeem.domain.judgement import Rule
from redeem.ledger.sql import IS_VOID
from redeem.lib.ids import coupon_id
from tests import books
from tests.simulation import statements
from tests.simulation.hands import Gift
from tests.simulation.journals import coupons_in, left_open
from tests.simulation.liar import lies_of
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
    nonsense = world.adviser.nonsense()
    if nonsense:
        raise Broken("nonsense", f"{nonsense.device} says that {nonsense.named} can give {nonsense.coupon}")
    if world.is_risk_new:
        world.is_risk_new = False
        watch_limits(world, world.risks[-1])


def watch_limits(world: World, newest: Gift) -> None:
    """No tablet gives more at risk than its campaign allows before the server has heard of it."""
    campaign = campaign_of(newest.coupon)
    if world.is_restored:
        return  # what the server had heard it has forgotten, and the tablets may rely on it
    heard = world.server.read(
        lambda session: session.scalar(select(Device.last_number).where(Device.id == newest.giver))
    )
    unheard = [gift for gift in set(world.risks) if gift.giver == newest.giver and int(gift.act) > (heard or 0)]
    out = [gift for gift in unheard if world.hands.has(gift) and campaign_of(gift.coupon) == campaign]
    if len(out) > world.setting.limits[campaign]:
        raise Broken("limit", f"{newest.giver} gave {len(out)} coupons at risk")


def faults(world: World) -> list[str]:
    """What is wrong when everything has healed."""
    return world.server.read(
        lambda session: [
            *in_journals(world, session),
            *in_ledger(world, session),
            *in_holds(world, session),
            *in_places(world, session),
            *statements.faults(world, session),
        ]
    )


def in_journals(world: World, session: Session) -> Iterator[str]:
    """The server has each journal, byte for byte; what it doesn't have is of a tablet that is gone, and of that nothing is known."""
    here, written = entries_here(session), defaultdict[str, set[str]](set)
    for tablet in world.tablets:
        for device, texts in world.tell("journals", tablet=tablet.name).items():
            written[device].update(texts)
            yield from in_journal(world, device, texts, here[device], is_lost=tablet.is_gone)
            if device != tablet.device or tablet.is_gone:
                world.unsure |= left_open(texts)
    for device, texts in world.lost.items():
        if not written[device].issuperset(texts) and not written[device].issubset(texts):
            yield f"went on: {device} wrote more, and lacks what it wrote before"
        written[device].update(texts)
        yield from in_journal(world, device, texts, here[device], is_lost=True)
        world.unsure |= left_open(texts)
    for device, known in written.items():
        yield from (f"invented: {device} never wrote {text}" for text in here[device].difference(known))


def in_journal(world: World, device: str, texts: list[str], here: set[str], *, is_lost: bool) -> Iterator[str]:
    missing = [text for text in texts if text not in here]
    if missing and is_lost:
        world.unsure |= coupons_in(texts, missing)
    elif missing:
        yield f"lost: the server lacks {len(missing)} of the {len(texts)} entries of {device}: {missing[0]}"


def entries_here(session: Session) -> dict[str, set[str]]:
    """What the server has of each device, taken or kept aside. An act may be named after the device that wrote its entry."""
    here: dict[str, set[str]] = defaultdict(set)
    for device, name, entry in session.execute(
        select(Act.device_id, Act.name, Act.entry).where(Act.entry.is_not(None))
    ):
        here[name.partition("/")[0] if name.startswith("dev_") else device].add(entry or "")
    for device, entry in session.execute(select(Quarantine.device_id, Quarantine.entry)):
        here[device].add(entry)
    return here


def in_ledger(world: World, session: Session) -> Iterator[str]:
    """The ledger shows a redemption, and a conflict for each further one, exactly where gifts are in hands."""
    world.unsure |= beyond_recall(world, session)
    lies = {act for act, _, _ in lies_of(session, world.liar.device)} if world.liar else set()
    stands = select(Redemption.act_id)
    standing = Counter(
        coupon_id(serial) for serial in session.scalars(select(Redemption.serial).where(Redemption.act_id.not_in(lies)))
    )
    second = select(Conflict.serial).where(Conflict.withdrawn_at.is_(None), Conflict.act_id.not_in(stands))
    standing.update(coupon_id(serial) for serial in session.scalars(second.where(Conflict.act_id.not_in(lies))))
    for paper in world.setting.papers:
        out, booked = world.hands.count(paper.id), standing[paper.id]
        if out != booked and paper.id not in world.unsure:
            yield f"{'burned' if booked > out else 'unbooked'}: {paper.id} is in {out} hands, and booked {booked} times"
    yield from (f"books: {fault}" for fault in books.faults(session))
    yield from contested(world, session)


def beyond_recall(world: World, session: Session) -> set[str]:
    """The coupons of campaigns and keys that are younger than the backup and that no tablet carried."""
    campaigns = set(session.scalars(select(Campaign.number)))
    kids = set(session.scalars(select(SigningKey.kid)))
    lost = (paper for paper in world.setting.papers if paper.serial >> 32 not in campaigns or paper.key_id not in kids)
    return {paper.id for paper in lost}


def contested(world: World, session: Session) -> Iterator[str]:
    """An honest tablet whose clock was right reports no gift that breaks a rule, nor does a till that has its proofs: but for one of a
    key that is compromised, of which it may not have heard. And after a restore, one that it took back: another may have been granted
    the coupon since, and have reported that first.
    """
    crooked = {device for tablet in world.tablets if tablet.name in world.crooked for device in tablet.devices}
    rows = select(Act.device_id, Act.name, Conflict.rule).join(Conflict, Conflict.act_id == Act.id)
    unknowable = Conflict.rule == Rule.COMPROMISED_KEY
    if world.is_restored:
        unknowable |= Conflict.withdrawn_at.is_not(None)
    for device, name, rule in session.execute(rows.where(Conflict.rule.is_not(None), ~unknowable)):
        wrote = name.partition("/")[0] if name.startswith("dev_") else device
        if wrote not in crooked and (world.liar is None or device != world.liar.device):
            yield f"contested: what {wrote} reported as {name} is said to break a rule: {rule}"


def in_holds(world: World, session: Session) -> Iterator[str]:
    """A tablet believes that it holds exactly what the server says that it holds, and knows what was redeemed or voided."""
    void = session.scalars(select(Coupon.serial).where(IS_VOID))
    states = {coupon_id(serial): "void" for serial in void}
    states |= {coupon_id(serial): "redeemed" for serial in session.scalars(select(Redemption.serial))}
    for tablet in world.tablets:
        if tablet.is_gone:
            continue
        knows = world.tell("knows", tablet.tabs[0])
        held = select(Coupon.serial, Coupon.epoch).where(Coupon.holder_id == tablet.device)
        claimed = select(Claim.serial, Claim.epoch).where(Claim.device_id == tablet.device)
        rows = [*session.execute(held), *session.execute(claimed)]
        true = sorted([coupon_id(serial), epoch] for serial, epoch in rows)
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


def in_places(world: World, session: Session) -> Iterator[str]:
    """A tablet is where the ledger says, and nobody waits for it to move. What it did is booked where it was then."""
    for tablet in world.tablets:
        device = session.get(Device, tablet.device)
        if device and not tablet.is_gone and (device.store_id, device.moves_to_id) != (tablet.place.id, None):
            yield f"place: {tablet.name} is at {tablet.place.id}, and booked at {device.store_id}, to {device.moves_to_id}"
    if not world.is_restored:
        for device in session.scalars(select(Device).where(Device.kind == "tablet")):
            yield from in_moves(session, device)


def in_moves(session: Session, device: Device) -> Iterator[str]:
    """Of a journal of which nothing was kept aside. A move is booked where it began."""
    if session.scalar(select(Quarantine.number).where(Quarantine.device_id == device.id)):
        return
    acts = sorted(session.scalars(select(Act).where(Act.device_id == device.id)), key=lambda act: int(act.name))
    for one, other in pairwise(acts):
        there = loads(one.answer)["store"] if one.code == Outcome.MOVED else one.store_id
        if other.store_id != there:
            yield f"place: {device.id} did {other.name} at {there}, and it is booked at {other.store_id}"


def campaign_of(coupon: str) -> int:
    return int(coupon.split("_")[1])


def is_at_risk(world: World, coupon: str) -> bool:
    return campaign_of(coupon) in world.setting.limits
