"""The office, /manager/: the pages on which managers read figures and run stores, devices, keys and people.

`access` admits managers and declares what each page needs. The other modules are the pages.
"""

from flask import Flask, Response, g, make_response, render_template
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_wtf.csrf import CSRFError

from redeem.accounts.roles import Permission
from redeem.config import Settings
from redeem.domain.short_codes import grouped
from redeem.lib.errors import NotFound, RedeemError
from redeem.web.context import context
from redeem.web.cookies import cookie_name
from redeem.web.headers import PAGES
from redeem.web.manager import (
    audit,
    campaigns,
    clerks,
    closing,
    conflicts,
    coupons,
    devices,
    invitations,
    keys,
    late_undos,
    lost_devices,
    overview,
    passwords,
    people,
    quarantine,
    recovery,
    sign_in,
    simulator,
    statements,
    stores,
    voids,
    webhooks,
    words,
)
from redeem.web.manager.access import Access, blueprint, csrf, maybe_signed_in, office
from redeem.web.manager.descriptions import browser, clock, describe, skew
from redeem.web.pictures import DATA_PICTURES
from redeem.web.problems import KINDS, request_id

__all__ = [
    "attach",
    "audit",
    "campaigns",
    "clerks",
    "closing",
    "conflicts",
    "coupons",
    "devices",
    "invitations",
    "keys",
    "late_undos",
    "lost_devices",
    "overview",
    "passwords",
    "people",
    "quarantine",
    "recovery",
    "sign_in",
    "simulator",
    "statements",
    "stores",
    "voids",
    "webhooks",
]

FORM_COOKIE = "redeem_form"
WORDS = (
    "ACTS",
    "ANSWERS",
    "BEARERS",
    "CHANGES",
    "DAMAGES",
    "DECLINES",
    "ENTRIES",
    "OUTCOMES",
    "QUARANTINED",
    "REVERSALS",
    "ROLES",
    "ROLE_NOTES",
    "RULES",
    "STATES",
    "STATE_COLOURS",
    "WEBHOOK_DISABLED",
    "WEBHOOK_OUTCOMES",
    "WEBHOOK_STATES",
)
POLICY = PAGES.replace("img-src 'self'", DATA_PICTURES)


def attach(app: Flask, settings: Settings) -> None:
    """Adds the office to the application. Form tokens are valid as long as the browser's session, and become invalid at sign-in."""
    app.config.update(
        SESSION_COOKIE_NAME=cookie_name(settings, FORM_COOKIE),
        SESSION_COOKIE_PATH="/",
        WTF_CSRF_CHECK_DEFAULT=False,  # access.py checks the office's forms; the API reads no cookie, so it needs no check
        WTF_CSRF_TIME_LIMIT=None,
        WTF_CSRF_SSL_STRICT=False,  # access.py checks Origin and Sec-Fetch-Site instead of the referrer
    )
    csrf.init_app(app)
    for write in (browser, grouped):
        app.add_template_filter(write)
    app.register_blueprint(blueprint)


@office("/<path:rest>", Access.SIGNED_IN)
def nowhere(**_rest: str) -> ResponseReturnValue:
    """Answers every other address under /manager/ with the office's error page."""
    raise NotFound


@blueprint.after_request
def allow_pictures(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = POLICY
    return response


@blueprint.context_processor
def template_values() -> dict[str, object]:
    """What every template of the office may use."""
    found = maybe_signed_in()
    return {
        "me": found.person if found else None,
        "may": found.person.may if found else lambda _permission: False,
        "Permission": Permission,
        "word": words.word,
        "life": g.get("life"),
        "skew": skew,
        "clock_of": clock,
        "describe": describe,
        "shop_name": context().settings.shop_name,
        "shop_zone": context().settings.time_zone,
        **{name: getattr(words, name) for name in WORDS},
    }


@blueprint.errorhandler(RedeemError)
def on_error(error: RedeemError) -> Response:
    kind = KINDS.get(error.code, KINDS["error"])
    response = error_page(kind.title, error.detail, kind.status)
    if kind.retry_after_seconds is not None:
        response.headers["Retry-After"] = str(kind.retry_after_seconds)
    return response


@blueprint.errorhandler(CSRFError)
def on_old_form(_error: CSRFError) -> Response:
    return error_page("This page is too old", "Open the page again and send it once more.", 400)


def error_page(title: str, detail: str, status: int) -> Response:
    return make_response(
        render_template("manager/error.html", title=_(title), detail=_(detail), request_id=request_id()), status
    )
