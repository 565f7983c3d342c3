"""The high-water mark: a file outside the database that says below which bounds numbers of campaigns, coupons and keys may be out.

It is for a restore, which must hand no number out again that the backup does not know of. The file is written and durable before the
transaction that draws numbers commits, so it is never behind; bounds of coupons are written in blocks, so it is rarely written. Lines are
only added, so that processes which share the file lose nothing of each other. Each server has its own file, in its instance folder.
"""

import os
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy.orm import Session

from redeem.lib.errors import RedeemError

FILE = "numbers"
COUPONS_PER_BLOCK = 10_000
CAMPAIGNS, KEYS = "campaigns", "keys"


@dataclass(frozen=True, slots=True)
class Marks:
    """Bounds: all numbers that may be out are smaller. `coupons` has them by campaign."""

    campaigns: int = 0
    keys: int = 0
    coupons: Mapping[int, int] = field(default_factory=dict)


def hand_out(session: Session, name: str, bound: int) -> None:
    """Note that this transaction draws numbers below the bound. `name` is CAMPAIGNS, KEYS or a campaign's number as text."""
    session.info[name] = max(bound, session.info.get(name, 0))


class NotKept(RedeemError):
    """The file can't be written, so nothing may be handed out."""

    code = "unavailable"
    default_detail = "Nothing was done: the server can't write to its instance folder. Tell whoever runs it, and send the same again later."


class HighWater:
    """The file. `keep` is called with what a transaction has drawn, before it commits."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._bounds: dict[str, int] | None = None
        self._turn = threading.Lock()

    def keep(self, drawn: Mapping[str, int]) -> None:
        """Return once the file has these bounds, durably. Raises NotKept."""
        try:
            with self._turn:
                self._keep(drawn)
        except OSError as error:
            raise NotKept from error

    def _keep(self, drawn: Mapping[str, int]) -> None:
        known = self._known()
        higher = {name: in_blocks(name, bound) for name, bound in drawn.items() if bound > known.get(name, 0)}
        if higher:
            append(self._path, "".join(f"{name} {bound}\n" for name, bound in higher.items()))
            known.update(higher)

    def _known(self) -> dict[str, int]:
        if self._bounds is None:
            self._bounds = read_bounds([self._path]) if self._path.exists() else {}
        return self._bounds


def in_blocks(name: str, bound: int) -> int:
    """Return the bound to write: of coupons the end of its block. Campaigns and keys are few."""
    return bound if name in (CAMPAIGNS, KEYS) else -(-bound // COUPONS_PER_BLOCK) * COUPONS_PER_BLOCK


def append(path: Path, text: str) -> None:
    """Add lines to the file, and return once they are durable. The file begins a line anew, because its last one may be torn."""
    path.parent.mkdir(parents=True, exist_ok=True)
    is_new = not path.exists()
    with path.open("ab") as file:
        file.write(f"\n{text}".encode())
        file.flush()
        os.fsync(file.fileno())
    if is_new:
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def read_marks(paths: Iterable[Path]) -> Marks:
    """Return the highest bounds in the files, which may be of several servers. Raises OSError for a file that can't be read."""
    bounds = read_bounds(paths)
    coupons = {int(name): bound for name, bound in bounds.items() if name not in (CAMPAIGNS, KEYS)}
    return Marks(bounds.get(CAMPAIGNS, 0), bounds.get(KEYS, 0), coupons)


def read_bounds(paths: Iterable[Path]) -> dict[str, int]:
    bounds: dict[str, int] = {}
    for path in paths:
        for line in path.read_text(errors="replace").splitlines():
            name, _, bound = line.partition(" ")
            # A torn line is of a transaction that has not committed. What is left of it is a smaller number, or none.
            if (name in (CAMPAIGNS, KEYS) or name.isdecimal()) and bound.isdecimal():
                bounds[name] = max(int(bound), bounds.get(name, 0))
    return bounds
