"""Cookies, for pages only: the API and the tablet know their callers by key and by signature, and read no cookie."""

from flask import Flask, Request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface

COOKIELESS = ("/v1/", "/clerk/")


class PagesOnly(SecureCookieSessionInterface):
    """Flask's signed cookie session, except where there is none: nothing a browser sends along can act there."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        if request.path.startswith(COOKIELESS):
            return self.make_null_session(app)
        return super().open_session(app, request)


def attach(app: Flask) -> None:
    app.session_interface = PagesOnly()
