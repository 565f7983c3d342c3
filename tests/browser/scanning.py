"""Shows coupon after coupon to a tablet's camera, and measures how long it takes until the screen shows the verdict of each."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tests.browser.tablet import Tablet
from tests.browser.video import film

COUPONS = 10
FRAMES_EACH = 12
SECONDS_MAX = 60
# Steps back from each verdict after a moment, so that the next coupon of the film is a new scan.
GO_ON = """() => setInterval(() => {
    const back = [...document.querySelectorAll(".verdict button")].find(each => ["Back", "Do not give"].includes(each.textContent));
    back?.click();
}, 150)"""
SCAN = """([many, ms]) => {
    performance.clearMeasures()
    const end = performance.now() + ms
    return new Promise(done => {
        const look = () => {
            const isOver = performance.getEntriesByName("frame to verdict").length >= many || performance.now() > end
            isOver ? done() : setTimeout(look, 200)
        }
        look()
    })
}"""
# From here on, from the next time that the page is opened: a frame whose code is read, and is the same as before, until the screen's
# next frame is drawn. That is what this machine takes for a verdict about which there is nothing to find out and nothing to show.
NOTE_READINGS = """
    const hear = Worker.prototype.addEventListener
    const note = start => document.querySelector(".verdict") || performance.measure("frame to nothing new", { start })
    Worker.prototype.addEventListener = function (kind, ...more) {
        hear.call(this, kind, ...more)
        const read = ({ data: { texts, at } }) => texts?.length && requestAnimationFrame(() => setTimeout(note, 0, at))
        if (kind === "message") hear.call(this, kind, read)
    }
"""


def film_of(path: Path, links: Iterable[str]) -> Path:
    """Writes the film in which each link's QR is held up for 0.4 seconds."""
    return film(path, *links, frames=FRAMES_EACH)


def note_readings(on: Tablet) -> None:
    """Opens the page again, and from then on it measures what a reading takes by itself."""
    on.context.add_init_script(NOTE_READINGS)
    on.page.reload()


def go_on(on: Tablet) -> None:
    """Makes the tablet go on by itself: each verdict is followed by the next scan."""
    on.page.evaluate(GO_ON)


def scan(on: Tablet, many: int, seconds_max: int = SECONDS_MAX) -> list[float]:
    """Returns the milliseconds from frame to verdict of about the next `many` coupons, or of fewer if time is up."""
    on.page.evaluate(SCAN, [many, seconds_max * 1000])
    return on.measured()


def readings(on: Tablet) -> list[float]:
    """Returns the milliseconds of each reading during the last `scan`."""
    return on.measured("frame to nothing new")
