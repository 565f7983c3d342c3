"""A tablet whose storage is damaged gives nothing more: it can't know what it has given. It says so, and what it has is kept."""

import re

import pytest
from playwright.sync_api import expect
from sqlalchemy import select

from redeem.db.models.devices import DamagedPart
from tests.browser.conftest import MakeTablet, Shop, qr_text
from tests.browser.live import LiveServer
from tests.browser.tablet import PHONE, TABLET, Tablet
from tests.browser.test_clerk_screens import FAULTS
from tests.factories import Issued

pytestmark = pytest.mark.browser
JOURNAL = "journal.redeem"
# A page of the tablet's that its service worker has without a network, and that leaves the journal alone.
ELSEWHERE = "/clerk/manifest.webmanifest"
REPLACE = """async ([name, bytes]) => {
    const file = await (await navigator.storage.getDirectory()).getFileHandle(name)
    const target = await file.createWritable()
    await target.write(new Uint8Array(bytes))
    await target.close()
}"""
BYTES = """async name => {
    const file = await (await navigator.storage.getDirectory()).getFileHandle(name)
    return Array.from(new Uint8Array(await (await file.getFile()).arrayBuffer()))
}"""
SAID = re.compile("This tablet's storage is damaged")


def read(on: Tablet, name: str = JOURNAL) -> bytes:
    return bytes(on.page.evaluate(BYTES, name))


def alter(on: Tablet, change: object) -> bytes:
    """Closes the tablet and changes what is in its journal's file. Returns what is there now."""
    on.close()
    on.open(ELSEWHERE)
    before = read(on)
    after = change(before)  # type: ignore[operator]
    on.page.evaluate(REPLACE, [JOURNAL, list(after)])
    assert read(on) == after != before
    on.close()
    return bytes(after)


def flipped(before: bytes, of: str) -> bytes:
    """With a bit flipped in the last entry of this kind."""
    at = before.rindex(f'\\"kind\\":\\"{of}'.encode())
    return before[:at] + bytes([before[at] ^ 4]) + before[at + 1 :]


@pytest.fixture
def holding(back_at_work: MakeTablet, live: LiveServer, shop: Shop) -> tuple[Tablet, list[Issued]]:
    """A tablet without a network, and four coupons that it holds."""
    live.revoke("North counter")  # the cast's own tablet, which nobody switches on, gets no share of the holds
    on = back_at_work()
    on.expect_scanner()
    coupons = [shop.issue(home_store_id=shop.cast.north) for _ in range(4)]
    for coupon in coupons:
        on.hear_the_bell(live, coupon)
    on.sync()
    on.wait_until_kept()
    live.network.down = True
    return on, coupons


def give(on: Tablet, coupon: Issued) -> None:
    on.scan_by_usb(qr_text(coupon))
    on.expect_heading("Valid coupon")
    on.press("Give the gift")
    on.expect_heading("Hand over the gift")
    on.press("Next")


def expect_damaged(on: Tablet) -> None:
    on.expect_heading("Call a manager")
    on.expect_text(SAID)
    expect(on.page.locator(".scanner:not([inert])")).to_have_count(0)


@pytest.mark.parametrize("entry", ["gave-held", "done"], ids=["in a gift", "in the last entry"])
def test_after_a_bit_has_flipped_in_what_was_not_sent_nothing_is_given(
    holding: tuple[Tablet, list[Issued]], entry: str
) -> None:
    on, coupons = holding
    for coupon in coupons:
        give(on, coupon)
    on.expect_scanner()
    damaged = alter(on, lambda before: flipped(before, entry))
    on.open()
    expect_damaged(on)
    on.pull_the_trigger(qr_text(coupons[-1]))
    expect_damaged(on)
    for size in (TABLET, PHONE):
        on.resize(size)
        on.shoot("17 damaged")
        assert on.page.evaluate(FAULTS) == []
    on.close()
    on.open(ELSEWHERE)
    assert read(on) == damaged


def test_a_damaged_journal_is_handed_in_byte_for_byte_and_what_can_be_read_of_it_waits(
    holding: tuple[Tablet, list[Issued]], live: LiveServer, shop: Shop
) -> None:
    on, coupons = holding
    for coupon in coupons[:2]:
        give(on, coupon)
    on.expect_scanner()
    damaged = alter(on, lambda before: flipped(before, "gave-held"))
    live.network.down = False
    on.open()
    on.expect_text("The shop has what this tablet recorded.")
    rows = live.database.read(lambda db: db.scalars(select(DamagedPart).order_by(DamagedPart.start)).all())
    assert b"".join(row.bytes for row in rows) == damaged
    assert live.handed_in() == [("gave-held", "damaged"), ("done", "damaged"), ("done", "damaged")]
    on.enrol(live.enrolment_link(shop.cast.north, "Till 1 again"))
    on.scan_by_usb(qr_text(coupons[1]))
    on.expect_heading("Ask another tablet")
    assert all(live.is_held(coupon.serial) for coupon in coupons), "nothing is freed without a manager"
    assert [name for name in on.journals() if name.startswith("journal-damaged-")]


def test_an_emptied_journal_gives_nothing_again(
    holding: tuple[Tablet, list[Issued]], live: LiveServer, shop: Shop
) -> None:
    on, coupons = holding
    for coupon in coupons[:2]:
        give(on, coupon)
    live.network.down = False
    on.sync()
    assert [live.standing(coupon.serial) for coupon in coupons] == [True, True, False, False]
    live.network.down = True
    alter(on, lambda _: b"")
    on.open()
    expect_damaged(on)
    live.network.down = False
    on.page.reload()
    expect_damaged(on)
    on.enrol(live.enrolment_link(shop.cast.north, "Till 1 again"))
    for coupon in coupons[:2]:
        on.scan_by_usb(qr_text(coupon))
        on.expect_heading("Already given")
        on.press("Next")
    assert live.is_held(coupons[2].serial), "nothing is freed without a manager"
