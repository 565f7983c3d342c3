"""Pages in a real browser, as people have them: a phone or a desk, light or dark, Russian or English. And an eye on what goes wrong."""

from dataclasses import dataclass, field
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from tests.browser.waiting import wait_for

SIZES = {"desk": (1024, 768), "phone": (390, 844), "narrow": (320, 640)}
# In which other sizes a page that was opened in one must fit as well: on a desk at 200 %, which is what 1280 pixels show then.
ALSO: dict[tuple[int, int], tuple[str, tuple[int, int]]] = {
    SIZES["desk"]: ("at 200 %", (640, 512)),
    SIZES["narrow"]: ("on a phone", SIZES["phone"]),
}
# axe leaves the size of touch targets out unless it is asked.
AXE = {"rules": {"target-size": {"enabled": True}}, "resultTypes": ["violations"]}
LOCALES = {"en": "en-GB", "ru": "ru-RU"}

STICKING_OUT = """() => [...document.querySelectorAll("body *")]
    .filter(each => each.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
    .map(each => `${each.tagName}.${each.className}: ${each.textContent.trim().slice(0, 40)}`).at(-1)"""


@dataclass
class Visit:
    """One open page; `complaints` is what its console said, `elsewhere` what it fetched from other hosts."""

    page: Page
    url: str
    complaints: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", lambda said: self.complaints.append(said.text) if said.type == "error" else None)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda asked: self._note(asked.url))

    def _note(self, address: str) -> None:
        if not address.startswith((self.url, "data:", "blob:")):
            self.elsewhere.append(address)

    def open(self, path: str) -> Page:
        self.page.goto(self.url + path)
        return self.page

    def sign_in(self, email: str, password: str) -> None:
        self.open("/manager/sign-in")
        self.page.fill("#email", email)
        self.page.fill("#password", password)
        self.page.keyboard.press("Enter")
        self.page.wait_for_url(f"{self.url}/manager/")
        self.page.wait_for_load_state()

    def sticks_out(self) -> bool:
        """Whether the page must be scrolled sideways."""
        return bool(self.page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))

    def _wide(self, at: str = "") -> list[str]:
        """Returns whether it must be, and the last element that is too wide."""
        return [f"must be scrolled sideways{at}: {self.page.evaluate(STICKING_OUT)}"] if self.sticks_out() else []

    def faults(self) -> list[str]:
        """What is wrong with the page, its tables opened, where it is open, and whether it fits in the other size as well.

        A page that is still coming has no styles yet.
        """
        self.page.wait_for_load_state()
        for twin in self.page.locator("details.twin").all():
            twin.evaluate("it => { it.open = true }")
        return [*self.barriers(), *self._wide(), *self._wide_elsewhere()]

    def _wide_elsewhere(self) -> list[str]:
        size = self.page.viewport_size
        if not size or (size["width"], size["height"]) not in ALSO:
            return []
        where, (width, height) = ALSO[size["width"], size["height"]]
        self.page.set_viewport_size({"width": width, "height": height})
        wait_for(self.page, f"innerWidth === {width}")
        found = self._wide(f" {where}")
        self.page.set_viewport_size(size)
        return found

    def barriers(self) -> list[str]:
        """Returns the barriers that axe finds for people who don't see or don't use a mouse."""
        found = violations(self.page, AXE)
        return [f"{each['id']}: {[node['target'] for node in each['nodes']][:3]}" for each in found]


def violations(page: Page, options: dict[str, Any]) -> list[dict[str, Any]]:
    """Returns what axe finds wrong. What it finds right is several times as much, and would take as long to fetch as to find."""
    page.evaluate(Axe().axe_script)
    found: list[dict[str, Any]] = page.evaluate(
        "options => axe.run(document, options).then(({ violations }) => violations)", options
    )
    return found


def visit(browser: Browser, url: str, size: str = "desk", language: str = "en", scheme: Any = "light") -> Visit:
    width, height = SIZES[size]
    context = browser.new_context(
        viewport={"width": width, "height": height},
        locale=LOCALES[language],
        color_scheme=scheme,
        reduced_motion="reduce",
    )
    return Visit(context.new_page(), url)
