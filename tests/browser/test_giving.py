"""A clerk gives a gift, once: from the enrolment link to the second scan."""

import re
from io import BytesIO
from pathlib import Path
from threading import Event
from typing import Literal

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.browser.conftest import MakeTablet, Shop, qr_text
from tests.browser.live import LiveServer
from tests.browser.tablet import PHONE, TABLET
from tests.browser.video import film
from tests.cast import Cast

pytestmark = pytest.mark.browser
# The keys come as fast as a scanner's, however busy this machine is: that is all that the page can tell them from a person's by.
FAST_KEYS = """() => {
    let at = performance.now()
    Object.defineProperty(KeyboardEvent.prototype, "timeStamp", { get: () => ++at })
}"""

# Presses these keys on what has the focus, all at once; tells which of them the page did not keep.
SCAN_OVER_A_BUTTON = """keys => keys.filter(key =>
    document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true })))"""


@pytest.mark.parametrize(("size", "dark"), [(TABLET, False), (PHONE, True)], ids=["tablet", "phone, dark"])
def test_a_gift_is_given_once(
    tablet: MakeTablet, live: LiveServer, shop: Shop, cast: Cast, tmp_path: Path, size: tuple[int, int], dark: bool
) -> None:
    coupon = shop.issue()
    on = tablet(camera=film(tmp_path / "one.mjpeg", qr_text(coupon)), size=size, dark=dark)
    on.expect_heading("Enrol this tablet")
    on.shoot("01 set up")
    on.page.goto(live.enrolment_link(cast.north, "Till 1"))
    on.expect_heading("Choose your name")
    assert "#" not in on.page.url
    on.shoot("02 who")
    on.press("Anna")
    on.shoot("03 PIN")
    on.type_pin("4071")
    on.expect_heading("Valid coupon")
    on.expect_text("Confirmed by the shop")
    on.shoot("04 valid")
    assert not live.standing(coupon.serial), "a scan never redeems"
    on.press("Give the gift")
    on.expect_heading("Hand over the gift")
    on.expect_text(re.compile(r"Given \d\d:\d\d"))
    on.shoot("05 hand over")
    assert live.standing(coupon.serial)
    on.press("Next")
    on.expect_text("Same coupon as before.")
    on.shoot("06 scanner")
    on.press("Show it again")
    on.expect_heading("Already given")
    on.expect_text(re.compile(r"^Given \d+ s ago, by you, on this tablet\.$"))
    on.shoot("07 already given")


def test_a_second_tablet_says_where_it_was_given(at_work: MakeTablet, shop: Shop, tmp_path: Path) -> None:
    coupon = shop.issue()
    camera = film(tmp_path / "one.mjpeg", qr_text(coupon))
    first = at_work("Till 1", camera=camera)
    first.press("Give the gift")
    first.expect_heading("Hand over the gift")
    second = at_work("Till 2", camera=camera)
    second.expect_heading("Already given")
    second.expect_text(re.compile(r"^Given \d+ s ago, by you, at Till 1\.$"))


@pytest.mark.parametrize(
    ("kind", "word", "reason"),
    [
        ("forged", "Not our coupon", "This shop has not issued it, or the code was changed."),
        ("void", "Voided", "The shop has voided this coupon."),
        ("expired", "Expired", "It was valid until"),
        ("not_yet", "Not valid yet", "It is valid from"),
        ("other_store", "Not for this store", "This coupon is good at other stores."),
    ],
)
def test_each_coupon_that_is_not_good_has_its_own_screen(
    back_at_work: MakeTablet, live: LiveServer, shop: Shop, tmp_path: Path, kind: str, word: str, reason: str
) -> None:
    coupon = getattr(shop, kind)()
    on = back_at_work(camera=film(tmp_path / "one.mjpeg", qr_text(coupon)))
    on.expect_heading(word)
    on.expect_text(re.compile(re.escape(reason)))
    on.shoot(f"08 {kind}")
    expect(on.button("Give the gift")).to_have_count(0)
    on.press("Next")
    on.expect_scanner()
    assert not live.standing(coupon.serial)


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_a_tap_that_was_on_its_way_to_what_was_there_before_gives_nothing(
    back_at_work: MakeTablet, shop: Shop, motion: Literal["no-preference", "reduce"]
) -> None:
    """What is under a finger on GIVE at the moment when the screen comes; a little later it is the button."""
    on = back_at_work()
    on.page.emulate_media(reduced_motion=motion)
    on.expect_scanner()
    on.page.evaluate(
        """() => {
            const under = () => {
                const give = document.querySelector(".verdict-primary"), { x, y, width, height } = give.getBoundingClientRect()
                return give.contains(document.elementFromPoint(x + width / 2, y + height / 2))
            }
            window.underFinger = new Promise(done => new MutationObserver(() => {
                if (!document.querySelector(".verdict-primary") || window.first !== undefined) return
                done(window.first = under())
            }).observe(document.body, { childList: true, subtree: true }))
        }"""
    )
    on.pull_the_trigger(qr_text(shop.issue()))
    assert on.page.evaluate("window.underFinger") is False
    on.button("Give the gift").click(trial=True)


def test_a_double_tap_gives_one_gift(back_at_work: MakeTablet, live: LiveServer, shop: Shop, tmp_path: Path) -> None:
    coupon = shop.issue()
    on = back_at_work(camera=film(tmp_path / "one.mjpeg", qr_text(coupon)))
    on.button("Give the gift").dblclick()
    on.expect_heading("Hand over the gift")
    kinds = live.kinds(coupon.serial)
    assert kinds.count("ask") == 1
    assert live.standing(coupon.serial)


def test_a_lost_reply_is_asked_for_again_and_answered_as_the_first_time(
    back_at_work: MakeTablet, live: LiveServer, shop: Shop
) -> None:
    coupon = shop.issue()
    on = back_at_work()
    on.scan_by_usb(qr_text(coupon))
    on.expect_heading("Valid coupon")
    on.expect_text("Confirmed by the shop")
    live.network.losing_replies.add("/clerk/sync")
    on.press("Give the gift")
    on.expect_heading("Not confirmed")
    on.expect_text("Do not give the gift. Try again in a moment.")
    on.shoot("09 not confirmed")
    assert live.standing(coupon.serial), "the server has committed"
    live.network.losing_replies.clear()
    on.press("Try again")
    on.expect_heading("Hand over the gift")
    assert live.kinds(coupon.serial).count("ask") == 1


def test_who_turns_back_after_a_lost_reply_leaves_the_coupon_good(
    back_at_work: MakeTablet, live: LiveServer, shop: Shop
) -> None:
    coupon = shop.issue()
    on = back_at_work()
    on.scan_by_usb(qr_text(coupon))
    on.expect_text("Confirmed by the shop")
    live.network.losing_replies.add("/clerk/sync")
    on.press("Give the gift")
    on.expect_heading("Not confirmed")
    live.network.losing_replies.clear()
    on.press("Do not give")
    on.expect_text("Not given. The coupon stays valid.")
    on.scan_by_usb(qr_text(coupon))
    on.expect_heading("Valid coupon")
    on.expect_text("Confirmed by the shop")
    assert not live.standing(coupon.serial)


def test_while_it_asks_the_clerk_sees_so_and_may_turn_back(
    back_at_work: MakeTablet, live: LiveServer, shop: Shop
) -> None:
    coupon = shop.issue()
    on = back_at_work()
    on.scan_by_usb(qr_text(coupon))
    on.expect_text("Confirmed by the shop")
    live.network.held["/clerk/sync"] = answer = Event()
    on.press("Give the gift")
    on.expect_heading("Asking the shop")
    on.shoot("10 asking")
    with on.told("drop"):
        on.press("Do not give")
        on.expect_scanner()
        answer.set()
    on.expect_scanner()
    assert not live.standing(coupon.serial)


def test_without_a_network_nothing_is_confirmed(at_work: MakeTablet, live: LiveServer, shop: Shop) -> None:
    on = at_work()
    on.expect_text(re.compile("Online"))
    live.network.down = True
    on.scan_by_usb(qr_text(shop.issue()))
    on.expect_heading("Not confirmed")
    expect(on.button("Give the gift")).to_have_count(0)
    live.network.down = False
    on.press("Try again")
    on.expect_heading("Valid coupon")


def test_a_picture_that_does_not_come_leaves_its_place_blank(
    back_at_work: MakeTablet, live: LiveServer, shop: Shop
) -> None:
    """As without a network: nothing on the screen may look broken, and nothing may move."""
    offer = {"en": {"title": "Cup", "picture": "/static/pictures/none.png"}}
    on = back_at_work()
    on.scan_by_usb(qr_text(shop.issue(shop.new_campaign(offer=offer))))
    on.expect_text("Confirmed by the shop")
    expect(on.page.locator(".verdict-gift img")).to_have_count(0)
    picture = on.page.locator(".verdict-gift .picture")
    assert picture.evaluate("each => each.offsetHeight") > 100
    shown, edge = Image.open(BytesIO(picture.screenshot())), 14  # its corners are round
    within = shown.crop((edge, edge, shown.width - edge, shown.height - edge))
    assert within.getcolors(maxcolors=1), "more than one colour: a sign of a broken picture"


def test_a_verdict_comes_with_its_shape(back_at_work: MakeTablet, shop: Shop) -> None:
    """Known by its shape, without colour and before it is read: the icons are part of the page, and wait for no file."""
    on = back_at_work()
    on.expect_scanner()
    on.page.evaluate(
        """() => {
            const drawn = icon => icon.querySelector("use").getBBox().width > 0
            window.drawn = new Promise(done => new MutationObserver(() => {
                const icons = [...document.querySelectorAll(".verdict .icon")]
                if (icons.length) done(icons.map(drawn))
            }).observe(document.body, { childList: true, subtree: true }))
        }"""
    )
    on.pull_the_trigger(qr_text(shop.issue()))
    assert set(on.page.evaluate("window.drawn")) == {True}


def test_an_undo_with_a_reason_makes_the_coupon_good_again(
    back_at_work: MakeTablet, live: LiveServer, shop: Shop
) -> None:
    coupon = shop.issue()
    on = back_at_work()
    on.scan_by_usb(qr_text(coupon))
    on.press("Give the gift")
    on.press("Undo it")
    on.shoot("11 undo")
    on.press("Given by mistake")
    on.expect_heading("Undone")
    on.press("Next")
    on.scan_by_usb(qr_text(coupon))
    on.expect_text("Confirmed by the shop")
    assert not live.standing(coupon.serial)


def test_a_typed_code_is_checked_before_it_is_sent(back_at_work: MakeTablet, live: LiveServer, shop: Shop) -> None:
    coupon = shop.issue()
    on = back_at_work()
    on.expect_scanner()
    wrong = coupon.short_code[:-1] + ("0" if coupon.short_code[-1] != "0" else "1")
    on.type_code(wrong)
    on.expect_text("There is a typing mistake in this code. Compare it letter by letter.")
    on.shoot("12 typed code")
    on.page.get_by_label("Code under the QR").fill(coupon.short_code.lower())
    on.press("Check the coupon")
    on.expect_heading("Valid coupon")
    on.press("Give the gift")
    on.expect_heading("Hand over the gift")
    assert live.standing(coupon.serial)


def test_a_scanner_s_enter_never_presses_give(back_at_work: MakeTablet, live: LiveServer, shop: Shop) -> None:
    coupon = shop.issue()
    on = back_at_work()
    on.scan_by_usb(qr_text(coupon))
    on.expect_text("Confirmed by the shop")
    on.button("Give the gift").focus()
    on.page.evaluate(FAST_KEYS)
    for text in (qr_text(coupon), "4006381", "ab 4006381333931", "4"):
        on.page.keyboard.type(text)
        on.page.keyboard.press("Enter")
        on.page.keyboard.press("Enter")  # as CR and LF
    on.let_the_scanner_rest()
    on.expect_heading("Valid coupon")
    assert not live.standing(coupon.serial)


@pytest.mark.parametrize("before", ["Enter", " "])
def test_what_a_scanner_sends_before_a_code_never_presses_give(
    back_at_work: MakeTablet, live: LiveServer, shop: Shop, before: str
) -> None:
    """Nobody knows whose a first key is, so it waits for the next."""
    coupon = shop.issue()
    on = back_at_work()
    on.scan_by_usb(qr_text(coupon))
    on.expect_text("Confirmed by the shop")
    on.button("Give the gift").focus()
    on.let_the_scanner_rest()
    left = on.page.evaluate(SCAN_OVER_A_BUTTON, [before, *"4006381", "Enter"])
    assert left == []
    on.let_the_scanner_rest()
    on.expect_heading("Valid coupon")
    assert not live.standing(coupon.serial)
    on.page.evaluate(SCAN_OVER_A_BUTTON, [before])
    on.expect_heading("Hand over the gift")  # alone it was a person's


def test_a_scanner_without_an_end_is_read_after_a_pause(back_at_work: MakeTablet, shop: Shop) -> None:
    on = back_at_work()
    on.expect_scanner()
    on.page.evaluate(SCAN_OVER_A_BUTTON, [*qr_text(shop.issue())])
    on.expect_heading("Valid coupon")


def test_what_a_scanner_writes_into_the_field_is_read_without_an_end(back_at_work: MakeTablet, shop: Shop) -> None:
    """Some type no keys at all, but a text into the field that has the focus."""
    on = back_at_work()
    on.press("Type the code")
    on.page.keyboard.insert_text(qr_text(shop.issue()))
    on.expect_heading("Valid coupon")


def test_a_finger_on_give_is_not_disturbed_by_the_confirmation(
    back_at_work: MakeTablet, live: LiveServer, shop: Shop
) -> None:
    coupon = shop.issue()
    on = back_at_work()
    on.expect_scanner()
    live.network.held["/clerk/sync"] = answer = Event()
    on.scan_by_usb(qr_text(coupon))
    on.expect_text("Being confirmed")
    on.button("Give the gift").hover()
    on.page.mouse.down()
    answer.set()
    on.expect_text("Confirmed by the shop")
    on.page.mouse.up()
    on.expect_heading("Hand over the gift")


def test_a_refusal_takes_one_tap_and_a_reason(back_at_work: MakeTablet, live: LiveServer, shop: Shop) -> None:
    coupon = shop.issue()
    on = back_at_work()
    on.scan_by_usb(qr_text(coupon))
    on.press("Not giving it")
    on.shoot("13 refusal")
    with on.told("refusal"):
        on.press("Out of stock")
    on.expect_text("Noted. Thank you.")
    assert "refusal" in live.kinds(coupon.serial)
