"""Running a world from its seed, or from a schedule: everything happens, everything heals, and somebody looks what is wrong."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import create_engine, func, select
from sqlalchemy.orm import Session

from redeem.db import Database
from redeem.models import Act, Base
from tests.factories import NOW
from tests.simulation import faults, schedule
from tests.simulation.chance import Clock, drawn_from
from tests.simulation.faults import Broken
from tests.simulation.guards import Guard, copy_without
from tests.simulation.happenings import Happening, happen
from tests.simulation.healing import heal
from tests.simulation.server import DATABASE, Server, ServerFault
from tests.simulation.tablets import TabletFault, Tablets
from tests.simulation.world import World

ROOT = Path(__file__).resolve().parents[2]
MEMORY = Path("/dev/shm")  # a disk that is none: how long a commit takes is not what is tried here


@dataclass(frozen=True)
class Outcome:
    """What came of a world. `faults` begin with the one word that says of which kind each is."""

    seed: int
    schedule: Sequence[Happening]
    faults: list[str]
    told: list[str]
    met: Counter[str]
    scans: int
    journals: dict[str, list[str]]

    @property
    def kind(self) -> str | None:
        return self.faults[0].partition(":")[0] if self.faults else None


class Stage:
    """Where worlds are run, one after another: a Node process, the application, and an empty database to copy."""

    def __init__(self, tablets: Tablets, folder: Path) -> None:
        self.tablets, self.empty = tablets, folder / "empty.sqlite"
        make_tables(f"sqlite:///{self.empty}")
        self.server = Server(f"sqlite:///{folder / DATABASE}", folder)

    def run(self, seed: int, happenings: Sequence[Happening] | None = None) -> Outcome:
        happenings = schedule.draw(seed) if happenings is None else happenings
        self.server.begin(self.empty)
        clock = Clock(NOW)
        with drawn_from(f"{seed} server", clock), self.server.watched():
            return play(World(seed, self.server, self.tablets, clock), seed, happenings)

    def close(self) -> None:
        self.tablets.close()
        self.server.stop()


def play(world: World, seed: int, happenings: Sequence[Happening]) -> Outcome:
    found = []
    try:
        for one in happenings:
            world.say("#", one)
            world.met[f"happening {one.name}"] += 1
            happen(world, one)
            faults.watch(world)
        heal(world)
        faults.watch(world)
        found = faults.faults(world)
    except Broken as broken:
        found = [str(broken)]
    except (TabletFault, ServerFault) as thrown:
        found = [f"thrown: {thrown}"]
    world.met.update(world.server.read(answers))
    journals = (
        {tablet.device: world.tell("journal", tablet=tablet.name) for tablet in world.tablets} if not found else {}
    )
    return Outcome(seed, happenings, found, world.told, world.met, world.scans, journals)


def answers(session: Session) -> Counter[str]:
    """How often each kind of act was answered with what."""
    rows = session.execute(select(Act.kind, Act.code, func.count()).group_by(Act.kind, Act.code))
    return Counter({f"act {kind} {code}": times for kind, code, times in rows})


def make_tables(url: str) -> None:
    database = Database(create_engine(url))
    Base.metadata.create_all(database.engine)
    database.close()
    database.engine.dispose()


@contextmanager
def stage(without: Guard | None = None) -> Iterator[Stage]:
    """`without`: a guard that is switched off."""
    with TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as name:
        folder = Path(name)
        tablets = Tablets(copy_without(without.cuts, folder)) if without and without.cuts else Tablets()
        made = Stage(tablets, folder)
        try:
            with without.off() if without else nullcontext():
                yield made
        finally:
            made.close()
