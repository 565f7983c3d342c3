"""People: the list of managers, their roles and places, their sessions, and their deactivation."""

from collections.abc import Sequence
from dataclasses import dataclass

from flask import flash, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from redeem.accounts import invitations, sessions
from redeem.accounts import people as account_people
from redeem.accounts.people import RANKS, PersonLine
from redeem.accounts.roles import Permission, Person, Role
from redeem.accounts.sessions import SignedIn
from redeem.lib.errors import Invalid, NotFound
from redeem.partners import directory
from redeem.partners.directory import PartnerLine, StoreLine
from redeem.web.context import now_ms, read, write
from redeem.web.manager.access import lifetimes, office, person, see_other
from redeem.web.manager.forms import Faults, Form, LineOrNone, submitted
from redeem.web.manager.reauthentication import confirmed


class PostForm(Form):
    """A role and a place. `place` is the id of a partner or a store, empty for the whole shop."""

    role: Role
    place: LineOrNone = ""


@dataclass(frozen=True, slots=True)
class Posts:
    """The roles that this manager may give to others, and the places for them. `whole`: the whole shop is one."""

    roles: Sequence[Role]
    whole: bool
    partners: Sequence[PartnerLine]
    stores: Sequence[StoreLine]


@office("/people", Permission.READ)
def people() -> ResponseReturnValue:
    scope, now = person().scope, now_ms()
    found = read(lambda db: account_people.list_people(db, scope))
    invited = read(lambda db: invitations.list_open(db, scope, now))
    return render_template("manager/people.html", people=found, invited=invited, now=now)


@office("/people/<manager_id>", Permission.READ)
def one_person(manager_id: str) -> ResponseReturnValue:
    """One manager. Those above them also see their sessions and what can be changed."""
    who, line, now = person(), find_person(manager_id), now_ms()
    runs = is_above(who, line)
    return render_template(
        "manager/person.html",
        line=line,
        runs=runs,
        sessions=sessions_of(line.id) if runs else [],
        is_me=line.id == who.id,
        now=now,
    )


def find_person(manager_id: str) -> PersonLine:
    scope = person().scope
    return read(lambda db: account_people.get_person(db, scope, manager_id))


def is_above(who: Person, line: PersonLine) -> bool:
    return account_people.is_above(who, line.id, line.role, line.scope)


def find_below(manager_id: str) -> PersonLine:
    """A manager whom the reader may change. Raises NotFound, and NotAbove if the reader may only look at them."""
    line = find_person(manager_id)
    if not is_above(person(), line):
        raise account_people.NotAbove
    return line


def sessions_of(manager_id: str) -> list[SignedIn]:
    now = now_ms()
    return read(lambda db: sessions.list_sessions(db, manager_id, lifetimes(), now))


@office("/people/<manager_id>/post", Permission.RUN_PEOPLE)
def ask_about_post(manager_id: str) -> ResponseReturnValue:
    return post_page(manager_id)


@office("/people/<manager_id>/post", Permission.RUN_PEOPLE, methods=("POST",))
@confirmed
def change_post(manager_id: str) -> ResponseReturnValue:
    def act(form: PostForm) -> ResponseReturnValue:
        who, now = person(), now_ms()
        partner_id, store_id = where(form)
        write(lambda db: account_people.change_role(db, who, manager_id, form.role, partner_id, store_id, now))
        flash(_("Changed. The new role applies from now on."))
        return see_other("manager.one_person", manager_id=manager_id)

    return submitted(PostForm, act, lambda faults: post_page(manager_id, faults))


def post_page(manager_id: str, faults: Faults | None = None) -> str:
    line = find_below(manager_id)
    place = line.scope.store_id or line.scope.partner_id or ""
    return render_template(
        "manager/person_post.html",
        line=line,
        posts=posts(),
        role=request.form.get("role", line.role),
        place=request.form.get("place", place),
        faults=faults or {},
    )


def posts() -> Posts:
    who = person()
    return Posts(
        [role for role in Role if RANKS[role] <= RANKS[who.role]],
        who.scope.is_whole,
        [] if who.scope.store_id else read(lambda db: directory.list_partners(db, who.scope)),
        read(lambda db: directory.list_stores(db, who.scope)),
    )


def where(form: PostForm) -> tuple[str | None, str | None]:
    """(partner, store) that the form names, one of them or none. Raises Invalid for a shop manager with a place."""
    if not form.place:
        return None, None
    if form.role is Role.SHOP_MANAGER:
        raise Invalid(_("A shop manager runs the whole shop. Choose that, or another role."))
    return (None, form.place) if form.place.startswith("sto_") else (form.place, None)


@office("/people/<manager_id>/deactivate", Permission.RUN_PEOPLE)
def ask_to_deactivate(manager_id: str) -> ResponseReturnValue:
    return deactivate_page(manager_id)


@office("/people/<manager_id>/deactivate", Permission.RUN_PEOPLE, methods=("POST",))
@confirmed
def deactivate(manager_id: str) -> ResponseReturnValue:
    def act(_form: Form) -> ResponseReturnValue:
        who, now = person(), now_ms()
        write(lambda db: account_people.deactivate(db, who, manager_id, now))
        flash(_("Deactivated, and signed out everywhere."))
        return see_other("manager.people")

    return submitted(Form, act, lambda faults: deactivate_page(manager_id, faults))


def deactivate_page(manager_id: str, faults: Faults | None = None) -> str:
    return render_template("manager/person_deactivate.html", line=find_below(manager_id), faults=faults or {})


@office("/people/<manager_id>/reactivate", Permission.RUN_PEOPLE, methods=("POST",))
@confirmed
def reactivate(manager_id: str) -> ResponseReturnValue:
    who, now = person(), now_ms()
    write(lambda db: account_people.reactivate(db, who, manager_id, now))
    flash(_("Reactivated. The earlier password is good again."))
    return see_other("manager.one_person", manager_id=manager_id)


@office("/people/<manager_id>/sessions/end", Permission.RUN_PEOPLE, methods=("POST",))
def end_browsers(manager_id: str) -> ResponseReturnValue:
    """Ends the session that the form names, or all sessions of the manager."""
    who, line, name, now = person(), find_below(manager_id), request.form.get("session"), now_ms()
    named = next((each.secret_hash for each in sessions_of(line.id) if each.name == name), None)
    if name and named is None:
        raise NotFound
    ended = write(lambda db: account_people.sign_out(db, who, line.id, now, named))
    flash(ngettext("%(num)s browser is signed out.", "%(num)s browsers are signed out.", ended))
    return see_other("manager.one_person", manager_id=manager_id)
