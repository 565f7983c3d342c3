"""The clerk's whole work, driven in both languages and three sizes: a gift, a second try, a refusal, an undo."""

import re

import pytest

from tests.browser.conftest import MakeTablet, Shop, qr_text
from tests.browser.live import LiveServer
from tests.browser.tablet import PHONE, TABLET, UPRIGHT, Tablet
from tests.browser.test_clerk_screens import FAULTS
from tests.cast import Cast
from tests.factories import Issued

pytestmark = pytest.mark.browser
ON_TOP = """each => {
    const { x, y, width, height } = each.getBoundingClientRect()
    return each.contains(document.elementFromPoint(x + width / 2, y + height / 2))
}"""


def look(on: Tablet, name: str) -> None:
    """A picture for people; and nothing is cut off, sticks out or is too small."""
    on.shoot(f"60 {name}")
    assert on.page.evaluate(FAULTS) == [], name


def given_now(on: Tablet) -> re.Pattern[str]:
    """ "Given 3 s ago, by you, on this tablet." in the tablet's language."""
    ago = re.escape(on.say("{n} s ago")).replace(r"\{n\}", r"\d+")
    given = re.escape(on.say("Given {when}")).replace(r"\{when\}", ago)
    return re.compile(f"^{given}, {on.say('by you')}, {on.say('on this tablet')}\\.$")


def confirmed(on: Tablet) -> None:
    on.expect_heading("Valid coupon")
    on.expect_text("Confirmed by the shop")


def give_by_scanner(on: Tablet, live: LiveServer, coupon: Issued) -> None:
    on.scan_by_usb(qr_text(coupon))
    confirmed(on)
    look(on, "valid")
    assert not live.standing(coupon.serial), "a scan never redeems"
    with on.told("gave"):
        on.press("Give the gift")
        on.expect_heading("Hand over the gift")
    look(on, "hand over")
    assert live.standing(coupon.serial)
    on.press("Next")


def try_again(on: Tablet, coupon: Issued) -> None:
    on.scan_by_usb(qr_text(coupon))
    on.expect_heading("Already given")
    on.expect_text(given_now(on))
    look(on, "already given")
    on.press("Next")


def refuse_typed(on: Tablet, live: LiveServer, coupon: Issued) -> None:
    on.type_code(coupon.short_code)
    confirmed(on)
    on.press("Not giving it")
    on.expect_sheet()
    look(on, "why not")
    with on.told("refusal"):
        on.press("Did not know the campaign")
    on.expect_text("Noted. Thank you.")
    on.wait_for(f"({ON_TOP})(document.querySelector('.scanner-hint'))")  # the help for the camera doesn't hide it
    look(on, "noted")
    assert not live.standing(coupon.serial)


def give_and_undo(on: Tablet, live: LiveServer, coupon: Issued) -> None:
    on.scan_by_usb(qr_text(coupon))
    confirmed(on)
    on.press("Give the gift")
    on.expect_heading("Hand over the gift")
    on.press("Undo it")
    on.expect_sheet()
    look(on, "why undo")
    with on.told("undo"):
        on.press("Customer gave it back")
        on.expect_heading("Undone")
    look(on, "undone")
    assert not live.standing(coupon.serial)
    on.press("Next")


@pytest.mark.slow
@pytest.mark.parametrize("language", ["en-GB", "ru-RU"], ids=["en", "ru"])
def test_a_clerk_s_work_goes_in_every_language_and_size(
    tablet: MakeTablet, live: LiveServer, shop: Shop, cast: Cast, language: str
) -> None:
    on = tablet(language=language).enrol(live.enrolment_link(cast.north, "Till 1"))
    for size in (TABLET, UPRIGHT, PHONE):
        on.resize(size)
        given, refused = shop.issue(), shop.issue()
        give_by_scanner(on, live, given)
        try_again(on, given)
        refuse_typed(on, live, refused)
        give_and_undo(on, live, refused)
