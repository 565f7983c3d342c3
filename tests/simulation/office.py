"""What the shop and the managers do in a world, also when something was lost."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from random import Random

from sqlalchemy import select
from sqlalchemy.orm import Session

from redeem.accounts import api_key_format, api_keys
from redeem.accounts.audit import OPERATOR
from redeem.accounts.idempotency import fingerprint
from redeem.accounts.roles import Person
from redeem.coupons import issue as coupon_issue
from redeem.db.models.coupons import Coupon
from redeem.db.models.devices import Device, Quarantine
from redeem.db.models.ledger import Act as KeptAct
from redeem.db.models.ledger import Redemption
from redeem.devices import enrolment, moves
from redeem.devices import write_off as device_write_off
from redeem.domain.acts import Act, Kind, Outcome
from redeem.domain.presented import Actor, ShownCoupon
from redeem.domain.proofs import name_at_till
from redeem.domain.tokens import read
from redeem.ledger import generation, signing
from redeem.ledger.sql import IS_REDEEMED, IS_VOID
from redeem.lib.errors import RedeemError
from redeem.lib.ids import coupon_id
from redeem.recovery import enrolled_since_backup, missing_devices, tills
from redeem.recovery.restore import begin
from redeem.recovery.tills import GivenBefore
from redeem.redemptions import settle
from redeem.sync import quarantine
from redeem.sync.quarantine import Admission
from redeem.web.api.till_shapes import ReverseBody
from tests import factories
from tests.factories import PROOFS
from tests.simulation import setting
from tests.simulation.counters import carry_for
from tests.simulation.tills import BACK, Till
from tests.simulation.world import Tablet, World

BACKUPS = ("one", "other")
SYNCS = 3  # what is said in one of them is answered in the next

# The shop.


def issue(world: World, _place: int, chance: Random) -> None:
    try:
        paper = setting.issue(world.server, world.setting, chance, world.clock.now)
    except RedeemError as refused:
        world.say("the shop may not issue one:", refused.code)
    else:
        world.say("the shop issues", paper.id, "at home at", paper.home)


def void(world: World, _place: int, chance: Random) -> None:
    paper = world.pick_paper(chance)
    change(
        world, "voids", paper.id, lambda session: coupon_issue.void(session, paper.serial, "returned", world.clock.now)
    )


def move_home(world: World, _place: int, chance: Random) -> None:
    paper, home = world.pick_paper(chance), chance.choice([None, *(place.id for place in world.setting.places)])
    change(
        world, "moves", paper.id, lambda session: coupon_issue.change_home(session, paper.serial, home, world.clock.now)
    )


def change(world: World, verb: str, coupon: str, work: Callable[..., object]) -> None:
    try:
        world.server.write(work)
    except RedeemError as refused:
        verb = f"may not have {verb.rstrip('s')}ed ({refused.code})"
    world.say("the shop", verb, coupon)


# Devices.


def revoke(world: World, place: int, _chance: Random) -> None:
    """A manager revokes a device. What it writes from now on goes to quarantine. Until its next request it may give what it holds."""
    tablet = world.tablets[place % len(world.tablets)]
    change(
        world,
        "revokes",
        tablet.device,
        lambda session: enrolment.revoke_device(session, OPERATOR, tablet.device, world.clock.now),
    )


def move_tablet(world: World, place: int, chance: Random) -> None:
    """A manager moves a tablet to another store, or calls the move off. The tablet moves when it has nothing open."""
    device, to = world.tablets[place % len(world.tablets)].device, chance.choice(world.setting.places).id
    if chance.random() < 0.2:
        change(
            world,
            "leaves",
            device,
            lambda session: moves.let_device_stay(session, manager_of(session, world), device, world.clock.now),
        )
    else:
        move_device(world, device, to)


def move_till(world: World, place: int, chance: Random) -> None:
    """A manager moves a till to another store. It is there at once."""
    if world.tills:
        till, to = world.tills[place % len(world.tills)], chance.choice(world.setting.places).id
        move_device(world, world.server.read(lambda session: actor_of(session, till)).device_id, to)
        world.server.forget_keys()


def move_device(world: World, device: str, to: str) -> None:
    def work(session: Session) -> None:
        moves.move_device(session, manager_of(session, world), device, to, world.clock.now)

    change(world, "moves", device, work)


def manager_of(session: Session, world: World) -> Person:
    return factories.person(session, world.setting.manager)


def write_off(world: World, place: int, chance: Random) -> None:
    """A manager writes a device off: one that is gone or was replaced, and sometimes one that is still there."""
    present = {tablet.device for tablet in world.tablets if not tablet.is_gone}
    forgotten = unknown(world)
    devices = [device for device in all_devices(world) if device not in forgotten]
    lost = [device for device in devices if device not in present]
    some = lost if chance.random() < 0.8 else devices
    if some:
        write_off_device(world, some[place % len(some)])


def write_off_device(world: World, device: str) -> None:
    """Writes a device off. Others may now give what it holds, and what it gave without anybody knowing."""
    held = world.server.read(lambda session: held_by(session, device))

    def work(session: Session) -> None:
        if session.get(Device, device):
            device_write_off.write_off(session, device, world.setting.manager, world.clock.now)

    world.server.write(work)
    world.may_double.update(held)
    if world.is_restored:
        world.may_double.update(given_by(world, device) - held)
    world.say("a manager writes off", device, "and with it", *sorted(held))


def held_by(session: Session, device: str) -> set[str]:
    mine = select(Coupon.serial).where(Coupon.holder_id == device, ~IS_VOID, ~IS_REDEEMED)
    return {coupon_id(serial) for serial in session.scalars(mine)}


def admit(world: World, _place: int, _chance: Random) -> None:
    """A manager admits what is in quarantine."""
    for line in world.server.read(quarantine.list_waiting):
        admit_all(world, line.device_id)


def admit_all(world: World, device: str) -> None:
    """Admits a device's entries. A gift that it undid before it was written off is open for everybody now, and it may give it again."""
    given = world.server.read(lambda session: given_by_lost(session, device))

    def work(session: Session) -> Admission:
        ring = signing.load_ring(session)
        return quarantine.admit(session, device, world.setting.manager, ring, PROOFS, world.clock.now)

    while (admission := world.server.write(work)).waiting:
        pass
    world.may_double.update(given - world.server.read(lambda session: given_by_lost(session, device)))
    world.say("a manager admits the entries of", device, admission.outcomes)


def given_by_lost(session: Session, device: str) -> set[str]:
    mine = select(Redemption.serial).join(Device, Device.id == Redemption.device_id)
    return {
        coupon_id(serial) for serial in session.scalars(mine.where(Device.id == device, Device.lost_at.is_not(None)))
    }


# A backup, and what comes of it.


def back_up(world: World, _place: int, chance: Random) -> None:
    name = chance.choice(BACKUPS)
    world.server.back_up(name)
    world.say("a backup is made, the", name)


def restore(world: World, _place: int, chance: Random) -> None:
    """Puts a backup back and begins recovery. Tills remember what they were told, as the documents ask them to."""
    if not world.server.backups:
        return
    backup = chance.choice(world.server.backups)
    for till in world.tills:
        till.to_say |= said_to(world, till)
        till.must_report = True
    devices = all_devices(world)
    held = world.server.read(lambda session: {device: held_by(session, device) for device in devices})
    world.server.put_back(backup)
    newest = world.generation  # the machine remembers it, whatever backup was put back
    is_sure = not unknown(world) and chance.random() < 0.5
    world.generation = world.server.write(
        lambda session: begin(session, world.clock.now, newest=newest, none_enrolled=is_sure)
    ).generation
    for device in unknown(world):
        world.forgotten[device] = world.forgotten.get(device, set()) | held[device]
    world.is_restored = True
    world.say("a backup is put back, the", backup, "and forgotten are", *unknown(world))
    world.break_connections()


def all_devices(world: World) -> list[str]:
    return [device for tablet in world.tablets for device in tablet.devices]


def unknown(world: World) -> list[str]:
    """Returns the devices of which the ledger has no row."""
    known = set(world.server.read(lambda session: session.scalars(select(Device.id)).all()))
    return [device for device in all_devices(world) if device not in known]


def said_to(world: World, till: Till) -> dict[str, GivenBefore]:
    """Returns every yes that the till may have had, by attempt. A till's attempts have its name in theirs."""
    yes = select(KeptAct).where(
        KeptAct.kind == Kind.REDEEM, KeptAct.code == Outcome.REDEEMED, KeptAct.name.startswith(f"{till.name}-")
    )
    acts = world.server.read(lambda session: session.scalars(yes).all())
    return {
        act.name: GivenBefore(
            act.name,
            act.fingerprint,
            ShownCoupon(act.serial or 0),
            act.id,
            act.at,
            PROOFS.yes(act.device_id, name_at_till(act.name, act.id), act.fingerprint, act.serial or 0),
        )
        for act in acts
    }


def till_reports(world: World, place: int, chance: Random) -> None:
    """The till reports what it gave; or a manager goes on without it, and nobody knows what it gave since the backup."""
    if not world.tills or not world.tills[place % len(world.tills)].must_report:
        return
    till = world.tills[place % len(world.tills)]
    if chance.random() < 0.8:
        report(world, till)
    else:
        go_on_without(world, till)


def report(world: World, till: Till) -> None:
    said = [
        replace(till.to_say[attempt], shown=ShownCoupon.of(read(paper.token)))
        for attempt, paper in till.given.items()
        if attempt in till.to_say
    ]
    marks = marks_of(till)

    def work(session: Session) -> None:
        actor = actor_of(session, till)
        for given in said:
            tills.say_again(session, actor, given, PROOFS, world.clock.now)
        for act in ended_by(till, actor, marks):
            (settle.cancel if act.kind == Kind.CANCEL else settle.settle)(session, act, world.clock.now)
        tills.till_reported(session, actor.device_id)

    world.server.write(work)
    till.must_report = False
    world.say(till.name, "says again what it gave:", *(given.attempt for given in said))


def ended_by(till: Till, actor: Actor, marks: dict[str, str]) -> Iterator[Act]:
    """Yields what the till reversed and cancelled, as the acts with which it did so."""
    for attempt, redemption in till.taken_back.items():
        yield Act(actor, f"{attempt}-back", Kind.REVERSE, marks[attempt], of_act_id=redemption, reason=BACK)
    for attempt in till.cancelled:
        yield Act(actor, attempt, Kind.CANCEL, "")


def marks_of(till: Till) -> dict[str, str]:
    """The fingerprint of each reversal, by attempt."""
    body = ReverseBody(reason=BACK)
    paths = {attempt: f"/v1/redemptions/{redemption}/reverse" for attempt, redemption in till.taken_back.items()}
    return {attempt: fingerprint("POST", path, body) for attempt, path in paths.items()}


def recover(world: World, place: int, chance: Random) -> None:
    """Managers see to it that recovery ends: a till reports, a tablet that is no more is written off, and what a forgotten one handed
    in is admitted.

    That none of these is missing they say mostly when it is so, and now and then early.
    """
    if not world.server.read(generation.current).is_recovering:
        return
    till_reports(world, place, chance)
    call_in(world, chance)
    write_off_missing(world)
    for device in unknown(world):
        if world.server.read(partial(is_kept, device_id=device)):
            admit_all(world, device)
    if not still_forgotten(world) or chance.random() < 0.1:
        go_on_without_forgotten(world)


def call_in(world: World, chance: Random) -> None:
    """Some stores are asked to switch their tablets on, and to take them where there is a network."""
    for tablet in world.tablets:
        if tablet.is_gone or chance.random() < 0.3:
            continue
        tablet.is_dark = False
        if not tablet.tabs:
            world.open_tab(tablet)
        for _ in range(SYNCS):
            world.tell("beat", tablet.tabs[0])
            carry_for(world, tablet)


def is_kept(session: Session, device_id: str) -> bool:
    return session.scalar(select(Quarantine.number).where(Quarantine.device_id == device_id).limit(1)) is not None


def write_off_missing(world: World) -> None:
    """Those that will never report."""
    present = {tablet.device for tablet in world.tablets if not tablet.is_gone}
    for missing in world.server.read(lambda session: missing_devices.list_missing(session, world.clock.now)):
        if missing.kind == "tablet" and missing.device_id not in present:
            write_off_device(world, missing.device_id)


def go_on_without_forgotten(world: World) -> None:
    """What those that are missing held and gave may be given by others from now on."""
    missing = still_forgotten(world)

    def work(session: Session) -> bool:
        now = world.clock.now
        known = len(enrolled_since_backup.find_still_forgotten(session, now))
        return enrolled_since_backup.go_on_without_forgotten(session, world.setting.manager, now, known)

    if world.server.write(work):
        for device in missing:
            world.may_double.update(world.forgotten[device] | given_by(world, device))
        world.say("a manager says that no tablet is missing, and missing are", *missing)


def still_forgotten(world: World) -> list[str]:
    """Tablets of which the ledger has no row, and not the whole journal either, admitted by a manager."""
    journals = world.lost | journals_of(world, world.tablets)
    present = {tablet.device for tablet in world.tablets}
    admitted = world.server.read(admitted_entries)
    unknowns = [device for device in unknown(world) if device in world.forgotten]
    return [d for d in unknowns if d in present or not set(journals.get(d, [])) <= admitted]


def journals_of(world: World, tablets: Iterable[Tablet]) -> dict[str, list[str]]:
    """What is on these tablets now, by device: of what they were before, too."""
    return {device: texts for each in tablets for device, texts in world.tell("journals", tablet=each.name).items()}


def admitted_entries(session: Session) -> set[str]:
    return set(session.scalars(select(Quarantine.entry).where(Quarantine.decision == "admitted")))


def given_by(world: World, device: str) -> set[str]:
    return {gift.coupon for gift in world.hands.out() if gift.giver == device}


def go_on_without(world: World, till: Till) -> None:
    def work(session: Session) -> None:
        missing_devices.write_off_missing(
            session, actor_of(session, till).device_id, world.setting.manager, world.clock.now
        )

    world.server.write(work)
    till.must_report = False
    gifts = {paper.id for paper in till.given.values()}
    world.may_double.update(gifts)
    world.unsure |= gifts
    world.say("a manager goes on without", till.name)


def actor_of(session: Session, till: Till) -> Actor:
    known = api_keys.find_key(session, api_key_format.parse(till.key).prefix)
    assert known
    assert known.actor
    return known.actor


def end_recovery(world: World) -> None:
    """When all that will ever report has: a manager goes on without the others."""
    for till in world.tills:
        if till.must_report:
            report(world, till)
    write_off_missing(world)
    if not {*still_forgotten(world)}.intersection(
        journals_of(world, [tablet for tablet in world.tablets if not tablet.is_gone])
    ):
        go_on_without_forgotten(world)
