"""Waiting for what is on its way. Nothing here waits for a fixed time, and every wait ends.

Playwright's own `wait_for_function` needs `eval`, which the pages' policy forbids.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from playwright.sync_api import Locator, Page, expect

# What is on its way is waited for so long, on a busy machine too. Whoever promises a time measures it.
PATIENCE_MS = 15_000
LOOK_EVERY_MS = 20


def wait_for(page: Page, truth: str) -> None:
    """Until this expression is true on the page, or what it promises is."""
    came = page.evaluate(
        f"""() => new Promise((done, fail) => {{
            const end = performance.now() + {PATIENCE_MS}
            const look = async () => {{
                if (await ({truth})) return done(true)
                if (performance.now() > end) return done(false)
                setTimeout(() => look().catch(fail), {LOOK_EVERY_MS})
            }}
            look().catch(fail)
        }})"""
    )
    assert came, f"never true: {truth}"


def wait_until(page: Page, is_so: Callable[[], object]) -> None:
    """Waits until this is true, for example in the database or in what the page has reported. The page goes on meanwhile."""
    end = time.monotonic() + PATIENCE_MS / 1000
    while not is_so():
        assert time.monotonic() < end, "it never came to that"
        page.evaluate(f"() => new Promise(done => setTimeout(done, {LOOK_EVERY_MS}))")


def type_into(field: Locator, text: str) -> None:
    """Types into the field that has the focus, or is about to get it."""
    expect(field).to_be_focused()
    field.page.keyboard.type(text)
    expect(field).to_have_value(text)


def follow(leading: Locator) -> None:
    """Clicks what leads to another page, and waits until that one is there, its scripts too."""
    with leading.page.expect_navigation():
        leading.click()


def expect_focus(page: Page, words: str) -> None:
    """Waits until the element with this name has the focus."""
    expect(page.locator(":focus")).to_have_text(words)
