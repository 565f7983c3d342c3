"""API keys: those of the shop's programs, and those of partners' tills."""

from typing import Annotated

from flask import flash, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from pydantic import BeforeValidator, Field

from redeem.accounts import api_key_list, api_keys
from redeem.accounts.api_key_list import KeyLine
from redeem.accounts.roles import Permission
from redeem.devices import directory
from redeem.lib.times import MS_PER_MINUTE
from redeem.web.api.auth import key_cache
from redeem.web.context import context, now_ms, read, write
from redeem.web.manager.access import office, person, see_other
from redeem.web.manager.forms import Faults, Form, Line, submitted
from redeem.web.manager.reauthentication import confirmed
from redeem.web.manager.words import KEY_SCOPES

MS_PER_HOUR = 60 * MS_PER_MINUTE
OVERLAP_HOURS = (0, 1, 24, 3 * 24, 7 * 24)
OVERLAP_MAX_HOURS = max(OVERLAP_HOURS)


def as_list(value: object) -> object:
    return (value,) if isinstance(value, str) else value


class KeyForm(Form):
    name: Line
    scopes: Annotated[tuple[str, ...], BeforeValidator(as_list)] = ()


class RollForm(Form):
    """`hours` is how long the earlier key still works."""

    hours: Annotated[int, Field(ge=0, le=OVERLAP_MAX_HOURS)]


@office("/keys", Permission.READ)
def keys() -> ResponseReturnValue:
    """The keys of the tills in the manager's scope, and the shop's keys for those who may read them."""
    who = person()
    return render_template(
        "manager/keys.html",
        keys=read(api_key_list.list_shop_keys) if who.may(Permission.READ_SHOP) else [],
        till_keys=read(lambda db: api_key_list.list_till_keys(db, who.scope)),
        now=now_ms(),
        zone=context().settings.time_zone,
    )


@office("/keys/new", Permission.RUN_SHOP)
def new_key() -> ResponseReturnValue:
    return key_page()


@office("/keys/new", Permission.RUN_SHOP, methods=("POST",))
@confirmed
def make_key() -> ResponseReturnValue:
    """Answers with the key itself and not with a redirect: the key is shown once."""

    def act(form: KeyForm) -> ResponseReturnValue:
        who, now = person(), now_ms()
        text = write(lambda db: api_keys.add_shop_key(db, who, form.name, now, form.scopes))
        return render_template("manager/key_shown.html", key=text, name=form.name, kind="shop")

    return submitted(KeyForm, act, key_page)


def key_page(faults: Faults | None = None) -> str:
    chosen = request.form.getlist("scopes") if request.form else list(KEY_SCOPES)
    return render_template("manager/key_new.html", scopes=KEY_SCOPES, chosen=chosen, faults=faults or {})


@office("/keys/<prefix>/revoke", Permission.RUN_SHOP)
def ask_to_revoke_key(prefix: str) -> ResponseReturnValue:
    return render_template("manager/key_revoke.html", key=read(lambda db: api_key_list.get_shop_key(db, prefix)))


@office("/keys/<prefix>/revoke", Permission.RUN_SHOP, methods=("POST",))
def revoke_key(prefix: str) -> ResponseReturnValue:
    who, now = person(), now_ms()
    write(lambda db: api_keys.revoke_shop_key(db, who, prefix, now))
    key_cache().clear()
    flash(_("The key is revoked. Programs that use it are refused."))
    return see_other("manager.keys")


@office("/keys/<prefix>/roll", Permission.RUN_SHOP)
def ask_to_roll_key(prefix: str) -> ResponseReturnValue:
    return roll_page(read(lambda db: api_key_list.get_shop_key(db, prefix)))


@office("/keys/<prefix>/roll", Permission.RUN_SHOP, methods=("POST",))
@confirmed
def roll_key(prefix: str) -> ResponseReturnValue:
    """Answers with the key itself and not with a redirect: the key is shown once."""
    key, who, now = read(lambda db: api_key_list.get_shop_key(db, prefix)), person(), now_ms()

    def act(form: RollForm) -> ResponseReturnValue:
        text = write(lambda db: api_keys.roll_shop_key(db, who, prefix, form.hours * MS_PER_HOUR, now))
        return rolled(key, text, form)

    return submitted(RollForm, act, lambda faults: roll_page(key, faults))


@office("/devices/<device_id>/key", Permission.RUN_STORES)
def ask_to_roll_till_key(device_id: str) -> ResponseReturnValue:
    scope = person().scope
    if read(lambda db: directory.get_device(db, scope, device_id)).kind == "tablet":
        return see_other("manager.devices")
    return roll_page(read(lambda db: api_key_list.get_till_key(db, scope, device_id)))


@office("/devices/<device_id>/key", Permission.RUN_STORES, methods=("POST",))
@confirmed
def roll_till_key(device_id: str) -> ResponseReturnValue:
    who, now = person(), now_ms()
    if read(lambda db: directory.get_device(db, who.scope, device_id)).kind == "tablet":
        return see_other("manager.devices")
    key = read(lambda db: api_key_list.get_till_key(db, who.scope, device_id))

    def act(form: RollForm) -> ResponseReturnValue:
        text = write(lambda db: api_keys.roll_till_key(db, who, device_id, form.hours * MS_PER_HOUR, now))
        return rolled(key, text, form)

    return submitted(RollForm, act, lambda faults: roll_page(key, faults))


def roll_page(key: KeyLine, faults: Faults | None = None) -> str:
    return render_template(
        "manager/key_roll.html",
        key=key,
        overlaps=OVERLAP_HOURS,
        chosen=request.form.get("hours", "24"),
        faults=faults or {},
    )


def rolled(key: KeyLine, text: str, form: RollForm) -> str:
    key_cache().clear()
    kind = "till" if key.device_id else "shop"
    return render_template("manager/key_shown.html", key=text, name=key.name, kind=kind, earlier=key, hours=form.hours)
