"""What a clerk does over a shift: coupon after coupon by USB scanner, a look at what was given today, an undo from that list."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import MakeTablet, Shop, qr_text
from tests.browser.live import LiveServer
from tests.browser.tablet import PHONE, TABLET, Tablet
from tests.cast import Cast

pytestmark = pytest.mark.browser
HOUR_MS = 3_600_000
TODAY = "Today on this tablet"


def give(on: Tablet, text: str) -> None:
    on.pull_the_trigger(text)
    on.expect_text("Confirmed by the shop")
    on.press("Give the gift")
    on.expect_heading("Hand over the gift")


def test_the_next_scan_goes_on_from_a_gift_and_from_a_decline(
    back_at_work: MakeTablet, live: LiveServer, shop: Shop
) -> None:
    first, void, last = shop.issue(), shop.void(), shop.issue()
    on = back_at_work()
    on.expect_scanner()
    give(on, qr_text(first))
    with on.told("done"):
        on.pull_the_trigger(qr_text(void))
    on.expect_heading("Voided")
    give(on, qr_text(last))
    assert [live.standing(each.serial) for each in (first, last)] == [True, True]


def test_the_next_scan_does_not_go_on_from_a_good_coupon_or_from_the_same_one(
    back_at_work: MakeTablet, shop: Shop
) -> None:
    first, second = shop.issue(), shop.void()
    on = back_at_work()
    on.expect_scanner()
    on.pull_the_trigger(qr_text(first))
    on.expect_text("Confirmed by the shop")
    on.pull_the_trigger(qr_text(second))
    on.expect_heading("Valid coupon")
    on.press("Give the gift")
    on.expect_heading("Hand over the gift")
    on.pull_the_trigger(qr_text(first))
    on.expect_heading("Hand over the gift")


@pytest.mark.parametrize("size", [TABLET, PHONE], ids=["tablet", "phone"])
def test_what_was_given_today_is_listed_and_can_be_taken_back_without_a_network(
    back_at_work: MakeTablet, live: LiveServer, shop: Shop, size: tuple[int, int]
) -> None:
    coupons = [shop.issue(), shop.issue()]
    on = back_at_work(size=size)
    on.expect_scanner()
    for coupon in coupons:
        give(on, qr_text(coupon))
    with on.told("done"):
        on.press("Next")
    on.expect_scanner()
    live.network.down = True
    on.press(TODAY)
    on.expect_text("Given: 2 · undone: 0")
    rows = on.page.locator(".shift-row")
    expect(rows).to_have_count(2)
    expect(rows.first).to_have_text(re.compile(r"\d\d:\d\d.*A free cappuccino.*Anna.*given.*Undo it"))
    on.shoot("30 today")
    rows.first.get_by_role("button", name="Undo it").click()
    on.press("Given by mistake")
    on.expect_heading("Undone")
    on.press("Next")
    on.press(TODAY)
    on.expect_text("Given: 1 · undone: 1")
    on.shoot("31 today, one undone")
    with on.told("undo"):
        live.network.down = False
        on.page.evaluate("dispatchEvent(new Event('online'))")
    assert [live.standing(coupon.serial) for coupon in coupons] == [True, False]


def test_a_day_without_gifts_says_so(tablet: MakeTablet, live: LiveServer, cast: Cast) -> None:
    on = tablet(language="ru-RU", size=PHONE)
    on.page.goto(live.enrolment_link(cast.north))
    on.press("Anna")
    for digit in "4071":
        on.press(digit)
    on.press("Разблокировать")
    on.press("Сегодня на этом планшете")
    on.expect_text("Сегодня здесь ничего не выдавали.")
    on.shoot("32 today, nothing")


@pytest.mark.parametrize("size", [TABLET, PHONE], ids=["tablet", "phone"])
def test_the_settings_say_how_the_tablet_is_doing(
    back_at_work: MakeTablet, live: LiveServer, size: tuple[int, int]
) -> None:
    on = back_at_work(size=size)
    on.expect_scanner()
    on.wait_until_kept()
    on.press("Settings")
    facts = on.page.locator(".settings-facts")
    expect(facts).to_contain_text(re.compile(r"Ready to work offline\s*Yes"))
    with on.page.expect_response("**/clerk/sync"):
        on.press("Sync now")
    expect(facts).to_contain_text(re.compile(r"Entries not sent yet\s*0"))
    expect(facts).to_contain_text(re.compile(r"App version\s*\w{8}"))
    expect(facts).to_contain_text(re.compile(r"Connection to the shop\s*Yes"))
    on.shoot("33 settings")
    live.network.down = True
    on.press("Sync now")
    expect(facts).to_contain_text(re.compile(r"Connection to the shop\s*None since \d\d:\d\d"))
    on.shoot("33 settings without a network")


def test_settings_are_kept(back_at_work: MakeTablet) -> None:
    on = back_at_work()
    on.expect_scanner()
    on.press("Settings")
    on.page.get_by_label("Sound").select_option("Off")
    on.page.get_by_label("Language").select_option("Русский")  # the page is opened again
    on.press("Настройки")
    expect(on.page.get_by_label("Звук")).to_have_value("off")
    on.shoot("34 settings in Russian")
    on.page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    on.shoot("35 settings in Russian on a phone")


def test_a_wrong_clock_is_told_quietly(at_work: MakeTablet, shop: Shop) -> None:
    on = at_work(clock_ms=2 * HOUR_MS)
    on.expect_text(re.compile(r"Online · synced .* · \d waiting · clock 2 hrs fast"))
    on.shoot("36 clock")
    on.press("Settings")
    on.expect_text("It is 2 hrs fast. Without a connection coupons are judged by it: set it right.")
    on.shoot("37 clock in the settings")
    on.press("Close")
    on.scan_by_usb(qr_text(shop.issue()))
    on.expect_text("Confirmed by the shop")


def test_a_scanner_s_digits_are_no_pin(back_at_work: MakeTablet, shop: Shop) -> None:
    on = back_at_work()
    on.press("Lock")
    on.press("Anna")
    on.expect_heading("PIN of Anna")
    on.pull_the_trigger(qr_text(shop.issue()))
    on.expect_heading("PIN of Anna")
    expect(on.button("Unlock")).to_be_disabled()
    expect(on.page.locator(".pin-dots .is-filled")).to_have_count(0)
    expect(on.page.locator(".screen-pin .error")).to_be_empty()
