"""What may happen, by name. Each happening is given a place (which tablet, which till) and its own chance, and nothing else:
so a schedule is a list of small values, and what can't happen as things stand is passed over.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from redeem import issuing
from redeem.errors import RedeemError
from tests.simulation import clerks, setting
from tests.simulation.network import Message
from tests.simulation.world import Tablet, World

SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000
RUSH_MOVES_MAX = 16


@dataclass(frozen=True, slots=True)
class Happening:
    """One of a schedule."""

    name: str
    place: int
    chance: int

    def __str__(self) -> str:
        return f"{self.name} {self.place} {self.chance}"


def happen(world: World, one: Happening) -> None:
    HAPPENINGS[one.name](world, one.place, Random(one.chance))


# At the counters.


def work(world: World, place: int, chance: Random) -> None:
    """A clerk does the next thing."""
    tablet = tablet_at(world, place)
    if tablet is None:
        return
    if not tablet.tabs:
        world.open_tab(tablet)
        return
    tab = chance.choice(tablet.tabs)
    if world.screen(tab).get("busy") and chance.random() < 0.5:
        world.tell("flush", tab)
    clerks.serve(world, tab, chance)


def rush(world: World, place: int, chance: Random) -> None:
    """A customer is served while the network is as good as it can be there."""
    tablet = tablet_at(world, place)
    for _ in range(RUSH_MOVES_MAX if tablet else 0):
        work(world, place, chance)
        carry_for(world, tablet)


def till_works(world: World, place: int, chance: Random) -> None:
    if world.tills:
        world.tills[place % len(world.tills)].work(chance, lambda: world.pick_paper(chance))


def till_crashes(world: World, place: int, _chance: Random) -> None:
    if world.tills:
        world.tills[place % len(world.tills)].crash()


# The network.


def carry(world: World, _place: int, chance: Random) -> None:
    message = world.network.pick(chance, lambda message: not world.is_dark(message.sender))
    if message:
        world.carry(message)


def lose(world: World, _place: int, chance: Random) -> None:
    message = world.network.pick(chance, lambda _: True)
    if message:
        (world.lose if chance.random() < 0.4 else world.fail)(message)


def repeat(world: World, _place: int, chance: Random) -> None:
    message = world.network.pick(chance, lambda message: message.answer is None)
    if message:
        world.network.repeat(message)


def carry_for(world: World, tablet: Tablet | None) -> None:
    def is_its(message: Message) -> bool:
        return tablet is not None and message.sender in tablet.tabs

    while message := next(filter(is_its, world.network.messages), None):
        world.carry(message)


# Time.


def pass_time(world: World, _place: int, chance: Random) -> None:
    spans = {300: 20, SECOND: 25, 5 * SECOND: 25, 20 * SECOND: 15, 2 * MINUTE: 8, 20 * MINUTE: 3, 5 * HOUR: 1}
    world.pass_time(*chance.choices([*spans], [*spans.values()]))


def night(world: World, _place: int, chance: Random) -> None:
    world.pass_time(chance.choice([10 * HOUR, 1 * DAY, 3 * DAY]))


def beat(world: World, place: int, chance: Random) -> None:
    tell_a_tab(world, place, chance, "beat")


def ring(world: World, place: int, chance: Random) -> None:
    tell_a_tab(world, place, chance, "ring")


def turn_clock(world: World, place: int, chance: Random) -> None:
    tablet = tablet_at(world, place)
    if tablet:
        tablet.skew = chance.choice([0, 0, 11 * MINUTE, -11 * MINUTE, DAY, -DAY, 365 * DAY, -365 * DAY])
        for tab in tablet.tabs:
            world.tell("skew", tab, skew=tablet.skew)


# Misfortunes of tablets.


def darken(world: World, place: int, _chance: Random) -> None:
    tablet = tablet_at(world, place)
    if tablet:
        tablet.is_dark = not tablet.is_dark
        world.say(tablet.name, "goes dark" if tablet.is_dark else "is back")


def slow(world: World, place: int, chance: Random) -> None:
    """Its disk takes its time: what is written next waits until it is flushed, or the tablet dies."""
    tell_a_tab(world, place, chance, "slow")


def kill(world: World, place: int, chance: Random) -> None:
    """A tab dies; of what it is writing, nothing, a part or all is on the disk."""
    tablet = tablet_at(world, place)
    if tablet and tablet.tabs:
        world.kill_tab(chance.choice(tablet.tabs), part=chance.choice([0, chance.random(), 1]))


def second_tab(world: World, place: int, _chance: Random) -> None:
    tablet = tablet_at(world, place)
    if tablet and len(tablet.tabs) == 1:
        world.open_tab(tablet)


def remember(world: World, place: int, _chance: Random) -> None:
    tablet = tablet_at(world, place)
    if tablet:
        world.tell("remember", tablet=tablet.name)


def forget_caches(world: World, place: int, _chance: Random) -> None:
    """IndexedDB has lost what can be had again."""
    forget(world, place, what="caches")


def forget_later(world: World, place: int, chance: Random) -> None:
    """IndexedDB comes back as it was some time ago."""
    forget(world, place, what="later", back=chance.randrange(4))


def forget(world: World, place: int, **how: Any) -> None:
    tablet = tablet_at(world, place)
    if tablet:
        kill_all(world, tablet)
        world.tell("forget", tablet=tablet.name, **how)


def kill_all(world: World, tablet: Tablet) -> None:
    for tab in list(tablet.tabs):
        world.kill_tab(tab)


# The server, the shop, the managers.


def kill_server(world: World, _place: int, chance: Random) -> None:
    """Within one of its next statements, or after the last one and before the answer."""
    world.server.die_after = chance.randint(0, 40)


def stop_server(world: World, _place: int, chance: Random) -> None:
    world.server.is_down = not world.server.is_down and chance.random() < 0.7
    world.say("the server is", "down" if world.server.is_down else "up")


def issue(world: World, _place: int, chance: Random) -> None:
    paper = setting.issue(world.server, world.setting, chance, world.clock.now)
    world.say("the shop issues", paper.id, "at home at", paper.home)


def void(world: World, _place: int, chance: Random) -> None:
    paper = world.pick_paper(chance)
    change(world, "voids", paper.id, lambda session: issuing.void(session, paper.serial, "returned", world.clock.now))


def move_home(world: World, _place: int, chance: Random) -> None:
    paper, home = world.pick_paper(chance), chance.choice([None, *(place.id for place in world.setting.places)])
    change(world, "moves", paper.id, lambda session: issuing.move_home(session, paper.serial, home, world.clock.now))


def change(world: World, verb: str, coupon: str, work: Callable[..., object]) -> None:
    try:
        world.server.write(work)
    except RedeemError as refused:
        verb = f"may not have {verb.rstrip('s')}ed ({refused.code})"
    world.say("the shop", verb, coupon)


# Leaves.


def tablet_at(world: World, place: int) -> Tablet | None:
    here = [tablet for tablet in world.tablets if not tablet.is_gone]
    return here[place % len(here)] if here else None


def tell_a_tab(world: World, place: int, chance: Random, what: str) -> None:
    tablet = tablet_at(world, place)
    if tablet and tablet.tabs:
        world.tell(what, chance.choice(tablet.tabs))


HAPPENINGS: Mapping[str, Callable[[World, int, Random], None]] = {
    each.__name__: each
    for each in (
        work, rush, till_works, till_crashes, carry, lose, repeat, pass_time, night, beat, ring, turn_clock, darken, slow, kill,
        second_tab, remember, forget_caches, forget_later, kill_server, stop_server, issue, void, move_home,
    )
}  # fmt: skip
