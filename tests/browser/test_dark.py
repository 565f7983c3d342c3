"""The server is out of reach for days, or stopped in the middle of a gift: the till works, says what is so, and tells all afterwards."""

import re
import time
from types import SimpleNamespace

import pytest
from playwright.sync_api import expect

from redeem.web import context
from tests.browser.conftest import DAY_MS, MakeTablet, Shop, forgery_of, qr_text
from tests.browser.live import LiveServer
from tests.browser.tablet import Tablet
from tests.factories import Issued
from tests.tills import till_of

pytestmark = pytest.mark.browser
THREE_DAYS_MS = 3 * DAY_MS
AT_RISK = {"policy": "at_risk", "coupons": 9, "value": 1_000_000, "hours": 24, "bearer": "issuer"}


def give(on: Tablet) -> None:
    on.expect_heading("Valid coupon")
    on.expect_text("Reserved for this tablet")
    on.press("Give the gift")
    on.expect_heading("Hand over the gift")
    on.press("Next")


def refuse(on: Tablet, coupon: Issued, heading: str, words: str) -> None:
    on.scan_by_usb(qr_text(coupon))
    on.expect_heading(heading)
    on.expect_text(re.compile(words))
    expect(on.button("Give the gift")).to_have_count(0)
    on.press("Do not give" if heading == "Not confirmed" else "Next")


def test_three_days_in_the_dark(
    at_work: MakeTablet, live: LiveServer, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    live.revoke("North counter")  # the cast's own tablet, which nobody switches on, gets no share of the holds
    on = at_work()
    on.expect_scanner()
    scanned, typed = (shop.issue(home_store_id=shop.cast.north) for _ in range(2))
    stranger, given = shop.issue(), shop.issue()
    two_days = shop.issue(shop.new_campaign(windows={"valid_days": 2}))
    risky = shop.issue(shop.new_campaign(offline=AT_RISK))
    till_of(live.database, shop.cast.north_till).redeem(given)
    on.sync()
    on.wait_until_kept()
    on.close()
    live.go_away()

    on.clock_ms = THREE_DAYS_MS
    on.open()
    on.expect_heading("Choose your name")
    on.unlock()
    on.expect_text(re.compile(r"Offline since \d\d:\d\d · \d+ waiting · list of \d+ \w+"))
    on.shoot("24 three days later")
    on.scan_by_usb(qr_text(scanned))
    give(on)
    on.type_code(typed.short_code)
    give(on)
    refuse(on, scanned, "Already given", "by you, on this tablet")
    refuse(on, stranger, "Not confirmed", "or ask the customer to come another time")
    refuse(on, risky, "Not confirmed", "Do not give the gift")
    refuse(on, two_days, "Expired", "It was valid until")
    refuse(on, given, "Already given", "The shop's last list says that it was given")
    refuse(on, forgery_of(stranger), "Not our coupon", "has not issued it")
    on.close()
    on.open()
    on.expect_scanner()

    later = SimpleNamespace(time_ns=lambda: time.time_ns() + THREE_DAYS_MS * 1_000_000, monotonic=time.monotonic)
    monkeypatch.setattr(context, "time", later)
    with on.told("gave-held"):
        live.come_back()
        on.page.evaluate("dispatchEvent(new Event('online'))")
    on.expect_text(re.compile(r"Online · synced .* · 0 waiting"))
    assert [live.standing(each.serial) for each in (scanned, typed, stranger, risky)] == [True, True, False, False]
    on.scan_by_usb(qr_text(stranger))
    on.expect_text("Confirmed by the shop")


def test_the_server_is_stopped_and_started_in_the_middle_of_a_gift(
    back_at_work: MakeTablet, live: LiveServer, shop: Shop
) -> None:
    coupon, next_one = shop.issue(), shop.issue()
    on = back_at_work()
    on.scan_by_usb(qr_text(coupon))
    on.expect_text("Confirmed by the shop")
    live.go_away()
    on.press("Give the gift")
    on.expect_heading("Not confirmed")
    live.come_back()
    assert not live.standing(coupon.serial)
    on.press("Try again")
    on.expect_heading("Hand over the gift")
    assert live.standing(coupon.serial)
    live.go_away()
    on.press("Next")
    with on.page.expect_event("requestfailed", lambda asked: '"verify"' in (asked.post_data or "")):
        on.scan_by_usb(qr_text(next_one))
    on.expect_heading("Not confirmed")
    live.come_back()
    on.press("Try again")
    on.expect_text("Confirmed by the shop")


def test_a_server_that_went_with_the_answer_gives_the_same_one_when_it_is_back(
    back_at_work: MakeTablet, live: LiveServer, shop: Shop
) -> None:
    """It has committed, the reply was lost, and another process answers the retry."""
    coupon = shop.issue()
    on = back_at_work()
    on.scan_by_usb(qr_text(coupon))
    on.expect_text("Confirmed by the shop")
    live.network.losing_replies.add("/clerk/sync")
    on.press("Give the gift")
    on.expect_heading("Not confirmed")
    live.go_away()
    live.network.losing_replies.clear()
    live.come_back()
    on.press("Try again")
    on.expect_heading("Hand over the gift")
    assert live.kinds(coupon.serial).count("ask") == 1
