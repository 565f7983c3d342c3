"""Without a network: what this tablet holds it gives, and nothing else but within a campaign's limits."""

import re

import pytest

from tests.browser import recalls
from tests.browser.conftest import MakeTablet, Shop, qr_text
from tests.browser.live import LiveServer
from tests.browser.tablet import PHONE
from tests.factories import Issued

pytestmark = pytest.mark.browser

AT_RISK = {"policy": "at_risk", "coupons": 1, "value": 1_000_000, "hours": 24, "bearer": "issuer"}


@pytest.fixture
def only_ours(live: LiveServer) -> None:
    """The cast's own tablet, which nobody switches on, gets no share of the holds."""
    live.revoke("North counter")


def homed(shop: Shop) -> Issued:
    """A coupon expected at the north store: held by one of its tablets."""
    return shop.issue(home_store_id=shop.cast.north)


def test_a_held_coupon_is_given_without_a_network(
    at_work: MakeTablet, live: LiveServer, shop: Shop, only_ours: None
) -> None:
    on = at_work()
    on.expect_scanner()
    coupon = homed(shop)
    on.hear_the_bell(live, coupon)
    live.network.down = True
    on.scan_by_usb(qr_text(coupon))
    on.expect_heading("Valid coupon")
    on.expect_text("Reserved for this tablet")
    on.shoot("20 held")
    on.press("Give the gift")
    on.expect_heading("Hand over the gift")
    assert not live.standing(coupon.serial)
    with on.told("gave-held"):
        live.network.down = False
        on.press("Next")
    assert live.standing(coupon.serial)


def test_the_gift_s_picture_is_there_without_a_network_although_it_was_never_shown(
    at_work: MakeTablet, live: LiveServer, shop: Shop, only_ours: None
) -> None:
    offer = {"en": {"title": "Pie", "picture": "/static/demo/pie.svg"}}
    coupon = shop.issue(shop.new_campaign(offer=offer), home_store_id=shop.cast.north)
    on = at_work()
    on.expect_scanner()
    on.wait_for("caches.match('/static/demo/pie.svg')")
    on.sync()
    on.wait_until_kept()
    live.network.down = True
    on.close()
    on.open()
    on.scan_by_usb(qr_text(coupon))
    on.expect_heading("Valid coupon")
    on.wait_for("document.querySelector('.verdict-gift img')?.naturalWidth > 0")
    on.shoot("20 held, with its picture")


def test_a_coupon_that_another_tablet_holds_is_brought_over(
    at_work: MakeTablet, live: LiveServer, shop: Shop, only_ours: None
) -> None:
    first = at_work("Till 1")
    first.expect_scanner()
    coupon = homed(shop)
    first.hear_the_bell(live, coupon)
    second = at_work("Till 2")
    second.scan_by_usb(qr_text(coupon))
    second.expect_text("Reserved for this tablet")
    second.press("Give the gift")
    second.expect_heading("Hand over the gift")


def test_a_coupon_held_by_a_tablet_that_is_off_is_not_given_here(
    at_work: MakeTablet, live: LiveServer, shop: Shop, only_ours: None
) -> None:
    first = at_work("Till 1")
    first.expect_scanner()
    coupon = homed(shop)
    first.hear_the_bell(live, coupon)
    first.page.goto("about:blank")
    live.forget_seen("Till 1")
    second = at_work("Till 2")
    second.scan_by_usb(qr_text(coupon))
    second.expect_heading("Ask another tablet")
    second.expect_text("Till 1 can give it.")
    second.shoot("21 held elsewhere")
    second.press("Next")
    second.expect_scanner()


@pytest.mark.parametrize("language", ["en-GB", "ru-RU"])
def test_without_a_network_a_tablet_says_which_other_one_can_give_it(
    at_work: MakeTablet, live: LiveServer, shop: Shop, only_ours: None, language: str
) -> None:
    first = at_work("Till 1")
    first.expect_scanner()
    coupon = homed(shop)
    first.hear_the_bell(live, coupon)
    second = at_work("Till 2", language=language)
    second.expect_scanner()
    second.sync()
    first.sync()
    live.network.down = True
    second.scan_by_usb(qr_text(coupon))
    second.expect_heading("Ask another tablet")
    second.expect_text(re.compile("Till 1 can give it, as of|выдать может Till 1"))
    second.shoot("24 another till, offline")
    second.resize(PHONE)
    second.shoot("24 another till, offline")
    first.scan_by_usb(qr_text(coupon))
    first.press("Give the gift")
    first.expect_heading("Hand over the gift")
    with first.told("gave-held"):
        live.network.down = False
        first.press("Next")
    second.press("Try again")
    second.expect_heading("Already given")


@pytest.mark.parametrize("language", ["en-GB", "ru-RU"])
def test_without_a_network_a_tablet_says_which_other_store_can_give_it(
    at_work: MakeTablet, live: LiveServer, shop: Shop, language: str
) -> None:
    coupon = shop.issue(home_store_id=shop.cast.annex)
    on = at_work(language=language)
    on.expect_scanner()
    on.sync()
    live.network.down = True
    on.scan_by_usb(qr_text(coupon))
    on.expect_heading("Ask another store")
    on.expect_text(re.compile("North, at the station can give it, as of|выдать может North, at the station"))
    on.shoot("25 another store, offline")
    on.resize(PHONE)
    on.shoot("25 another store, offline")
    live.network.down = False
    on.press("Try again")
    on.expect_heading("Valid coupon")


def test_at_risk_a_few_are_given_unasked(at_work: MakeTablet, live: LiveServer, shop: Shop) -> None:
    campaign = shop.new_campaign(offline=AT_RISK)
    first, second = shop.issue(campaign), shop.issue(campaign)
    on = at_work()
    on.expect_scanner()
    on.sync()
    live.network.down = True
    on.scan_by_usb(qr_text(first))
    on.expect_heading("Give at risk")
    on.shoot("22 at risk")
    on.press("Give the gift")
    on.expect_heading("Hand over the gift")
    on.press("Next")
    on.scan_by_usb(qr_text(second))
    on.expect_heading("Not confirmed")
    on.shoot("23 beyond the allowance")


@pytest.mark.timed
def test_a_coupon_is_brought_over_within_two_seconds(at_work: MakeTablet, live: LiveServer, shop: Shop) -> None:
    assert recalls.p95(recalls.times_ms(at_work, live, shop, 12)) < 2_000
