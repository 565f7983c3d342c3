"""Run a world again, and read what happened.

python -m tests.simulation 4711                     one seed; exits 1 if a promise is broken
python -m tests.simulation 4711 --shrink            and as little of its schedule as still breaks it
python -m tests.simulation 4711 --schedule FILE     what FILE says happens, instead of what the seed draws
python -m tests.simulation 4711 --without "the epoch check"
python -m tests.simulation 4711 --pair              where two processes serve on PostgreSQL
"""

import argparse
import sys
from pathlib import Path

from tests.simulation import schedule
from tests.simulation.guards import GUARDS
from tests.simulation.happenings import OF_A_PAIR
from tests.simulation.postgres_stage import stage_of_a_pair
from tests.simulation.report import report, shrunk
from tests.simulation.run import stage


def main() -> int:
    asked = arguments().parse_args()
    happenings = schedule.read(Path(asked.schedule).read_text()) if asked.schedule else None
    without = next((guard for guard in GUARDS if guard.name == asked.without), None)
    if asked.pair and not happenings:
        happenings = schedule.draw(asked.seed, [*OF_A_PAIR])
    with stage_of_a_pair() if asked.pair else stage(without) as made:
        outcome = made.run(asked.seed, happenings)
        if asked.shrink and outcome.faults:
            outcome = shrunk(made, outcome)
    sys.stdout.write(report(outcome) + "\n")
    return 1 if outcome.faults else 0


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m tests.simulation", description="Run a world again, and read what happened."
    )
    parser.add_argument("seed", type=int)
    parser.add_argument("--shrink", action="store_true", help="leave out what is not needed to break the promise")
    parser.add_argument("--schedule", metavar="FILE", help="let this happen, one a line")
    parser.add_argument("--pair", action="store_true", help="let two processes serve, on PostgreSQL")
    parser.add_argument("--without", choices=[guard.name for guard in GUARDS], help="switch a guard off")
    return parser


if __name__ == "__main__":
    sys.exit(main())
