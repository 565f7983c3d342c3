"""The interactive documentation works under its strict policy, from our own host alone."""

import pytest
from playwright.sync_api import expect

from tests.browser.pages import visit

pytestmark = pytest.mark.browser


def test_operations_are_shown_and_can_be_tried(browser, live):
    visitor = visit(browser, live.url)
    page = visitor.open("/v1/docs")
    expect(page.get_by_role("heading", name="Redeem")).to_be_visible()
    page.get_by_text("/.well-known/redeem-keys.json").click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").click()
    expect(page.locator(".responses-table .response .microlight").first).to_contain_text("Ed25519")
    assert visitor.complaints == []
    assert visitor.elsewhere == []


def test_the_list_of_errors_reads_well(browser, live):
    visitor = visit(browser, live.url)
    page = visitor.open("/v1/errors")
    expect(page.get_by_role("row", name="already_redeemed")).to_be_visible()
    assert visitor.barriers() == []
    assert visitor.complaints == []
