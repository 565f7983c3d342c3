"""Every screen and sheet of the till, in both languages and five sizes: nothing is cut off, and the big button is in sight and large."""

from collections.abc import Iterator
from threading import Event

import pytest
from playwright.sync_api import expect

from redeem.accounts.audit import OPERATOR
from redeem.devices import clerks
from redeem.lib import passwords
from redeem.web.context import now_ms
from tests.browser.conftest import MakeTablet, Shop, qr_text
from tests.browser.live import LiveServer
from tests.browser.tablet import PHONE, TABLET, UPRIGHT, Tablet
from tests.browser.test_clerk_accessibility import barriers
from tests.cast import PIN, Cast
from tests.factories import Issued

pytestmark = pytest.mark.browser
NARROW, TWICE_AS_LARGE = (320, 640), (512, 384)  # what a tablet of 1024 by 768 shows at 200 %
SIZES = (TABLET, UPRIGHT, PHONE, NARROW, TWICE_AS_LARGE)
AT_RISK = {"policy": "at_risk", "coupons": 1, "value": 1_000_000, "hours": 24, "bearer": "issuer"}
NEW_CLERK = "Александра Константинопольская-Задунайская"
LONG_NAME = "Кофейня на Большой Переяславской улице у Рижского вокзала"
# What reaches beyond the screen's sides, what is cut off within itself, and a big button that is small or out of sight.
FAULTS = """() => {
    const found = [];
    const seen = each => each.checkVisibility() && !each.closest("[inert]");
    const tooLow = each => each.matches("header > span, p") && each.scrollHeight > each.clientHeight + 1;
    const tooSmall = each => each.scrollWidth > each.clientWidth + 1 || tooLow(each);
    const name = each => `${each.tagName} ${each.className.baseVal ?? each.className}: ${each.textContent.trim().slice(0, 40)}`;
    for (const each of document.querySelectorAll("body *")) {
        const { left, right, width } = each.getBoundingClientRect();
        if (!seen(each) || !width || each.closest(".scanner-view > video, .scanner-frame")) continue;
        if (left < -1 || right > innerWidth + 1) found.push(`sticks out: ${name(each)}`);
    }
    for (const each of document.querySelectorAll("button, h1, h2, p, dd, dt, li span, header > span"))
        if (seen(each) && each.clientWidth && getComputedStyle(each).display !== "inline" && tooSmall(each))
            found.push(`cut off: ${name(each)}`);
    for (const each of document.querySelectorAll(".verdict-primary")) {
        const { top, bottom, height } = each.getBoundingClientRect();
        if (height < 64) found.push(`small: ${name(each)}`);
        if (top < 0 || bottom > innerHeight + 1) found.push(`out of sight: ${name(each)}`);
    }
    return found;
}"""


def sheets(on: Tablet) -> Iterator[str]:
    """What opens over the scanner."""
    for name in ("Type the code", "Could not give", "Today on this tablet", "Settings"):
        on.press(name)
        on.expect_sheet()
        yield name
        on.close_sheet()


def verdicts(on: Tablet, live: LiveServer, shop: Shop, good: Issued) -> Iterator[str]:
    """A gift from scan to undo, each decline, and no network."""
    on.scan_by_usb(qr_text(good))
    on.expect_text("Confirmed by the shop")
    yield "valid"
    live.network.held["/clerk/sync"] = answer = Event()
    on.press("Give the gift")
    on.expect_heading("Asking the shop")
    yield "asking"
    answer.set()
    del live.network.held["/clerk/sync"]
    on.expect_heading("Hand over the gift")
    yield "hand over"
    on.press("Next")
    on.scan_by_usb(qr_text(good))
    on.expect_heading("Already given")
    yield "already given"
    on.press("Undo it")
    on.expect_sheet()
    yield "undo"
    on.press("Given by mistake")
    on.expect_heading("Undone")
    yield "undone"
    on.press("Next")
    for kind, heading in (("void", "Voided"), ("expired", "Expired"), ("not_yet", "Not valid yet")):
        yield from declined(on, getattr(shop, kind)(), heading)
    for kind, heading in (("other_store", "Not for this store"), ("forged", "Not our coupon")):
        yield from declined(on, getattr(shop, kind)(), heading)
    on.scan_by_usb("https://example.org/a-menu")
    on.expect_heading("Not a coupon")
    yield "not a coupon"
    on.press("Next")


def declined(on: Tablet, coupon: Issued, heading: str) -> Iterator[str]:
    on.scan_by_usb(qr_text(coupon))
    on.expect_heading(heading)
    yield heading
    on.press("Next")


def without_network(on: Tablet, live: LiveServer, shop: Shop, risky: Issued) -> Iterator[str]:
    live.network.down = True
    on.scan_by_usb(qr_text(shop.issue()))
    on.expect_heading("Not confirmed")
    yield "not confirmed"
    on.press("Do not give")
    on.scan_by_usb(qr_text(risky))
    on.expect_heading("Give at risk")
    yield "at risk"
    on.press("Give the gift")
    on.expect_heading("Hand over the gift")
    on.page.reload()
    on.expect_heading("Unfinished")
    yield "unfinished"
    on.press("Yes, handed over")
    on.expect_scanner()
    on.press("Today on this tablet")
    on.expect_sheet()
    yield "today"
    on.close_sheet()
    yield "scanner without a network"


def lock(on: Tablet) -> Iterator[str]:
    on.press("Lock")
    on.expect_heading("Choose your name")
    yield "who"
    on.press("Anna")
    expect(on.button("Someone else")).to_be_visible()
    yield "PIN"
    on.press("Someone else")
    on.press(NEW_CLERK)
    on.type_pin(PIN)
    on.expect_text("No connection, so the PIN can't be checked. Try again in a moment.")
    yield "PIN that can't be checked"
    on.press("Someone else")


@pytest.mark.slow
@pytest.mark.parametrize("language", ["en-GB", "ru-RU"], ids=["en", "ru"])
def test_every_screen_fits_in_every_size(
    tablet: MakeTablet, live: LiveServer, shop: Shop, cast: Cast, language: str
) -> None:
    live.rename_store(cast.north, LONG_NAME)
    live.database.write(
        lambda session: clerks.add_clerk(
            session, OPERATOR, cast.north, NEW_CLERK, passwords.hash_password(PIN), now_ms()
        )
    )
    on = tablet(language=language).enrol(live.enrolment_link(cast.north, "Till 1"))
    on.wait_until_kept()
    good, risky = shop.issue(), shop.issue(shop.new_campaign(offline=AT_RISK))
    on.sync()
    steps = (sheets(on), verdicts(on, live, shop, good), without_network(on, live, shop, risky), lock(on))
    wrong = {}
    for number, name in enumerate((name for part in steps for name in part), 40):
        for size in SIZES:
            on.resize(size)
            on.shoot(f"{number} {name}")
            if found := on.page.evaluate(FAULTS):
                wrong[f"{name} at {size}"] = found
        if on.page.locator("dialog.sheet").count() and (found := barriers(on)):
            wrong[name] = found
    assert wrong == {}
