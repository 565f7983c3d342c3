"""Passwords: a link with which a manager sets a new one, made by a manager above them; and a manager's own password."""

from typing import Annotated

from flask import flash, render_template
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from pydantic import StringConstraints

from redeem.accounts import password_resets
from redeem.accounts.password_resets import RESET_SECONDS, Reset
from redeem.accounts.roles import Permission
from redeem.lib.errors import BadLink, Invalid
from redeem.lib.links import Fault, Purpose
from redeem.web.context import context, now_ms, read, write
from redeem.web.manager.access import Access, office, person, see_other, signed_in
from redeem.web.manager.forms import Faults, submitted
from redeem.web.manager.invitations import PasswordForm, hash_chosen
from redeem.web.manager.reauthentication import confirm, confirmed
from redeem.web.urls import reset_link


class OwnForm(PasswordForm):
    current: Annotated[str, StringConstraints(max_length=1000)]


@office("/people/<manager_id>/reset", Permission.RUN_PEOPLE, methods=("POST",))
@confirmed
def make_reset(manager_id: str) -> ResponseReturnValue:
    """Answers with the link itself and not with a redirect: the link is shown once."""
    who, now = person(), now_ms()
    reset, made = write(lambda db: password_resets.make_reset(db, who, manager_id, now))
    until = reset.at + RESET_SECONDS * 1000
    link = reset_link(context(), reset.manager_id, reset.at)
    return render_template("manager/link_shown.html", kind="reset", link=link, made=made, until=until)


@office("/reset/<sealed>", Access.ANYBODY)
def reset(sealed: str) -> ResponseReturnValue:
    return reset_page(sealed)


@office("/reset/<sealed>", Access.ANYBODY, methods=("POST",))
def finish_reset(sealed: str) -> ResponseReturnValue:
    """Sets the new password. argon2 runs before the transaction."""

    def act(form: PasswordForm) -> ResponseReturnValue:
        wanted, now = opened_link(sealed), now_ms()
        whose = read(lambda db: password_resets.find(db, wanted, now))  # a link that was used costs no hash
        hashed = hash_chosen(form, (whose.email, whose.name))
        write(lambda db: password_resets.finish(db, wanted, hashed, now))
        flash(_("The new password is set. Sign in with it."))
        return see_other("manager.sign_in")

    return submitted(PasswordForm, act, lambda faults: reset_page(sealed, faults))


def reset_page(sealed: str, faults: Faults | None = None) -> str:
    wanted, now = opened_link(sealed), now_ms()
    whose = read(lambda db: password_resets.find(db, wanted, now).email)
    return render_template("manager/reset.html", email=whose, sealed=sealed, faults=faults or {})


def opened_link(sealed: str) -> Reset:
    """The reset that the link names. Raises BadLink."""
    found = context().links.open(Purpose.PASSWORD_RESET, sealed, RESET_SECONDS)
    if not isinstance(found, dict) or not isinstance(found.get("at"), int):
        raise BadLink(Fault.BROKEN)
    return Reset(str(found.get("manager")), found["at"])


@office("/password", Access.SIGNED_IN)
def own_password() -> ResponseReturnValue:
    return own_page()


@office("/password", Access.SIGNED_IN, methods=("POST",))
def change_own_password() -> ResponseReturnValue:
    """Always asks for the current password in the same form: `@confirmed` would put the new password into its page."""

    def act(form: OwnForm) -> ResponseReturnValue:
        mine, now = signed_in(), now_ms()
        if not confirm(form.current):
            detail = _("The password is not right.")
            raise Invalid(detail, errors=[{"pointer": "/current", "detail": detail}])
        hashed = hash_chosen(form, (mine.person.email, mine.person.name))
        write(lambda db: password_resets.change_own(db, mine, hashed, now))
        flash(_("Your password is changed, and all other browsers are signed out."))
        return see_other("manager.sessions")

    return submitted(OwnForm, act, own_page)


def own_page(faults: Faults | None = None) -> str:
    return render_template("manager/password.html", faults=faults or {})
