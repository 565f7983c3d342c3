"""Kills a browser in the middle of work again and again. What its screen has said must be there when it is opened again."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import expect

from tests.browser.conftest import MakeTablet, Shop, qr_text
from tests.browser.live import LiveServer
from tests.browser.tablet import Tablet
from tests.browser.waiting import wait_until

BEGUN = ("ask", "gave-held", "gave-at-risk")  # the kinds of entries that begin an attempt
BUSY_CLERK = (Path(__file__).parent / "busy_clerk.js").read_text()
COUPONS_A_ROUND = 40
TOLD_MAX = 16
PAUSE_MS_MAX = 60
WORK_SECONDS_MAX = 8
READ_JOURNALS = """async () => {
    const { readRecords } = await import("/clerk/static/clerk/storage/records.js");
    const found = {};
    for await (const [name, file] of (await navigator.storage.getDirectory()).entries()) {
        if (!/^journal(-retired-\\d+)?\\.redeem$/.test(name)) continue;
        const { texts } = readRecords(new Uint8Array(await (await file.getFile()).arrayBuffer()));
        found[name] = texts.slice(1).map(text => JSON.parse(JSON.parse(text).text));
    }
    return found;
}"""
# The entry that a word on the screen promises.
PROMISED = {"given": ("gave", "gave-held"), "undone": ("undo",), "refused": ("refusal",)}

Journal = list[dict[str, Any]]
Said = tuple[str, str, str]  # "pressed" or "shown", which act, the QR's text


@dataclass
class Rounds:
    """Works, kills, opens again and compares. `lost` holds what the screen had shown and was not there any more."""

    on: Tablet
    live: LiveServer
    shop: Shop
    seed: int
    said: list[Said] = field(default_factory=list)
    lost: list[Said] = field(default_factory=list)
    kills: int = 0
    in_the_middle: int = 0
    forgotten: int = 0

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)

    def go(self, *, forget_indexeddb: bool) -> None:
        """One round: work, kill, open again, compare. If nothing is lost, the clerk answers what is asked."""
        self.work()
        kill(self.on)
        self.kills += 1
        self.in_the_middle += bool(self.said) and self.said[-1][0] == "pressed"
        if forget_indexeddb:
            shutil.rmtree(self.on.profile / "Default" / "IndexedDB")
        self.on.open()
        self.compare()

    def work(self) -> None:
        """Lets the busy clerk work at a pile of coupons, half of them held by this tablet, until a random moment.

        It is so long after so many words, and not so long after the beginning: a slow machine gets as much work done. A clerk who
        says nothing for long stands before a question that they do not know, such as "Not confirmed" where the server is slow.
        """
        homes = (self.shop.cast.north, None)
        links = [qr_text(self.shop.issue(home_store_id=homes[at % 2])) for at in range(COUPONS_A_ROUND)]
        self.on.page.expose_function("tell", lambda *said: self.said.append(said))
        self.on.page.evaluate("dispatchEvent(new Event('online'))")  # it hears of its new holds
        self.on.page.evaluate(f"order => ({BUSY_CLERK.strip().removesuffix(';')})(order)", self.order(links))
        told, pause = len(self.said) + self.chance.randint(2, TOLD_MAX), self.chance.uniform(0, PAUSE_MS_MAX)
        end = time.monotonic() + WORK_SECONDS_MAX
        wait_until(self.on.page, lambda: len(self.said) >= told or time.monotonic() > end)
        self.on.page.evaluate(f"() => new Promise(done => setTimeout(done, {pause}))")

    def order(self, links: list[str]) -> dict[str, Any]:
        return {"seed": self.chance.randrange(2**31), "links": links}

    def compare(self) -> None:
        opened = ".verdict h1, .screen h1:not(:text-is('Redeem')), .scanner:not([inert])"
        self.on.page.locator(opened).first.wait_for()
        journals: dict[str, Journal] = self.on.page.evaluate(READ_JOURNALS)
        for entries in journals.values():
            assert [entry["n"] for entry in entries] == list(range(1, len(entries) + 1))
        self.lost = [said for said in self.said if not is_kept(said, journals.values())]
        if not self.lost:
            self.go_on(journals["journal.redeem"])

    def go_on(self, journal: Journal) -> None:
        """Answers what the screen asks, or enrols the tablet anew. Then the tablet is unlocked."""
        heading = self.on.page.locator(".verdict h1, .screen h1")
        kinds: Collection[str] = BEGUN
        if heading.count() and heading.inner_text() == "Enrol this tablet anew":
            self.enrol_anew()
            kinds = ("ask",)  # of its former journal the tablet asks only about what the server may wait for
        if is_open(journal, kinds):
            self.on.expect_heading("Unfinished")
            self.on.press(self.chance.choice(["Yes, handed over", "No, not handed over"]))
        self.on.expect_scanner()

    def enrol_anew(self) -> None:
        """Enrols a tablet whose IndexedDB was empty. The device that it was before gets no more coupons."""
        self.forgotten += 1
        self.live.revoke(self.name(self.forgotten - 1))
        self.on.enrol(self.live.enrolment_link(self.shop.cast.north, self.name(self.forgotten)))

    @staticmethod
    def name(forgotten: int) -> str:
        return f"Till {forgotten + 1}"


def rounds(at_work: MakeTablet, live: LiveServer, shop: Shop, seed: int, **said: Any) -> Rounds:
    """A tablet at work, ready to be killed. The cast's own tablet, which nobody switches on, gets no share of the holds."""
    live.revoke("North counter")
    on = at_work(Rounds.name(0), **said)
    on.expect_scanner()
    on.wait_until_kept()
    return Rounds(on, live, shop, seed)


def kill(on: Tablet) -> None:
    """SIGKILL for the browser and every process of it, at once: nothing is tidied up."""
    with on.context.expect_event("close"):
        for pid in processes(on.profile):
            with suppress(ProcessLookupError):  # a child that has noticed that the browser is gone
                os.kill(pid, signal.SIGKILL)


def processes(profile: Path) -> Iterator[int]:
    """The browser with this profile, before its children."""
    listed = subprocess.run(["ps", "-axwwo", "pid=,args="], check=True, capture_output=True, text=True).stdout
    lines = [line.split(maxsplit=1) for line in listed.splitlines() if f"--user-data-dir={profile}" in line]
    found = sorted(lines, key=lambda line: "--type=" in line[1])
    assert found, "the browser is not there"
    return (int(pid) for pid, _ in found)


def is_kept(said: Said, journals: Any) -> bool:
    """Whether one of the journals has what the screen has shown."""
    kind, act, link = said
    if kind == "pressed":
        return True
    return any(entry["kind"] in PROMISED[act] and link.endswith(about(entry, of)) for of in journals for entry in of)


def about(entry: dict[str, Any], journal: Journal) -> str:
    """The coupon's digits."""
    return str(entry.get("coupon") or journal[entry["of"] - 1]["coupon"])


def is_open(journal: Journal, kinds: Collection[str] = BEGUN) -> bool:
    """Whether an attempt of these kinds is unfinished."""
    ends = {entry["of"] for entry in journal if entry["kind"] in ("drop", "done", "undo")}
    begun = {entry["n"] for entry in journal if entry["kind"] in kinds}
    return bool(begun - ends)


def given(journals: Any) -> Counter[str]:
    """How often each coupon was given and not undone, by its digits."""
    found: Counter[str] = Counter()
    for journal in journals:
        undone = {entry["of"] for entry in journal if entry["kind"] == "undo"}
        for entry in journal:
            begun = entry["of"] if entry["kind"] == "gave" else entry["n"]
            if entry["kind"] in ("gave", "gave-held") and begun not in undone:
                found[about(entry, journal)] += 1
    return found


def everything_told(on: Tablet) -> dict[str, Journal]:
    """Returns the journals, once the server has all of them."""
    on.page.evaluate("dispatchEvent(new Event('online'))")
    expect(on.page.locator(".sync-line")).to_contain_text(" · 0 waiting", timeout=15_000)
    found: dict[str, Journal] = on.page.evaluate(READ_JOURNALS)
    return found
