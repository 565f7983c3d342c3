"""Bulk voids: name the coupons, see what a void would do to each, confirm, and download the result as CSV."""

import re
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from flask import Response, flash, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from redeem.accounts.roles import WHOLE, Permission
from redeem.coupons import bulk_void, campaign_editor
from redeem.coupons.bulk_void import Run
from redeem.lib.errors import Conflict, Invalid
from redeem.lib.ids import campaign_of
from redeem.lib.times import Ms
from redeem.web.context import context, now_ms, read, write
from redeem.web.manager.access import office, person, see_other
from redeem.web.manager.files import csv_file
from redeem.web.manager.forms import WHOLE_FORM, BadForm, Faults
from redeem.web.manager.reauthentication import confirmed
from redeem.web.manager.steps import work
from redeem.web.manager.words import TO_VOID, VOIDED, word

SEPARATORS = re.compile(r"[\r\n,;\t]+")


@office("/voids/new", Permission.RUN_SHOP)
def new_void() -> ResponseReturnValue:
    return void_form()


@office("/voids/new", Permission.RUN_SHOP, methods=("POST",))
def plan_void() -> ResponseReturnValue:
    """Makes a run of the coupons that the form names, and counts what would be voided. Voids nothing."""
    try:
        run_id = make_run()
    except BadForm as bad:
        return void_form(bad.faults), 422
    except Invalid as error:
        return void_form({"texts": _(error.detail)}), 422
    take_in(run_id)
    return see_other("manager.void", void_id=run_id)


@office("/voids/<void_id>", Permission.RUN_SHOP)
def void(void_id: str) -> ResponseReturnValue:
    return void_page(void_id)


@office("/voids/<void_id>/begin", Permission.RUN_SHOP, methods=("POST",))
@confirmed
def begin_void(void_id: str) -> ResponseReturnValue:
    who, now, reason = person(), now_ms(), request.form.get("reason", "")
    try:
        write(lambda db: bulk_void.begin(db, who, void_id, reason, now))
    except Invalid:
        return void_page(void_id, {"reason": _("Write why, in one line.")}), 422
    except Conflict as error:
        return void_page(void_id, {WHOLE_FORM: _(error.detail)}), 422
    return go_on_with(void_id)


@office("/voids/<void_id>/go", Permission.RUN_SHOP, methods=("POST",))
def go_on_with_void(void_id: str) -> ResponseReturnValue:
    """Goes on with a run, also after an interruption: counts, or voids if that was confirmed."""
    read(lambda db: bulk_void.get_run(db, void_id))
    take_in(void_id)
    return go_on_with(void_id)


@office("/voids/<void_id>/result.csv", Permission.RUN_SHOP)
def void_result(void_id: str) -> ResponseReturnValue:
    run = read(lambda db: bulk_void.get_run(db, void_id))
    words = VOIDED if run.begun_at else TO_VOID
    lines = read(lambda db: bulk_void.list_lines(db, void_id))
    rows = [[line.text, line.coupon, line.outcome, word(words, line.outcome)] for line in lines]
    return csv_file(f"{run.id}.csv", [_("As named"), _("Coupon"), "outcome", _("What became of it")], rows)


def go_on_with(void_id: str) -> Response:
    work(lambda db: bulk_void.void_some(db, void_id, now_ms()), bool)
    if read(lambda db: bulk_void.get_run(db, void_id)).ended_at:
        flash(_("Done."))
    return see_other("manager.void", void_id=void_id)


def take_in(run_id: str) -> None:
    ring = context().ring()
    work(lambda db: bulk_void.take_in(db, run_id, ring), bool)


def make_run() -> str:
    """Makes a run of the coupons that the form names. Returns its id. Raises BadForm, Invalid."""
    who, now = person(), now_ms()
    if request.form.get("which") == "campaign":
        number = campaign_of(request.form.get("campaign", ""))
        if number is None:
            raise BadForm({"campaign": _("Choose a campaign.")})
        first, end = days()
        return write(lambda db: bulk_void.plan_campaign(db, who, number, first, end, now))
    texts = [text for text in SEPARATORS.split(request.form.get("texts", "") + "\n" + uploaded()) if text.strip()]
    return write(lambda db: bulk_void.plan_texts(db, who, texts, now))


def uploaded() -> str:
    """The first column of the uploaded file, one cell a line. Raises BadForm for a file in UTF-16, and any other with a NUL."""
    sent = request.files.get("file")
    text = sent.read().decode("utf-8-sig", "replace") if sent else ""
    if "\0" in text:
        raise BadForm({"texts": _("Save the file as CSV in UTF-8, then choose it again.")})
    return "\n".join(re.split(r"[,;\t]", line, maxsplit=1)[0].strip().strip('"') for line in text.splitlines())


def days() -> tuple[Ms, Ms]:
    """(beginning, end): from the first day's beginning to the last day's end, in the shop's calendar. An empty day is no limit."""
    first, last = day("first", date(2020, 1, 1)), day("last", date(2199, 6, 6))
    if last < first:
        raise BadForm({"last": _("The last day can't be before the first.")})
    return beginning_of(first), beginning_of(last + timedelta(days=1))


def day(name: str, default: date) -> date:
    """The day in this field, or the default if it is empty. Raises BadForm."""
    text = request.form.get(name, "").strip()
    try:
        found = date.fromisoformat(text) if text else default
    except ValueError as error:
        raise BadForm({name: _("Write a date like 2026-12-31.")}) from error
    if not date(2020, 1, 1) <= found <= date(2199, 6, 6):
        raise BadForm({name: _("Choose a day from 2020 to 2199.")})
    return found


def beginning_of(when: date) -> Ms:
    """The first moment of a day in the shop's calendar."""
    zone = ZoneInfo(context().settings.time_zone)
    return round(datetime(when.year, when.month, when.day, tzinfo=zone).timestamp() * 1000)


def void_form(faults: Faults | None = None) -> str:
    return render_template(
        "manager/void_new.html",
        faults=faults or {},
        plans=read(lambda db: campaign_editor.list_plans(db, WHOLE)),
        runs=read(bulk_void.list_runs),
        zone=context().settings.time_zone,
    )


def void_page(void_id: str, faults: Faults | None = None) -> str:
    run: Run = read(lambda db: bulk_void.get_run(db, void_id))
    return render_template(
        "manager/void.html",
        run=run,
        words=VOIDED if run.begun_at else TO_VOID,
        faults=faults or {},
        zone=context().settings.time_zone,
    )
