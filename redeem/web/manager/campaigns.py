"""Campaigns: the list, one campaign, and its editor with previews of what customers and clerks will see."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from flask import Response, flash, jsonify, make_response, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from redeem.accounts.roles import WHOLE, Permission
from redeem.coupons import campaign_editor, simulator
from redeem.coupons import campaigns as shop_campaigns
from redeem.coupons.campaign_editor import Plan, StoppedAgain, WordsAreOut
from redeem.coupons.simulator import Scene
from redeem.domain.terms import Terms
from redeem.lib.errors import ChangedMeanwhile, ChangedSinceRead, Conflict, Invalid
from redeem.lib.ids import campaign_of
from redeem.lib.times import Ms, local_day
from redeem.partners import directory
from redeem.partners.directory import PartnerLine, StoreLine
from redeem.web.context import context, now_ms, read, write
from redeem.web.headers import PAGES
from redeem.web.languages import language, locale
from redeem.web.manager.access import office, person, see_other
from redeem.web.manager.campaign_form import Typed, blank, read_terms
from redeem.web.manager.forms import WHOLE_FORM, Faults
from redeem.web.manager.previews import Previews, draw, read_scene
from redeem.web.manager.reauthentication import confirmed

FIXED = {
    "value": "value",
    "handling_fee": "handling_fee",
    "funding": "funding",
    "offline": "bearer",
    "once_per": "once_per",
}
FIXED |= {"windows": "redeem_from", "partners": "places", "stores": "places"}
# The editor shows the offer's picture from any host: the address is still being typed.
POLICY = PAGES.replace("img-src 'self'", "img-src 'self' data: https:")
# Stands for a store in a preview while the shop has none.
NO_STORE = StoreLine("", "", "", "", "UTC", "", "", 0, 0)


@dataclass(frozen=True, slots=True)
class Editor:
    """The editor's page. `plan` is the campaign as it is saved, None for a new one."""

    typed: Typed
    plan: Plan | None
    faults: Faults
    previews: Previews
    partners: Sequence[tuple[PartnerLine, Sequence[StoreLine]]]
    scene: Scene

    @property
    def has_coupons(self) -> bool:
        """Whether coupons of the campaign were issued."""
        return self.plan is not None and not self.plan.is_draft


@office("/campaigns", Permission.READ)
def campaigns() -> ResponseReturnValue:
    scope, today = person().scope, shops_day(now_ms())
    return render_template(
        "manager/campaigns.html", plans=read(lambda db: campaign_editor.list_plans(db, scope)), today=today
    )


@office("/campaigns/<campaign_id>", Permission.READ)
def campaign(campaign_id: str) -> ResponseReturnValue:
    return campaign_page(campaign_id)


def campaign_page(campaign_id: str, faults: Faults | None = None) -> str:
    """Raises NotFound."""
    scope, number, today = person().scope, campaign_of(campaign_id), shops_day(now_ms())
    plan = read(lambda db: campaign_editor.get_plan(db, scope, number))
    return render_template(
        "manager/campaign.html", plan=plan, today=today, names=locale().languages, faults=faults or {}
    )


@office("/campaigns/new", Permission.RUN_SHOP)
def new_campaign() -> ResponseReturnValue:
    """The form of a new campaign, empty or a copy of another campaign."""
    original = request.args.get("copy", "")
    if not original:
        return editor_page(blank(usual_currency()), None)
    number = campaign_of(original)
    plan = read(lambda db: campaign_editor.get_plan(db, WHOLE, number))
    return editor_page(Typed.of_terms(_("%(name)s, a copy", name=plan.name)[:120], plan.terms), None)


@office("/campaigns/new", Permission.RUN_SHOP, methods=("POST",))
def make_campaign() -> ResponseReturnValue:
    typed, who, now = Typed.of_form(request.form), person(), now_ms()

    def save(terms: Terms) -> str:
        number = write(lambda db: campaign_editor.add_campaign(db, who, typed.get("name"), terms, now))
        return f"cmp_{number}"

    return saved(typed, None, save)


@office("/campaigns/<campaign_id>/edit", Permission.RUN_SHOP)
def edit_campaign(campaign_id: str) -> ResponseReturnValue:
    plan = plan_to_edit(campaign_id)
    return editor_page(Typed.of_terms(plan.name, plan.terms, plan.version), plan)


@office("/campaigns/<campaign_id>/edit", Permission.RUN_SHOP, methods=("POST",))
@confirmed
def save_campaign(campaign_id: str) -> ResponseReturnValue:
    typed, plan, who, now = Typed.of_form(request.form), plan_to_edit(campaign_id), person(), now_ms()
    promised, version = bool(typed.get("promises_no_less")), typed.version

    def save(terms: Terms) -> str:
        name = typed.get("name")
        write(
            lambda db: campaign_editor.change_campaign(
                db, who, plan.number, version, name, terms, now, promises_no_less=promised
            )
        )
        return plan.id

    return saved(typed, plan, save)


@office("/campaigns/<campaign_id>/stop", Permission.RUN_SHOP, methods=("POST",))
def stop_campaign(campaign_id: str) -> ResponseReturnValue:
    """Stops issuing at once, without a question: issued coupons stay good, and the next page can let the campaign go on."""
    who, number, now = person(), campaign_of(campaign_id), now_ms()
    write(lambda db: shop_campaigns.patch_campaign(db, who, number, now, stopped=True))
    flash(_("Stopped. Nothing new is issued."))
    return see_other("manager.campaign", campaign_id=campaign_id)


@office("/campaigns/<campaign_id>/go-on", Permission.RUN_SHOP, methods=("POST",))
def let_campaign_go_on(campaign_id: str) -> ResponseReturnValue:
    who, number, now = person(), campaign_of(campaign_id), now_ms()
    stopped_at = request.form.get("stopped_at", type=int)
    try:
        write(lambda db: campaign_editor.let_go_on(db, who, number, stopped_at, now))
    except StoppedAgain as error:
        return campaign_page(campaign_id, {WHOLE_FORM: _(error.detail)}), 422
    flash(_("The campaign goes on."))
    return see_other("manager.campaign", campaign_id=campaign_id)


@office("/campaigns/<campaign_id>/confirm", Permission.RUN_SHOP, methods=("POST",))
@confirmed
def confirm_campaign(campaign_id: str) -> ResponseReturnValue:
    """Confirms a campaign that came back after a restore, in the version that the page has shown."""
    who, number, now = person(), campaign_of(campaign_id), now_ms()
    version = request.form.get("version", default=0, type=int)
    try:
        write(lambda db: shop_campaigns.confirm(db, who, number, version, now))
    except ChangedSinceRead:
        fault = _("A newer version of this campaign has come back meanwhile. Check it, then confirm it.")
        return campaign_page(campaign_id, {WHOLE_FORM: fault}), 422
    flash(_("Confirmed. Its gifts are owed from now on."))
    return see_other("manager.campaign", campaign_id=campaign_id)


@office("/campaigns/preview", Permission.RUN_SHOP, methods=("POST",))
def preview_campaign() -> ResponseReturnValue:
    """Changes nothing. Answers a script with the previews as JSON, and a browser without scripts with the form and the previews."""
    typed = Typed.of_form(request.form)
    plan = plan_to_edit(typed.get("campaign")) if typed.get("campaign") else None
    if request.accept_mimetypes.best == "application/json":
        editor = edited(typed, plan)
        shown = editor.previews
        return jsonify(
            coupon=shown.coupon,
            customer=shown.customer,
            clerk=shown.clerk,
            verdict=shown.verdict,
            unfinished=bool(read_terms(typed)[1]),
        )
    return editor_page(typed, plan)


def saved(typed: Typed, plan: Plan | None, save: Callable[[Terms], str]) -> ResponseReturnValue:
    """Saves what was typed. Answers with the campaign's page, or with the form and what to correct."""
    terms, faults = read_terms(typed)
    if faults:
        return editor_page(typed, plan, faults), 422
    try:
        campaign_id = save(terms)
    except WordsAreOut as error:
        return editor_page(typed, plan, {"promises_no_less": _(error.detail)}), 422
    except ChangedMeanwhile as error:
        newer = replace(typed, fields={**typed.fields, "version": str(plan.version if plan else 0)})
        return editor_page(newer, plan, {WHOLE_FORM: _(error.detail)}), 422
    except (Invalid, Conflict) as error:
        return editor_page(typed, plan, faults_of(error)), 422
    flash(_("Saved."))
    return see_other("manager.campaign", campaign_id=campaign_id)


def faults_of(error: Invalid | Conflict) -> Faults:
    """The faults that the use case found, by the form's field."""
    pointers = [fault["pointer"].strip("/").partition("/")[0] for fault in error.extra.get("errors", [])]
    if isinstance(error, Invalid):
        return {FIXED.get(each, "name"): _("This no longer exists. Choose again.") for each in pointers} or {
            "name": _("Give a name of 1 to 120 characters on one line.")
        }
    fixed = {FIXED[each]: _("Coupons were issued with this, so it can't change.") for each in pointers}
    return fixed | {
        WHOLE_FORM: _(error.detail)
        if not fixed
        else _("Coupons were issued. What was promised with them can't change.")
    }


def plan_to_edit(campaign_id: str) -> Plan:
    """Raises NotFound."""
    number = campaign_of(campaign_id)
    return read(lambda db: campaign_editor.get_plan(db, WHOLE, number))


def editor_page(typed: Typed, plan: Plan | None, faults: Faults | None = None) -> Response:
    editor = edited(typed, plan, faults)
    response = make_response(
        render_template("manager/campaign_form.html", editor=editor, typed=typed, names=locale().languages)
    )
    response.headers["Content-Security-Policy"] = POLICY
    return response


def edited(typed: Typed, plan: Plan | None, faults: Faults | None = None) -> Editor:
    now, noticed = now_ms(), dict(faults or {})
    partners = read(lambda db: directory.list_partners(db, WHOLE))
    stores = read(lambda db: directory.list_stores(db, WHOLE))
    terms, _faults = read_terms(typed)
    good = directory.where_good(terms, stores)
    scene = read_scene(typed, good or stores, now, noticed) or Scene(NO_STORE, now)
    simulation = simulator.of_terms(terms, scene, shops_day(now))
    wanted = typed.get("preview_language") or language()
    previews = draw(terms, simulation, good, wanted, plan.id if plan else "")
    groups = [(partner, [store for store in stores if store.partner_id == partner.id]) for partner in partners]
    return Editor(typed, plan, noticed, previews, groups, scene)


def shops_day(now: Ms) -> int:
    return local_day(now, context().settings.time_zone)


def usual_currency() -> str:
    """The currency of the newest campaign: a shop seldom has two."""
    plans = read(lambda db: campaign_editor.list_plans(db, WHOLE))
    return plans[0].terms.value.currency if plans else "EUR"
