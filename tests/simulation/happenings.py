"""What may happen, by name. Each happening is given a place (which tablet, which till) and its own chance, and nothing else:
so a schedule is a list of small values, and what can't happen as things stand is passed over.
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from tests.simulation import counters, misfortunes, office, pair, shop, statements
from tests.simulation.world import World


@dataclass(frozen=True, slots=True)
class Happening:
    """One of a schedule."""

    name: str
    place: int
    chance: int

    def __str__(self) -> str:
        return f"{self.name} {self.place} {self.chance}"


def happen(world: World, one: Happening) -> None:
    (HAPPENINGS | OF_A_PAIR)[one.name](world, one.place, Random(one.chance))


HAPPENINGS: dict[str, Callable[[World, int, Random], None]] = {
    each.__name__: each
    for each in (
        *(counters.work, counters.rush, counters.till_works, counters.till_crashes),
        *(counters.carry, counters.lose, counters.repeat),
        *(counters.pass_time, counters.night, counters.beat, counters.ring),
        *(misfortunes.turn_clock, misfortunes.darken, misfortunes.slow, misfortunes.kill, misfortunes.second_tab),
        *(misfortunes.lie, statements.decide, statements.close),
        *(
            misfortunes.remember,
            misfortunes.forget_caches,
            misfortunes.forget_later,
            misfortunes.lose_key,
            misfortunes.evict,
        ),
        *(misfortunes.lose_power, misfortunes.damage),
        *(misfortunes.vanish, misfortunes.turn_up, misfortunes.kill_server, misfortunes.stop_server),
        *(
            office.issue,
            office.void,
            office.move_home,
            office.move_tablet,
            office.move_till,
            office.revoke,
            office.write_off,
            office.admit,
        ),
        *shop.SELDOM,
        *(office.back_up, office.restore, office.till_reports, office.recover),
    )
}
# Only where two processes serve.
OF_A_PAIR = {each.__name__: each for each in (pair.hold_up, pair.go_on, pair.kill_process, pair.cut_off)}
