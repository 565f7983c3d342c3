"""Cookies, for pages only. The API authenticates by key and the tablet by signature: both ignore cookies."""

from flask import Flask, Request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface

from redeem.config import Settings

COOKIELESS = ("/v1/", "/clerk/")


def cookie_name(settings: Settings, name: str) -> str:
    """The cookie's name, with `__Host-` over HTTPS: then no other host and no plain connection can set it."""
    return f"__Host-{name}" if settings.secure_cookies else name


class PagesOnly(SecureCookieSessionInterface):
    """Flask's signed cookie session for pages. Under COOKIELESS the session is empty, whatever cookies the browser sends."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        if request.path.startswith(COOKIELESS):
            return self.make_null_session(app)
        return super().open_session(app, request)


def attach(app: Flask) -> None:
    app.session_interface = PagesOnly()
