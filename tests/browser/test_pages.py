"""Would the eye on pages notice? Each of its looks is tried on a page that has the fault."""

import pytest

from tests.browser.pages import visit

pytestmark = pytest.mark.browser

FAULTY = """<!doctype html><html lang="en"><title>A page</title><main><h1>A page</h1>
<img src="data:image/gif;base64,R0lGODlhAQABAAAAACw=">
<p style="color: #999; background: #fff">Too pale to read</p>
<a href="#a" style="font-size: 10px">a</a><a href="#b" style="font-size: 10px">b</a><div style="width: 3000px">wide</div></main>"""


def test_barriers_are_found(browser):
    eye = visit(browser, "http://127.0.0.1", "phone")
    eye.page.set_content(FAULTY)
    found = {each.partition(":")[0] for each in eye.barriers()}
    assert {"image-alt", "color-contrast", "target-size"} <= found
    assert eye.sticks_out()


def test_complaints_and_visits_elsewhere_are_noted(browser):
    eye = visit(browser, "http://127.0.0.1", "phone")
    eye.page.route("http://elsewhere.invalid/**", lambda route: route.abort())
    eye.page.set_content('<img src="http://elsewhere.invalid/a.png">')
    eye.page.evaluate("console.error('broken')")
    assert eye.elsewhere == ["http://elsewhere.invalid/a.png"]
    assert "broken" in eye.complaints
