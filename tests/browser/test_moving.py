"""A manager moves a tablet: it goes by itself, locks, and judges by the rules of its new store."""

import pytest
from playwright.sync_api import expect
from sqlalchemy import select

from redeem.db.models.devices import Device
from redeem.db.models.managers import Manager
from redeem.devices import moves
from redeem.web.context import now_ms
from tests import factories
from tests.browser.conftest import MakeTablet, Shop, qr_text
from tests.browser.live import LiveServer
from tests.cast import SOUTH_PIN

pytestmark = pytest.mark.browser


def move(live: LiveServer, store_id: str) -> None:
    def work(session):
        device = session.scalars(select(Device.id).where(Device.name == "Till 1")).one()
        manager = session.scalars(select(Manager.id).where(Manager.role == "shop_manager")).one()
        moves.move_device(session, factories.person(session, manager), device, store_id, now_ms())

    live.database.write(work)


@pytest.mark.parametrize("language", ["en-GB", "ru-RU"])
def test_a_tablet_goes_to_another_store(at_work: MakeTablet, live: LiveServer, shop: Shop, language: str) -> None:
    live.revoke("North counter")
    on = at_work(language=language)
    on.expect_scanner()
    coupon = shop.issue(shop.new_campaign(), home_store_id=shop.cast.north)
    on.hear_the_bell(live, coupon)
    move(live, shop.cast.south)
    on.sync()
    on.expect_heading("Choose your name")
    expect(on.page.locator(".lock-place")).to_have_text("South, by the river · Till 1")
    on.shoot("60 moved")
    on.unlock("Boris", SOUTH_PIN)
    on.expect_scanner()
    on.expect_text("South, by the river")
    on.shoot("61 at the new store")
    on.scan_by_usb(qr_text(coupon))
    on.expect_heading("Not for this store")
