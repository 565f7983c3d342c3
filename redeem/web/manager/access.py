"""The office's door: who is asking, may they, and does the request come from our own page.

Every page says what it needs where it is declared (`office`). One that says nothing is not served, and one that needs a
permission is not there for whoever lacks it but as a refusal.
"""

from collections.abc import Callable
from enum import Enum
from typing import Any, ParamSpec
from urllib.parse import urlsplit

from flask import Blueprint, Response, g, make_response, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFProtect

from redeem.accounts import sessions
from redeem.accounts.roles import Permission, Person
from redeem.accounts.sessions import Lifetimes, SignedIn
from redeem.config import Settings
from redeem.ledger import generation
from redeem.lib.errors import Forbidden, NotFound
from redeem.lib.times import MS_PER_MINUTE
from redeem.web import languages
from redeem.web.context import context, now_ms, read, write

P = ParamSpec("P")

blueprint = Blueprint("manager", __name__, url_prefix="/manager")
csrf = CSRFProtect()

SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
COOKIE = "redeem_session"
MS_PER_HOUR = 60 * MS_PER_MINUTE


class Access(Enum):
    """What a page needs that is no permission."""

    ANYBODY = "anybody"
    SIGNED_IN = "signed_in"


Need = Permission | Access
NEEDS: dict[str, Need] = {}


class NotFromHere(Forbidden):
    """The form was sent by another site's page."""

    default_detail = "Open the page again, here, and send it from there."


def office(
    rule: str, needs: Need, *, methods: tuple[str, ...] = ("GET",)
) -> Callable[[Callable[P, ResponseReturnValue]], Callable[P, ResponseReturnValue]]:
    """Serves the function at /manager + rule, to whom `needs` lets in."""

    def declare(view: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
        name = view.__name__
        NEEDS[f"{blueprint.name}.{name}"] = needs
        blueprint.add_url_rule(rule, name, view, methods=list(methods))
        return view

    return declare


def cookie_name(settings: Settings, name: str = COOKIE) -> str:
    """`__Host-`: no other host and no plain connection can set it. Browsers take that name over HTTPS alone."""
    return f"__Host-{name}" if settings.secure_cookies else name


def lifetimes() -> Lifetimes:
    settings = context().settings
    return Lifetimes(settings.session_idle_minutes * MS_PER_MINUTE, settings.session_hours * MS_PER_HOUR)


@blueprint.before_request
def let_in() -> ResponseReturnValue | None:
    need = NEEDS.get(request.endpoint or "")
    if need is None:
        raise NotFound
    if request.method not in SAFE_METHODS:
        check_origin()
        csrf.protect()
    g.signed_in = find_session()
    if need is Access.ANYBODY:
        return None
    if g.signed_in is None:
        return redirect(url_for("manager.sign_in", next=wanted_page()), 303)
    if isinstance(need, Permission) and not g.signed_in.person.may(need):
        raise Forbidden
    g.recovering_since = read(generation.current).recovering_since
    return None


@blueprint.after_request
def seal(response: Response) -> Response:
    """Nothing of the office is kept by a browser or a proxy. `same-origin` lets a form say where it comes from."""
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers["X-Robots-Tag"] = "noindex"
    languages.keep_language(response, context().settings)
    return response


def find_session() -> SignedIn | None:
    secret = request.cookies.get(cookie_name(context().settings))
    if not secret:
        return None
    secret_hash, now = sessions.hash_secret(secret), now_ms()
    found = read(lambda session: sessions.find_session(session, secret_hash, lifetimes(), now))
    if found and sessions.is_stale(found, now):
        write(lambda session: sessions.note_seen(session, secret_hash, now))
    return found


def check_origin() -> None:
    """A browser says where a form comes from; if it is not here, it is not sent. Beside the form's token, not instead."""
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if site not in (None, "same-origin"):
        raise NotFromHere
    if origin and site is None and urlsplit(origin).netloc not in own_hosts():
        raise NotFromHere


def own_hosts() -> set[str]:
    return {request.host, urlsplit(context().settings.base_url).netloc}


def wanted_page() -> str | None:
    """Where to go after signing in: the page that was asked for, if it was only to be read."""
    return request.full_path.rstrip("?") if request.method == "GET" else None


def maybe_signed_in() -> SignedIn | None:
    found: SignedIn | None = g.get("signed_in")
    return found


def signed_in() -> SignedIn:
    """The session of this request. Raises Forbidden where there is none."""
    found = maybe_signed_in()
    if found is None:
        raise Forbidden
    return found


def person() -> Person:
    return signed_in().person


def set_cookie(response: Response, name: str, value: str, seconds: int) -> None:
    settings = context().settings
    response.set_cookie(
        cookie_name(settings, name),
        value,
        max_age=seconds,
        path="/",
        secure=settings.secure_cookies,
        httponly=True,
        samesite="Lax",
    )


def forget_cookie(response: Response, name: str = COOKIE) -> None:
    settings = context().settings
    response.delete_cookie(
        cookie_name(settings, name), path="/", secure=settings.secure_cookies, httponly=True, samesite="Lax"
    )


def see_other(endpoint: str, **values: Any) -> Response:
    """After a change: look at the result, by GET."""
    return make_response(redirect(url_for(endpoint, **values), 303))
