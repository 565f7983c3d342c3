"""Headers on every answer: by audience, on errors and static files too."""

import pytest

from redeem.app import create_app
from redeem.web import problems

EVERYWHERE = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
PATHS = [
    *("/healthz", "/nowhere", "/v1/coupons", "/v1/nothing", "/v1/docs", "/v1/errors", "/v1/openapi.json"),
    *("/clerk/", "/clerk/nothing", "/static/css/design.css", "/static/nothing", "/.well-known/redeem-keys.json"),
]


@pytest.mark.parametrize("path", PATHS)
def test_each_answer_is_guarded(client, path):
    headers = client.get(path).headers
    assert {name: headers.get_all(name) for name in EVERYWHERE} == {name: [value] for name, value in EVERYWHERE.items()}
    (policy,) = headers.get_all("Content-Security-Policy")
    assert policy.startswith("default-src 'none'")
    assert "frame-ancestors 'none'" in policy
    assert "unsafe-inline" not in policy
    assert "unsafe-eval" not in policy.replace("'wasm-unsafe-eval'", "")
    assert "http:" not in policy
    assert headers["X-Request-Id"]


@pytest.mark.parametrize("path", PATHS)
def test_the_camera_and_webassembly_are_the_clerks_alone(client, path):
    headers = client.get(path).headers
    is_clerks = path.startswith("/clerk/")
    assert ("camera=(self)" in headers["Permissions-Policy"]) == is_clerks
    assert ("wasm-unsafe-eval" in headers["Content-Security-Policy"]) == is_clerks


@pytest.mark.parametrize(("path", "referrer"), [("/manager/sign-in", "same-origin"), ("/c/1", "no-referrer")])
def test_pages_for_people_are_guarded_and_not_kept(client, path, referrer):
    headers = client.get(path, headers={"Accept": "text/html"}).headers
    wanted = EVERYWHERE | {"Referrer-Policy": referrer, "Cache-Control": "no-store"}
    assert {name: headers.get_all(name) for name in wanted} == {name: [value] for name, value in wanted.items()}
    (policy,) = headers.get_all("Content-Security-Policy")
    assert "script-src 'self';" in policy
    assert "form-action 'self'; base-uri 'none'; frame-ancestors 'none'" in policy


def test_an_answer_that_no_view_gives_is_guarded_too():
    """The server gives it before the request is whole, so no middleware sees it."""
    status, headers, _ = problems.too_slow("https://gift.example")
    assert status == 503
    guards = EVERYWHERE | {
        "Cache-Control": "no-store",
        "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
        "Strict-Transport-Security": "max-age=63072000; includeSubDomains",
    }
    assert dict(headers).items() >= guards.items()


@pytest.mark.parametrize("path", [*PATHS, "/manager/sign-in", "/c/1"])
def test_no_other_site_may_read_an_answer(client, path):
    for method in ("GET", "OPTIONS"):
        asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
        answer = client.open(path, method=method, headers=asked)
        assert [name for name in answer.headers.keys() if name.startswith("Access-Control-")] == []  # noqa: SIM118  (pairs)


@pytest.mark.parametrize("path", PATHS)
def test_trace_is_refused(client, path):
    assert client.open(path, method="TRACE", headers={"Cookie": "secret"}).status_code in (404, 405)


@pytest.mark.parametrize(
    "path", ["/static/", "/static/css", "/static/css/", "/static/../redeem/config.py", "/.git/config"]
)
def test_no_folder_is_listed_and_no_other_file_is_served(client, path):
    assert client.get(path).status_code == 404


def test_answers_of_the_api_are_not_kept_by_caches(client, shop):
    assert shop.get("/coupons").headers["Cache-Control"] == "no-store"


def test_the_api_takes_no_cookie_and_sets_none(client, shop):
    client.set_cookie("session", "anything")
    assert "Set-Cookie" not in shop.get("/coupons").headers
    assert "Cookie" not in shop.get("/coupons").headers.get("Vary", "")


@pytest.mark.parametrize(("scheme", "is_sent"), [("https", True), ("http", False)])
def test_browsers_are_told_to_stay_with_https_where_there_is_https(settings, scheme, is_sent):
    app = create_app(settings.model_copy(update={"base_url": f"{scheme}://gifts.example"}))
    assert ("Strict-Transport-Security" in app.test_client().get("/healthz").headers) is is_sent


def test_another_host_is_not_answered(settings):
    app = create_app(settings.model_copy(update={"trusted_hosts": ("gifts.example",)}))
    assert app.test_client().get("/v1/coupons", headers={"Host": "evil.example"}).status_code == 400
    assert app.test_client().get("/healthz", headers={"Host": "gifts.example"}).status_code == 200
