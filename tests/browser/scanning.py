"""Coupon after coupon before the camera of a till, and how long it takes until the screen says what each is."""

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
    """From now on nobody need press anything: each verdict makes room for the next."""
    on.page.evaluate(GO_ON)


def scan(on: Tablet, many: int, seconds_max: int = SECONDS_MAX) -> list[float]:
    """Milliseconds from frame to verdict, of the next `many` or so coupons; of fewer, if time is up."""
    on.page.evaluate(SCAN, [many, seconds_max * 1000])
    return on.measured()


def readings(on: Tablet) -> list[float]:
    """Milliseconds of the readings beside what `scan` measured last."""
    return on.measured("frame to nothing new")
