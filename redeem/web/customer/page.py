"""The customer's page, which a phone opens from the coupon's QR: the gift, its terms, the stores that give it, and its state.

It needs no sign-in and sets no cookie. The address itself is the secret: it is not cached, not sent to other sites as a referrer,
and every wrong address gets the same answer.
"""

import re
from dataclasses import dataclass
from itertools import groupby
from urllib.parse import urlsplit

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from redeem.coupons import customer_view
from redeem.coupons.customer_view import Shown
from redeem.domain import tokens
from redeem.domain.presented import ShownCoupon as Seen
from redeem.domain.short_codes import grouped
from redeem.domain.terms import Offer
from redeem.lib.errors import NotFound, RedeemError
from redeem.partners.directory import StoreLine
from redeem.redemptions.identify import read_name
from redeem.web.context import context, now_ms, read, write
from redeem.web.declines import DECLINES
from redeem.web.headers import PAGES
from redeem.web.languages import DEFAULT, language
from redeem.web.pictures import DATA_PICTURES, qr_picture
from redeem.web.urls import coupon_link

blueprint = Blueprint("public", __name__)

DAYS_LEFT_TOLD = 7
STORES_SHOWN = 6


@dataclass(frozen=True, slots=True)
class PartnerStores:
    """The stores of one partner."""

    name: str
    stores: list[StoreLine]


@blueprint.get("/c/<path:digits>")
@blueprint.get("/C/<path:digits>", endpoint="coupon_in_capitals")
def coupon(digits: str) -> ResponseReturnValue:
    """A coupon has one address. Mails and chats take what follows a link for a part of it: such an address leads to the coupon's own."""
    named = read_name(digits, context().ring())
    if named.token is None or named.shown is None:
        raise NotFound
    own = tokens.write(named.token)
    return page_of(find(named.shown), own) if digits == own else redirect(url_for("public.coupon", digits=own))


def page_of(shown: Shown, digits: str) -> Response:
    offer_language, offer = choose_offer(shown)
    text = render_template(
        "public/coupon.html",
        shown=shown,
        offer=offer,
        offer_language=offer_language,
        partners=by_partner(shown.stores),
        stores_shown=STORES_SHOWN,
        days_left_told=DAYS_LEFT_TOLD,
        picture=qr_picture(coupon_link(context(), digits), _("QR of this coupon")),
        code=grouped(shown.short_code),
        shop=context().settings.shop_name,
        declines=DECLINES,
    )
    response = make_response(text)
    response.headers["Content-Security-Policy"] = policy(offer)
    return response


def find(seen: Seen) -> Shown:
    """The coupon of this token. Raises NotFound, the same for a forged, foreign, mistyped or unknown coupon."""
    now, zone = now_ms(), context().settings.time_zone
    try:
        return read(lambda db: customer_view.show(db, seen.serial, now, zone, seen))
    except NotFound:
        return write(lambda db: customer_view.show_lost(db, seen, now, zone))


def choose_offer(shown: Shown) -> tuple[str, Offer]:
    """(language, offer): in the page's language, else in English, else in the first language that the campaign has."""
    offers = shown.terms.offer
    code = next((code for code in (language(), DEFAULT) if code in offers), None) or next(iter(offers))
    return code, offers[code]


def by_partner(stores: list[StoreLine]) -> list[PartnerStores]:
    return [PartnerStores(name, list(group)) for name, group in groupby(stores, key=lambda store: store.partner_name)]


def policy(offer: Offer) -> str:
    """The Content-Security-Policy of pages, which also allows the host of the offer's picture."""
    allowed = f"{DATA_PICTURES} {origin(offer.picture)}".rstrip()
    return PAGES.replace("img-src 'self'", allowed)


def origin(picture: str | None) -> str:
    """The scheme and host of a picture, empty if they hold a character that could break the header."""
    parts = urlsplit(picture or "")
    return f"{parts.scheme}://{parts.netloc}" if re.fullmatch(r"[a-z0-9.-]+(:[0-9]+)?", parts.netloc) else ""


@blueprint.get("/c/")
def nothing() -> Response:
    raise NotFound


@blueprint.after_request
def seal(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    response.headers["Vary"] = "Accept-Language"
    return response


@blueprint.errorhandler(RedeemError)
def on_error(_error: RedeemError) -> Response:
    """Answers every error with the same page."""
    text = render_template("public/not_found.html", shop=context().settings.shop_name, method=request.method)
    return make_response(text, 404)
