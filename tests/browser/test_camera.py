"""The camera as a clerk meets it: with a light or without, one of two, blocked, missing, or on a page that may have none."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.conftest import MakeTablet, Shop, qr_text
from tests.browser.live import LiveServer
from tests.browser.tablet import CAMERA, PHONE, TABLET, Tablet
from tests.browser.video import film
from tests.cast import Cast

pytestmark = pytest.mark.browser
FAKE, ALLOWED = CAMERA
TWO = (f"{FAKE}=device-count=2", ALLOWED)
# What a browser does when the clerk looks at something else, and comes back.
SEEN = """state => {
    Object.defineProperty(document, "visibilityState", { value: state, configurable: true })
    document.dispatchEvent(new Event("visibilitychange"))
}"""
# A camera with a light. What it was told last is on its track.
LIGHT = """
    const known = MediaStreamTrack.prototype.getCapabilities
    MediaStreamTrack.prototype.getCapabilities = function () { return { ...known.call(this), torch: true } }
    MediaStreamTrack.prototype.applyConstraints = async function ({ advanced: [{ torch }] }) { this.lit = torch }
"""
REFUSING = """
    MediaStreamTrack.prototype.applyConstraints = () => {
        window.refused = true
        return Promise.reject(new DOMException("", "OverconstrainedError"))
    }
"""
# The locks that keep the screen on; which are held can be seen.
AWAKE = """
    window.locks = []
    navigator.wakeLock.request = async kind => {
        const lock = { kind, released: false, async release() { this.released = true } }
        window.locks.push(lock)
        return lock
    }
"""
TRACKS = "[...(document.querySelector('.scanner-video')?.srcObject?.getTracks() ?? [])]"


def wait_for_tracks(on: Tablet, many: int) -> None:
    """Until the camera delivers so many pictures at a time: one, or none."""
    on.wait_for(f"{TRACKS}.filter(each => each.readyState === 'live').length === {many}")


def light(on: Tablet) -> Locator:
    return on.page.get_by_role("button", name="Light")


def label(on: Tablet) -> str:
    """Which camera is on."""
    wait_for_tracks(on, 1)
    said: str = on.page.evaluate(f"{TRACKS}[0].label")
    return said


def works_by_hand(on: Tablet, live: LiveServer, shop: Shop) -> None:
    """Without a camera a gift is given all the same: by a typed code, and by a scanner with a cable."""
    typed, wired = shop.issue(), shop.issue()
    on.type_code(typed.short_code)
    on.expect_text("Confirmed by the shop")
    on.press("Give the gift")
    on.press("Next")
    on.scan_by_usb(qr_text(wired))
    on.expect_text("Confirmed by the shop")
    on.press("Give the gift")
    on.expect_heading("Hand over the gift")
    on.press("Next")
    on.expect_scanner()
    assert [live.standing(each.serial) for each in (typed, wired)] == [True, True]


def test_a_camera_without_a_light_has_no_button_for_it(back_at_work: MakeTablet) -> None:
    on = back_at_work(hardware=CAMERA)
    wait_for_tracks(on, 1)
    expect(light(on)).to_be_hidden()


def test_the_light_goes_on_and_off_and_is_off_after_the_camera_stopped(back_at_work: MakeTablet) -> None:
    on = back_at_work(hardware=TWO)
    on.context.add_init_script(LIGHT)
    on.page.reload()
    for state in ("true", "false", "true"):
        light(on).click()
        expect(light(on)).to_have_attribute("aria-pressed", state)
        on.wait_for(f"{TRACKS}[0].lit === {state}")
    on.shoot("50 light")
    for part in (away_and_back, other_camera, locked_and_opened):
        part(on)
        expect(light(on)).not_to_have_attribute("aria-pressed", "true")
        light(on).click()
        expect(light(on)).to_have_attribute("aria-pressed", "true")
        on.wait_for(f"{TRACKS}[0].lit === true")  # the first tap switches it on


def away_and_back(on: Tablet) -> None:
    for state, tracks in (("hidden", 0), ("visible", 1)):
        on.page.evaluate(SEEN, state)
        wait_for_tracks(on, tracks)


def other_camera(on: Tablet) -> None:
    before = label(on)
    on.press("Settings")
    on.page.get_by_label("Camera").select_option("fake_device_1")
    on.press("Close")
    on.wait_for(f"{TRACKS}[0]?.label === 'fake_device_1'")
    assert before != label(on)


def locked_and_opened(on: Tablet) -> None:
    on.press("Lock")
    wait_for_tracks(on, 0)
    on.unlock()
    wait_for_tracks(on, 1)


def test_a_light_that_the_phone_refuses_stays_off(back_at_work: MakeTablet) -> None:
    on = back_at_work(hardware=CAMERA)
    on.context.add_init_script(LIGHT + REFUSING)
    on.page.reload()
    light(on).click()
    on.wait_for("window.refused")
    expect(light(on)).to_have_attribute("aria-pressed", "false")


def test_a_camera_is_chosen_remembered_and_replaced_when_it_is_gone(back_at_work: MakeTablet) -> None:
    on = back_at_work(hardware=TWO)
    assert label(on) == "fake_device_0"
    on.press("Settings")
    choice = on.page.get_by_label("Camera")
    expect(choice.locator("option")).to_have_text(["The one at the back", "fake_device_0", "fake_device_1"])
    choice.select_option("fake_device_1")
    on.shoot("51 choice of cameras")
    on.press("Close")
    on.wait_for(f"{TRACKS}[0]?.label === 'fake_device_1'")
    on.close()
    on.open()
    assert label(on) == "fake_device_1"
    on.close()
    on.hardware = CAMERA
    on.open()
    assert label(on) == "fake_device_0"


def test_a_camera_that_is_pulled_out_is_noticed(back_at_work: MakeTablet, live: LiveServer, shop: Shop) -> None:
    """The browser ends its picture. What is there instead is taken; if nothing is, the till says so."""
    on = back_at_work(hardware=TWO)
    wait_for_tracks(on, 1)
    pull_out = f"const track = {TRACKS}[0]; track.stop(); track.dispatchEvent(new Event('ended'))"
    on.page.evaluate(f"() => {{ {pull_out} }}")
    wait_for_tracks(on, 1)
    none_left = "navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', 'NotFoundError'))"
    on.page.evaluate(f"() => {{ {none_left}; {pull_out} }}")
    expect(on.page.get_by_role("heading", name="No camera found")).to_be_visible()
    works_by_hand(on, live, shop)


def test_the_camera_stops_while_nobody_looks(back_at_work: MakeTablet, tmp_path: Path) -> None:
    on = back_at_work(camera=film(tmp_path / "none.mjpeg", None))
    wait_for_tracks(on, 1)
    away_and_back(on)


def test_the_screen_stays_on_while_codes_are_read(back_at_work: MakeTablet) -> None:
    on = back_at_work(hardware=CAMERA)
    on.context.add_init_script(AWAKE)
    on.page.reload()
    held = "locks.filter(each => !each.released).length"
    on.wait_for(f"{held} === 1")
    assert on.page.evaluate("locks[0].kind") == "screen"
    on.page.evaluate(SEEN, "hidden")
    on.wait_for(f"{held} === 0")
    on.page.evaluate(SEEN, "visible")
    on.wait_for(f"{held} === 1")
    on.press("Lock")
    on.wait_for(f"{held} === 0")
    on.unlock()
    on.wait_for(f"{held} === 1")


@pytest.mark.parametrize(("language", "size"), [("en-GB", TABLET), ("ru-RU", PHONE)], ids=["en", "ru"])
def test_a_blocked_camera_is_explained_and_can_be_allowed(
    tablet: MakeTablet, live: LiveServer, shop: Shop, cast: Cast, language: str, size: tuple[int, int]
) -> None:
    on = tablet(hardware=(FAKE,), language=language, size=size)
    allow(on, "denied")
    on.enrol(live.enrolment_link(cast.north, "Till 1"))
    expect(on.page.get_by_role("heading", name=on.say("The camera is blocked"))).to_be_visible()
    on.shoot("52 camera blocked")
    works_by_hand(on, live, shop)
    allow(on, "granted")
    on.press("Try again")
    wait_for_tracks(on, 1)
    expect(on.page.locator(".scanner-help")).to_be_hidden()


def allow(on: Tablet, setting: str) -> None:
    """What the person tells the browser about the camera."""
    camera = {"permission": {"name": "camera"}, "setting": setting, "origin": on.url}
    on.context.new_cdp_session(on.page).send("Browser.setPermission", camera)


@pytest.mark.parametrize(("language", "size"), [("en-GB", TABLET), ("ru-RU", PHONE)], ids=["en", "ru"])
def test_a_camera_that_is_not_there_is_explained(
    tablet: MakeTablet, live: LiveServer, shop: Shop, cast: Cast, language: str, size: tuple[int, int]
) -> None:
    on = tablet(language=language, size=size, hardware=(ALLOWED,)).enrol(live.enrolment_link(cast.north, "Till 1"))
    expect(on.page.get_by_role("heading", name=on.say("No camera found"))).to_be_visible()
    on.shoot("18 no camera")
    works_by_hand(on, live, shop)


@pytest.mark.parametrize(("language", "size"), [("en-GB", TABLET), ("ru-RU", PHONE)], ids=["en", "ru"])
def test_a_page_without_https_says_so_and_where_to_go(
    tablet: MakeTablet, live: LiveServer, cast: Cast, language: str, size: tuple[int, int]
) -> None:
    """Browsers trust their own machine; by any other name it is a page on the network without TLS."""
    link = live.enrolment_link(cast.north, "Till 1").replace("127.0.0.1", "tills.example")
    elsewhere = ("--host-resolver-rules=MAP tills.example 127.0.0.1",)
    on = tablet("Till 1", link, hardware=elsewhere, language=language, size=size)
    on.expect_heading("The connection is not safe")
    assert "#" not in on.page.url
    on.shoot("53 not safe")
    safe = on.page.get_by_role("link", name=on.say("Open with https://"))
    expect(safe).to_have_attribute("href", re.sub("^http:", "https:", link))
    # The browser says, once, that it ignores a header which means nothing there.
    assert [said for said in on.complaints if "Cross-Origin-Opener-Policy" not in said] == []
    on.complaints.clear()


PAYMENT = "https://pay.example/s/8f3a?shop=42&till=7"
# The worker that reads, so that it can be taken away.
READERS = """
    window.readers = []
    window.Worker = class extends Worker {
        constructor(url, ...more) {
            super(url, ...more)
            if (String(url).includes("camera-worker")) window.readers.push(this)
        }
    }
"""
# RESTARTS_MAX of static/clerk/scanning/watch.js, and more seconds than so many tries take.
RESTARTS, LONGEST_TRIES_S = 3, 90
PICTURES = "document.querySelector('.scanner-video').getVideoPlaybackQuality().totalVideoFrames"


@pytest.mark.parametrize("is_first", [True, False], ids=["coupon first", "sticker first"])
def test_a_coupon_is_read_beside_another_code(
    back_at_work: MakeTablet, shop: Shop, tmp_path: Path, is_first: bool
) -> None:
    shown = (qr_text(shop.issue()), PAYMENT)
    on = back_at_work(camera=film(tmp_path / "both.mjpeg", shown if is_first else shown[::-1]))
    on.expect_heading("Valid coupon")


def test_a_code_of_somebody_else_is_told_once(back_at_work: MakeTablet, tmp_path: Path) -> None:
    on = back_at_work(camera=film(tmp_path / "sticker.mjpeg", PAYMENT))
    on.expect_heading("Not a coupon")
    on.press("Next")
    on.expect_text("Same code as before.")
    on.expect_scanner()


def test_a_camera_that_stops_without_a_word_is_started_anew(
    back_at_work: MakeTablet, shop: Shop, tmp_path: Path
) -> None:
    """As one that the system mutes, or that another program takes."""
    on = back_at_work(camera=film(tmp_path / "none.mjpeg", None))
    wait_for_tracks(on, 1)
    for stop in (f"{TRACKS}[0].stop()", "document.querySelector('.scanner-video').pause()"):
        on.wait_for(f"{PICTURES} > 0")
        on.page.evaluate(f"() => {{ {stop} }}")
        wait_for_tracks(on, 1)
        before = on.page.evaluate(PICTURES)
        on.wait_for(f"{PICTURES} > {before}")


def test_a_camera_that_gives_no_picture_is_said_to_have_stopped(back_at_work: MakeTablet) -> None:
    """After the tries that are worth it. The page's own clock is run, a second at a time, as its watch looks."""
    on = back_at_work(hardware=CAMERA)
    on.page.clock.install()
    on.page.reload()
    wait_for_tracks(on, 1)
    dead = "asked++, document.createElement('canvas').captureStream(0)"
    on.page.evaluate(
        f"() => {{ window.asked = 0; navigator.mediaDevices.getUserMedia = async () => ({dead}); {TRACKS}[0].stop() }}"
    )
    stopped = on.page.get_by_role("heading", name="The camera has stopped")
    for _ in range(LONGEST_TRIES_S):
        if stopped.is_visible():
            break
        on.page.clock.run_for(1_000)
    expect(stopped).to_be_visible()
    assert on.page.evaluate("asked") == RESTARTS
    on.shoot("54 camera stopped")


def test_a_reader_that_does_not_answer_is_replaced(back_at_work: MakeTablet, shop: Shop, tmp_path: Path) -> None:
    on = back_at_work(camera=film(tmp_path / "one.mjpeg", qr_text(shop.issue())))
    on.expect_heading("Valid coupon")
    on.context.add_init_script(READERS)
    on.page.reload()
    on.expect_heading("Valid coupon")
    on.page.evaluate("readers[0].terminate()")
    on.press("Back")
    on.wait_for("readers.length === 2")
    on.expect_heading("Valid coupon")
