"""Fixtures of the browser tests.

browser  Chromium for pages, running already; what a test opens in it is closed at its end
live     a server on a port of its own over the cast's database (see live.py)
shop     what was issued for the test: good coupons, and each way of not being good
tablet   makes tablets: tablet("Till 1", camera=film(...)); at the end none of them may have complained
at_work  makes them enrolled at the north store, with Anna at the scanner
back_at_work  makes one, in a moment: a copy of a tablet that was at work a while ago; for tests that are not about how it came there
"""

import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from nacl.signing import SigningKey
from playwright.sync_api import Browser, Playwright, expect

from redeem.config import load_settings
from redeem.web.context import now_ms
from tests import chromium, factories
from tests.browser.live import Backstage, LiveServer, forged
from tests.browser.tablet import Tablet
from tests.browser.waiting import PATIENCE_MS
from tests.cast import Cast
from tests.databases import Stage, copy_sqlite
from tests.factories import MOSCOW, SECRET, Issued
from tests.ports import kept_port

MakeTablet = Callable[..., Tablet]
DAY_MS = 86_400_000
LINK_PREFIX = "https://gift.example/c/"
OFFER = {
    "en": {
        "title": "A free cappuccino",
        "description": "Any size up to 300 ml, with the milk of your choice.",
        "terms": "One for each order. No receipt needed.\nNot together with other offers.",
    },
    "ru": {
        "title": "Капучино в подарок",
        "description": "Любой размер до 300 мл, молоко на выбор.",
        "terms": "Один на заказ. Чек не нужен.\nНе суммируется с другими акциями.",
    },
}


@dataclass(frozen=True)
class Shop:
    """The coupons of a test. `links` are what their QRs hold."""

    live: Backstage
    cast: Cast
    campaign: int

    def issue(self, campaign: int | None = None, days_ago: int = 0, **said: Any) -> Issued:
        at = now_ms() - days_ago * DAY_MS
        return self.live.database.write(
            lambda session: factories.coupon(session, campaign or self.campaign, at, **said)
        )

    def void(self) -> Issued:
        issued = self.issue()
        self.live.database.write(lambda session: factories.void(session, issued, now=now_ms()))
        return issued

    def expired(self) -> Issued:
        return self.issue(self.new_campaign(windows={"valid_days": 2}), days_ago=10)

    def not_yet(self) -> Issued:
        return self.issue(self.new_campaign(windows={"redeem": {"from": factories.day(12, now_ms())}}))

    def other_store(self) -> Issued:
        return self.issue(self.new_campaign(partners=[self.cast.south_partner]))

    def forged(self) -> Issued:
        return forgery_of(self.issue())

    def new_campaign(self, **changes: Any) -> int:
        said = {"offer": OFFER, "partners": [self.cast.north_partner]} | changes
        return self.live.database.write(lambda session: factories.campaign(session, "A gift", **said).number)


def forgery_of(real: Issued) -> Issued:
    token = forged(real.token, SigningKey(b"somebody else's key, not ours 03"))
    return Issued(real.serial, real.id, token, real.short_code)


def qr_text(issued: Issued) -> str:
    return LINK_PREFIX + issued.token


TILL = "Till 1"
EARLIER_SECONDS_MAX = 8 * 60  # IDLE_MS in static/clerk/counter is 15 min, and a test takes its time
OTHER_NAME = "tills.example"  # under which the server is reached without TLS, as no browser trusts it


@pytest.fixture(scope="session", autouse=True)
def patience() -> None:
    """What is on its way is waited for, on a busy machine too. Whoever promises a time measures it."""
    expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="session")
def running(playwright: Playwright) -> Iterator[Browser]:
    started = playwright.chromium.launch(executable_path=chromium.executable(), args=chromium.arguments())
    yield started
    started.close()


@pytest.fixture
def browser(running: Browser) -> Iterator[Browser]:
    yield running
    for context in running.contexts:
        context.close()


def served(stage: Stage, folder: Path, port: int = 0) -> LiveServer:
    """A server over this database; port 0: at a free one."""

    def settings(url: str) -> Any:
        return load_settings(
            secret_keys=SECRET,
            database_url=stage.url,
            base_url=url,
            trusted_hosts=(OTHER_NAME,),
            instance_path=folder,
            secure_cookies=False,
            time_zone=MOSCOW,
            log_level="ERROR",
        )

    return LiveServer(settings, port)


@dataclass
class Earlier:
    """A tablet that was at work a while ago, and the database of then. Its pages belong to the server's address, so that stays."""

    playwright: Playwright
    original: tuple[Path, Cast]
    folder: Path
    port: int = field(default_factory=kept_port)
    made_at: float | None = None

    @property
    def profile(self) -> Path:
        return self.folder / "profile"

    @property
    def database(self) -> Path:
        return self.folder / "redeem.sqlite"

    def refresh(self) -> None:
        """Makes both, unless they are there and so young that the tablet has not locked itself."""
        if self.made_at is None or time.monotonic() - self.made_at > EARLIER_SECONDS_MAX:
            shutil.rmtree(self.folder)
            self.folder.mkdir()
            self._make()
            self.made_at = time.monotonic()

    def _make(self) -> None:
        database, cast = self.original
        server = served(copy_sqlite(database, cast, self.folder), self.folder, self.port)
        on = Tablet(self.playwright, self.profile, server.url).open(server.enrolment_link(cast.north, TILL))
        on.unlock()
        on.expect_scanner()
        on.wait_until_kept()
        on.sync()
        on.close()
        server.stop()
        assert on.complaints == []


@pytest.fixture(scope="session")
def earlier(
    playwright: Playwright, sqlite_original: tuple[Path, Cast], tmp_path_factory: pytest.TempPathFactory
) -> Earlier:
    return Earlier(playwright, sqlite_original, tmp_path_factory.mktemp("earlier"))


@pytest.fixture
def known(request: pytest.FixtureRequest) -> Earlier | None:
    """What the test goes on from, if it uses `back_at_work`."""
    if "back_at_work" not in request.fixturenames:
        return None
    found: Earlier = request.getfixturevalue("earlier")
    found.refresh()
    return found


@pytest.fixture
def stage(known: Earlier | None, sqlite_original: tuple[Path, Cast], tmp_path: Path) -> Stage:
    original, cast = sqlite_original
    return copy_sqlite(known.database if known else original, cast, tmp_path)


@pytest.fixture
def live(stage: Stage, known: Earlier | None, tmp_path: Path) -> Iterator[LiveServer]:
    server = served(stage, tmp_path, known.port if known else 0)
    yield server
    server.stop()


@pytest.fixture
def shop(live: LiveServer, cast: Cast) -> Shop:
    without_campaign = Shop(live, cast, 0)
    return Shop(live, cast, without_campaign.new_campaign())


@pytest.fixture
def tablet(playwright: Playwright, live: LiveServer, tmp_path: Path) -> Iterator[MakeTablet]:
    made: list[Tablet] = []

    def make(name: str = TILL, address: str = "/clerk/", **said: Any) -> Tablet:
        opened = Tablet(playwright, tmp_path / f"profile {name}", live.url, **said).open(address)
        made.append(opened)
        return opened

    yield make
    for each in made:
        each.close()
    assert [complaint for each in made for complaint in each.complaints] == []


@pytest.fixture
def at_work(tablet: MakeTablet, live: LiveServer, cast: Cast) -> MakeTablet:
    """An enrolled tablet of the north store with Anna at the scanner. The link is the first thing that it opens."""

    def make(name: str = TILL, **said: object) -> Tablet:
        on = tablet(name, live.enrolment_link(cast.north, name), **said)
        on.unlock()
        return on

    return make


@pytest.fixture
def back_at_work(tablet: MakeTablet, earlier: Earlier, tmp_path: Path) -> MakeTablet:
    """A copy of the tablet that was at work earlier, opened again: it has its key, its journal, its pages and its clerk. It has heard of
    what came since, such as the test's campaign.
    """

    def make(**said: object) -> Tablet:
        shutil.copytree(earlier.profile, tmp_path / f"profile {TILL}", symlinks=True)
        on = tablet(TILL, **said)
        expect(on.page.locator(".screen")).to_have_count(0)
        on.sync()
        return on

    return make
