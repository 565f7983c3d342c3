"""The clerks: what each does next at their screen. They are honest and hasty: they tap twice, walk away, change their mind.

A clerk hands a gift over only while the screen says "Hand over". A gift that comes back is in their hand before they undo it.
"""

from collections.abc import Callable
from random import Random

from tests.simulation.hands import Gift
from tests.simulation.world import World

Move = Callable[[World, str, Random], None]

NOBODYS_TOKEN = "1" * 183
NOT_A_COUPON = "https://example.org/menu"
# What the tablet was refused with when only a new enrolment helps it.
NOT_ENROLLED = ("unauthenticated", "not_signed", "revoked", "broken_journal", "journal_behind")


def serve(world: World, tab: str, chance: Random) -> None:
    """Does the next thing at this tab, unless the clerk is called away."""
    if chance.random() >= 0.08:
        move_at(world, tab, MOVES)(world, tab, chance)


def settle(world: World, tab: str, chance: Random) -> None:
    """Brings what is open to its end, and begins nothing new."""
    move_at(world, tab, MOVES | SETTLING)(world, tab, chance)


def move_at(world: World, tab: str, moves: dict[str, Move]) -> Move:
    screen = world.screen(tab)
    name = screen["name"]
    if name in ("scan", "locked") and screen.get("refused") in NOT_ENROLLED:
        return enrol
    if name in ("scan", "verdict", "given") and world.tablet_of(tab).returning:
        return insist_on_undo
    return moves.get(name, wait)


def wait(_world: World, _tab: str, _chance: Random) -> None:
    """There is nothing to do but to wait."""


# Before the till is open.


def enrol(world: World, tab: str, chance: Random) -> None:
    """A manager comes with a link, sooner or later."""
    if chance.random() < 0.5:
        world.enrol(tab)


def reopen(world: World, tab: str, _chance: Random) -> None:
    tablet = world.tablet_of(tab)
    world.kill_tab(tab)
    world.open_tab(tablet)


def close(world: World, tab: str, chance: Random) -> None:
    """The tablet is at work in another tab."""
    if chance.random() < 0.4:
        world.kill_tab(tab)


def unlock(world: World, tab: str, _chance: Random) -> None:
    world.tell("tap", tab, verb="choose", args=[world.tablet_of(tab).place.clerk])
    world.tell("tap", tab, verb="unlock", args=["4071"])


# One customer.


def scan(world: World, tab: str, chance: Random) -> None:
    roll = chance.random()
    if roll < 0.02:
        world.tell("tap", tab, verb="lock")
    elif roll < 0.04:
        world.tell("tap", tab, verb="refuse", args=[chance.choice(["no_receipt", "out_of_stock", "another reason"])])
    elif roll < 0.06:
        show(world, tab, chance.choice([NOBODYS_TOKEN, NOT_A_COUPON]))
    else:
        paper = world.pick_paper(chance, world.tablet_of(tab).place.id)
        show(world, tab, paper.token if chance.random() < 0.9 else paper.short_code)


def show(world: World, tab: str, text: str) -> None:
    world.scans += 1
    world.tell("tap", tab, verb="scan", args=[text])


def decide(world: World, tab: str, chance: Random) -> None:
    """The clerk gives the gift if they may. If not, they send the customer away, look again, or note a refusal."""
    code = world.screen(tab)["code"]
    if code in ("good", "at_risk"):
        verbs = [("give", 92), ("next", 4), ("again", 4)]
    elif code == "offline":
        verbs = [("again", 30), ("next", 70)]
    elif code == "held_elsewhere":
        verbs = [("fetch", 50), ("next", 50)]
    else:
        verbs = [("next", 95), ("refuse", 5)]
    tap(world, tab, chance, verbs)


def insist(world: World, tab: str, chance: Random) -> None:
    """No answer came: the clerk tries again, or gives up."""
    tap(world, tab, chance, [("again", 55), ("drop", 45)])


def turn_back(world: World, tab: str, chance: Random) -> None:
    if chance.random() < 0.15:
        tap(world, tab, chance, [("drop", 1)])


def give_up(world: World, tab: str, chance: Random) -> None:
    if chance.random() < 0.1:
        go_on(world, tab, chance)


def go_on(world: World, tab: str, chance: Random) -> None:
    tap(world, tab, chance, [("next", 1)])


def tap(world: World, tab: str, chance: Random, verbs: list[tuple[str, int]]) -> None:
    """Taps one of the buttons, chosen by weight, and now and then twice."""
    (verb,) = chance.choices([verb for verb, _ in verbs], [weight for _, weight in verbs])
    for _ in range(chance.choice([1, 1, 1, 2])):
        world.tell("tap", tab, verb=verb, args=["other"] if verb == "refuse" else [])


# Gifts.


def gift_at(world: World, tab: str) -> Gift:
    screen = world.screen(tab)
    return Gift(screen["device"], str(screen["ask"]), screen["coupon"])


def hand_over(world: World, tab: str, chance: Random) -> None:
    """The screen says GIVE."""
    gift = gift_at(world, tab)
    if not world.hands.ever_had(gift):
        world.give(gift, at_risk=bool(world.screen(tab).get("at_risk")))
    elif chance.random() < 0.12:
        take_back(world, tab, gift)
    else:
        go_on(world, tab, chance)


def take_back(world: World, tab: str, gift: Gift) -> None:
    world.hands.take_back(gift)
    world.say(tab, "the gift comes back", gift.coupon)
    world.tablet_of(tab).returning.append(gift)
    ask_undo(world, tab, gift)


def insist_on_undo(world: World, tab: str, _chance: Random) -> None:
    ask_undo(world, tab, world.tablet_of(tab).returning[0])


def ask_undo(world: World, tab: str, gift: Gift) -> None:
    """Undoes the gift until the tablet says that it is undone. If that is not possible any more, the customer keeps the gift."""
    returning = world.tablet_of(tab).returning
    attempt = world.tell("undo", tab, ask=int(gift.act), reason="wrong size")
    if attempt and attempt["stage"] == "undone":
        returning.remove(gift)
    elif not attempt or not attempt["may"]:
        returning.remove(gift)
        world.give(gift)


def read_taken_back(world: World, tab: str, chance: Random) -> None:
    """Nothing is left to insist on."""
    gift, returning = gift_at(world, tab), world.tablet_of(tab).returning
    if gift in returning:
        returning.remove(gift)
    go_on(world, tab, chance)


def finish(world: World, tab: str, _chance: Random) -> None:
    """Answers "Was the gift handed over?" with the truth. If it was not, the attempt is over."""
    gift, returning = gift_at(world, tab), world.tablet_of(tab).returning
    world.tell("tap", tab, verb="finish", args=[world.hands.has(gift)])
    if gift in returning:
        returning.remove(gift)


def ask_again(world: World, tab: str, _chance: Random) -> None:
    """A tablet that is not let in any more gets no answer."""
    world.tell("tap", tab, verb="drop" if world.screen(tab)["refused"] else "again")


def hand_over_and_go(world: World, tab: str, chance: Random) -> None:
    gift = gift_at(world, tab)
    if not world.hands.ever_had(gift):
        world.give(gift, at_risk=bool(world.screen(tab).get("at_risk")))
    go_on(world, tab, chance)


def enrol_now(world: World, tab: str, _chance: Random) -> None:
    world.enrol(tab)


MOVES: dict[str, Move] = {
    "enrol": enrol,
    "damaged": enrol,
    "reloading": reopen,
    "elsewhere": close,
    "fault": reopen,
    "locked": unlock,
    "scan": scan,
    "verdict": decide,
    "asking": turn_back,
    "fetching": give_up,
    "unconfirmed": insist,
    "given": hand_over,
    "unfinished": finish,
    "undone": read_taken_back,
}
SETTLING: dict[str, Move] = {
    "enrol": enrol_now,
    "damaged": enrol_now,
    "scan": wait,
    "verdict": go_on,
    "asking": wait,
    "fetching": go_on,
    "unconfirmed": ask_again,
    "given": hand_over_and_go,
}
