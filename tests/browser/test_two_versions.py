"""While a server is updated, requests are answered by two versions, in any mixture: a tablet runs one of them, whole."""

import re
from collections import Counter
from itertools import count

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import MakeTablet, Shop, qr_text
from tests.browser.live import WORKER, LiveServer
from tests.browser.tablet import PHONE, TABLET, Tablet
from tests.browser.test_clerk_screens import FAULTS
from tests.browser.waiting import wait_until

pytestmark = pytest.mark.browser
PAGE, MAIN, USER, USED = (
    "/clerk/",
    *(f"/clerk/static/clerk/{name}.js" for name in ("main", "counter/page", "counter/sync-line")),
)
# The new version renames what one script has of another: together they run, mixed they don't.
NEW = {
    PAGE: ("<title>Redeem</title>", "<title>Redeem, new</title>"),
    USER: ("syncLine", "lineOfSync"),
    USED: ("syncLine", "lineOfSync"),
}
CHECK = " || !FILES[path].includes(await sha256(body))"
INCOMPLETE = "Redeem did not arrive complete. Perhaps the server is being updated: this page tries again by itself."
LOOK = "navigator.serviceWorker.ready.then(registration => registration.update()).then(() => undefined)"
NOTHING_IS_INSTALLED = "navigator.serviceWorker.ready.then(({ installing, waiting }) => !installing && !waiting)"
IS_NEW = """(() => {
    const texts = ["clerk/counter/page.js", "clerk/counter/sync-line.js"].map((name) =>
        fetch(`/clerk/static/${name}`).then((answer) => answer.text()))
    return Promise.all(texts).then((all) => [document.title.includes("new"), ...all.map((text) => text.includes("lineOfSync"))])
})()"""


def versions(on: Tablet) -> set[bool]:
    """Of which versions the page and its scripts are: whether they are new."""
    return set(on.page.evaluate(IS_NEW))


def look_for_an_update(on: Tablet) -> None:
    on.page.evaluate(LOOK)
    on.wait_for(NOTHING_IS_INSTALLED)


def held_by(on: Tablet, live: LiveServer, shop: Shop) -> str:
    coupon = shop.issue(home_store_id=shop.cast.north)
    on.hear_the_bell(live, coupon)
    return qr_text(coupon)


def open_again(on: Tablet) -> None:
    on.close()
    on.open()


def give(on: Tablet, link: str) -> None:
    on.scan_by_usb(link)
    on.press("Give the gift")
    on.expect_heading("Hand over the gift")
    on.press("Next")


@pytest.fixture
def working(at_work: MakeTablet, live: LiveServer) -> Tablet:
    """A tablet with the old version, which alone may give what is issued for its store."""
    live.revoke("North counter")
    on = at_work()
    on.expect_scanner()
    return on


def update_to_mixed(live: LiveServer, on: Tablet, old: str) -> None:
    """The update begins: the file at `old` still comes from the old server, the list and all else from the new one."""
    live.network.altered = dict(NEW)
    live.network.is_altered = lambda path: path != old
    look_for_an_update(on)


@pytest.mark.parametrize("old", [PAGE, USED], ids=["the page", "a script"])
def test_a_tablet_goes_on_with_its_version_until_the_new_one_is_whole(
    working: Tablet, live: LiveServer, shop: Shop, old: str
) -> None:
    on, link = working, held_by(working, live, shop)
    update_to_mixed(live, on, old)
    open_again(on)
    on.expect_scanner()
    live.network.down = True
    open_again(on)
    give(on, link)
    assert versions(on) == {False}
    live.network.down = False
    live.network.is_altered = lambda _path: True
    on.page.evaluate(LOOK)
    with on.page.expect_navigation():
        on.press("Update now")
    on.expect_scanner()
    assert versions(on) == {True}


def test_without_the_check_a_mixture_is_kept_and_gives_nothing(working: Tablet, live: LiveServer) -> None:
    """The control. The tablet shows its name and no more, with a network and without."""
    live.network.altered = {**NEW, WORKER: (CHECK, "")}
    live.network.is_altered = lambda path: path != USED
    on = working
    on.page.evaluate(LOOK)
    with on.page.expect_navigation():
        on.press("Update now")
    for down in (False, True):
        live.network.down = down
        open_again(on)
        wait_until(on.page, lambda: any("lineOfSync" in said for said in on.complaints))
        expect(on.page.locator("main")).to_have_text(re.compile(r"^\s*Redeem\b"))
        expect(on.button("Type the code")).to_have_count(0)
        on.complaints.clear()


def test_whichever_server_answers_each_request_the_tablet_has_one_version(working: Tablet, live: LiveServer) -> None:
    asked: Counter[str] = Counter()
    turns = count()

    def each_in_turn(path: str) -> bool:
        asked[path] += 1
        return path == WORKER or next(turns) % 2 == 0

    on = working
    live.network.altered = dict(NEW)
    live.network.is_altered = each_in_turn
    on.page.evaluate(LOOK)
    with on.page.expect_navigation():
        on.press("Update now")
    on.expect_scanner()
    assert asked.total() > len(NEW) + 1, "no file was asked for again: the servers never differed"
    assert versions(on) == {True}


def test_a_first_visit_waits_until_one_version_is_there(tablet: MakeTablet, live: LiveServer, shop: Shop) -> None:
    live.network.altered = dict(NEW)
    live.network.is_altered = lambda path: path != USED
    on = tablet("Till 1", live.enrolment_link(shop.cast.north))
    on.expect_text(INCOMPLETE)
    assert not on.page.evaluate("performance.getEntriesByType('resource').some(({ name }) => name.endsWith('main.js'))")
    live.network.is_altered = lambda _path: True
    on.unlock()
    on.expect_scanner()
    assert versions(on) == {True}


def test_a_new_version_that_one_tab_begins_waits_in_the_other_for_its_coupon(
    working: Tablet, live: LiveServer, shop: Shop
) -> None:
    on = working
    on.scan_by_usb(qr_text(shop.issue()))
    on.expect_text("Confirmed by the shop")
    on.page.evaluate("window.sameAsBefore = true")
    second = on.watch(on.context.new_page())
    second.goto(f"{on.url}/clerk/")
    second.get_by_role("heading", name="Redeem is open in another tab").wait_for()
    live.network.altered = dict(NEW)
    second.evaluate(LOOK)
    with second.expect_navigation():
        second.get_by_role("button", name="Update now").click()
    second.get_by_role("heading", name="Redeem is open in another tab").wait_for()
    on.press("Give the gift")
    on.expect_heading("Hand over the gift")
    assert on.page.evaluate("window.sameAsBefore")
    with on.page.expect_navigation():
        on.press("Next")
    on.expect_scanner()
    assert versions(on) == {True}


COVERED = """(() => {
    const bar = document.querySelector(".update-bar").getBoundingClientRect()
    const shown = [...document.querySelectorAll(".screen h1, .screen p, .screen button")]
    return shown.filter((each) => each.getBoundingClientRect().top < bar.bottom).map((each) => each.textContent)
})()"""


@pytest.mark.parametrize("language", ["en-GB", "ru-RU"], ids=["en", "ru"])
def test_an_update_is_offered_on_the_lock_screen_and_covers_nothing(
    at_work: MakeTablet, live: LiveServer, language: str
) -> None:
    on = at_work(language=language)
    live.network.altered = dict(NEW)
    on.page.evaluate(LOOK)
    expect(on.button("Update now")).to_be_visible()
    on.shoot("70 an update, at the scanner")
    on.press("Lock")
    on.expect_heading("Choose your name")
    for size in (PHONE, TABLET):
        on.resize(size)
        on.shoot("71 an update, locked")
        assert on.page.evaluate(COVERED) == []
        assert on.page.evaluate(FAULTS) == []
        on.press("Anna")
        on.shoot("72 an update, at the PIN")
        assert on.page.evaluate(COVERED) == []
        assert on.page.evaluate(FAULTS) == []
        on.press("Someone else")
    with on.page.expect_navigation():
        on.press("Update now")
    on.expect_heading("Choose your name")
    assert versions(on) == {True}


@pytest.fixture
def broken(working: Tablet, live: LiveServer) -> Tablet:
    """A tablet with a version that does not start."""
    live.network.altered = {MAIN: ("async function start() {", "async function start() { from a later year")}
    working.page.evaluate(LOOK)
    with working.page.expect_navigation():
        working.press("Update now")
    wait_until(working.page, lambda: working.complaints)
    assert [said for said in working.complaints if "Unexpected" not in said] == []
    working.complaints.clear()
    return working


def test_a_version_that_does_not_start_is_replaced_without_a_question(broken: Tablet, live: LiveServer) -> None:
    live.network.altered = dict(NEW)
    broken.page.reload()
    broken.expect_scanner()
    assert versions(broken) == {True}
    broken.complaints.clear()
