"""The customer's page on a phone: it fits, it reads, its QR scans from the screen, and it talks to nobody else."""

from io import BytesIO

import pytest
import zxingcpp
from PIL import Image
from playwright.sync_api import expect

from tests import factories
from tests.browser.pages import visit
from tests.tills import till_of

pytestmark = pytest.mark.browser

OFFER = {
    "en": {
        "title": "A cappuccino with the milk of your choice",
        "description": "Any size.",
        "terms": "One an order.\n" * 12,
    },
    "ru": {
        "title": "Превысокомногорассмотрительствующий капучино",
        "description": "Любой размер, с любым молоком.",
        "terms": "Один подарок на заказ, не суммируется с другими акциями.\n" * 12,
    },
}


@pytest.fixture
def coupons(live, cast):
    """One of each state."""
    far = {"redeem": {"until": "2190-05-01"}}

    def issue(db, **changes):
        campaign = factories.campaign(db, "Gift", partners=[cast.north_partner], offer=OFFER, **changes)
        return factories.coupon(db, campaign.number)

    def all_states(db):
        made = {name: issue(db, windows=far) for name in ("ready", "given", "void")}
        made["early"] = issue(db, windows={"redeem": {"from": "2190-03-01"}})
        factories.void(db, made["void"])
        return made

    made = live.database.write(all_states)
    till_of(live.database, cast.north_till).redeem(made["given"])
    return made


@pytest.mark.parametrize(
    ("size", "scheme", "language"),
    [("phone", "light", "en"), ("phone", "dark", "ru"), ("narrow", "light", "ru"), ("desk", "dark", "en")],
)
def test_every_state_fits_and_stands_in_nobody_s_way(browser, live, coupons, size, scheme, language):
    phone = visit(browser, live.url, size, language, scheme)
    for name, coupon in coupons.items():
        phone.open(f"/c/{coupon.token}")
        assert not phone.sticks_out(), name
        assert phone.barriers() == [], name
    assert phone.complaints == []
    phone.open("/c/123")
    assert not phone.sticks_out()
    assert phone.barriers() == []
    assert phone.elsewhere == []
    assert phone.page.context.cookies() == []
    assert phone.page.evaluate("localStorage.length + sessionStorage.length") == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", ["phone", "narrow"])
def test_its_qr_scans_from_the_screen(browser, live, coupons, size, scheme):
    phone = visit(browser, live.url, size, scheme=scheme)
    phone.open(f"/c/{coupons['ready'].token}")
    screen = Image.open(BytesIO(phone.page.screenshot(full_page=True)))
    [symbol] = zxingcpp.read_barcodes(screen)
    assert symbol.text == f"{live.url}/c/{coupons['ready'].token}"
    box = phone.page.locator(".gift-qr img").bounding_box()
    assert box
    assert box["width"] >= 240  # 49 modules of five pixels: what a clerk's camera reads from a phone


def test_the_language_is_changed_in_sight(browser, live, coupons):
    page = visit(browser, live.url, "phone", "ru").open(f"/c/{coupons['ready'].token}")
    expect(page.get_by_role("heading", name="Превысокомногорассмотрительствующий капучино")).to_be_visible()
    page.get_by_role("link", name="English").click()
    expect(page.get_by_role("heading", name="A cappuccino with the milk of your choice")).to_be_visible()


def test_it_prints_with_its_qr(browser, live, coupons):
    phone = visit(browser, live.url, "phone")
    page = phone.open(f"/c/{coupons['ready'].token}")
    page.emulate_media(media="print")
    expect(page.locator(".gift-qr img")).to_be_visible()
    expect(page.locator(".languages")).to_be_hidden()
    assert not phone.sticks_out()


def test_the_secret_address_is_told_to_no_other_site(browser, live, cast):
    """The offer's picture is elsewhere; whoever serves it learns nothing of the coupon."""
    offer = {"en": {"title": "Cup", "picture": "https://pictures.invalid/cup.png"}}
    coupon = live.database.write(
        lambda db: factories.coupon(
            db, factories.campaign(db, "Gift", partners=[cast.north_partner], offer=offer).number
        )
    )
    phone = visit(browser, live.url, "phone")
    asked: list[dict[str, str]] = []

    def refuse(route):
        asked.append(route.request.all_headers())
        route.abort()

    phone.page.route("https://pictures.invalid/**", refuse)
    phone.open(f"/c/{coupon.token}")
    assert len(asked) == 1
    assert "referer" not in asked[0]
