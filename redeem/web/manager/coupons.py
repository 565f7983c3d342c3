"""Finds a coupon by its token, short code, id or order, and shows its history on one page."""

from typing import Literal

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from redeem.accounts.roles import Permission
from redeem.coupons import history
from redeem.coupons.history import Story
from redeem.coupons.reveal import reveal
from redeem.lib.ids import coupon_of
from redeem.lib.text import trimmed
from redeem.redemptions.pending import decide_pending, list_said
from redeem.redemptions.undo import REASON_MAX_CHARACTERS, undo_by_manager
from redeem.web.context import context, now_ms, read, write
from redeem.web.manager.access import office, person, see_other
from redeem.web.manager.forms import Faults, Form, Line, submitted
from redeem.web.manager.reauthentication import confirmed


class UndoForm(Form):
    """`gift` is the redemption that the page showed."""

    gift: Line
    reason: Line


class PendingForm(Form):
    """`gift` is the redemption that the page showed."""

    gift: Line
    decision: Literal["given", "never_given"]


@office("/coupons", Permission.READ)
def coupons() -> ResponseReturnValue:
    """The search form and what it found: one coupon is opened at once, several of an order are listed."""
    wanted, scope, ring = trimmed(request.args.get("q", "")), person().scope, context().ring()
    found = read(lambda db: history.find(db, scope, wanted, ring)) if wanted else []
    if len(found) == 1:
        return redirect(url_for("manager.coupon", coupon_id=found[0]), 303)
    return render_template("manager/coupons.html", wanted=wanted, found=found)


@office("/coupons/<coupon_id>", Permission.READ)
def coupon(coupon_id: str) -> ResponseReturnValue:
    return coupon_page(coupon_id)


@office("/coupons/<coupon_id>/code", Permission.RUN_SHOP, methods=("POST",))
def reveal_code(coupon_id: str) -> ResponseReturnValue:
    """Answers with the page and the code in it, not with a redirect: the next look at the page hides it again."""
    who, serial, now = person(), coupon_of(coupon_id), now_ms()
    code = write(lambda db: reveal(db, who, serial, now))
    return coupon_page(coupon_id, code)


@office("/coupons/<coupon_id>/undo", Permission.RUN_SHOP)
def ask_to_undo_gift(coupon_id: str) -> ResponseReturnValue:
    return undo_page(coupon_id)


@office("/coupons/<coupon_id>/undo", Permission.RUN_SHOP, methods=("POST",))
@confirmed
def undo_gift(coupon_id: str) -> ResponseReturnValue:
    who, serial, now = person(), coupon_of(coupon_id), now_ms()

    def act(form: UndoForm) -> ResponseReturnValue:
        write(lambda db: undo_by_manager(db, who, serial, form.gift, form.reason, now))
        flash(_("The gift is undone."))
        return see_other("manager.coupon", coupon_id=coupon_id)

    return submitted(UndoForm, act, lambda faults: undo_page(coupon_id, faults))


@office("/coupons/<coupon_id>/pending", Permission.RUN_SHOP)
def ask_about_pending(coupon_id: str) -> ResponseReturnValue:
    return pending_page(coupon_id)


@office("/coupons/<coupon_id>/pending", Permission.RUN_SHOP, methods=("POST",))
@confirmed
def decide_about_pending(coupon_id: str) -> ResponseReturnValue:
    who, serial, now = person(), coupon_of(coupon_id), now_ms()

    def act(form: PendingForm) -> ResponseReturnValue:
        given = form.decision == "given"
        write(lambda db: decide_pending(db, who, serial, form.gift, now, given=given))
        flash(_("Decided."))
        return see_other("manager.coupon", coupon_id=coupon_id)

    return submitted(PendingForm, act, lambda faults: pending_page(coupon_id, faults))


def pending_page(coupon_id: str, faults: Faults | None = None) -> str:
    """What is known of the pending gift, and the form to decide about it; without one, that there is none."""
    story, scope = tell(coupon_id), person().scope
    gift = story.shown.standing
    said = read(lambda db: list_said(db, [story.shown.serial], scope)).get(gift.act_id, []) if gift else []
    return render_template("manager/gift_pending.html", story=story, said=said, faults=faults or {})


def undo_page(coupon_id: str, faults: Faults | None = None) -> str:
    """What undoing the gift that stands would do, and the form for it; without one, that there is none."""
    return render_template(
        "manager/gift_undo.html",
        story=tell(coupon_id),
        typed=request.form.get("reason", ""),
        reason_max=REASON_MAX_CHARACTERS,
        faults=faults or {},
        zone=context().settings.time_zone,
    )


def coupon_page(coupon_id: str, revealed: str | None = None) -> str:
    story, zone = tell(coupon_id), context().settings.time_zone
    code = revealed or story.code
    return render_template(
        "manager/coupon.html", story=story, shown=story.shown, code=code, is_revealed=revealed is not None, zone=zone
    )


def tell(coupon_id: str) -> Story:
    """The coupon's story, as the manager may know it. Raises NotFound."""
    who, serial, now, zone = person(), coupon_of(coupon_id), now_ms(), context().settings.time_zone
    return read(lambda db: history.tell(db, who.scope, who.audience, serial, now, zone))
