"""The tablet's page as an app: it opens without a network, and a new version waits until no coupon is open."""

from typing import Any

import pytest
from playwright.sync_api import expect

from redeem.web.clerk import assets
from tests.browser.conftest import MakeTablet, Shop, qr_text
from tests.browser.live import LiveServer

pytestmark = pytest.mark.browser


def test_it_opens_without_a_network(at_work: MakeTablet, live: LiveServer) -> None:
    on = at_work()
    on.expect_scanner()
    on.wait_until_kept()
    live.network.down = True
    on.close()
    on.open()
    on.expect_scanner()
    on.expect_text("Offline since")


@pytest.mark.parametrize("opened", ["again", "for the first time"])
def test_a_new_version_waits_until_the_coupon_is_dealt_with(
    at_work: MakeTablet, live: LiveServer, shop: Shop, monkeypatch: pytest.MonkeyPatch, opened: str
) -> None:
    on = at_work()
    on.expect_scanner()
    on.wait_until_kept()
    if opened == "again":
        on.page.reload()
    on.wait_for("navigator.serviceWorker.controller")
    on.scan_by_usb(qr_text(shop.issue()))
    on.expect_text("Confirmed by the shop")
    on.page.evaluate("window.sameAsBefore = true")
    monkeypatch.setattr(assets, "version", lambda _text: "another")
    on.page.evaluate("navigator.serviceWorker.ready.then(registration => registration.update()).then(() => undefined)")
    expect(on.page.get_by_text("A new version is ready")).to_be_attached()
    on.press("Back")
    on.expect_scanner()
    assert on.page.evaluate("window.sameAsBefore")
    with on.page.expect_navigation():
        on.press("Update now")
    on.expect_scanner()
    expect(on.page.get_by_text("A new version is ready")).to_have_count(0)


def test_it_can_be_installed(at_work: MakeTablet) -> None:
    on = at_work()
    on.wait_until_kept()
    on.page.reload()
    on.expect_scanner()
    answer: dict[str, Any] = on.context.new_cdp_session(on.page).send("Page.getInstallabilityErrors")
    assert answer["installabilityErrors"] == []


def test_a_page_without_an_icon_can_t_be_installed(at_work: MakeTablet, live: LiveServer) -> None:
    """The browser's word on installability is worth something: it notices."""
    live.network.altered["/clerk/manifest.webmanifest"] = ('"icons"', '"no-icons"')
    on = at_work()
    on.page.reload()
    on.expect_scanner()
    answer: dict[str, Any] = on.context.new_cdp_session(on.page).send("Page.getInstallabilityErrors")
    assert [each["errorId"] for each in answer["installabilityErrors"]]


def test_every_file_that_the_page_loads_is_kept(at_work: MakeTablet, live: LiveServer) -> None:
    """What is missing in the list is missed only offline, at the worst of times."""
    on = at_work()
    on.expect_scanner()
    kept = set(on.page.evaluate("fetch('/clerk/sw.js').then(answer => answer.text())").split('"'))
    loaded = on.page.evaluate("performance.getEntriesByType('resource').map(({ name }) => new URL(name).pathname)")
    assert {path for path in loaded if "/static/" in path} <= kept


def test_a_clerk_opens_the_till_without_a_network(at_work: MakeTablet, live: LiveServer) -> None:
    on = at_work()
    on.expect_scanner()
    on.wait_until_kept()
    on.press("Lock")
    on.expect_heading("Choose your name")
    live.network.down = True
    on.close()
    on.open()
    on.press("Anna")
    on.type_pin("4072")
    on.expect_text("This PIN is not right. Try again.")
    on.type_pin("4071")
    on.expect_scanner()
