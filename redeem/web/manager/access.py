"""Access to the office: who is signed in, whether they may see the page, and whether a form was sent from our own page.

Each page declares what it needs (`@office`). A page that declares nothing is not served. A manager without the permission that a
page needs gets 403.
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
from redeem.ledger import generation
from redeem.lib.errors import Forbidden, NotFound
from redeem.lib.times import MS_PER_MINUTE
from redeem.web import languages
from redeem.web.context import context, now_ms, read, write
from redeem.web.cookies import cookie_name

P = ParamSpec("P")

blueprint = Blueprint("manager", __name__, url_prefix="/manager")
csrf = CSRFProtect()

SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
COOKIE = "redeem_session"
MS_PER_HOUR = 60 * MS_PER_MINUTE


class Access(Enum):
    """What a page needs if it needs no permission."""

    ANYBODY = "anybody"
    SIGNED_IN = "signed_in"


Need = Permission | Access
NEEDS: dict[str, Need] = {}


class NotFromHere(Forbidden):
    """The form was sent from another site's page."""

    default_detail = "Open the page here again, and send the form from it."


def office(
    rule: str, needs: Need, *, methods: tuple[str, ...] = ("GET",)
) -> Callable[[Callable[P, ResponseReturnValue]], Callable[P, ResponseReturnValue]]:
    """Serves the function at /manager + `rule` to those who have what it `needs`."""

    def declare(view: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
        name = view.__name__
        NEEDS[f"{blueprint.name}.{name}"] = needs
        blueprint.add_url_rule(rule, name, view, methods=list(methods))
        return view

    return declare


def lifetimes() -> Lifetimes:
    settings = context().settings
    return Lifetimes(settings.session_idle_minutes * MS_PER_MINUTE, settings.session_hours * MS_PER_HOUR)


@blueprint.before_request
def check_access() -> ResponseReturnValue | None:
    """Runs before every page: answers with the sign-in page, or raises, if the request may not pass."""
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
    g.life = read(generation.current)
    return None


@blueprint.after_request
def seal(response: Response) -> Response:
    """Forbids browsers and proxies to keep pages. The referrer policy `same-origin` lets a form say where it was sent from."""
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers["X-Robots-Tag"] = "noindex"
    languages.keep_language(response, context().settings)
    return response


def find_session() -> SignedIn | None:
    """The session that the cookie names, None if there is none that is valid. Records once a minute that it is used."""
    secret = request.cookies.get(cookie_name(context().settings, COOKIE))
    if not secret:
        return None
    secret_hash, now = sessions.hash_secret(secret), now_ms()
    found = read(lambda session: sessions.find_session(session, secret_hash, lifetimes(), now))
    if found and sessions.is_stale(found, now):
        write(lambda session: sessions.note_seen(session, secret_hash, now))
    return found


def check_origin() -> None:
    """Raises NotFromHere if the browser says that another site sent the form. The form's token is checked besides."""
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if site not in (None, "same-origin"):
        raise NotFromHere
    if origin and site is None and urlsplit(origin).netloc not in own_hosts():
        raise NotFromHere


def own_hosts() -> set[str]:
    return {request.host, urlsplit(context().settings.base_url).netloc}


def wanted_page() -> str | None:
    """The address to open after sign-in: the page that was asked for by GET, else None."""
    return request.full_path.rstrip("?") if request.method == "GET" else None


def maybe_signed_in() -> SignedIn | None:
    found: SignedIn | None = g.get("signed_in")
    return found


def signed_in() -> SignedIn:
    """The session of this request. Raises Forbidden if nobody is signed in."""
    found = maybe_signed_in()
    if found is None:
        raise Forbidden
    return found


def person() -> Person:
    """The manager who is signed in. Raises Forbidden if nobody is."""
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
    """Redirects to a page by GET, after a change: reloading it does not repeat the change."""
    return make_response(redirect(url_for(endpoint, **values), 303))
