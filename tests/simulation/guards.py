"""The guards that keep the promises. With any one of them switched off the simulation must find a fault.

A tablet's guard is a few words of its code, taken out in a copy; a server's is a function or a statement, replaced.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

from sqlalchemy import select, text

from redeem.db.models.coupons import Coupon
from redeem.events import log
from redeem.holds import holds
from redeem.ledger import ledger, recovery_reports, signing, sql
from redeem.ledger.generation import Life
from redeem.lib.files import ROOT
from redeem.redemptions import settle, takers
from redeem.sync import entries, sync
from redeem.sync.entries import RisksTaken
from tests.factories import PROOFS
from tests.simulation import schedule
from tests.simulation.happenings import Happening

CODE = ("static/clerk", "tests/simulation")
SILENT_MS = 60_000

Cut = tuple[str, str, str]  # file in static/clerk, what stands there, what is put in its place


@dataclass(frozen=True)
class Guard:
    """`cuts` switch it off on the tablets, `off` on the server. `often` must happen for it to matter.

    `begin` is the seed to begin with: worlds in which it soon matters save time, and nothing else. `draw` draws a schedule of its own.
    """

    name: str
    cuts: tuple[Cut, ...] = ()
    off: Callable[[], AbstractContextManager[object]] = nullcontext
    often: tuple[str, ...] = ()
    begin: int = 0
    draw: Callable[[int], list[Happening]] | None = None

    def schedule(self, seed: int) -> list[Happening]:
        return self.draw(seed) if self.draw else schedule.draw(seed, self.often)


def copy_without(cuts: tuple[Cut, ...], folder: Path) -> Path:
    """A copy of the tablets' code without the guard; answers the script to run. Raises ValueError if the code is not what it was."""
    for part in CODE:
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    shutil.copyfile(ROOT / "package.json", folder / "package.json")
    for file, old, new in cuts:
        path = folder / "static/clerk" / file
        code = path.read_text()
        if code.count(old) != 1:
            raise ValueError(f"{file} has {code.count(old)} times {old!r}")
        path.write_text(code.replace(old, new))
    return folder / "tests/simulation/tablets.js"


def only_redemptions_are_told() -> AbstractContextManager[object]:
    """Only the statement that redeems writes its event."""
    return patch.object(log, "append", lambda *_, **__: None)


def any_second_redemption() -> AbstractContextManager[object]:
    """The newest redemption replaces the one that stands, as if the table had no primary key."""
    insert = str(sql.REDEEM).replace(
        "DO NOTHING", "(serial) DO UPDATE SET act_id = excluded.act_id, device_id = excluded.device_id"
    )
    return patch.object(sql, "REDEEM", text(insert))


@contextmanager
def newest_first() -> Iterator[None]:
    """The newest entry is taken without those before it."""

    def take_all(session: Any, tablet: Any, entries: Any, readers: Any, now: Any) -> Any:
        acts, risks = sync.new_acts(session, tablet, entries, readers), RisksTaken()
        return {each.number: sync.take(session, tablet, each, acts, readers, risks, now) for each in entries[-1:]}, None

    with patch.object(sync, "take_all", take_all), patch.object(sync, "check_entry"):
        yield


def rules_run_again() -> AbstractContextManager[object]:
    """An entry that the server has already is settled again."""
    again = count(1_000_000)  # acts of a journal are named by numbers

    def settle_again(session: Any, tablet: Any, entry: Any) -> Any:
        source = entries.Source(tablet.actor, tablet.actor.device_id, signing.load_ring(session), PROOFS, Life(), 0)
        act = entries.as_act(session, source, entry)
        return settle.settle(session, replace(act, name=str(next(again))), tablet.row.last_seen_at)

    return patch.object(sync, "repeat", settle_again)


def recalled_is_released() -> AbstractContextManager[object]:
    """A hold ends when its holder is told to give it back, before the holder has reported what it gave under it."""
    recalls = holds.recalls

    def release_all(session: Any, device_id: str, *keys: Any, **store: Any) -> Any:
        told = recalls(session, device_id, *keys, **store)
        for grant in told:
            holds.release(session, grant.serial, device_id, grant.epoch, 0)
        return told

    return patch.object(holds, "recalls", release_all)


def nothing_is_recalled_beside() -> AbstractContextManager[object]:
    """A hold of a coupon that another device has given is not asked back."""
    return patch.object(ledger, "recall_beside", lambda *_: None)


def holds_lapse() -> AbstractContextManager[object]:
    """A hold of a tablet that was silent for a minute ends when another device asks for the coupon."""
    recall = holds.recall

    def lapse(session: Any, serial: int, for_device_id: str | None, now: int) -> Any:
        held = recall(session, serial, for_device_id, now)
        if held and now - (held.last_seen_at or 0) > SILENT_MS:
            epoch = session.scalar(select(Coupon.epoch).where(Coupon.serial == serial))
            holds.release(session, serial, held.device_id, epoch, now)
        return held

    return patch.object(holds, "recall", lapse)


def nothing_is_judged() -> AbstractContextManager[object]:
    """Every gift that a device reports is booked as it says."""
    return patch.object(takers, "judge", lambda *_: None)


def any_claim_is_believed() -> AbstractContextManager[object]:
    """A claim after a restore needs no grant."""

    def believed(hold: Any, *_: Any) -> Any:
        return recovery_reports.Claimed(hold.serial, hold.epoch, is_unproved=False)

    return patch.object(recovery_reports, "as_claim", believed)


def restores_with_lies(seed: int) -> list[Happening]:
    """Again and again a backup, work that it lacks, its restore, lies at once, and then everybody else."""
    chance = Random(f"{seed} restores with lies")

    def some(times: int, *names: str) -> list[Happening]:
        drawn = [(chance.choice(names), chance.randrange(60), chance.getrandbits(32)) for _ in range(times)]
        return [Happening(*each) for each in drawn]

    return [
        each
        for _ in range(4)
        for each in (
            *some(1, "back_up"),
            *some(20, "issue", "move_home", "beat", "carry", "rush"),
            *some(1, "restore"),
            *some(8, "lie"),
            *some(25, "beat", "carry", "work", "rush", "recover", "till_reports"),
        )
    ]


WAIT_FOR_ANSWER = "await this.#deeds.ask({ timeoutMs: ASK_MS });"
WRITTEN = 'throw new Error("only a part of the entry was written");'
OPEN_FILE = "return await file.createSyncAccessHandle("

GUARDS = (
    Guard("the constraint", off=any_second_redemption),
    Guard("in-order taking", off=newest_first),
    Guard("repeated answers", off=rules_run_again, often=("repeat",)),
    Guard(
        "the open-ask check",
        (
            ("knowledge/state.js", 'gave: { asking: "given" }', 'gave: { asking: "given", dropped: "given" }'),
            ("counter/counter.js", f"{WAIT_FOR_ANSWER}\n    if (this.#screen !== shown) return;", WAIT_FOR_ANSWER),
        ),
        begin=29,
    ),
    Guard(
        "the written drop",
        (("counter/counter.js", 'if (await this.#deeds.step("drop", shown.attempt)) this.#show(', "this.#show("),),
        begin=3,
    ),
    Guard(
        "the epoch check",
        (
            ("knowledge/holds.js", "grant[2] > releasedEpoch(past, id) && ", ""),
            ("knowledge/holds.js", "return epoch > releasedEpoch(past, id) ? epoch : 0;", "return epoch;"),
            ("server/sync.js", "this.holds.prune(this.#journal.past); // what is", "// what is"),
        ),
        often=("move_home", "ring", "forget_later"),
        begin=3,
    ),
    Guard("release behind the entries", off=recalled_is_released, often=("move_home", "ring")),
    Guard("the recall beside a gift", off=nothing_is_recalled_beside, often=("darken", "write_off"), begin=2),
    Guard("holds not lapsing by time", off=holds_lapse, often=("darken", "pass_time")),
    Guard(
        "forgetting who held what changed",
        (("knowledge/siblings.js", "const isLess = this.#forget(changes?.campaigns ?? {});", "const isLess = false;"),),
        often=("move_home", "ring", "darken"),
        begin=23,
    ),
    Guard(
        "journal before screen",
        (("storage/journal.js", "await this.#file.append(", "void this.#file.append("),),
        often=("slow", "kill"),
        begin=21,
    ),
    Guard(
        "the one writer over tabs",
        (("storage/journal-worker.js", f"{OPEN_FILE})", f'{OPEN_FILE}{{ mode: "readwrite-unsafe" }})'),),
        often=("second_tab",),
    ),
    Guard(
        "the flush of the journal",
        (("storage/journal-worker.js", f"{WRITTEN}\n  file.flush();", WRITTEN),),
        often=("lose_power", "darken"),
    ),
    Guard(
        "the end of a damaged journal",
        (("storage/journal-worker.js", "if (damage) return { texts, damage };", "damage = null;"),),
        often=("damage", "darken"),
    ),
    Guard(
        "what the server acknowledged",
        (("server/opening.js", "(await journal.findLoss(acknowledged, heard?.receipt))", "null"),),
        often=("damage", "remember", "darken"),
    ),
    Guard("the events beside the redemptions", off=only_redemptions_are_told),
    Guard("the judgement of gifts", off=nothing_is_judged, often=("lie",)),
    Guard("the grant of a claim", off=any_claim_is_believed, draw=restores_with_lies),
)
