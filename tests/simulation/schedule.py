"""Schedules: what happens in a world. A schedule is drawn from the seed beforehand, so that it can be shortened and run again."""

from collections.abc import Sequence
from random import Random

from tests.simulation.happenings import HAPPENINGS, OF_A_PAIR, Happening

# How often each happens, where it does.
USUAL = {
    "work": 300, "carry": 330, "rush": 16, "till_works": 50, "pass_time": 60, "beat": 25, "ring": 25, "recover": 25,
}  # fmt: skip
FAULTS = {
    "lose": 18, "repeat": 12, "night": 1, "turn_clock": 4, "darken": 8, "slow": 10, "kill": 12, "second_tab": 4, "remember": 6,
    "forget_caches": 4, "forget_later": 8, "lose_key": 2, "evict": 1, "vanish": 1.5, "turn_up": 2, "kill_server": 10,
    "stop_server": 3, "till_crashes": 3, "issue": 20, "void": 4, "move_home": 8, "revoke": 1.5, "write_off": 2, "admit": 4,
    "back_up": 2, "restore": 1, "till_reports": 6, "move_tablet": 5, "move_till": 2,
    "lie": 20, "decide": 4, "close": 2, "lose_power": 6, "damage": 1.5,
}  # fmt: skip
# In every second world, so many times at most, whatever else happens.
SELDOM = ("begin_campaign", "begin_campaign", "rotate_key", "rotate_key", "compromise_key")
SELDOM_MAX = 6
OFTEN = 40
LENGTHS = (120, 250, 500)


def draw(seed: int, often: Sequence[str] = ()) -> list[Happening]:
    """Draws a schedule. Each world has some of the faults, some more often than others: all at once would hide what a few do together.

    `often`: what shall happen more than it usually does.
    """
    chance = Random(f"{seed} schedule")
    weights = USUAL | {name: weight * chance.choice([0, 0.5, 1, 1, 3]) for name, weight in FAULTS.items()}
    weights |= dict.fromkeys(often, OFTEN)
    names = chance.choices([*weights], [*weights.values()], k=chance.choice(LENGTHS))
    for _ in range(chance.choice([0, chance.randint(1, SELDOM_MAX)])):
        names.insert(chance.randrange(len(names)), chance.choice(SELDOM))
    return [Happening(name, chance.randrange(60), chance.getrandbits(32)) for name in names]


def write(schedule: Sequence[Happening]) -> str:
    return "\n".join(str(one) for one in schedule)


def read(text: str) -> list[Happening]:
    """Reads what `write` wrote. Raises ValueError for a happening that there is not."""
    schedule = []
    for line in text.splitlines():
        name, place, chance = line.split()
        if name not in HAPPENINGS | OF_A_PAIR:
            raise ValueError(f"nothing is called {name}")
        schedule.append(Happening(name, int(place), int(chance)))
    return schedule
