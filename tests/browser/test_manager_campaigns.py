"""The editor in a browser: type, see, save, issue, and find what was seen."""

import pytest
from playwright.sync_api import expect

from tests import factories
from tests.browser.pages import visit
from tests.cast import PASSWORD
from tests.tills import till_of

pytestmark = pytest.mark.browser


def enter(browser, live, cast, **how):
    office = visit(browser, live.url, **how)
    office.sign_in(cast.managers["shop_manager"], PASSWORD)
    return office


def write(page):
    page.get_by_label("Name of the campaign").fill("Winter")
    page.locator("#title_en").fill("A warm croissant")
    page.locator("#terms_en").fill("One for each order.")
    page.get_by_label("North Coffee").check()
    page.get_by_label("Value of the gift").fill("2.50")


def test_what_is_typed_is_seen_and_what_is_seen_is_what_happens(browser, live, cast):
    office = enter(browser, live, cast)
    page = office.open("/manager/campaigns/new")
    steps = page.evaluate("history.length")
    write(page)
    customer = page.frame_locator("[data-part=customer]")
    expect(customer.get_by_role("heading", name="A warm croissant")).to_be_visible()
    expect(customer.get_by_text("Sample")).to_be_visible()
    expect(page.frame_locator("[data-part=coupon]").get_by_role("heading", name="A warm croissant")).to_be_visible()
    clerk = page.frame_locator("[data-part=clerk]")
    expect(clerk.locator(".verdict.is-yes")).to_be_visible()
    expect(clerk.get_by_text("One for each order.")).to_be_visible()
    page.locator("#network").select_option("offline")
    expect(clerk.locator(".verdict.is-ask")).to_be_visible()
    expect(page.locator("#preview-verdict")).to_contain_text("Not confirmed")
    page.get_by_label("Русский").check()
    expect(customer.get_by_text("Образец")).to_be_visible()
    assert page.evaluate("history.length") == steps
    page.locator("#network").select_option("online")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Winter")).to_be_visible()
    coupon = live.database.write(lambda db: factories.coupon(db, int(page.url.rpartition("_")[2])))
    north, south = till_of(live.database, cast.north_till), till_of(live.database, cast.south_till)
    assert south.redeem(coupon).code == "wrong_store"
    assert north.redeem(coupon).code == "redeemed"
    assert office.complaints == []
    assert office.elsewhere == []


def test_a_mistake_keeps_all_that_was_typed_and_is_found_by_keyboard(browser, live, cast):
    office = enter(browser, live, cast)
    page = office.open("/manager/campaigns/new")
    write(page)
    page.get_by_label("Value of the gift").fill("a lot")
    page.get_by_label("Value of the gift").press("Enter")
    expect(page.locator("#value-error")).to_have_text("Write an amount like 350.00.")
    expect(page.get_by_label("Value of the gift")).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#title_en")).to_have_value("A warm croissant")
    expect(page.get_by_label("North Coffee")).to_be_checked()
    assert office.barriers() == []


def test_without_scripts_there_is_a_button_for_the_preview(browser, live, cast):
    context = browser.new_context(java_script_enabled=False, viewport={"width": 1024, "height": 768})
    page = context.new_page()
    page.goto(live.url + "/manager/sign-in")
    page.fill("#email", cast.managers["shop_manager"])
    page.fill("#password", PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    page.goto(live.url + "/manager/campaigns/new")
    write(page)
    page.get_by_role("button", name="Preview").click()
    expect(page.frame_locator("[data-part=customer]").get_by_role("heading", name="A warm croissant")).to_be_visible()
    expect(page.locator("#preview-verdict")).to_contain_text("The gift is given")
    expect(page.locator("#title_en")).to_have_value("A warm croissant")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Winter")).to_be_visible()
