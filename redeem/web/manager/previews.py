"""Previews of a campaign: the printed coupon, the customer's page, the clerk's screen. They change nothing.

What they show is marked as a sample, and can't be redeemed: its token is not signed, and its short code has a wrong check
character.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import render_template
from flask_babel import force_locale
from flask_babel import gettext as _

from redeem.coupons import customer_view
from redeem.coupons.simulator import Scene, Simulation
from redeem.domain import tokens
from redeem.domain.short_codes import CHARACTERS, check_character, grouped
from redeem.domain.terms import Offer, Terms
from redeem.domain.tokens import Token
from redeem.lib.ids import CROCKFORD
from redeem.lib.times import Ms
from redeem.partners.directory import StoreLine
from redeem.web.context import context
from redeem.web.customer.page import DAYS_LEFT_TOLD, STORES_SHOWN, by_partner, choose_offer
from redeem.web.declines import DECLINES
from redeem.web.languages import LANGUAGES, language, moment
from redeem.web.manager.campaign_form import Typed, read_day
from redeem.web.manager.words import SIMULATED, word
from redeem.web.pictures import qr_picture
from redeem.web.urls import coupon_link

# It scans like a token, but does not verify: key 0, coupon 0 of campaign 0, a signature of zeros.
SAMPLE_TOKEN = tokens.write(Token(key_id=0, campaign=0, number=0, last_day=0, signature=bytes(64)))
_BODY = "SAMP" + "0" * (CHARACTERS - 5)
SAMPLE_CODE = _BODY + CROCKFORD[(CROCKFORD.index(check_character(_BODY)) + 1) % len(CROCKFORD)]


@dataclass(frozen=True, slots=True)
class Previews:
    """Whole pages as HTML, each for a frame of its own. `verdict` is what the clerk's screen says, in one line."""

    coupon: str
    customer: str
    clerk: str
    verdict: str
    language: str


def draw(terms: Terms, simulation: Simulation, stores: Sequence[StoreLine], wanted: str, campaign: str) -> Previews:
    """The previews in the language `wanted`, if it is one of LANGUAGES. `stores` are those at which the campaign is good."""
    code = wanted if wanted in LANGUAGES else language()
    with force_locale(code):
        scene = simulation.scene
        shown = customer_view.sample(terms, stores, SAMPLE_CODE, simulation.last_day, scene.at, scene.store.time_zone)
        offer_language, offer = choose_offer(shown)
        common = {"offer": offer, "offer_language": offer_language, "shown": shown, "sample": True, "lang": code}
        return Previews(
            coupon=render_template("manager/sample_coupon.html", **common, **artwork()),
            customer=render_template("public/coupon.html", **common, **artwork(), partners=by_partner(shown.stores)),
            clerk=clerk_page(simulation, offer, code, campaign),
            verdict=verdict_line(simulation),
            language=code,
        )


def artwork() -> dict[str, Any]:
    tools = context()
    return {
        "picture": qr_picture(coupon_link(tools, SAMPLE_TOKEN), _("Sample")),
        "code": grouped(SAMPLE_CODE),
        "shop": tools.settings.shop_name,
        "stores_shown": STORES_SHOWN,
        "days_left_told": DAYS_LEFT_TOLD,
        "declines": DECLINES,
    }


def clerk_page(simulation: Simulation, offer: Offer, code: str, campaign: str) -> str:
    """The tablet's screen, drawn by the tablet's own script from the simulation."""
    scanned = as_json(simulation, offer, code, campaign)
    return render_template("manager/sample_verdict.html", scanned=scanned, lang=code, static_endpoint="static")


def verdict_line(simulation: Simulation) -> str:
    """The verdict, the store, the time and the network, in one line."""
    scene = simulation.scene
    network = _("online") if scene.online else _("offline")
    where = [scene.store.name, moment(scene.at, scene.store.time_zone), network]
    return " · ".join([word(SIMULATED, simulation.code), *filter(None, where)])


def as_json(simulation: Simulation, offer: Offer, code: str, campaign: str) -> dict[str, Any]:
    scene, first = simulation.scene, simulation.terms.windows.redeem.first
    return {
        "code": simulation.code,
        "language": code,
        "offer": offer.model_dump(),
        "campaign": campaign,
        "last_day": simulation.last_day,
        "details": simulation.details,
        "held": simulation.held_by is not None,
        "online": scene.online,
        "from": first.isoformat() if first else None,
        "now": scene.at,
        "zone": scene.store.time_zone,
        "store": scene.store.id,
    }


# The store and the time of a preview or a simulation.


def read_scene(typed: Typed, stores: Sequence[StoreLine], now: Ms, faults: dict[str, str]) -> Scene | None:
    """The chosen store, else the first; and the typed local time, else now. None if there is no store."""
    store = next((each for each in stores if each.id == typed.get("at_store")), stores[0] if stores else None)
    if store is None:
        return None
    return Scene(store, read_moment(typed, store.time_zone, now, faults), typed.get("network") != "offline")


def read_moment(typed: Typed, zone: str, now: Ms, faults: dict[str, str]) -> Ms:
    day = read_day(typed, "at_date", faults)
    clock = typed.get("at_time").strip() or "12:00"
    if day is None:
        return now
    try:
        local = datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=ZoneInfo(zone))
    except ValueError:
        faults["at_time"] = str(_("Write a time like 14:30."))
        return now
    return round(local.timestamp() * 1000)
