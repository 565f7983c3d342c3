"""Asks for the password again: a page under `@confirmed` does so if it was last typed some time ago.

    @office("/keys/new", Permission.RUN_SHOP, methods=("POST",))
    @confirmed
    def make_key() -> ResponseReturnValue: ...

It is for pages that take a form (POST). The form's fields are sent along with the password; files are not.
"""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

from flask import render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from redeem.accounts import reauthentication
from redeem.lib import passwords
from redeem.lib.errors import TooMany
from redeem.lib.passwords import Crowded
from redeem.web.context import now_ms, write
from redeem.web.manager.access import signed_in

P = ParamSpec("P")
FIELD = "confirm_password"
NOT_KEPT = {FIELD, "csrf_token"}


def confirmed(view: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
    """The view, which runs once the password was typed recently."""

    @wraps(view)
    def asked(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        if reauthentication.is_fresh(signed_in(), now_ms()):
            return view(*args, **kwargs)
        if FIELD not in request.form:
            return question(), 401
        try:
            right = confirm(request.form[FIELD])
        except TooMany as early:
            return question(too_early(early)), 429, {"Retry-After": str(early.retry_after_seconds)}
        return view(*args, **kwargs) if right else (question(_("The password is not right.")), 401)

    return asked


def confirm(password: str) -> bool:
    """Whether the password is right. argon2 runs between two short transactions. Raises TooMany, Crowded."""
    mine, now = signed_in(), now_ms()
    stored = write(lambda db: reauthentication.begin(db, mine, now))
    try:
        right = passwords.verify(stored, password)
    except Crowded:
        write(lambda db: reauthentication.give_back(db, mine))
        raise
    if right:
        write(lambda db: reauthentication.finish(db, mine, now))
    return right


def question(fault: str | None = None) -> str:
    """The page that asks for the password, with the form's fields hidden in it."""
    kept = [(name, value) for name, value in request.form.items(multi=True) if name not in NOT_KEPT]
    return render_template("manager/confirm_password.html", field=FIELD, kept=kept, fault=fault)


def too_early(early: TooMany) -> str:
    minutes = -(-early.retry_after_seconds // 60)
    return str(
        ngettext(
            "Too many tries. Try again in %(num)s minute.", "Too many tries. Try again in %(num)s minutes.", minutes
        )
    )
