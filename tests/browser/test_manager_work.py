"""A manager's main work in a real browser: many coupons voided with an interruption, and all of it by keyboard alone."""

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import func, select

from redeem.coupons import bulk_void
from redeem.db.models.coupons import Coupon
from redeem.web.manager import steps
from tests import factories
from tests.browser.pages import visit
from tests.browser.waiting import type_into
from tests.cast import PASSWORD

pytestmark = pytest.mark.browser
MANY = 2 * bulk_void.VOIDED_PER_STEP + 20
TABS_MAX = 90
OPTIONS_MAX = 20
# How the focused element is called; empty if the person could not see that it has the focus.
FOCUSED = """() => {
    const it = document.activeElement
    const { outlineStyle, boxShadow } = getComputedStyle(it)
    const { top, bottom } = it.getBoundingClientRect()
    const isSeen = (outlineStyle !== "none" || boxShadow !== "none") && bottom > 0 && top < innerHeight
    if (it === document.body || !isSeen) return ""
    return (it.labels?.[0] ?? it).innerText.trim() || it.getAttribute("aria-label") || ""
}"""


@pytest.fixture
def office(browser, live, cast):
    entered = visit(browser, live.url)
    entered.sign_in(cast.managers["shop_manager"], PASSWORD)
    return entered


def voided(live):
    wanted = select(func.count()).select_from(Coupon).where(Coupon.voided_at.is_not(None))
    return live.database.read(lambda db: db.scalar(wanted))


def test_many_coupons_are_counted_voided_and_the_rest_after_an_interruption(office, live, cast, monkeypatch):
    monkeypatch.setattr(steps, "WORK_SECONDS", 0)  # one step a request, as with very many coupons
    live.database.write(lambda db: [factories.coupon(db, cast.north_only) for _ in range(MANY)])
    page = office.open("/manager/voids/new")
    page.get_by_label("All of a campaign that were not given").check()
    page.get_by_label("Campaign", exact=True).select_option(f"cmp_{cast.north_only}")
    page.get_by_role("button", name="Count them").click()
    expect(page.get_by_role("heading", name="What would become of them")).to_be_visible()
    expect(page.get_by_role("row", name="Total")).to_contain_text(str(MANY))
    assert voided(live) == 0, "counting voids nothing"
    address = page.url.removeprefix(live.url)
    page.reload()
    live.network.losing_requests.add(f"{address}/go")
    page.get_by_label("Why?").fill("the orders were returned")
    with page.expect_event("requestfailed", lambda asked: asked.url.endswith(f"{address}/go")):
        page.get_by_role("button", name=f"Void {MANY} coupons").click()
    expect(page.locator("#going")).to_have_count(0)  # its next part never arrived: the browser shows its own page
    assert voided(live) == bulk_void.VOIDED_PER_STEP
    live.network.losing_requests.clear()
    office.open(address)
    expect(page.get_by_role("heading", name="Coupons voided")).to_be_visible()
    expect(page.get_by_role("row", name="Total")).to_contain_text(str(MANY))
    assert voided(live) == MANY
    page.reload()
    expect(page.get_by_text("the orders were returned")).to_be_visible()
    assert office.barriers() == []


def tab_to(page: Page, name: str) -> None:
    """Presses Tab until what is called so has the focus, and that can be seen."""
    passed = []
    for _ in range(TABS_MAX):
        page.keyboard.press("Tab")
        passed.append(page.evaluate(FOCUSED))
        if passed[-1].partition("\n")[0] == name:
            return
    raise AssertionError(f"{name} is not among {passed}")


def go(page: Page, name: str, heading: str) -> None:
    """Presses Enter on what is called so, and is on the page of this heading."""
    tab_to(page, name)
    page.keyboard.press("Enter")
    expect_heading(page, heading)


def write(page: Page, name: str, text: str) -> None:
    tab_to(page, name)
    type_into(page.locator(":focus"), text)


def choose(page: Page, name: str, option: str) -> None:
    """By the arrows: letters count as one word only if they come fast."""
    tab_to(page, name)
    for _ in range(OPTIONS_MAX):
        if page.evaluate("document.activeElement.selectedOptions[0].text") == option:
            return
        page.keyboard.press("ArrowDown")
    raise AssertionError(f"{option} is not to be had")


def expect_heading(page: Page, name: str) -> None:
    expect(page.get_by_role("heading", name=name, level=1)).to_be_visible()
    page.wait_for_load_state()


def test_a_tablet_is_added_by_keyboard_alone(office):
    page = office.page
    go(page, "Devices", "Devices")
    go(page, "Enrol a tablet", "Add a device")
    choose(page, "Store", "North, on the square")
    write(page, "Name", "Window")
    go(page, "Add", "Open this on the tablet")
    assert office.complaints == []


def test_a_campaign_is_made_by_keyboard_alone(office):
    page = office.page
    go(page, "Campaigns", "Campaigns")
    go(page, "New campaign", "New campaign")
    write(page, "Name of the campaign", "Winter")
    write(page, "What the customer gets", "A warm croissant")
    tab_to(page, "North Coffee every store, also new ones")
    page.keyboard.press("Space")
    write(page, "Value of the gift", "2.50")
    go(page, "Save", "Winter")
    assert office.complaints == []


def test_a_coupon_is_voided_by_keyboard_alone(office, live, cast):
    coupon = live.database.write(lambda db: factories.coupon(db, cast.north_only))
    page = office.page
    go(page, "Coupons", "Find a coupon")
    go(page, "Void coupons…", "Void coupons")
    write(page, "List", coupon.short_code)
    go(page, "Count them", "What would become of them")
    write(page, "Why?", "the order was returned")
    go(page, "Void 1 coupon", "Coupons voided")
    assert voided(live) == 1
    assert office.complaints == []


def test_somebody_is_invited_by_keyboard_alone(office):
    page = office.page
    tab_to(page, "shop_manager")  # their own name opens the menu
    page.keyboard.press("Enter")
    go(page, "People", "People")
    go(page, "Invite somebody", "Invite somebody")
    write(page, "Their name", "Vera")
    write(page, "E-mail address", "vera@example.org")
    tab_to(page, "Shop manager")
    page.keyboard.press("Space")
    go(page, "Make the link", "The link for Vera")
    assert office.complaints == []
