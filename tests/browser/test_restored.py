"""A backup is put back that is older than a tablet: what that tablet gave is given to nobody else, and the store goes on."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from redeem.db.models.coupons import Campaign
from redeem.ledger import generation
from tests.browser.conftest import MakeTablet, Shop, qr_text
from tests.browser.live import LiveServer
from tests.browser.pages import Visit, visit
from tests.browser.waiting import follow
from tests.cast import PASSWORD, Cast
from tests.vaults import Vault, vault_of

pytestmark = pytest.mark.browser
RECOVERY = "/manager/recovery"


@pytest.fixture
def office(browser: Browser, live: LiveServer) -> Visit:
    return visit(browser, live.url)


def restore(live: LiveServer, vault: Vault) -> None:
    """By the book: the server stopped, the copy in its place, `restore` before anybody is served."""
    live.network.down = True
    live.go_away()
    vault.put_back()
    live.come_back()
    done = live.app.test_cli_runner().invoke(args=("restore", "--yes"))
    assert "until a manager says that none is missing" in done.output
    live.network.down = False


def write_off_the_rest(office: Visit) -> None:
    """The tills and the tablet of the other partner, of which this test has nothing."""
    page = office.open(f"{RECOVERY}/end")
    many = re.search(r"\d+", page.get_by_role("heading", level=1).inner_text())
    assert many
    page.get_by_label("To confirm").fill(many[0])
    page.get_by_role("button", name="Write them off").click()
    page.get_by_text("written off.").wait_for()


def admit_what_waits(office: Visit) -> None:
    page = office.open(RECOVERY)
    follow(page.get_by_role("link", name="Look at it"))
    follow(page.locator("tbody a").first)
    press(page, "Admit all that wait")
    page.get_by_text("entries were admitted").wait_for()


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


@pytest.mark.slow
def test_a_gift_of_a_tablet_that_is_in_no_backup_stays_given(
    at_work: MakeTablet, live: LiveServer, shop: Shop, cast: Cast, office: Visit
) -> None:
    vault, known = vault_of(live.database, None), at_work("Till 1")
    vault.back_up()
    late, coupon = at_work("Till 2"), shop.issue()
    late.scan_by_usb(qr_text(coupon))
    late.press("Give the gift")
    late.expect_heading("Hand over the gift")
    late.press("Next")
    late.sync()
    restore(live, vault)
    known.sync()
    known.sync()
    office.sign_in(cast.managers["shop_manager"], PASSWORD)
    write_off_the_rest(office)
    assert live.database.read(generation.current).is_recovering
    known.scan_by_usb(qr_text(coupon))
    known.expect_heading("Not just now")
    known.press("Do not give")

    late.page.evaluate("dispatchEvent(new Event('online'))")
    late.expect_heading("Enrol this tablet anew")
    late.sync()  # which shows what was sealed
    page = office.open(RECOVERY)
    expect(page.get_by_role("row", name="Till 2")).to_be_visible()
    late.enrol(live.enrolment_link(cast.north, "Till 2 again"))
    late.page.evaluate("dispatchEvent(new Event('online'))")
    late.expect_text(re.compile(r"· \d with a manager"))

    admit_what_waits(office)
    page = office.open(RECOVERY)
    page.get_by_role("link", name="Nothing is missing").click()
    page.get_by_role("heading", name="Is nothing missing?").wait_for()
    press(page, "Nothing is missing")
    page.get_by_role("heading", name="All records are in").wait_for()

    assert live.standing(coupon.serial)
    for tablet in (known, late):
        tablet.sync()
        tablet.scan_by_usb(qr_text(coupon))
        tablet.expect_heading("Already given")
        tablet.press("Next")


def test_a_campaign_that_is_in_no_backup_comes_back_with_what_was_given_of_it(
    at_work: MakeTablet, live: LiveServer, shop: Shop, cast: Cast, office: Visit
) -> None:
    vault, tablet = vault_of(live.database, None), at_work("Till 1")
    vault.back_up()
    campaign = shop.new_campaign()
    coupon = shop.issue(campaign, home_store_id=cast.north)
    tablet.sync()
    live.network.down = True
    tablet.scan_by_usb(qr_text(coupon))
    tablet.press("Give the gift")
    tablet.expect_heading("Hand over the gift")
    tablet.press("Next")
    restore(live, vault)
    tablet.sync()
    assert live.standing(coupon.serial)

    office.sign_in(cast.managers["shop_manager"], PASSWORD)
    page = office.open(RECOVERY)
    follow(page.get_by_role("link", name="A gift"))
    press(page, "Confirm")
    page.get_by_text("Confirmed. Its gifts are owed from now on.").wait_for()
    assert live.database.read(lambda session: session.get_one(Campaign, campaign)).restored_at is None


def test_it_comes_back_with_a_tablet_that_is_enrolled_anew(
    at_work: MakeTablet, live: LiveServer, shop: Shop, cast: Cast, office: Visit
) -> None:
    vault = vault_of(live.database, None)
    vault.back_up()
    late, campaign = at_work("Till 2"), shop.new_campaign()
    coupon = shop.issue(campaign)
    late.sync()
    late.scan_by_usb(qr_text(coupon))
    late.press("Give the gift")
    late.expect_heading("Hand over the gift")
    late.press("Next")
    late.sync()
    restore(live, vault)
    late.page.evaluate("dispatchEvent(new Event('online'))")
    late.expect_heading("Enrol this tablet anew")
    late.enrol(live.enrolment_link(cast.north, "Till 2 again"))
    late.page.evaluate("dispatchEvent(new Event('online'))")
    late.expect_text(re.compile(r"· \d with a manager"))
    assert live.database.read(lambda session: session.get_one(Campaign, campaign)).restored_at
    office.sign_in(cast.managers["shop_manager"], PASSWORD)
    admit_what_waits(office)
    assert live.standing(coupon.serial)
