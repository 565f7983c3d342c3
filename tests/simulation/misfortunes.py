"""Misfortunes of tablets and of the server."""

from random import Random
from typing import Any

from tests.simulation.counters import DAY, MINUTE, tablet_at, tell_a_tab
from tests.simulation.world import Tablet, World


def turn_clock(world: World, place: int, chance: Random) -> None:
    tablet = tablet_at(world, place)
    if tablet:
        tablet.skew = chance.choice([0, 0, 11 * MINUTE, -11 * MINUTE, DAY, -DAY, 365 * DAY, -365 * DAY])
        if tablet.skew:
            world.crooked.add(tablet.name)
        for tab in tablet.tabs:
            world.tell("skew", tab, skew=tablet.skew)


def lie(world: World, _place: int, chance: Random) -> None:
    """The dishonest device says what it likes."""
    if world.liar:
        world.liar.lie(world.setting.papers, world.clock.now, chance)
        world.believe_the_liar()
        world.say("the liar has written", len(world.liar.tablet.journal), "entries, and sent", world.liar.tablet.last)


def darken(world: World, place: int, _chance: Random) -> None:
    tablet = tablet_at(world, place)
    if tablet:
        tablet.is_dark = not tablet.is_dark
        world.say(tablet.name, "goes dark" if tablet.is_dark else "is back")


def slow(world: World, place: int, chance: Random) -> None:
    """The tablet's disk becomes slow: the next entry waits until it is flushed, or until the tablet dies."""
    tell_a_tab(world, place, chance, "slow")


def kill(world: World, place: int, chance: Random) -> None:
    """A tab dies. Nothing, a part or all of what it was writing is on the disk."""
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
    """IndexedDB has lost what the server can tell again."""
    forget(world, place, what="caches")


def forget_later(world: World, place: int, chance: Random) -> None:
    """IndexedDB is again as it was some time ago."""
    forget(world, place, what="later", back=chance.randrange(4))


def lose_key(world: World, place: int, _chance: Random) -> None:
    """IndexedDB is empty, and the key is lost with it. The tablet must be enrolled as a new device; its journal is that of the old one."""
    tablet = tablet_at(world, place)
    if tablet:
        forget(world, place, what="all")
        world.settle_returning(tablet)


def evict(world: World, place: int, _chance: Random) -> None:
    """The browser has deleted all of the tablet's storage. Entries that were not sent are lost."""
    tablet = tablet_at(world, place)
    if tablet:
        kill_all(world, tablet)
        world.settle_returning(tablet)
        world.note_lost(tablet)
        world.tell("evict", tablet=tablet.name)


def lose_power(world: World, place: int, chance: Random) -> None:
    """A tablet's power is cut. Of what it had written and not flushed there is none, a part or all, in any order."""
    tablet = tablet_at(world, place)
    if tablet and tablet.tabs:
        for tab in list(tablet.tabs):
            world.kill_tab(tab, part=chance.choice([0, chance.random(), 1]))
        world.tell("lose_power", tablet=tablet.name, parts=[chance.choice([0, chance.random(), 1]) for _ in range(16)])


def damage(world: World, place: int, chance: Random) -> None:
    """The tablet's storage is damaged: a bit is another, or the journal is cut, gone, or as it was before."""
    tablet = tablet_at(world, place)
    if tablet:
        kill_all(world, tablet)
        world.open_tab(tablet)  # what a kill has left behind its flushed length is known from now on
        kill_all(world, tablet)
        world.settle_returning(tablet)
        world.note_lost(tablet)
        how = chance.choice(["flip", "flip", "flip length", "cut", "empty", "older", "back", "back"])
        world.tell("damage", tablet=tablet.name, how=how, where=chance.random())


def vanish(world: World, place: int, _chance: Random) -> None:
    """A tablet disappears, perhaps for good. The last one stays: otherwise nothing could happen any more."""
    tablet = tablet_at(world, place)
    if tablet and sum(not each.is_gone for each in world.tablets) > 1:
        kill_all(world, tablet)
        world.settle_returning(tablet)
        tablet.is_gone = True
        world.say(tablet.name, "is gone")


def turn_up(world: World, place: int, _chance: Random) -> None:
    gone = [tablet for tablet in world.tablets if tablet.is_gone]
    if gone:
        tablet = gone[place % len(gone)]
        tablet.is_gone = False
        world.say(tablet.name, "turns up")


def forget(world: World, place: int, **how: Any) -> None:
    tablet = tablet_at(world, place)
    if tablet:
        kill_all(world, tablet)
        world.tell("forget", tablet=tablet.name, **how)


def kill_all(world: World, tablet: Tablet) -> None:
    for tab in list(tablet.tabs):
        world.kill_tab(tab)


def kill_server(world: World, _place: int, chance: Random) -> None:
    """The server dies in one of its next statements, or after the last one and before it answers."""
    world.server.die_after = chance.randint(0, 40)


def stop_server(world: World, _place: int, chance: Random) -> None:
    world.server.is_down = not world.server.is_down and chance.random() < 0.7
    world.say("the server is", "down" if world.server.is_down else "up")
