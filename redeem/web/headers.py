"""Security headers on every answer, by audience: pages, JSON, errors and static files.

A WSGI middleware adds them to the list that the server gets, so an error inside Flask can't leave them out. It takes two
microseconds; Flask's header objects take fifty.
"""

from collections.abc import Callable, Iterable
from typing import Any, Protocol

from flask import Flask

from redeem.accounts.throttle import FORGET_MS, FREE_FAILURES
from redeem.config import Settings

Pairs = list[tuple[str, str]]


class Read(Protocol):
    """The headers of a request, whoever has read them. Names in any case."""

    def get(self, name: str, /) -> str | None: ...


# The tablet decodes pictures in WebAssembly and shows the camera. No other page may.
CLERK = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' blob: data:;"
    " media-src 'self' blob:; connect-src 'self'; worker-src 'self'; manifest-src 'self'; form-action 'self';"
    " base-uri 'none'; frame-ancestors 'none'"
)
# The interactive documentation has its icons as data: addresses.
DOCS = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
    " form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
PAGES = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
# An answer that is not a page may load nothing, even if a browser is made to show it as a page.
DATA = "default-src 'none'; frame-ancestors 'none'"
NO_SENSORS = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"
SCANNER = NO_SENSORS.replace("camera=()", "camera=(self)")
# How many wrong guesses are free, within how many seconds (draft-ietf-httpapi-ratelimit-headers). Nothing else has a limit of its own.
RATE_LIMIT_POLICY = ("RateLimit-Policy", f'"guesses";q={FREE_FAILURES};w={FORGET_MS // 1000}')
NOT_KEPT = ("Cache-Control", "no-store")  # an answer of the API may hold a token

ALWAYS = [
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
]
HSTS = ("Strict-Transport-Security", "max-age=63072000; includeSubDomains")


def attach(app: Flask, settings: Settings) -> None:
    app.wsgi_app = SecurityHeaders(app.wsgi_app, settings)  # type: ignore[method-assign]


class SecurityHeaders:
    """The middleware. It adds each header of the audience that the answer does not have itself."""

    def __init__(self, inner: Callable[..., Iterable[bytes]], settings: Settings) -> None:
        self._inner = inner
        always = everywhere(settings.base_url)
        self._audiences = [
            ("/v1/docs", with_policy(always, DOCS)),
            ("/v1/errors", with_policy(always, PAGES)),
            ("/v1/", [*with_policy(always, DATA), NOT_KEPT, RATE_LIMIT_POLICY]),
            ("/clerk/", clerk_headers(settings.base_url)),
            ("", with_policy(always, PAGES)),
        ]

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        wanted = self.headers_for(environ.get("PATH_INFO", ""))

        def start(status: str, headers: Pairs, *error: Any) -> Any:
            present = {name.lower() for name, _ in headers}
            return start_response(status, headers + [pair for pair in wanted if pair[0].lower() not in present], *error)

        return self._inner(environ, start)

    def headers_for(self, path: str) -> Pairs:
        return next(headers for start, headers in self._audiences if path.startswith(start))


def clerk_headers(base_url: str) -> Pairs:
    """Those of the tablet's page and of all that it loads."""
    return with_policy(everywhere(base_url), CLERK, SCANNER)


def everywhere(base_url: str) -> Pairs:
    return [*ALWAYS, HSTS] if base_url.startswith("https://") else ALWAYS


def with_policy(always: Pairs, policy: str, permissions: str = NO_SENSORS) -> Pairs:
    return [*always, ("Content-Security-Policy", policy), ("Permissions-Policy", permissions)]
