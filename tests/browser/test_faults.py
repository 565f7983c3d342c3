"""A tablet that can't do its work says why, and what helps: a disk that is full, a browser that keeps nothing, one that is too old."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import MakeTablet, Shop, qr_text
from tests.browser.live import LiveServer
from tests.browser.tablet import PHONE, TABLET, Tablet
from tests.browser.test_clerk_screens import FAULTS
from tests.browser.waiting import wait_until

pytestmark = pytest.mark.browser
MAIN, WORKER = (f"/clerk/static/clerk/{name}.js" for name in ("main", "storage/journal-worker"))
WRITE = "if (file.write(bytes, { at }) !== bytes.length)"
# The disk is full from the first gift on.
FULL = f"""if (new TextDecoder().decode(bytes).includes('"gave')) throw new DOMException("full", "QuotaExceededError");\n  {WRITE}"""
FILE = "open: async () => {\n    const root"
NO_FILE = FILE.replace("const root", 'throw new DOMException("private", "SecurityError");\n    const root')
NO_DATABASE = """indexedDB.open = () => { throw new DOMException("private", "SecurityError") }"""
NO_KEYS = """crypto.subtle.generateKey = () => Promise.reject(new DOMException("", "NotSupportedError"))"""
CANT_SAVE = (
    "The tablet can't save what happens here, so nothing may be given on it."
    " Free some space, or end private browsing, then open Redeem again."
)
# The page as it is so many ms after it was opened, however long ago that really is: shown anew, its animation begins anew.
LATE_AT = """ms => {
    const late = document.querySelector(".screen-late")
    late.style.display = "none"
    late.getAnimations()
    late.style.display = ""
    const [coming] = late.getAnimations()
    coming.pause()
    coming.currentTime = ms
}"""
LANGUAGES = pytest.mark.parametrize("language", ["en-GB", "ru-RU"], ids=["en", "ru"])


def look(on: Tablet, name: str) -> None:
    """Nothing is cut off, on a tablet and on a phone."""
    for size in (TABLET, PHONE):
        on.resize(size)
        on.shoot(name)
        assert on.page.evaluate(FAULTS) == []


def expect_no_storage(on: Tablet, name: str, error: str) -> None:
    on.expect_heading("Call a manager")
    on.expect_text(CANT_SAVE)
    expect(on.button("Open again")).to_be_visible()
    look(on, name)
    wait_until(on.page, lambda: on.complaints)  # for whoever looks into it
    assert [said for said in on.complaints if error not in said] == []
    on.complaints.clear()


@LANGUAGES
def test_a_full_disk_gives_nothing_and_says_what_helps(
    at_work: MakeTablet, live: LiveServer, shop: Shop, language: str
) -> None:
    live.network.altered[WORKER] = (WRITE, FULL)
    on = at_work(language=language)
    on.scan_by_usb(qr_text(shop.issue()))
    on.expect_text("Confirmed by the shop")
    on.press("Give the gift")
    expect_no_storage(on, "60 disk full", "QuotaExceededError")
    del live.network.altered[WORKER]
    on.press("Open again")
    on.expect_heading("Unfinished")


def test_a_browser_that_keeps_no_file_says_so(tablet: MakeTablet, live: LiveServer) -> None:
    live.network.altered[WORKER] = (FILE, NO_FILE)
    expect_no_storage(tablet(), "61 no file", "SecurityError")


def test_a_browser_that_keeps_no_database_says_so(tablet: MakeTablet) -> None:
    on = tablet(address="about:blank")
    on.context.add_init_script(NO_DATABASE)
    on.page.goto(f"{on.url}/clerk/")
    expect_no_storage(on, "62 no database", "SecurityError")


@LANGUAGES
def test_a_browser_without_the_keys_is_too_old(tablet: MakeTablet, language: str) -> None:
    on = tablet(address="about:blank", language=language)
    on.context.add_init_script(NO_KEYS)
    on.page.goto(f"{on.url}/clerk/")
    on.expect_heading("This browser is too old")
    look(on, "63 too old")


@LANGUAGES
def test_a_browser_that_does_not_understand_the_scripts_is_not_left_with_an_empty_page(
    tablet: MakeTablet, live: LiveServer, language: str
) -> None:
    live.network.altered[MAIN] = ("async function start() {", "async function start() { from a later year")
    on = tablet(address="about:blank", language=language)
    with on.page.expect_event("pageerror"):
        on.page.goto(f"{on.url}/clerk/")
    late = on.page.locator(".screen-late")
    on.page.evaluate(LATE_AT, 7_999)
    expect(late).to_be_hidden()
    on.page.evaluate(LATE_AT, 8_000)
    expect(late).to_be_visible()
    expect(late).to_contain_text(re.compile("Chrome, Edge, Safari"))
    look(on, "64 not understood")
    assert [said for said in on.complaints if "Unexpected" not in said] == []
    on.complaints.clear()
