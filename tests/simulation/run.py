"""Runs a world from its seed or from a schedule: everything happens, the world heals, and the faults are looked for."""

import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from redeem.db.base import Base
from redeem.db.models.ledger import Act
from redeem.ops.backup import copy_sqlite
from tests.factories import NOW
from tests.simulation import faults, schedule
from tests.simulation.chance import Clock, drawn_from
from tests.simulation.faults import Broken
from tests.simulation.guards import Guard, copy_without
from tests.simulation.happenings import Happening, happen
from tests.simulation.healing import heal
from tests.simulation.server import Server, ServerFault
from tests.simulation.tablets import TabletFault, Tablets
from tests.simulation.world import World

MEMORY = Path("/dev/shm")  # a disk that is none: how long a commit takes is not what is tried here


@dataclass(frozen=True)
class Outcome:
    """The outcome of a world. `scans`: at tablets and tills. Each of the `faults` begins with the word for its kind.

    `flag` leads to the same stage by `python -m tests.simulation`.
    """

    seed: int
    schedule: Sequence[Happening]
    faults: list[str]
    told: list[str]
    met: Counter[str]
    scans: int
    journals: dict[str, list[str]]
    flag: str = ""

    @property
    def kind(self) -> str | None:
        return self.faults[0].partition(":")[0] if self.faults else None


class Stage:
    """Where worlds are run, one after another: a Node process, the application, and its database, which `renew` makes empty."""

    def __init__(self, tablets: Tablets, server: Server, renew: Callable[[], None], flag: str = "") -> None:
        self.tablets, self.server, self._renew, self._flag = tablets, server, renew, flag

    def run(self, seed: int, happenings: Sequence[Happening] | None = None) -> Outcome:
        happenings = schedule.draw(seed) if happenings is None else happenings
        self._renew()
        self.server.begin()
        clock = Clock(NOW)
        with drawn_from(f"{seed} server", clock), self.server.watched():
            outcome = play(World(seed, self.server, self.tablets, clock), seed, happenings)
        return replace(outcome, flag=self._flag)


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
    world.met.update(world.server.met)
    journals = (
        {tablet.device: world.tell("journals", tablet=tablet.name) for tablet in world.tablets} if not found else {}
    )
    scans = world.scans + sum(till.scans for till in world.tills)
    return Outcome(seed, happenings, found, world.told, world.met, scans, journals)


def answers(session: Session) -> Counter[str]:
    """Returns how often each kind of act had each answer."""
    rows = session.execute(select(Act.kind, Act.code, func.count()).group_by(Act.kind, Act.code))
    return Counter({f"act {kind} {code}": times for kind, code, times in rows})


@contextmanager
def stage(without: Guard | None = None) -> Iterator[Stage]:
    """On SQLite. `without`: a guard that is switched off."""
    with TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as name, ExitStack() as after:
        folder = Path(name)
        tablets = Tablets(copy_without(without.cuts, folder)) if without and without.cuts else Tablets()
        after.callback(tablets.close)
        server = Server(f"sqlite:///{folder / 'redeem.sqlite'}", folder)
        after.callback(server.stop)
        Base.metadata.create_all(server.database.engine)
        live, empty = folder / "redeem.sqlite", folder / "empty.sqlite"
        copy_sqlite(live, empty)
        after.enter_context(without.off() if without else nullcontext())
        yield Stage(tablets, server, lambda: put_in_place(server, empty, live))


def put_in_place(server: Server, empty: Path, live: Path) -> None:
    server.stop()
    for leftover in live.parent.glob(f"{live.name}*"):
        leftover.unlink()
    shutil.copyfile(empty, live)
