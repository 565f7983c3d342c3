"""A tablet is enrolled once by a one-time link, opened or scanned; then a clerk opens it with a PIN."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import MakeTablet
from tests.browser.live import LiveServer
from tests.browser.video import film
from tests.cast import Cast

pytestmark = pytest.mark.browser


def test_the_link_may_be_scanned(tablet: MakeTablet, live: LiveServer, cast: Cast, tmp_path: Path) -> None:
    link = live.enrolment_link(cast.north)
    on = tablet(camera=film(tmp_path / "link.mjpeg", link))
    on.press("Scan the link")
    on.expect_heading("Choose your name")


def test_a_link_makes_one_device(tablet: MakeTablet, live: LiveServer, cast: Cast) -> None:
    link, before = live.enrolment_link(cast.north), live.tablets(cast.north)
    tablet("Till 1").enrol(link)
    second = tablet("Till 2")
    second.page.goto(link)
    second.expect_heading("The tablet is not enrolled")
    second.expect_text("This link was used by another tablet. Ask a manager for a new one.")
    second.shoot("16 link used")
    assert live.tablets(cast.north) == before + 1


def test_after_a_lost_reply_the_same_tablet_gets_the_same_device(
    tablet: MakeTablet, live: LiveServer, cast: Cast
) -> None:
    link, before = live.enrolment_link(cast.north), live.tablets(cast.north)
    on = tablet()
    live.network.losing_replies.add("/clerk/enrol")
    on.page.goto(link)
    on.expect_text("No answer came. The link is still good: try again.")
    assert "#" not in on.page.url
    live.network.losing_replies.clear()
    on.press("Try again")
    on.expect_heading("Choose your name")
    assert live.tablets(cast.north) == before + 1


def test_an_enrolment_goes_on_where_the_browser_was_closed(tablet: MakeTablet, live: LiveServer, cast: Cast) -> None:
    on = tablet()
    live.network.losing_replies.add("/clerk/enrol")
    on.page.goto(live.enrolment_link(cast.north))
    on.expect_heading("The tablet is not enrolled")
    on.close()
    live.network.losing_replies.clear()
    on.open()
    on.expect_heading("Choose your name")


def test_a_broken_link_says_what_to_do(tablet: MakeTablet) -> None:
    on = tablet()
    on.page.goto(f"{on.url}/clerk/#enrol=nonsense")
    on.expect_text("This link does not work. Ask a manager for a new one.")


def test_the_key_never_leaves_the_tablet(tablet: MakeTablet, live: LiveServer, cast: Cast) -> None:
    on = tablet().enrol(live.enrolment_link(cast.north))
    said = on.page.evaluate(
        """async () => {
            const database = await new Promise(done => { indexedDB.open("redeem").onsuccess = event => done(event.target.result) });
            const read = database.transaction("facts").objectStore("facts").get("device");
            const { keys } = await new Promise(done => { read.onsuccess = () => done(read.result) });
            return crypto.subtle.exportKey("pkcs8", keys.privateKey).then(() => "exported", error => error.name);
        }"""
    )
    assert said == "InvalidAccessError"


def test_a_wrong_pin_doesn_t_open_the_till(tablet: MakeTablet, live: LiveServer, cast: Cast) -> None:
    on = tablet()
    on.page.goto(live.enrolment_link(cast.north))
    on.press("Anna")
    on.type_pin("4072")
    on.expect_text("This PIN is not right. Try again.")
    on.type_pin("4071")
    on.expect_scanner()


def test_many_wrong_pins_must_wait(tablet: MakeTablet, live: LiveServer, cast: Cast) -> None:
    on = tablet()
    on.page.clock.install()
    on.page.goto(live.enrolment_link(cast.north))
    on.press("Anna")
    for _ in range(5):
        with on.page.expect_response("**/clerk/unlock"):
            on.type_pin("4072")
    on.expect_text("Too many tries. Wait 15 s.")
    on.shoot("17 too many tries")
    on.page.clock.pause_at(on.page.evaluate("Date.now() / 1000 + 4"))
    on.expect_text(re.compile(r"Too many tries\. Wait ([1-9]|1[01]) s\."))
    on.page.clock.fast_forward(15_000)
    on.expect_text("You can try again now.")


def test_a_clerk_may_lock_the_till(tablet: MakeTablet, live: LiveServer, cast: Cast) -> None:
    on = tablet().enrol(live.enrolment_link(cast.north))
    on.press("Lock")
    on.expect_heading("Choose your name")
    on.close()
    on.open()
    on.expect_heading("Choose your name")


def test_the_lock_speaks_the_clerks_language(tablet: MakeTablet, live: LiveServer, cast: Cast) -> None:
    on = tablet()
    on.page.goto(live.enrolment_link(cast.north))
    on.press("Русский")
    on.expect_heading("Выберите своё имя")
    expect(on.page.locator("html")).to_have_attribute("lang", "ru")
