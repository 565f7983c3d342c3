"""The simulator: what a code would do at a store at a time. It changes nothing, and its address can be passed on."""

from collections.abc import Sequence
from datetime import date

from flask import make_response, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from redeem.accounts.roles import Permission
from redeem.coupons import campaign_editor, history
from redeem.coupons.campaign_editor import Plan
from redeem.coupons.simulator import Scene, Simulation, of_coupon, of_terms
from redeem.lib.days import to_day
from redeem.lib.errors import NotFound
from redeem.lib.ids import campaign_of, coupon_of
from redeem.lib.times import Ms
from redeem.partners import directory
from redeem.web.context import context, now_ms, read
from redeem.web.languages import language
from redeem.web.manager.access import office, person
from redeem.web.manager.campaign_form import Typed, read_day
from redeem.web.manager.campaigns import POLICY, shops_day
from redeem.web.manager.previews import clerk_page, read_scene, verdict_line


@office("/simulator", Permission.READ)
def simulator() -> ResponseReturnValue:
    """Simulates the coupon `q`, or one that would be issued of `campaign`. With neither, shows the form only."""
    typed, scope, now = Typed.of_form(request.args), person().scope, now_ms()
    stores = read(lambda db: directory.list_stores(db, scope))
    plans = read(lambda db: campaign_editor.list_plans(db, scope))
    faults: dict[str, str] = {}
    scene = read_scene(typed, stores, now, faults)
    if typed.get("at_store") and (scene is None or scene.store.id != typed.get("at_store")):
        raise NotFound
    simulation = simulated(typed, plans, scene, now, faults) if scene else None
    response = make_response(
        render_template(
            "manager/simulator.html",
            typed=typed,
            faults=faults,
            stores=stores,
            plans=plans,
            scene=scene,
            simulation=simulation,
            clerk=drawn(simulation) if simulation else "",
            verdict=verdict_line(simulation) if simulation else "",
            network=typed.get("network"),
        )
    )
    response.headers["Content-Security-Policy"] = POLICY
    return response


def simulated(typed: Typed, plans: Sequence[Plan], scene: Scene, now: Ms, faults: dict[str, str]) -> Simulation | None:
    if typed.get("q").strip():
        return of_code(typed.get("q"), scene, now, faults)
    if typed.get("campaign"):
        number = campaign_of(typed.get("campaign"))
        plan = next((each for each in plans if each.number == number), None)
        if plan is None:
            raise NotFound
        return of_campaign(plan, typed, scene, now, faults)
    return None


def of_code(text: str, scene: Scene, now: Ms, faults: dict[str, str]) -> Simulation | None:
    who, ring = person(), context().ring()
    found = read(lambda db: history.find(db, who.scope, text, ring))
    serial = coupon_of(found[0]) if len(found) == 1 else None
    if serial is None:
        faults["q"] = str(_("This order has several coupons: name one of them.") if found else _("No such coupon"))
        return None
    return read(lambda db: of_coupon(db, serial, scene, who.audience, now))


def of_campaign(plan: Plan, typed: Typed, scene: Scene, now: Ms, faults: dict[str, str]) -> Simulation | None:
    said = read_day(typed, "issued_on", faults)
    issue_day = to_day(date.fromisoformat(said)) if said else shops_day(now)
    if not plan.issues_on(issue_day):
        faults["issued_on"] = str(_("The campaign does not issue coupons on that day."))
        return None
    return of_terms(plan.terms, scene, issue_day)


def drawn(simulation: Simulation) -> str:
    offers = simulation.terms.offer
    offer = offers.get(language()) or next(iter(offers.values()))
    return clerk_page(simulation, offer, language(), "")
