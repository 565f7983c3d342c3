"""Long work in steps. Each step is a transaction, one request does some of them, and its page sends the next request."""

import time
from collections.abc import Callable
from typing import Any, TypeVar

from redeem.web.context import write

T = TypeVar("T")

# After so long a request answers with a page that shows the progress and sends the next request.
WORK_SECONDS = 2.0


def work(step: Callable[[Any], T], has_more: Callable[[T], bool]) -> list[T]:
    """Runs `step` until there is no more to do or WORK_SECONDS are over. Returns what each step returned."""
    until = time.monotonic() + WORK_SECONDS
    done = [write(step)]
    while has_more(done[-1]) and time.monotonic() < until:
        done.append(write(step))
    return done
