"""The desk in a real browser: a lost tablet, quarantine, conflicts and a recovery fit on a desk and on a phone, in both languages."""

from types import SimpleNamespace

import pytest

from redeem.db.models.devices import Device
from redeem.devices import forgotten
from redeem.holds import holds
from redeem.ledger import generation
from redeem.recovery import restore
from redeem.web.context import now_ms
from tests import factories
from tests.browser.pages import visit
from tests.browser.waiting import follow
from tests.cast import PASSWORD, SOUTH_TABLET_KEY, TABLET_KEY
from tests.tablets import Tablet
from tests.web import office_factories

pytestmark = pytest.mark.browser

SIZES = [("desk", "light", "en"), ("desk", "dark", "ru"), ("narrow", "light", "ru")]


@pytest.fixture
def trouble(live, cast):
    """Held coupons, two tablets that gave the same one, and the journal of a revoked tablet."""
    offline = {"policy": "at_risk", "coupons": 3, "value": 100_000, "hours": 24, "bearer": "partner"}

    def prepare(db):
        campaign = factories.campaign(db, "Autumn", partners=[cast.north_partner, cast.south_partner], offline=offline)
        for _ in range(12):
            factories.coupon(db, campaign.number, home_store_id=cast.north)
        device = db.get_one(Device, cast.tablet_id)
        holds.grant_promised(db, device, generation.current(db), now_ms(), 0)
        twice, once = (factories.coupon(db, campaign.number) for _ in range(2))
        entries = (
            {"kind": "unlock"},
            {"kind": "gave-at-risk", "coupon": once.token},
            {"kind": "undo", "of": 2, "reason": "mistake"},
            {"kind": "decline", "typed": once.short_code, "code": "wrong_store"},
        )
        return twice, office_factories.journal(db, cast.north, *entries)

    twice, journal_id = live.database.write(prepare)
    for device_id, key in ((cast.tablet_id, TABLET_KEY), (cast.south_tablet_id, SOUTH_TABLET_KEY)):
        Tablet(live.database, device_id, key).act("gave-at-risk", coupon=twice.token)
    return SimpleNamespace(journal=journal_id, tablet=cast.tablet_id, till=cast.north_till_id)


def enter(browser, live, cast, size="desk", scheme="light", language="en"):
    office = visit(browser, live.url, size=size, scheme=scheme, language=language)
    office.sign_in(cast.managers["shop_manager"], PASSWORD)
    return office


def look(office, *paths):
    for path in paths:
        office.open(path)
        assert office.faults() == [], path


def restore_without(db, cast):
    """A backup from before two tablets were enrolled, both of which have called."""
    restore.begin(db, now_ms())
    stores = (cast.north, "sto_" + "0" * 26)
    for number, (store, name) in enumerate(zip(stores, ("Window", "Достопримечательность " * 3), strict=True)):
        proof = forgotten.Proof(f"dev_01M7{number:022}", bytes([number]) * 32, store, name.strip())
        forgotten.note(db, proof, 12_345, now_ms())


@pytest.mark.parametrize(("size", "scheme", "language"), SIZES)
def test_every_page_of_the_desk_fits_and_stands_in_nobody_s_way(browser, live, cast, trouble, size, scheme, language):
    office = enter(browser, live, cast, size, scheme, language)
    lost = f"/manager/devices/{trouble.tablet}/lost"
    look(office, "/manager/devices", lost, "/manager/quarantine", f"/manager/quarantine/{trouble.journal}")
    look(office, "/manager/conflicts", "/manager/recovery", "/manager/recovery/end")
    look(office, f"/manager/devices/{trouble.tablet}/name", f"/manager/stores/{cast.north}/change")
    conflict = office.open("/manager/conflicts").locator("tbody a").first.get_attribute("href")
    look(office, conflict)
    live.database.write(lambda db: restore_without(db, cast))
    office.sign_in(cast.managers["shop_manager"], PASSWORD)
    look(office, "/manager/", "/manager/recovery", f"/manager/recovery/{trouble.till}", "/manager/recovery/end")
    look(office, "/manager/recovery/forgotten")
    assert office.complaints == []


def test_a_tablet_is_lost_a_conflict_decided_and_a_journal_admitted(browser, live, cast, trouble):
    office = enter(browser, live, cast)
    page = office.open(f"/manager/devices/{trouble.tablet}/lost")
    page.get_by_label("To confirm").fill("North counter")
    page.get_by_role("button", name="Write the tablet off").click()
    page.get_by_role("heading", name="“North counter” is written off").wait_for()
    look(office, f"/manager/devices/{trouble.tablet}/lost", "/manager/devices")
    follow(page.get_by_role("link", name="Double gifts"))
    follow(page.locator("tbody a").first)
    page.get_by_label("The shop", exact=False).first.check()
    follow(page.get_by_role("button", name="Decide"))
    page.get_by_text("The shop bears it").wait_for()
    look(office, page.url.removeprefix(live.url), "/manager/conflicts", "/manager/conflicts?show=all")
    follow(office.open(f"/manager/quarantine/{trouble.journal}").get_by_role("button", name="Admit all that wait"))
    page.get_by_text("4 entries were admitted.").wait_for()
    look(office, f"/manager/quarantine/{trouble.journal}", "/manager/quarantine", "/manager/audit")
    assert office.complaints == []
