"""Second and contested gifts, and the decision who bears them, or that one was never given."""

from typing import Annotated

from flask import flash, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from pydantic import BeforeValidator

from redeem.accounts.roles import Permission
from redeem.db.paging import Page
from redeem.domain.disclosure import Field, disclose
from redeem.lib.ids import is_id
from redeem.redemptions.conflicts import NOTE_MAX_CHARACTERS, Decision, TwoGifts, decide, get_conflict, list_conflicts
from redeem.redemptions.pending import PENDING_SHOWN_MAX, list_pending_with_said
from redeem.web.context import context, now_ms, read, write
from redeem.web.manager.access import office, person, see_other
from redeem.web.manager.forms import Faults, Form, LineOrNone, submitted
from redeem.web.manager.reauthentication import confirmed

CONFLICTS_PER_PAGE = 20


class DecisionForm(Form):
    """`seen` is when the decision was made that the page showed, nothing if it showed none."""

    bearer: Decision
    note: LineOrNone = ""
    seen: Annotated[int | None, BeforeValidator(lambda text: text or None)] = None


@office("/conflicts", Permission.READ)
def conflicts() -> ResponseReturnValue:
    scope, after, show = person().scope, request.args.get("after", ""), request.args.get("show", "")
    page = Page(limit=CONFLICTS_PER_PAGE, after=after if is_id("rdm", after) else None)
    found = read(lambda db: list_conflicts(db, page, scope, undecided_only=show != "all"))
    waiting, said = read(lambda db: list_pending_with_said(db, now_ms(), scope))
    return render_template(
        "manager/conflicts.html",
        conflicts=found,
        pending=waiting,
        pending_max=PENDING_SHOWN_MAX,
        said=said,
        show_all=show == "all",
        paged=page.after,
    )


@office("/conflicts/<conflict_id>", Permission.READ)
def conflict(conflict_id: str) -> ResponseReturnValue:
    return conflict_page(conflict_id)


@office("/conflicts/<conflict_id>", Permission.RUN_SHOP, methods=("POST",))
@confirmed
def decide_conflict(conflict_id: str) -> ResponseReturnValue:
    def act(form: DecisionForm) -> ResponseReturnValue:
        who, now = person(), now_ms()
        write(lambda db: decide(db, who.id, conflict_id, form.bearer, form.note, now, form.seen))
        flash(_("Decided."))
        return see_other("manager.conflict", conflict_id=conflict_id)

    return submitted(DecisionForm, act, lambda faults: conflict_page(conflict_id, faults))


def conflict_page(conflict_id: str, faults: Faults | None = None) -> str:
    who = person()
    found: TwoGifts = read(lambda db: get_conflict(db, conflict_id, who.scope))
    return render_template(
        "manager/conflict.html",
        two=found,
        entries={
            gift.act_id: disclose(who.audience, Field.ENTRY, gift.entry) for gift in (found.first, found.second) if gift
        },
        zone=context().settings.time_zone,
        note_max=NOTE_MAX_CHARACTERS,
        faults=faults or {},
    )
