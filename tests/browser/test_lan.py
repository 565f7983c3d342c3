"""A shop's own network: what `scripts/lan-certificate` makes is served, and a tablet that trusts the authority works over TLS."""

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Error, Playwright, expect

from redeem.ops import tls
from redeem.ops.tls import Pair
from tests.browser.conftest import Shop, qr_text
from tests.browser.lan import NAME, OTHER, SWITCHES, LanServer, done, trusting
from tests.browser.tablet import CAMERA, Tablet
from tests.browser.video import film
from tests.certificates import Files, lan_certificate, stolen
from tests.factories import Issued

pytestmark = pytest.mark.browser
FAKE, _ = CAMERA
MakeTablet = Callable[..., Tablet]


@pytest.fixture(scope="module")
def lan(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LanServer]:
    made = LanServer(tmp_path_factory.mktemp("lan"))
    yield made
    made.close()


@pytest.fixture
def lan_tablet(playwright: Playwright, lan: LanServer, tmp_path: Path) -> Iterator[MakeTablet]:
    """Makes tablets that trust the shop's authority, or with `home` whom that person trusts."""
    made: list[Tablet] = []

    def make(address: str = "/clerk/", home: Path | None = None, hardware: tuple[str, ...] = ()) -> Tablet:
        folder = tmp_path / f"tablet {len(made)}"
        home = home or trusting(folder / "home", lan.authority.certificate)
        on = Tablet(playwright, folder / "profile", lan.url, home=home, hardware=(*SWITCHES, *hardware))
        made.append(on)
        return on.open(address)

    yield make
    for each in made:
        each.close()
    assert [complaint for each in made for complaint in each.complaints] == []


def test_a_tablet_that_trusts_the_authority_gives_a_gift_and_opens_without_the_server(
    lan: LanServer, lan_tablet: MakeTablet, tmp_path: Path
) -> None:
    coupon = coupon_of(lan)
    shown = film(tmp_path / "one.mjpeg", qr_text(coupon))
    with lan.serving():
        on = lan_tablet(hardware=(FAKE, f"--use-file-for-fake-video-capture={shown}"))
        assert on.page.evaluate("isSecureContext && location.protocol") == "https:"
        on.context.grant_permissions(["camera"], origin=lan.url)
        on.enrol(lan.enrolment_link(lan.cast.north))
        on.expect_heading("Valid coupon")
        on.expect_text("Confirmed by the shop")
        assert not lan.standing(coupon.serial)
        on.press("Give the gift")
        on.expect_text(re.compile(r"Given \d\d:\d\d"))
        assert lan.standing(coupon.serial)
        on.press("Next")
        on.expect_text("Same coupon as before.")
        on.press("Show it again")
        on.expect_heading("Already given")
        on.wait_until_kept()
    on.page.reload()
    on.expect_heading("Already given")
    on.press("Next")
    on.expect_text("Offline since")
    assert on.page.evaluate("navigator.serviceWorker.controller.scriptURL") == f"{lan.url}/clerk/sw.js"


def coupon_of(lan: LanServer) -> Issued:
    shop = Shop(lan, lan.cast, 0)
    return shop.issue(shop.new_campaign())


def test_every_name_opens_for_who_trusts_the_authority_and_none_for_others(
    lan: LanServer, lan_tablet: MakeTablet, tmp_path: Path
) -> None:
    with lan.serving():
        on = lan_tablet(f"https://{NAME}:{lan.port}/clerk/")
        on.expect_heading("Enrol this tablet")
        assert on.page.evaluate("isSecureContext")
        for address in (f"https://{NAME}:{lan.port}/clerk/", lan.url):
            with pytest.raises(Error, match="ERR_CERT_AUTHORITY_INVALID"):
                lan_tablet(address, home=tmp_path / "nobody")


def test_whoever_steals_the_authority_deceives_no_tablet_about_another_site(
    lan: LanServer, lan_tablet: MakeTablet, tmp_path: Path
) -> None:
    with elsewhere(stolen(lan.authority, tmp_path, OTHER)) as port, pytest.raises(Error, match="ERR_CERT_INVALID"):
        lan_tablet(f"https://{OTHER}:{port}/")


def test_that_site_opens_if_the_authority_is_its_own(lan_tablet: MakeTablet, tmp_path: Path) -> None:
    """So it was for the authority's limits that the browser refused, and for nothing else."""
    done(lan_certificate(tmp_path, OTHER))
    home = trusting(tmp_path / "home", tmp_path / "tls" / "authority.crt")
    with elsewhere(Files(tmp_path / "tls" / "server.crt", tmp_path / "tls" / "server.key")) as port:
        on = lan_tablet(f"https://{OTHER}:{port}/", home=home)
        on.expect_text("Our site")


@contextmanager
def elsewhere(files: Files) -> Iterator[int]:
    """Some other site, with this certificate; yields its port."""
    site = ThreadingHTTPServer(("127.0.0.1", 0), OtherSite)
    site.socket = tls.server_context(Pair(files.certificate, files.key)).wrap_socket(site.socket, server_side=True)
    thread = threading.Thread(target=site.serve_forever)
    thread.start()
    try:
        yield site.server_port
    finally:
        site.shutdown()
        thread.join()
        site.server_close()


class OtherSite(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"Our site")

    def log_message(self, *said: object) -> None:
        pass


def test_without_tls_the_same_address_says_where_to_go(lan: LanServer, lan_tablet: MakeTablet) -> None:
    plain = lan.url.replace("https:", "http:")
    with lan.serving(secure=False):
        on = lan_tablet(f"{plain}/clerk/")
        on.expect_heading("The connection is not safe")
        expect(on.page.get_by_role("link", name="Open with https://")).to_have_attribute("href", f"{lan.url}/clerk/")
        # The browser says, once, that it ignores a header which means nothing there.
        assert [said for said in on.complaints if "Cross-Origin-Opener-Policy" not in said] == []
        on.complaints.clear()
