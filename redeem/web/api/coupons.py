"""The shop's API for coupons: issue, list, look up, void, set a home, and draw the QR."""

from dataclasses import dataclass

from flask import Blueprint, Response

from redeem.accounts.api_keys import ISSUE, READ
from redeem.coupons import issue, listing
from redeem.coupons.issue import CouponView, Issued
from redeem.domain import short_codes
from redeem.domain.disclosure import Audience, Field, Sight, disclose, sight
from redeem.domain.status import status_of
from redeem.domain.terms import end_of
from redeem.ledger.signing import Signer
from redeem.lib import qr
from redeem.lib.ids import coupon_of
from redeem.lib.times import Ms, local_day, rfc3339
from redeem.web.api.auth import shop_caller
from redeem.web.api.operation import answer, once, operation
from redeem.web.api.shapes import day_text
from redeem.web.api.shop_shapes import Coupon, CouponBody, CouponIssued, CouponList, CouponQuery, HomeBody, VoidBody
from redeem.web.context import Context, context, now_ms, read
from redeem.web.urls import coupon_link

blueprint = Blueprint("coupons", __name__, url_prefix="/v1/coupons")


@blueprint.post("")
@operation(
    "Issue a coupon",
    caller="shop",
    scope=ISSUE,
    keyed=True,
    body=CouponBody,
    answers={201: CouponIssued, 200: CouponIssued},
    problems=("not_found", "not_issuing", "campaign_stopped", "no_signing_key", "awaits_shop", "ledger_behind"),
)
def issue_coupon(key: str, body: CouponBody) -> Response:
    """If the campaign's `once_per` is `order` or `line`, and the order or the line has a coupon of it already, that one is answered (200),
    under any Idempotency-Key and whatever its status is: also if it is void, redeemed or expired. Nothing is issued then, also if
    the campaign is stopped.

    `awaits_shop`: the server was restored from a backup. Say again what you issued since, then that this is complete.
    """
    now, renderer, mint = now_ms(), make_renderer(), context().mint()
    return once(
        key,
        body,
        lambda told: 200 if told.existing else 201,
        lambda s: renderer.render_issued(issue.issue(s, body.as_new(), mint, now)),
    )


@blueprint.get("")
@operation(
    "List coupons",
    caller="shop",
    scope=READ,
    query=CouponQuery,
    answers={200: CouponList},
    problems=("not_found",),
)
def list_coupons(query: CouponQuery) -> Response:
    page, wanted, renderer = query.page(coupon_of), query.wanted(), make_renderer()
    found = read(lambda session: listing.list_coupons(session, wanted, renderer.today, page))
    return answer(CouponList(data=[renderer.render(view) for view in found.items], has_more=found.has_more))


@blueprint.get("/<coupon>")
@operation("Look a coupon up", caller="shop", scope=READ, answers={200: Coupon}, problems=("not_found",))
def get_coupon(coupon: str) -> Response:
    view = read(lambda session: issue.get_coupon(session, coupon_of(coupon)))
    return answer(make_renderer().render(view))


@blueprint.post("/<coupon>/void")
@operation(
    "Void a coupon before its use",
    caller="shop",
    scope=ISSUE,
    keyed=True,
    body=VoidBody,
    answers={200: Coupon},
    problems=("not_found", "already_redeemed"),
)
def void_coupon(key: str, body: VoidBody, coupon: str) -> Response:
    """If a device holds the coupon, the void waits until the device has released it. Until then the status is `void_requested`."""
    now, renderer, serial = now_ms(), make_renderer(), coupon_of(coupon)
    return once(key, body, 200, lambda s: renderer.render(issue.void(s, serial, body.reason or "", now)))


@blueprint.post("/<coupon>/home")
@operation(
    "Set the store at which a coupon is expected",
    caller="shop",
    scope=ISSUE,
    keyed=True,
    body=HomeBody,
    answers={200: Coupon},
    problems=("not_found", "already_redeemed", "void"),
)
def move_home(key: str, body: HomeBody, coupon: str) -> Response:
    now, renderer, serial = now_ms(), make_renderer(), coupon_of(coupon)
    return once(key, body, 200, lambda s: renderer.render(issue.change_home(s, serial, body.store, now)))


@blueprint.get("/<coupon>/qr.svg")
@operation(
    "The coupon's QR as SVG", caller="shop", scope=ISSUE, answers={200: "image/svg+xml"}, problems=("not_found",)
)
def qr_svg(coupon: str) -> Response:
    """19.6 mm wide with its quiet zone, if printed without scaling. Its title is the offer's, in the offer's first language."""
    serial = coupon_of(coupon)
    title = read(lambda session: issue.title_of(session, serial))
    return Response(qr.svg(link_of(coupon), title), mimetype="image/svg+xml")


@blueprint.get("/<coupon>/qr.png")
@operation("The coupon's QR as PNG", caller="shop", scope=ISSUE, answers={200: "image/png"}, problems=("not_found",))
def qr_png(coupon: str) -> Response:
    """Ten pixels a module. Print it without scaling, or scale it by a whole number."""
    return Response(qr.png(link_of(coupon)), mimetype="image/png")


# The coupon as an answer.


@dataclass(frozen=True, slots=True)
class Renderer:
    """Makes the answer from a coupon. It is made before the transaction, because the work in one reads no request.

    `today` is the day in the shop's calendar. `audience` is ISSUER if the caller has the scope `issue`: other callers may look
    coupons up, but get no token, link or short code.
    """

    tools: Context
    signer: Signer
    today: int
    audience: Audience

    def render(self, view: CouponView) -> Coupon:
        may_have = sight(self.audience, Field.TOKEN) is Sight.WHOLE
        token = self.signer.write_serial(view.key_id, view.serial, view.last_day) if may_have else None
        code = disclose(self.audience, Field.SHORT_CODE, view.short_code)
        return Coupon(
            id=view.id,
            campaign=view.campaign_id,
            status=status_of(view, self.today),
            token=token,
            url=disclose(self.audience, Field.LINK, coupon_link(self.tools, token)) if token else None,
            short_code=short_codes.grouped(code) if code else None,
            order_ref=disclose(self.audience, Field.ORDER_REF, view.order_ref),
            line=disclose(self.audience, Field.ORDER_REF, view.line),
            home_store=view.home_store_id,
            metadata=dict(view.metadata),
            valid_until=day_text(end_of(view.last_day)),
            issued_at=rfc3339(view.issued_at),
            redeemed_at=optional_time(view.redeemed_at),
            voided_at=optional_time(view.voided_at),
            void_reason=disclose(self.audience, Field.VOID_REASON, view.void_reason),
        )

    def render_issued(self, issued: Issued) -> CouponIssued:
        return CouponIssued(**dict(self.render(issued.coupon)), existing=issued.existing)


def make_renderer() -> Renderer:
    """A renderer for the caller of this request."""
    tools = context()
    audience = Audience.ISSUER if shop_caller().may(ISSUE) else Audience.READER
    return Renderer(tools, tools.signer(), local_day(now_ms(), tools.settings.time_zone), audience)


def link_of(coupon: str) -> str:
    """The link that the coupon's QR holds. Raises NotFound."""
    view = read(lambda session: issue.get_coupon(session, coupon_of(coupon)))
    return coupon_link(context(), context().signer().write_serial(view.key_id, view.serial, view.last_day))


def optional_time(at: Ms | None) -> str | None:
    return rfc3339(at) if at is not None else None
