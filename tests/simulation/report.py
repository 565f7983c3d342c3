"""The report of a world that broke a promise: how to run it again, the shortest schedule that still breaks it, and the events."""

from tests.simulation import schedule
from tests.simulation.run import Outcome, Stage
from tests.simulation.shrink import SECONDS_MAX, shrink


def shrunk(stage: Stage, outcome: Outcome, seconds: float = SECONDS_MAX) -> Outcome:
    """Returns the outcome of the shortest schedule that still leads to the same fault."""
    less = shrink(outcome.schedule, lambda some: stage.run(outcome.seed, some).kind == outcome.kind, seconds)
    return stage.run(outcome.seed, less)


def report(outcome: Outcome) -> str:
    """The schedule can be given back with --schedule."""
    told = "\n".join(outcome.told)
    if not outcome.faults:
        return f"{told}\n\nseed {outcome.seed}: no promise is broken"
    return (
        f"{told}\n\nseed {outcome.seed} breaks a promise. Run it again: python -m tests.simulation {outcome.seed}{outcome.flag} --shrink\n"
        f"\nThe schedule, for --schedule FILE:\n{schedule.write(outcome.schedule)}\n\n" + "\n".join(outcome.faults)
    )
