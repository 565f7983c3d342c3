"""Nobody is kept from the till: axe on every screen, contrast 7:1 on verdicts, nothing cut off at 320 px or twice the size."""

from collections.abc import Iterator

import pytest

from tests.browser.conftest import MakeTablet, Shop, qr_text
from tests.browser.live import LiveServer
from tests.browser.pages import violations
from tests.browser.tablet import Tablet
from tests.browser.waiting import expect_focus
from tests.cast import Cast

pytestmark = pytest.mark.browser

# axe leaves these two out unless it is asked.
RULES = {"target-size": {"enabled": True}, "color-contrast-enhanced": {"enabled": True}}
NARROW = (320, 640)


def barriers(on: Tablet) -> list[str]:
    """What axe finds. 7:1 is asked of verdicts; elsewhere 4.5:1."""
    on.page.wait_for_load_state()
    found = violations(on.page, {"rules": RULES, "resultTypes": ["violations"]})
    return [
        f"{each['id']}: {node['html'][:120]}"
        for each in found
        for node in each["nodes"]
        if each["id"] != "color-contrast-enhanced" or "verdict" in node["html"]
    ]


def screens(on: Tablet, live: LiveServer, shop: Shop, cast: Cast) -> Iterator[str]:
    """Goes through the screens and names each when it is there."""
    yield "set up"
    on.page.goto(live.enrolment_link(cast.north))
    on.button("Anna").wait_for()
    yield "who"
    on.press("Anna")
    on.expect_heading("PIN of Anna")
    yield "PIN"
    on.type_pin("4071")
    on.expect_scanner()
    yield "scanner"
    on.press("Type the code")
    on.expect_sheet()
    yield "typed code"
    on.close_sheet()
    coupon = shop.issue()
    on.scan_by_usb(qr_text(coupon))
    on.expect_text("Confirmed by the shop")
    yield "valid"
    on.press("Not giving it")
    on.expect_sheet()
    yield "refusal"
    on.close_sheet()
    on.press("Give the gift")
    on.expect_heading("Hand over the gift")
    yield "hand over"
    on.press("Next")
    on.scan_by_usb(qr_text(coupon))
    on.expect_heading("Already given")
    yield "already given"
    on.press("Next")
    on.scan_by_usb(qr_text(shop.void()))
    on.expect_heading("Voided")
    yield "cancelled"
    on.press("Next")
    live.network.down = True
    on.scan_by_usb(qr_text(shop.issue()))
    on.expect_heading("Not confirmed")
    yield "not confirmed"


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_nothing_on_any_screen(
    tablet: MakeTablet, live: LiveServer, shop: Shop, cast: Cast, dark: bool
) -> None:
    on = tablet(dark=dark)
    on.expect_heading("Enrol this tablet")
    assert {name: found for name in screens(on, live, shop, cast) if (found := barriers(on))} == {}


def test_nothing_is_cut_off_at_320_pixels(tablet: MakeTablet, live: LiveServer, shop: Shop, cast: Cast) -> None:
    """Which is what 640 pixels at twice the size are, too."""
    on = tablet(size=NARROW)
    on.expect_heading("Enrol this tablet")
    wide = "[...document.querySelectorAll('*')].filter(each => each.scrollWidth > innerWidth + 1).map(each => each.className)"
    assert {name: found for name in screens(on, live, shop, cast) if (found := on.page.evaluate(wide))} == {}


def test_a_gift_is_given_by_keyboard_alone(back_at_work: MakeTablet, live: LiveServer, shop: Shop) -> None:
    coupon = shop.issue()
    on = back_at_work()
    on.scan_by_usb(qr_text(coupon))
    on.expect_text("Confirmed by the shop")
    expect_focus(on.page, "Valid coupon")  # the verdict is read out first
    on.let_the_scanner_rest()
    on.page.keyboard.press("Tab")
    expect_focus(on.page, "Give the gift")
    on.page.keyboard.press("Space")
    on.expect_heading("Hand over the gift")
    expect_focus(on.page, "Hand over the gift")
    on.let_the_scanner_rest()
    on.page.keyboard.press("Tab")
    on.page.keyboard.press("Enter")
    on.expect_scanner()
    assert live.standing(coupon.serial)
