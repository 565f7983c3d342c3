"""Invitations: makes the link, which is shown once, and shows the page that the invited person opens with it."""

from collections.abc import Iterable
from typing import Annotated

from flask import flash, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from pydantic import StringConstraints

from redeem.accounts import invitations, roles
from redeem.accounts.invitations import INVITATION_SECONDS, NewPerson
from redeem.accounts.roles import Permission
from redeem.lib.errors import BadLink, Invalid
from redeem.lib.links import Fault, Purpose
from redeem.web.context import context, now_ms, read, write
from redeem.web.manager.access import Access, office, person, see_other
from redeem.web.manager.forms import Faults, Form, Line, submitted
from redeem.web.manager.people import PostForm, posts, where
from redeem.web.manager.reauthentication import confirmed
from redeem.web.urls import invitation_link


class InvitationForm(PostForm):
    email: Line
    name: Line


class PasswordForm(Form):
    """A new password, typed twice."""

    password: Annotated[str, StringConstraints(max_length=1000)]
    again: Annotated[str, StringConstraints(max_length=1000)] = ""


class AcceptForm(PasswordForm):
    name: Line


@office("/invitations/new", Permission.RUN_PEOPLE)
def new_invitation() -> ResponseReturnValue:
    return invitation_page()


@office("/invitations/new", Permission.RUN_PEOPLE, methods=("POST",))
@confirmed
def invite() -> ResponseReturnValue:
    """Answers with the link itself and not with a redirect: the link is shown once."""

    def act(form: InvitationForm) -> ResponseReturnValue:
        who, now = person(), now_ms()
        partner_id, store_id = where(form)
        new = NewPerson(form.email, form.name, form.role, partner_id, store_id)
        made = write(lambda db: invitations.invite(db, who, new, now))
        link = invitation_link(context(), made.id)
        return render_template(
            "manager/link_shown.html", kind="invitation", link=link, made=made, until=made.expires_at
        )

    return submitted(InvitationForm, act, invitation_page)


def invitation_page(faults: Faults | None = None) -> str:
    return render_template(
        "manager/invitation_new.html",
        posts=posts(),
        role=request.form.get("role", ""),
        place=request.form.get("place", ""),
        faults=faults or {},
    )


@office("/invitations/<invitation_id>/withdraw", Permission.RUN_PEOPLE, methods=("POST",))
def withdraw_invitation(invitation_id: str) -> ResponseReturnValue:
    who, now = person(), now_ms()
    write(lambda db: invitations.withdraw(db, who, invitation_id, now))
    flash(_("The invitation is withdrawn. Its link no longer works."))
    return see_other("manager.people")


@office("/invitation/<sealed>", Access.ANYBODY)
def invitation(sealed: str) -> ResponseReturnValue:
    return accept_page(sealed)


@office("/invitation/<sealed>", Access.ANYBODY, methods=("POST",))
def accept_invitation(sealed: str) -> ResponseReturnValue:
    """Makes the invited person a manager. argon2 runs before the transaction."""

    def act(form: AcceptForm) -> ResponseReturnValue:
        invitation_id, now = opened(sealed), now_ms()
        offer = read(lambda db: invitations.find(db, invitation_id, now))  # a link that was used costs no hash
        hashed = hash_chosen(form, (offer.email, form.name))
        write(lambda db: invitations.accept(db, invitation_id, form.name, hashed, now))
        flash(_("Welcome. Sign in with the password that you have just chosen."))
        return see_other("manager.sign_in")

    return submitted(AcceptForm, act, lambda faults: accept_page(sealed, faults))


def accept_page(sealed: str, faults: Faults | None = None) -> str:
    invitation_id, now = opened(sealed), now_ms()
    offer = read(lambda db: invitations.find(db, invitation_id, now))
    return render_template("manager/invitation.html", offer=offer, sealed=sealed, faults=faults or {})


def opened(sealed: str) -> str:
    """The id of the invitation that the link names. Raises BadLink."""
    found = context().links.open(Purpose.INVITATION, sealed, INVITATION_SECONDS)
    if not isinstance(found, dict) or "invitation" not in found:
        raise BadLink(Fault.BROKEN)
    return str(found["invitation"])


def hash_chosen(form: PasswordForm, own: Iterable[str]) -> str:
    """The hash of a new password that was typed twice. `own` are its owner's name and address. Raises Invalid, Crowded."""
    if form.password != form.again:
        detail = _("Type the same password in both fields.")
        raise Invalid(detail, errors=[{"pointer": "/again", "detail": detail}])
    return roles.new_password(form.password, own)
