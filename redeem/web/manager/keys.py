"""Keys of the shop's own programs, and the log of what managers changed."""

from typing import Annotated

from flask import flash, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from pydantic import BeforeValidator

from redeem import managing, overseeing
from redeem.ids import is_id
from redeem.paging import Page
from redeem.staffing import Permission
from redeem.web.context import context, now_ms, read, write
from redeem.web.manager.confirming import confirmed
from redeem.web.manager.forms import Faults, Form, Line, submitted
from redeem.web.manager.guard import office, person, see_other
from redeem.web.manager.words import KEY_SCOPES

CHANGES_PER_PAGE = 50


def as_list(value: object) -> object:
    return (value,) if isinstance(value, str) else value


class KeyForm(Form):
    name: Line
    scopes: Annotated[tuple[str, ...], BeforeValidator(as_list)] = ()


@office("/keys", Permission.READ_SHOP)
def keys() -> ResponseReturnValue:
    found = read(overseeing.list_shop_keys)
    return render_template("manager/keys.html", keys=found, now=now_ms(), zone=context().settings.time_zone)


@office("/keys/new", Permission.RUN_SHOP)
def new_key() -> ResponseReturnValue:
    return key_page()


@office("/keys/new", Permission.RUN_SHOP, methods=("POST",))
@confirmed
def make_key() -> ResponseReturnValue:
    """Answered at once and not by a redirect: the key is shown in this one answer and never again."""

    def act(form: KeyForm) -> ResponseReturnValue:
        who, now = person(), now_ms()
        text = write(lambda db: managing.make_shop_key(db, who, form.name, form.scopes, now))
        return render_template("manager/key_shown.html", key=text, name=form.name, kind="shop")

    return submitted(KeyForm, act, key_page)


def key_page(faults: Faults | None = None) -> str:
    chosen = request.form.getlist("scopes") if request.form else list(KEY_SCOPES)
    return render_template("manager/key_new.html", scopes=KEY_SCOPES, chosen=chosen, faults=faults or {})


@office("/keys/<prefix>/revoke", Permission.RUN_SHOP)
def ask_to_revoke_key(prefix: str) -> ResponseReturnValue:
    return render_template("manager/key_revoke.html", key=read(lambda db: overseeing.get_shop_key(db, prefix)))


@office("/keys/<prefix>/revoke", Permission.RUN_SHOP, methods=("POST",))
def revoke_key(prefix: str) -> ResponseReturnValue:
    who, now = person(), now_ms()
    write(lambda db: managing.revoke_shop_key(db, who, prefix, now))
    flash(_("The key is revoked. Programs that use it are refused."))
    return see_other("manager.keys")


@office("/audit", Permission.READ_SHOP)
def audit() -> ResponseReturnValue:
    after = request.args.get("after", "")
    page = Page(limit=CHANGES_PER_PAGE, after=after if is_id("aud", after) else None)
    found = read(lambda db: overseeing.list_changes(db, page))
    return render_template("manager/audit.html", changes=found, zone=context().settings.time_zone, paged=page.after)
