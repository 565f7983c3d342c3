"""Where Chromium is, and how it is started here. It fails, and never skips, where there is none."""

from __future__ import annotations

import os
import shutil

PATH_VARIABLE = "REDEEM_TEST_CHROMIUM"
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
MISSING = (
    "Chromium was not found: run `scripts/system-packages test`, "
    f"or set {PATH_VARIABLE} to the path of a Chromium of your own."
)
# Nothing of its own over the network, and no first-run questions.
QUIET = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
)


class ChromiumMissingError(Exception):
    """There is no browser to test with. Never a reason to skip."""


def executable() -> str:
    """Return the browser's path; raises ChromiumMissingError."""
    named = os.environ.get(PATH_VARIABLE)
    found = named or next(filter(None, map(shutil.which, PROGRAMS)), None)
    if not found:
        raise ChromiumMissingError(MISSING)
    return found


def arguments(*more: str) -> list[str]:
    """Return the browser's command line arguments, `more` after ours. Root can't have Chromium's sandbox."""
    unboxed = ["--no-sandbox"] if os.geteuid() == 0 else []
    return [*QUIET, *unboxed, *more]
