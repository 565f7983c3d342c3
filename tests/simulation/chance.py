"""Chance, and time, of a whole world from one seed: ids, codes and keys come out the same each time."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from random import Random
from types import SimpleNamespace
from unittest.mock import patch

import itsdangerous.timed

from redeem.accounts import api_key_format
from redeem.domain import short_codes
from redeem.lib import ids
from redeem.lib.times import Ms
from redeem.web import context
from redeem.web.api import auth

NS_PER_MS = 1_000_000
DRAWING = (ids, short_codes, api_key_format)
TIMED = (context, auth, itsdangerous.timed)


class Clock:
    """The time that is true in the world; `now` is set by whoever lets time pass."""

    def __init__(self, now: Ms) -> None:
        self.now = now

    def time_ns(self) -> int:
        return self.now * NS_PER_MS

    def time(self) -> float:
        return self.now / 1000

    def monotonic(self) -> float:
        return self.now / 1000


@contextmanager
def drawn_from(seed: str, clock: Clock) -> Iterator[None]:
    """Within it, the server's chance comes from the seed and its time from the clock."""
    random = Random(seed)
    dice = SimpleNamespace(randbits=random.getrandbits, choice=random.choice)
    with ExitStack() as patches:
        for module in DRAWING:
            patches.enter_context(patch.object(module, "secrets", dice))
        for module in TIMED:
            patches.enter_context(patch.object(module, "time", clock))
        yield
