"""The end of a world: the network is good, everybody comes back, and every question is answered truthfully until nothing is open."""

from random import Random

from tests.simulation import clerks, office, shop, statements
from tests.simulation.faults import Broken
from tests.simulation.world import Tablet, World

ROUNDS_MAX = 80
# What one tablet says in its last word, the others hear a round later; and a hold that is given back goes on to another.
QUIET_ROUNDS = 3
SECOND = 1_000
AT_REST = ("scan", "locked")


def heal(world: World) -> None:
    """Heals the world. Raises Broken if somebody waits for ever."""
    world.say("-- everything heals")
    world.server.calm()
    world.hear(world.server.finish())
    chance = Random("healing")
    for tablet in world.tablets:
        tablet.is_dark, tablet.skew = False, 0
    statements.close_all(world)
    quiet = 0
    for _ in range(ROUNDS_MAX):
        for tablet in world.tablets:
            if not tablet.is_gone:
                come_back(world, tablet, chance)
        for till in world.tills:
            till.finish()
        world.carry_all()
        if world.liar:
            world.liar.finish(world.clock.now)
        office.admit(world, 0, chance)
        office.end_recovery(world)
        shop.confirm_campaigns(world)
        world.pass_time(10 * SECOND)
        world.carry_all()
        quiet = quiet + 1 if is_quiet(world) else 0
        if quiet == QUIET_ROUNDS:
            world.believe_the_liar()
            statements.decide_all(world, chance)
            statements.close_all(world)
            return
    raise Broken("waits", f"somebody waits for ever: {[world.node.tabs, [till.state for till in world.tills]]}")


def come_back(world: World, tablet: Tablet, chance: Random) -> None:
    for tab in tablet.tabs[1:]:
        world.kill_tab(tab)
    if not tablet.tabs:
        world.open_tab(tablet)
    (tab,) = tablet.tabs
    world.tell("skew", tab, skew=0)
    world.tell("flush", tab)
    world.carry_all()
    clerks.settle(world, tab, chance)
    world.carry_all()
    if tablet.tabs:
        world.tell("beat", tablet.tabs[0])
        world.carry_all()


def is_quiet(world: World) -> bool:
    tabs = [world.screen(tab) for tab in world.live_tabs()]
    at_rest = all(tab["name"] in AT_REST and tab["waiting"] == 0 and not tab["refused"] for tab in tabs)
    returned = not any(tablet.returning for tablet in world.tablets)
    return at_rest and returned and not world.network.messages and all(till.state == "idle" for till in world.tills)
