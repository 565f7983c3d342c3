"""A manager at a browser, as far as Flask's client is one: keeps cookies, opens pages, sends the forms that it was shown."""

import re
from dataclasses import dataclass
from html import unescape
from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from tests.cast import PASSWORD

TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')
SIGN_IN = "/manager/sign-in"


@dataclass
class Office:
    """`role` is whom it is signed in as, None before that."""

    app: Flask
    role: str | None = None
    source: str = "198.51.100.7"

    def __post_init__(self) -> None:
        self.client = self.app.test_client()

    def open(self, path: str, **said: Any) -> TestResponse:
        return self.client.get(path, environ_base={"REMOTE_ADDR": self.source}, **said)

    def token(self) -> str:
        """The form token of this browser, from a page that anybody may open."""
        found = TOKEN.search(self.open(SIGN_IN).text)
        assert found
        return unescape(found[1])

    def send(self, path: str, form: dict[str, Any] | None = None, **said: Any) -> TestResponse:
        """Sends a form with its token, as the page of this path would."""
        data = {"csrf_token": self.token(), **(form or {})}
        return self.client.post(path, data=data, environ_base={"REMOTE_ADDR": self.source}, **said)

    def sign_in(self, email: str, password: str = PASSWORD, **form: Any) -> TestResponse:
        return self.send(SIGN_IN, {"email": email, "password": password, **form})

    def cookie(self, name: str = "redeem_session") -> str | None:
        found = self.client.get_cookie(name)
        return found.value if found else None


def opened(app: Flask, managers: dict[str, str], role: str) -> Office:
    """An office signed in as this one of the cast."""
    office = Office(app, role)
    assert office.sign_in(managers[role]).status_code == 303
    return office
