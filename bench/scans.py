"""From a camera frame to the painted verdict, in a real browser with a fake camera, without a network.

python -m bench.scans

The camera plays a film of ten coupons at 1280×720. A sample begins when the frame was captured and ends when the verdict's frame
was drawn (the page's own performance entries). The slowed run slows the page's thread, which is what a weak tablet is short
of; the reader's worker is on another thread and is not slowed by the browser's switch.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Playwright, sync_playwright

from redeem.config import Settings, load_settings
from redeem.web.context import now_ms
from tests import factories
from tests.browser.live import LiveServer
from tests.browser.tablet import Tablet
from tests.browser.video import film
from tests.cast import Cast
from tests.databases import Original
from tests.factories import MOSCOW, SECRET

COUPONS = 10
FRAMES_EACH = 12
SAMPLES = 40
SECONDS_MAX = 60
# Steps back from each verdict after a moment, so that the next coupon of the film is a new scan.
GO_ON = """() => setInterval(() => {
    const back = [...document.querySelectorAll(".verdict button")].find(each => ["Back", "Do not give"].includes(each.textContent));
    back?.click();
}, 150)"""


@dataclass(frozen=True)
class ScanTimes:
    """Milliseconds from frame captured to verdict painted."""

    p50_ms: float
    p95_ms: float
    samples: int

    def __str__(self) -> str:
        return f"frame to verdict: p50 {self.p50_ms:.0f} ms, p95 {self.p95_ms:.0f} ms of {self.samples} scans"


def measure(slowdown: int = 1) -> ScanTimes:
    """Scan until there are SAMPLES, the page's thread slowed so many times."""
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        original = Original()
        original.fill(f"sqlite:///{folder}/redeem.sqlite")
        live = LiveServer(lambda url: _settings(url, folder))
        try:
            return _summed_up(_scan(playwright, live, original.cast, folder, slowdown))
        finally:
            live.stop()


def _settings(url: str, folder: Path) -> Settings:
    database = f"sqlite:///{folder}/redeem.sqlite"
    return load_settings(
        secret_keys=SECRET,
        database_url=database,
        base_url=url,
        instance_path=folder,
        secure_cookies=False,
        time_zone=MOSCOW,
        log_level="ERROR",
    )


def _scan(playwright: Playwright, live: LiveServer, cast: Cast, folder: Path, slowdown: int) -> list[float]:
    links = [f"https://gift.example/c/{_issue(live, cast)}" for _ in range(COUPONS)]
    camera = film(folder / "film.mjpeg", *links, frames=FRAMES_EACH)
    on = Tablet(playwright, folder / "profile", live.url, camera=camera).open()
    on.enrol(live.enrolment_link(cast.north))
    on.expect_text("Confirmed by the shop")
    live.network.down = True
    on.context.new_cdp_session(on.page).send("Emulation.setCPUThrottlingRate", {"rate": slowdown})
    on.page.evaluate("performance.clearMeasures()")
    on.page.evaluate(GO_ON)
    for _ in range(SECONDS_MAX):
        on.page.wait_for_timeout(1000)
        if len(on.measured()) >= SAMPLES:
            break
    measured = on.measured()
    on.close()
    return measured


def _issue(live: LiveServer, cast: Cast) -> str:
    return live.database.write(lambda session: factories.coupon(session, cast.anywhere, now_ms()).token)


def _summed_up(measured: list[float]) -> ScanTimes:
    ordered = sorted(measured)
    return ScanTimes(statistics.median(ordered), ordered[int(len(ordered) * 0.95)], len(ordered))


if __name__ == "__main__":
    for slowed in (1, 4):
        sys.stdout.write(f"{measure(slowed)}, page slowed {slowed} ×\n")
