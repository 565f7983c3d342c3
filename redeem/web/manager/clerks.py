"""The clerks of a store, and their PINs."""

from typing import Annotated

from flask import flash, render_template
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from pydantic import StringConstraints

from redeem.accounts.roles import Permission
from redeem.devices import clerks, directory
from redeem.lib import passwords
from redeem.partners.directory import get_store
from redeem.web.context import now_ms, read, write
from redeem.web.manager.access import office, person, see_other
from redeem.web.manager.forms import Faults, Form, Line, submitted
from redeem.web.manager.reauthentication import confirmed
from redeem.web.manager.stores import store_page


class PinForm(Form):
    pin: Annotated[str, StringConstraints(max_length=20)]


class ClerkForm(PinForm):
    name: Line


@office("/stores/<store_id>/clerks", Permission.RUN_STORES, methods=("POST",))
@confirmed
def add_clerk(store_id: str) -> ResponseReturnValue:
    def act(form: ClerkForm) -> ResponseReturnValue:
        who, now = person(), now_ms()
        passwords.check_pin(form.pin)
        read(lambda db: get_store(db, who.scope, store_id))  # a store that is not theirs costs no hash
        pin_hash = passwords.hash_password(form.pin)
        clerk = write(lambda db: clerks.add_clerk(db, who, store_id, form.name, pin_hash, now))
        flash(_("%(name)s can unlock this store's tablets now.", name=clerk.name))
        return see_other("manager.store", store_id=store_id)

    return submitted(ClerkForm, act, lambda faults: store_page(store_id, faults))


@office("/clerks/<clerk_id>/pin", Permission.RUN_STORES)
def ask_for_pin(clerk_id: str) -> ResponseReturnValue:
    return pin_page(clerk_id)


@office("/clerks/<clerk_id>/pin", Permission.RUN_STORES, methods=("POST",))
@confirmed
def set_pin(clerk_id: str) -> ResponseReturnValue:
    """Sets a clerk's new PIN. argon2 runs before the transaction."""

    def act(form: PinForm) -> ResponseReturnValue:
        who, now = person(), now_ms()
        passwords.check_pin(form.pin)
        read(lambda db: directory.get_clerk(db, who.scope, clerk_id))
        pin_hash = passwords.hash_password(form.pin)
        store_id = write(lambda db: clerks.set_pin(db, who, clerk_id, pin_hash, now))
        flash(_("The new PIN is set."))
        return see_other("manager.store", store_id=store_id)

    return submitted(PinForm, act, lambda faults: pin_page(clerk_id, faults))


def pin_page(clerk_id: str, faults: Faults | None = None) -> str:
    scope = person().scope
    clerk = read(lambda db: directory.get_clerk(db, scope, clerk_id))
    return render_template("manager/clerk_pin.html", clerk=clerk, faults=faults or {})


@office("/clerks/<clerk_id>/leave", Permission.RUN_STORES)
def ask_clerk_to_leave(clerk_id: str) -> ResponseReturnValue:
    scope = person().scope
    clerk = read(lambda db: directory.get_clerk(db, scope, clerk_id))
    return render_template("manager/clerk_leave.html", clerk=clerk)


@office("/clerks/<clerk_id>/leave", Permission.RUN_STORES, methods=("POST",))
def let_clerk_leave(clerk_id: str) -> ResponseReturnValue:
    who, now = person(), now_ms()
    store_id = write(lambda db: clerks.let_clerk_leave(db, who, clerk_id, now))
    flash(_("The clerk's PIN opens no tablet any more."))
    return see_other("manager.store", store_id=store_id)
