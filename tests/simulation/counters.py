"""What happens at the counters, on the network, and in time."""

from random import Random

from tests.simulation import clerks
from tests.simulation.network import Message
from tests.simulation.world import Tablet, World

SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000
RUSH_MOVES_MAX = 16
SPANS = {300: 20, SECOND: 25, 5 * SECOND: 25, 20 * SECOND: 15, 2 * MINUTE: 8, 20 * MINUTE: 3, 5 * HOUR: 1}


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


def pass_time(world: World, _place: int, chance: Random) -> None:
    world.pass_time(*chance.choices([*SPANS], [*SPANS.values()]))


def night(world: World, _place: int, chance: Random) -> None:
    world.pass_time(chance.choice([10 * HOUR, 1 * DAY, 3 * DAY]))


def beat(world: World, place: int, chance: Random) -> None:
    tell_a_tab(world, place, chance, "beat")


def ring(world: World, place: int, chance: Random) -> None:
    tell_a_tab(world, place, chance, "ring")


def tell_a_tab(world: World, place: int, chance: Random, what: str) -> None:
    tablet = tablet_at(world, place)
    if tablet and tablet.tabs:
        world.tell(what, chance.choice(tablet.tabs))


def tablet_at(world: World, place: int) -> Tablet | None:
    here = [tablet for tablet in world.tablets if not tablet.is_gone]
    return here[place % len(here)] if here else None
