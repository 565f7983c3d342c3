"""Sign-in and sign-out, and the list of a manager's own sessions."""

import re
import secrets
from typing import Annotated

from flask import Response, flash, make_response, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext
from pydantic import StringConstraints

from redeem.accounts import roles
from redeem.accounts import sessions as account_sessions
from redeem.accounts.sessions import KnownBrowser, WrongPassword
from redeem.lib.errors import BadLink, NotFound, TooMany
from redeem.lib.links import Purpose
from redeem.lib.passwords import Crowded
from redeem.web.context import context, now_ms, read, write
from redeem.web.cookies import cookie_name
from redeem.web.manager.access import (
    COOKIE,
    Access,
    forget_cookie,
    lifetimes,
    maybe_signed_in,
    office,
    see_other,
    set_cookie,
    signed_in,
)
from redeem.web.manager.forms import BadForm, Form, read_form

KNOWN_BROWSER_COOKIE = "redeem_browser"
KNOWN_BROWSER_SECONDS = 180 * 24 * 3600
SECONDS_PER_HOUR = 3600
# The address of a page of the office, and no text that a browser reads as another host.
_OWN_PAGE = re.compile(r"/manager/[A-Za-z0-9_\-/]*(\?[A-Za-z0-9_\-.=&%+]*)?")


class SignInForm(Form):
    email: Annotated[str, StringConstraints(max_length=300)]
    password: Annotated[str, StringConstraints(max_length=1000)]


@office("/sign-in", Access.ANYBODY)
def sign_in() -> ResponseReturnValue:
    return sign_in_page()


@office("/sign-in", Access.ANYBODY, methods=("POST",))
def enter() -> ResponseReturnValue:
    """Takes the sign-in form."""
    try:
        form = read_form(SignInForm)
        secret, manager_id = sign_manager_in(form)
    except BadForm:
        return sign_in_page(fault=_(WrongPassword.default_detail)), 422
    except WrongPassword as wrong:
        return sign_in_page(fault=_(wrong.detail), email=form.email), 401
    except TooMany as early:
        return wait_page(early, form.email)
    end_earlier_session()
    response = make_response(redirect(next_page(), 303))
    # A form token that somebody planted before the sign-in is invalid after it.
    session.clear()
    set_cookie(response, COOKIE, secret, context().settings.session_hours * SECONDS_PER_HOUR)
    remember_browser(response, manager_id)
    return response


def sign_manager_in(form: SignInForm) -> tuple[str, str]:
    """(the new session's secret, the manager's id). argon2 runs between two short transactions. Raises WrongPassword, TooMany, Crowded."""
    now, source, known = now_ms(), request.remote_addr or "", known_browser()
    attempt = write(lambda db: account_sessions.begin(db, form.email, source, known, now))
    try:
        right = account_sessions.check(attempt, form.password)
        rehashed = account_sessions.rehash(attempt, form.password) if right else None
    except Crowded:
        write(lambda db: account_sessions.give_back(db, attempt))
        raise
    if not right:
        write(lambda db: account_sessions.note_failure(db, attempt, now))
    agent = request.user_agent.string
    secret = write(
        lambda db: account_sessions.finish(db, attempt, right=right, rehashed=rehashed, user_agent=agent, now=now)
    )
    return secret, attempt.manager.id if attempt.manager else ""


def end_earlier_session() -> None:
    """Whoever signs in again in the same browser has one session there, not two."""
    earlier, now = maybe_signed_in(), now_ms()
    if earlier:
        write(lambda db: account_sessions.end_session(db, earlier.person.id, earlier.secret_hash, now))


def sign_in_page(fault: str | None = None, email: str = "") -> str:
    first = not read(roles.has_managers)
    return render_template("manager/sign_in.html", fault=fault, email=email, next=next_page(), nobody_yet=first)


def wait_page(early: TooMany, email: str) -> ResponseReturnValue:
    minutes = -(-early.retry_after_seconds // 60)
    fault = ngettext(
        "Too many tries. Try again in %(num)s minute.", "Too many tries. Try again in %(num)s minutes.", minutes
    )
    return sign_in_page(fault, email), 429, {"Retry-After": str(early.retry_after_seconds)}


def next_page() -> str:
    """The address to open after sign-in: `next` if it is a page of the office, else the overview."""
    wanted = request.values.get("next", "")
    return wanted if _OWN_PAGE.fullmatch(wanted) and "//" not in wanted else url_for("manager.overview")


def known_browser() -> KnownBrowser | None:
    text = request.cookies.get(cookie_name(context().settings, KNOWN_BROWSER_COOKIE))
    try:
        opened = context().links.open(Purpose.KNOWN_BROWSER, text or "", KNOWN_BROWSER_SECONDS)
    except BadLink:
        return None
    return KnownBrowser(opened["manager"], opened["browser"])


def remember_browser(response: Response, manager_id: str) -> None:
    """Sets a cookie that gives no access: the wrong passwords of a browser that signed in before are counted apart from others'."""
    sealed = context().links.seal(Purpose.KNOWN_BROWSER, {"manager": manager_id, "browser": secrets.token_urlsafe(16)})
    set_cookie(response, KNOWN_BROWSER_COOKIE, sealed, KNOWN_BROWSER_SECONDS)


@office("/sign-out", Access.SIGNED_IN, methods=("POST",))
def sign_out() -> ResponseReturnValue:
    mine, now = signed_in(), now_ms()
    write(lambda db: account_sessions.end_session(db, mine.person.id, mine.secret_hash, now))
    response = see_other("manager.sign_in")
    session.clear()
    forget_cookie(response)
    return response


@office("/sessions", Access.SIGNED_IN)
def sessions() -> ResponseReturnValue:
    mine, now = signed_in(), now_ms()
    found = read(lambda db: account_sessions.list_sessions(db, mine.person.id, lifetimes(), now))
    return render_template("manager/sessions.html", sessions=found, mine=mine, now=now)


@office("/sessions/<name>/end", Access.SIGNED_IN, methods=("POST",))
def end_session(name: str) -> ResponseReturnValue:
    mine, now = signed_in(), now_ms()
    found = read(lambda db: account_sessions.list_sessions(db, mine.person.id, lifetimes(), now))
    ended = next((each for each in found if each.name == name), None)
    if ended is None:
        raise NotFound
    write(lambda db: account_sessions.end_session(db, mine.person.id, ended.secret_hash, now))
    flash(_("That browser is signed out."))
    return see_other("manager.sessions")


@office("/sessions/end-others", Access.SIGNED_IN, methods=("POST",))
def end_other_sessions() -> ResponseReturnValue:
    mine, now = signed_in(), now_ms()
    write(lambda db: account_sessions.end_other_sessions(db, mine.person.id, mine.secret_hash, now))
    flash(_("All other browsers are signed out."))
    return see_other("manager.sessions")
