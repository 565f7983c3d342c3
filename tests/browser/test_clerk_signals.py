"""What a clerk hears and feels, a till that was left alone, and a server that is being restored."""

from typing import Any

import pytest

from redeem.recovery import restore
from redeem.web.context import now_ms
from tests.browser.conftest import MakeTablet, Shop, qr_text
from tests.browser.live import LiveServer
from tests.browser.tablet import PHONE, Tablet
from tests.cast import Cast
from tests.factories import Issued

pytestmark = pytest.mark.browser
AT_RISK = {"policy": "at_risk", "coupons": 1, "value": 1_000_000, "hours": 24, "bearer": "issuer"}
# What the clerk hears and feels: a note's pitch, and a vibration as a list of ms.
LISTEN = """
    window.felt = [], window.heard = []
    navigator.vibrate = shake => window.felt.push(shake)
    const start = OscillatorNode.prototype.start
    OscillatorNode.prototype.start = function (at) { window.heard.push(this.frequency.value); return start.call(this, at) }
"""
# The page's clock goes on by itself; here it can be put forward.
CLOCK = """
    window.later = 0
    const real = performance.now.bind(performance)
    performance.now = () => real() + window.later
"""
QUARTER_OF_AN_HOUR_MS = 15 * 60_000


def signal_of(on: Tablet) -> tuple[Any, ...]:
    """What there was to hear and to feel since the last time: one vibration, and its notes."""
    on.wait_for("window.felt.length && window.heard.length")
    felt = on.page.evaluate("window.felt.splice(0)")
    heard = on.page.evaluate("window.heard.splice(0)")
    assert len(felt) == 1, felt
    return (*felt[0], *heard)


def scan(on: Tablet, coupon: Issued, heading: str) -> tuple[Any, ...]:
    on.scan_by_usb(qr_text(coupon))
    on.expect_heading(heading)
    return signal_of(on)


def test_each_state_has_its_own_sound_and_vibration_and_is_told_once(
    back_at_work: MakeTablet, live: LiveServer, shop: Shop
) -> None:
    on = back_at_work()
    on.context.add_init_script(LISTEN)
    on.page.reload()
    on.expect_scanner()
    coupon, typed, forged = shop.issue(), shop.issue(), shop.forged()
    risky, unsure = shop.issue(shop.new_campaign(offline=AT_RISK)), shop.issue()
    on.sync()
    on.scan_by_usb(qr_text(coupon))
    on.expect_text("Confirmed by the shop")
    signals = {"yes": signal_of(on)}
    on.press("Give the gift")
    on.expect_heading("Hand over the gift")
    signals["given"] = signal_of(on)
    on.press("Next")
    signals["already"] = scan(on, coupon, "Already given")
    on.press("Next")
    signals["no"] = scan(on, forged, "Not our coupon")
    on.press("Next")
    on.type_code(typed.short_code)
    on.expect_text("Confirmed by the shop")
    assert signal_of(on) == signals["yes"], "what the shop alone can say is told when it is said"
    on.press("Back")
    on.expect_scanner()
    live.network.down = True
    on.sync_in_vain()
    signals["risk"] = scan(on, risky, "Give at risk")
    on.press("Back")
    signals["ask"] = scan(on, unsure, "Not confirmed")
    assert len(set(signals.values())) == len(signals)


def test_a_till_that_was_left_alone_locks_whatever_it_shows(
    back_at_work: MakeTablet, live: LiveServer, shop: Shop
) -> None:
    on = back_at_work()
    on.context.add_init_script(CLOCK)
    on.page.reload()
    coupon = shop.issue()
    on.scan_by_usb(qr_text(coupon))
    on.expect_text("Confirmed by the shop")
    on.page.evaluate(f"window.later += {QUARTER_OF_AN_HOUR_MS}")
    on.expect_heading("Choose your name")
    on.unlock()
    on.scan_by_usb(qr_text(coupon))
    on.press("Give the gift")
    on.expect_heading("Hand over the gift")
    on.page.evaluate(f"window.later += {QUARTER_OF_AN_HOUR_MS}")
    on.expect_heading("Choose your name")
    on.press("Anna")
    on.type_pin("4071")
    on.expect_heading("Unfinished")
    on.press("Yes, handed over")
    on.expect_scanner()
    assert live.standing(coupon.serial)


@pytest.mark.parametrize("language", ["en-GB", "ru-RU"], ids=["en", "ru"])
def test_while_the_server_is_being_restored_the_clerk_is_told_so(
    tablet: MakeTablet, live: LiveServer, shop: Shop, cast: Cast, language: str
) -> None:
    on = tablet(language=language).enrol(live.enrolment_link(cast.north, "Till 1"))
    on.expect_scanner()
    coupon = shop.issue()
    on.sync()
    live.database.write(lambda session: restore.begin(session, now_ms()))
    on.sync()
    on.expect_text("the shop's server is being restored")
    on.scan_by_usb(qr_text(coupon))
    on.expect_heading("Not just now")
    on.shoot("70 being restored")
    on.resize(PHONE)
    on.shoot("70 being restored")
    on.press("Try again")
    on.expect_heading("Not just now")
    on.press("Do not give")
    on.expect_scanner()
    assert not live.standing(coupon.serial)
