"""A clerk at a tablet, in Chromium: what they see, and what they press."""

from __future__ import annotations

import os
import re
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

from babel.messages.pofile import read_po
from playwright.sync_api import BrowserContext, ConsoleMessage, Locator, Page, Playwright, expect

from redeem.lib.files import ROOT
from scripts.translate import TRANSLATIONS
from tests import chromium
from tests.browser.live import Backstage
from tests.browser.waiting import wait_for, wait_until
from tests.cast import PIN
from tests.factories import Issued

# One that follows another sooner is a scanner's: GAP_MS in static/clerk/scanning/wedge.js, and a little more.
SCANNER_GAP_MS = 350
TABLET, UPRIGHT, PHONE = (1024, 768), (768, 1024), (390, 844)
PICTURES_VARIABLE = "REDEEM_TEST_PICTURES"
SCREENS = ROOT / "test-results" / "screens" / "clerk"
# A browser says this of every answer that is no success, and of every broken connection; the page copes with them.
EXPECTED_NOISE = re.compile(r"Failed to load resource")
CAMERA = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")


@cache
def translations(language: str) -> dict[str, str]:
    """Returns the plain sentences of a catalogue. English has none."""
    path = TRANSLATIONS / language / "LC_MESSAGES" / "messages.po"
    if not path.exists():
        return {}
    said = read_po(BytesIO(path.read_bytes()), locale=language)
    return {each.id: each.string for each in said if isinstance(each.id, str) and isinstance(each.string, str)}


@dataclass
class Tablet:
    """One browser with a profile of its own on the disk; `close` and `open` are what happens to real ones."""

    playwright: Playwright
    profile: Path
    url: str
    camera: Path | None = None
    size: tuple[int, int] = TABLET
    language: str = "en-GB"
    dark: bool = False
    # Switches that tell the browser what it is to find; without them, and without `camera`, there is no camera.
    hardware: tuple[str, ...] = ()
    # Whose folder it finds, and in it the authorities that this person trusts (see lan.py); None: that of whoever runs the tests.
    home: Path | None = None
    # How far its clock is ahead of the machine's, from the next time that it is opened.
    clock_ms: int = 0
    context: BrowserContext = field(init=False)
    page: Page = field(init=False)
    complaints: list[str] = field(default_factory=list)

    def open(self, address: str = "/clerk/") -> Tablet:
        """Starts the browser, again over what it has kept, and opens the page."""
        film = [f"--use-file-for-fake-video-capture={self.camera}"] if self.camera else []
        self.context = self.playwright.chromium.launch_persistent_context(
            self.profile,
            executable_path=chromium.executable(),
            args=chromium.arguments(*(CAMERA if self.camera else ()), *film, *self.hardware),
            viewport={"width": self.size[0], "height": self.size[1]},
            locale=self.language,
            color_scheme="dark" if self.dark else "light",
            env={**os.environ, "HOME": str(self.home)} if self.home else None,
        )
        if self.clock_ms:
            self.context.add_init_script(f"{{ const real = Date.now; Date.now = () => real() + {self.clock_ms} }}")
        self.page = self.watch(self.context.pages[0])
        self.page.goto(urljoin(self.url, address))
        return self

    def watch(self, page: Page) -> Page:
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        return page

    def close(self) -> None:
        self.context.close()

    def enrol(self, link: str, clerk: str = "Anna", pin: str = PIN) -> Tablet:
        """Opens the one-time link, then unlocks the tablet with the clerk's PIN."""
        self.page.goto(link)
        self.unlock(clerk, pin)
        return self

    def unlock(self, clerk: str = "Anna", pin: str = PIN) -> None:
        self.press(clerk)
        self.type_pin(pin)
        expect(self.page.locator(".screen")).to_have_count(0)

    def type_pin(self, pin: str) -> None:
        for digit in pin:
            self.page.get_by_role("button", name=digit, exact=True).click()
        self.press("Unlock")

    def press(self, name: str) -> None:
        self.button(name).click()

    def say(self, words: str) -> str:
        """What the tablet says, in its language."""
        return translations(self.language[:2]).get(words, words)

    def button(self, name: str) -> Locator:
        """A button that can be pressed: the scanner waits, inert, behind every other screen."""
        return self.page.get_by_role("button", name=self.say(name), exact=True).and_(
            self.page.locator(":not([inert] *)")
        )

    def told(self, kind: str) -> AbstractContextManager[Any]:
        """Waits at the end of the block until the server has answered an entry of this kind."""
        entry = f'\\"kind\\":\\"{kind}\\"'
        return self.page.expect_response(
            lambda answer: answer.url.endswith("/clerk/sync") and entry in (answer.request.post_data or "")
        )

    def expect_heading(self, name: str) -> None:
        expect(self.page.get_by_role("heading", name=self.say(name), level=1)).to_be_visible()

    def expect_text(self, text: str | re.Pattern[str]) -> None:
        text = self.say(text) if isinstance(text, str) else text
        expect(self.page.get_by_text(text).first).to_be_visible()

    def expect_scanner(self) -> None:
        expect(self.button("Type the code")).to_be_enabled()
        expect(self.page.locator(".verdict, .screen")).to_have_count(0)

    def expect_sheet(self) -> None:
        """A sheet lies open over the screen."""
        expect(self.page.locator("dialog.sheet[open]")).to_be_visible()

    def close_sheet(self) -> None:
        self.expect_sheet()
        self.page.keyboard.press("Escape")
        expect(self.page.locator("dialog.sheet")).to_have_count(0)

    def wait_for(self, truth: str) -> None:
        """Until this is true on the page."""
        wait_for(self.page, truth)

    def wait_until_kept(self) -> None:
        """Until the service worker has all that the page needs."""
        self.wait_for("navigator.serviceWorker.ready.then(({ active }) => active.state === 'activated')")

    def sync(self) -> None:
        """Syncs, as the tablet does by itself now and then, and waits until it has kept what it heard."""
        with self.page.expect_response("**/clerk/sync"):
            self.page.evaluate("dispatchEvent(new Event('online'))")
            self._finish_sync()

    def _finish_sync(self) -> None:
        """Waits until it has kept what it heard: our turn comes after that of the sync."""
        self.page.evaluate("navigator.locks.request('redeem-sync', () => undefined)")

    def sync_in_vain(self) -> None:
        """It tries, and learns that there is no network."""
        self.page.evaluate("dispatchEvent(new Event('online'))")
        self.expect_text(re.compile("Offline since"))

    def hear_the_bell(self, live: Backstage, coupon: Issued) -> None:
        """Waits until the bell has made the tablet fetch the hold of this coupon, and it has kept that."""
        wait_until(self.page, lambda: live.is_held(coupon.serial))
        self._finish_sync()

    def scan_by_usb(self, text: str) -> None:
        """A USB scanner is a keyboard that types fast and ends with Enter."""
        self.expect_scanner()
        self.pull_the_trigger(text)

    def pull_the_trigger(self, text: str) -> None:
        """The USB scanner reads, whatever the screen shows."""
        self.page.evaluate(
            """text => {
                for (const key of [...text, "Enter"])
                    document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }))
            }""",
            text,
        )

    def let_the_scanner_rest(self) -> None:
        """Until the next key is a person's: one that follows another at once is a scanner's."""
        self.page.evaluate("ms => new Promise(done => setTimeout(done, ms))", SCANNER_GAP_MS)

    def type_code(self, code: str) -> None:
        self.press("Type the code")
        self.page.get_by_label(self.say("Code under the QR")).fill(code)
        self.press("Check the coupon")

    def resize(self, size: tuple[int, int]) -> None:
        """Turns the tablet, or takes a phone."""
        self.size = size
        self.page.set_viewport_size({"width": size[0], "height": size[1]})
        self.wait_for(f"innerWidth === {size[0]} && innerHeight === {size[1]}")

    def shoot(self, name: str) -> None:
        """Keeps a picture of the screen, for people who ask for pictures: they prove nothing, and take a while."""
        if not os.environ.get(PICTURES_VARIABLE):
            return
        folder = SCREENS / f"{self.size[0]}x{self.size[1]}-{self.language[:2]}-{'dark' if self.dark else 'light'}"
        folder.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=folder / f"{name}.png", animations="disabled")

    def measured(self, name: str = "frame to verdict") -> list[float]:
        """Milliseconds from frame captured to verdict painted, or "tap to given", since the page was opened."""
        told: list[float] = self.page.evaluate(
            "name => performance.getEntriesByName(name).map(({ duration }) => duration)", name
        )
        return told

    def journals(self) -> dict[str, int]:
        """The files that the journal's worker keeps, by name, with their sizes in bytes."""
        told: dict[str, int] = self.page.evaluate(
            """async () => {
                const found = {};
                for await (const [name, file] of (await navigator.storage.getDirectory()).entries())
                    found[name] = (await file.getFile()).size;
                return found;
            }"""
        )
        return told

    def forget_indexeddb(self) -> None:
        """Deletes IndexedDB, as a kill sometimes does."""
        self.page.goto("about:blank")
        session: Any = self.context.new_cdp_session(self.page)
        session.send("Storage.clearDataForOrigin", {"origin": self.url, "storageTypes": "indexeddb"})

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not EXPECTED_NOISE.search(message.text):
            self.complaints.append(message.text)
