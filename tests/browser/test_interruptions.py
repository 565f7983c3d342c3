"""Whatever interrupts a clerk, the tablet opens again on the right question, and no gift is given twice."""

import re
from collections.abc import Callable

import pytest

from redeem.redemptions.pending import list_said
from tests.browser import kills
from tests.browser.conftest import MakeTablet, Shop, qr_text
from tests.browser.live import LiveServer
from tests.browser.tablet import Tablet
from tests.browser.waiting import wait_until
from tests.factories import Issued

pytestmark = pytest.mark.browser
# A tab that was closed lets go of the file a moment later.
NOBODY_HAS_THE_JOURNAL = """navigator.storage.getDirectory()
    .then(root => root.getFileHandle("journal.redeem"))
    .then(file => file.createWritable({ keepExistingData: true }))
    .then(writing => writing.abort())
    .then(() => true, () => false)"""


def reopen(on: Tablet) -> Tablet:
    """The browser is closed and started again: what it keeps is what is on the disk."""
    on.close()
    return on.open()


def test_closed_between_verdict_and_give_nothing_has_happened(
    back_at_work: MakeTablet, live: LiveServer, shop: Shop
) -> None:
    coupon = shop.issue()
    on = back_at_work()
    on.scan_by_usb(qr_text(coupon))
    on.expect_text("Confirmed by the shop")
    reopen(on)
    on.expect_scanner()
    assert not live.standing(coupon.serial)
    on.scan_by_usb(qr_text(coupon))
    on.expect_heading("Valid coupon")


def test_closed_after_give_it_asks_whether_the_gift_was_handed_over(
    back_at_work: MakeTablet, live: LiveServer, shop: Shop
) -> None:
    coupon = shop.issue()
    on = back_at_work()
    on.scan_by_usb(qr_text(coupon))
    on.expect_text("Confirmed by the shop")
    on.press("Give the gift")
    on.expect_heading("Hand over the gift")
    reopen(on)
    on.expect_heading("Unfinished")
    on.expect_text(f"Coupon …{coupon.short_code[-4:]}: was the gift handed over?")
    on.shoot("14 unfinished")
    on.press("Yes, handed over")
    on.scan_by_usb(qr_text(coupon))
    on.expect_heading("Already given")
    on.expect_text(re.compile(r"by you, on this tablet\.$"))


def test_not_handed_over_after_all_the_coupon_is_good_again(
    back_at_work: MakeTablet, live: LiveServer, shop: Shop
) -> None:
    coupon = shop.issue()
    on = back_at_work()
    on.scan_by_usb(qr_text(coupon))
    on.press("Give the gift")
    on.expect_heading("Hand over the gift")
    reopen(on)
    with on.told("undo"):
        on.press("No, not handed over")
    assert not live.standing(coupon.serial)


def test_closed_while_asking_it_asks_again_first(back_at_work: MakeTablet, live: LiveServer, shop: Shop) -> None:
    """The server has committed, the reply was lost, and the browser is gone: the same ask brings the same answer."""
    coupon = shop.issue()
    on = back_at_work()
    on.scan_by_usb(qr_text(coupon))
    on.expect_text("Confirmed by the shop")
    live.network.losing_replies.add("/clerk/sync")
    on.press("Give the gift")
    on.expect_heading("Not confirmed")
    on.close()
    live.network.losing_replies.clear()
    on.open()
    on.expect_heading("Unfinished")
    with on.told("drop"):
        on.press("No, not handed over")
    assert live.kinds(coupon.serial).count("ask") == 1
    assert not live.standing(coupon.serial)


def test_opened_again_without_a_network_an_open_ask_is_not_confirmed(
    back_at_work: MakeTablet, live: LiveServer, shop: Shop
) -> None:
    on = back_at_work()
    on.scan_by_usb(qr_text(shop.issue()))
    on.expect_text("Confirmed by the shop")
    live.network.losing_replies.add("/clerk/sync")
    on.press("Give the gift")
    on.expect_heading("Not confirmed")
    reopen(on)
    on.expect_heading("Not confirmed")
    on.press("Do not give")
    on.expect_scanner()


def at_step(on: Tablet, live: LiveServer, coupon: Issued, step: str) -> None:
    """Brings the clerk to this point of a gift."""
    on.scan_by_usb(qr_text(coupon))
    on.expect_text("Confirmed by the shop")
    if step == "refusing":
        on.press("Not giving it")
    if step in ("verdict", "refusing"):
        return
    if step == "asking":
        live.network.losing_requests.add("/clerk/sync")
    on.press("Give the gift")
    on.expect_heading("Not confirmed" if step == "asking" else "Hand over the gift")
    if step == "undoing":
        on.press("Undo it")
    if step == "undone":
        on.press("Undo it")
        on.press("Given by mistake")
        on.expect_heading("Undone")
    if step == "done":
        with on.told("done"):
            on.press("Next")


# What the clerk was doing when they were torn away, and the question on which the tablet opens: none is the scanner.
OPENS_ON = {
    "verdict": None,
    "refusing": None,
    "asking": "Unfinished",
    "given": "Unfinished",
    "undoing": "Unfinished",
    "undone": None,
    "done": None,
}


@pytest.mark.slow
@pytest.mark.parametrize("tear", [kills.kill, lambda on: on.page.reload()], ids=["kill", "reload"])
def test_torn_away_at_any_step_it_opens_on_the_right_question(
    back_at_work: MakeTablet, live: LiveServer, shop: Shop, tear: Callable[[Tablet], object]
) -> None:
    on = back_at_work()
    on.expect_scanner()
    for step, question in OPENS_ON.items():
        coupon = shop.issue()
        at_step(on, live, coupon, step)
        live.network.losing_requests.clear()
        tear(on)
        if on.page.is_closed():
            on.open()
        if question:
            on.expect_heading(question)
            with on.told("done"):
                on.press("Yes, handed over")
        on.expect_scanner()
        expect_standing(on, live, coupon, stands=question is not None or step == "done")


def expect_standing(on: Tablet, live: LiveServer, coupon: Issued, *, stands: bool) -> None:
    """What was written before the kill may be sent only now."""
    wait_until(on.page, lambda: live.standing(coupon.serial) == stands)


def test_locked_on_a_verdict_nothing_is_forgotten(back_at_work: MakeTablet, live: LiveServer, shop: Shop) -> None:
    """Another clerk takes over after the tablet lay idle: the question waits behind the lock."""
    on = back_at_work()
    at_step(on, live, shop.issue(), "given")
    on.close()
    on.clock_ms = 20 * 60_000
    on.open()
    on.expect_heading("Choose your name")
    on.press("Anna")
    on.type_pin("4071")
    on.expect_heading("Unfinished")


def test_a_second_tab_leaves_the_journal_to_the_first(at_work: MakeTablet) -> None:
    on = at_work()
    on.expect_scanner()
    second = on.watch(on.context.new_page())
    second.goto(f"{on.url}/clerk/")
    second.get_by_role("heading", name="Redeem is open in another tab").wait_for()
    on.page.close()
    on.page = second
    on.wait_for(NOBODY_HAS_THE_JOURNAL)
    on.press("Try again")
    on.expect_scanner()


def test_a_tablet_that_lost_its_key_keeps_its_journal_and_enrols_anew(
    back_at_work: MakeTablet, live: LiveServer, shop: Shop
) -> None:
    on = back_at_work()
    on.scan_by_usb(qr_text(shop.issue()))
    on.press("Give the gift")
    on.expect_heading("Hand over the gift")
    size = on.journals()["journal.redeem"]
    on.forget_indexeddb()
    reopen(on)
    on.expect_heading("Enrol this tablet anew")
    on.shoot("15 lost key")
    on.enrol(live.enrolment_link(shop.cast.north, "Till 1 again"))
    on.expect_heading("Unfinished")
    on.press("Yes, handed over")
    on.expect_scanner()
    kept = [length for name, length in on.journals().items() if name.startswith("journal-retired-")]
    assert kept == [size]
    on.page.evaluate("dispatchEvent(new Event('online'))")
    on.expect_text(re.compile(r"· 3 with a manager"))
    on.shoot("16 old journal handed in")
    assert live.handed_in() == [("unlock", "key_lost"), ("ask", "key_lost"), ("gave", "key_lost")]


def test_a_tablet_that_is_enrolled_anew_asks_about_the_gift_of_its_former_journal(
    back_at_work: MakeTablet, live: LiveServer, shop: Shop
) -> None:
    """It was told to give, the reply was lost, and then it lost its key."""
    coupon, on = shop.issue(), back_at_work()
    on.scan_by_usb(qr_text(coupon))
    on.expect_text("Confirmed by the shop")
    live.network.losing_replies.add("/clerk/sync")
    on.press("Give the gift")
    on.expect_heading("Not confirmed")
    live.network.losing_replies.clear()
    on.forget_indexeddb()
    reopen(on)
    on.expect_heading("Enrol this tablet anew")
    on.enrol(live.enrolment_link(shop.cast.north, "Till 1 again"))
    on.expect_heading("Unfinished")
    on.expect_text(re.compile("before this tablet was enrolled anew"))
    on.shoot("17 former journal unfinished")
    reopen(on)
    on.expect_heading("Unfinished")
    on.press("No, not handed over")
    on.expect_scanner()
    on.page.evaluate("dispatchEvent(new Event('online'))")
    wait_until(on.page, lambda: said(live, coupon) == [False])
    assert live.standing(coupon.serial), "a manager decides"
    reopen(on)
    on.expect_scanner()


def said(live: LiveServer, coupon: Issued) -> list[bool]:
    """What the server has heard of the coupon's gift from a tablet that was enrolled anew."""
    found = live.database.read(lambda session: list_said(session, [coupon.serial]))
    return [each.handed_over for gift in found.values() for each in gift]


def test_a_revoked_tablet_says_so(back_at_work: MakeTablet, live: LiveServer, shop: Shop) -> None:
    on = back_at_work()
    on.expect_scanner()
    live.revoke("Till 1")
    on.page.evaluate("dispatchEvent(new Event('online'))")
    on.expect_heading("Enrol this tablet anew")
    on.expect_text(re.compile("not enrolled any more"))
    on.enrol(live.enrolment_link(shop.cast.north, "Till 1 again"))
    on.expect_scanner()
