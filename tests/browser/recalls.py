"""Measures how long it takes until a coupon that one tablet holds may be given at another. Both are online."""

from __future__ import annotations

from statistics import quantiles

from tests.browser.conftest import MakeTablet, Shop, qr_text
from tests.browser.live import LiveServer

# From the scanner's first key to a "Give" on the shop's or the hold's word, in ms.
SCAN_AND_WAIT = """text => new Promise(done => {
    const begun = performance.now()
    const sure = ["Confirmed by the shop", "Reserved for this tablet"]
    const look = () => {
        if (!sure.includes(document.querySelector(".verdict.is-yes .verdict-note")?.textContent)) return
        observer.disconnect()
        done(performance.now() - begun)
    }
    const observer = new MutationObserver(look)
    observer.observe(document.body, { childList: true, subtree: true })
    for (const key of [...text, "Enter"])
        document.body.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }))
})"""


def times_ms(at_work: MakeTablet, live: LiveServer, shop: Shop, many: int) -> list[float]:
    """One tablet holds `many` coupons; another gives each of them. Each wait begins right after the holder has asked for news."""
    live.revoke("North counter")
    holder = at_work("Till 1")
    holder.expect_scanner()
    coupons = [shop.issue(home_store_id=shop.cast.north) for _ in range(many)]
    holder.sync()
    other = at_work("Till 2")
    other.expect_scanner()
    waited: list[float] = []
    for coupon in coupons:
        waited.append(other.page.evaluate(SCAN_AND_WAIT, qr_text(coupon)))
        other.press("Give the gift")
        other.expect_heading("Hand over the gift")
        other.press("Next")
    return waited


def p95(waited: list[float]) -> float:
    return quantiles(waited, n=20, method="inclusive")[-1]
