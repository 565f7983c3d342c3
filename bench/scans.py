"""Measures three waits in a real browser: from a camera frame to the verdict on the screen, offline; from the tap on Give to "Hand over";
and from opening the page, with no server, to the camera's first picture.

The verdict about a coupon that the tablet holds ("Valid coupon") or does not hold ("Not confirmed") is shown at once. Before a gift at risk
is offered, a request to the server must have failed.

python -m bench.scans

The camera plays a film of ten coupons at 1280×720. A sample begins when the frame was captured, or Give was tapped, and ends
when the screen's frame was drawn (the page's own performance entries). A gift is given on the shop's answer, or under a hold. The
slowed run slows the page's thread, which is what a weak tablet is short of; the reader's worker is on another thread and is not
slowed by the browser's switch.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from playwright.sync_api import Playwright, sync_playwright

from redeem.config import Settings, load_settings
from redeem.web.context import now_ms
from tests import factories
from tests.browser import scanning
from tests.browser.live import LiveServer
from tests.browser.tablet import Tablet
from tests.cast import Cast
from tests.databases import Original
from tests.factories import MOSCOW, SECRET

SAMPLES = 40
GIFTS = 20
STARTS = 10
# Milliseconds since the page was asked for, when the scanner shows the camera's picture.
UNTIL_CAMERA = """() => new Promise(done => {
    const look = () => {
        const video = document.querySelector("video");
        const plays = video?.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA && video.currentTime > 0;
        if (plays && !document.querySelector(".screen")) done(performance.now());
        else requestAnimationFrame(look);
    };
    look();
})"""

# Scans coupon after coupon by USB, taps Give as soon as it is there, and goes on, until each was given.
GIVE_ALL = """links => new Promise(done => {
    const press = name => [...document.querySelectorAll(".verdict button")].find(each => each.textContent === name)?.click()
    const step = () => {
        const heading = document.querySelector(".verdict h1")?.textContent
        if (heading === "Valid coupon") press("Give the gift")
        if (heading === "Hand over the gift") press("Next")
        if (heading === "Not confirmed") return clearInterval(timer), done(heading)
        if (heading) return
        if (!links.length) return clearInterval(timer), done()
        for (const key of [...links.shift(), "Enter"])
            document.body.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }))
    }
    const timer = setInterval(step, 150)
})"""


ENTRIES = 19_998
# Puts so many entries of this tablet into its journal: thirds are asks for the coupon, gifts and ends of them.
FILL = """async ([many, coupon]) => {
    const load = name => import(`/clerk/static/clerk/${name}.js`)
    const [{ Store }, records, lengths, bytes, journal] = await Promise.all(
        ["storage/store", "storage/records", "storage/lengths", "domain/bytes", "storage/journal"].map(load))
    const store = await Store.open()
    const device = await store.device()
    const clerk = (await store.snapshot()).clerks[0].id
    const parts = [records.MEASURED, records.writeRecord(journal.ownerRecord(device.id, device.proof))]
    const begun = Date.now() - 60_000
    let prev = journal.FIRST_PREV
    for (let n = 1; n <= many; n++) {
        const kind = n > many - 3 ? "unlock" : ["done", "ask", "gave"][n % 3]
        const about = { done: { of: n - 2 }, ask: { coupon }, gave: { of: n - 1 }, unlock: {} }[kind]
        const text = JSON.stringify({ v: 1, n, prev, at: begun + n, kind, clerk, ...about })
        const signed = journal.signedBytes(device.id, text)
        const signature = new Uint8Array(await crypto.subtle.sign("Ed25519", device.keys.privateKey, signed))
        parts.push(records.writeRecord(JSON.stringify({ text, signature: bytes.toBase64url(signature) })))
        prev = bytes.toBase64url(await bytes.sha256(bytes.utf8(text)))
    }
    const root = await navigator.storage.getDirectory()
    const put = async (name, pieces) => {
        const target = await (await root.getFileHandle(name, { create: true })).createWritable()
        for (const piece of pieces) await target.write(piece)
        await target.close()
    }
    const length = parts.reduce((sum, part) => sum + part.length, 0)
    const places = [1, 2].map(sequence => ({ sequence, length })).map(each =>
        ({ type: "write", position: lengths.placeOf(each.sequence), data: lengths.writeLength(each) }))
    await put("journal.redeem", parts)
    await put("journal-lengths.redeem", places)
    await store.putAcknowledged(0)
}"""


@dataclass(frozen=True)
class Kind:
    """Coupons of a campaign, by its number, and the store that they are at home in."""

    campaign: int
    home: str | None = None


@dataclass(frozen=True)
class Times:
    """Milliseconds of one kind of wait."""

    what: str
    p50_ms: float
    p95_ms: float
    samples: int

    def __str__(self) -> str:
        return f"{self.what}: p50 {self.p50_ms:.0f} ms, p95 {self.p95_ms:.0f} ms of {self.samples}"


def measure(slowdown: int = 1) -> list[Times]:
    """Scans and gives until there are enough samples. `slowed`: how many times slower the page's thread runs."""
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        original = Original()
        original.fill(f"sqlite:///{folder}/redeem.sqlite")
        live = LiveServer(lambda url: _settings(url, folder))
        try:
            cast = original.cast
            live.revoke("North counter")  # the only tablet of the store that is at work holds all that is at home there
            scan = partial(_scan, playwright, live, slowdown=slowdown)
            held = scan(cast, folder / "seen-held", Kind(cast.north_only, cast.north))
            unheld = scan(cast, folder / "seen-unheld", Kind(cast.north_only))
            risky = scan(cast, folder / "seen-risky", Kind(cast.anywhere))
            answered = _give(playwright, live, cast, folder / "answered", slowdown, None)
            given_held = _give(playwright, live, cast, folder / "held", slowdown, cast.north)
            starts = _start(playwright, live, cast, folder / "short", slowdown, 0)
            long_starts = _start(playwright, live, cast, folder / "long", slowdown, ENTRIES)
        finally:
            live.stop()
    named = {
        "frame to verdict, held": held,
        "frame to verdict, not held": unheld,
        "frame to verdict, at risk": risky,
        "tap to given, on the answer": answered,
        "tap to given, held": given_held,
        "cold start without a server to the camera": starts,
        f"the same with {ENTRIES:,} entries in the journal": long_starts,
    }
    return [_summed_up(what, measured) for what, measured in named.items()]


def _give(
    playwright: Playwright, live: LiveServer, cast: Cast, profile: Path, slowdown: int, home: str | None
) -> list[float]:
    """Gives coupons. Those without a home are given on the server's answer; those at home here are held, and given offline."""
    on = Tablet(playwright, profile, live.url).open().enrol(live.enrolment_link(cast.north, profile.name))
    links = [f"https://gift.example/c/{_issue(live, Kind(cast.anywhere, home))}" for _ in range(GIFTS)]
    on.sync()
    live.network.down = home is not None
    on.context.new_cdp_session(on.page).send("Emulation.setCPUThrottlingRate", {"rate": slowdown})
    trouble = on.page.evaluate(GIVE_ALL, links)
    assert trouble is None, trouble
    live.network.down = False
    measured = on.measured("tap to given")
    on.close()
    live.revoke(profile.name)
    return measured


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


def _scan(
    playwright: Playwright, live: LiveServer, cast: Cast, folder: Path, kind: Kind, *, slowdown: int
) -> list[float]:
    """Holds up coupon after coupon of this kind to a tablet whose server is away."""
    folder.mkdir()
    links = [f"https://gift.example/c/{_issue(live, kind)}" for _ in range(scanning.COUPONS)]
    camera = scanning.film_of(folder / "film.mjpeg", links)
    on = Tablet(playwright, folder / "profile", live.url, camera=camera).open()
    on.enrol(live.enrolment_link(cast.north, folder.name))
    on.expect_text("Valid coupon" if kind.home else "Confirmed by the shop")
    live.network.down = True
    on.sync_in_vain()
    on.context.new_cdp_session(on.page).send("Emulation.setCPUThrottlingRate", {"rate": slowdown})
    scanning.go_on(on)
    measured = scanning.scan(on, SAMPLES)
    live.network.down = False
    on.close()
    live.revoke(folder.name)
    return measured


def _start(
    playwright: Playwright, live: LiveServer, cast: Cast, folder: Path, slowdown: int, entries: int
) -> list[float]:
    """Starts the browser again and again with the same profile and no server, and opens the page. The journal has so many entries."""
    token = _issue(live, Kind(cast.anywhere))
    folder.mkdir()
    camera = scanning.film_of(folder / "gift.mjpeg", [f"https://gift.example/c/{token}"])
    on = Tablet(playwright, folder / "profile", live.url, camera=camera).open()
    on.enrol(live.enrolment_link(cast.north, folder.name))
    on.wait_until_kept()
    on.close()
    if entries:
        on.open("/clerk/manifest.webmanifest")  # a page that leaves the journal alone
        on.page.evaluate(FILL, [entries, token])
        on.close()
    live.go_away()
    measured = [_started(on, slowdown) for _ in range(STARTS)]
    live.come_back()
    return measured


def _started(on: Tablet, slowdown: int) -> float:
    on.open("about:blank")
    on.context.new_cdp_session(on.page).send("Emulation.setCPUThrottlingRate", {"rate": slowdown})
    on.page.goto(f"{on.url}/clerk/")
    took: float = on.page.evaluate(UNTIL_CAMERA)
    on.close()
    return took


def _issue(live: LiveServer, kind: Kind) -> str:
    return live.database.write(
        lambda session: factories.coupon(session, kind.campaign, now_ms(), home_store_id=kind.home).token
    )


def _summed_up(what: str, measured: list[float]) -> Times:
    ordered = sorted(measured)
    return Times(what, statistics.median(ordered), ordered[int(len(ordered) * 0.95)], len(ordered))


if __name__ == "__main__":
    for slowed in (1, 4):
        for times in measure(slowed):
            sys.stdout.write(f"{times}, page slowed {slowed} ×\n")
