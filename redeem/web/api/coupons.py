"""Coupons, for the shop's own programs: issue, look up, void, move, and their artwork."""

from dataclasses import dataclass

from flask import Blueprint, Response

from redeem.accounts.api_keys import ISSUE, READ
from redeem.coupons import issue
from redeem.coupons.issue import CouponView
from redeem.domain import short_codes
from redeem.ledger.signing import Signer
from redeem.lib import qr
from redeem.lib.days import to_date
from redeem.lib.ids import coupon_of
from redeem.lib.times import Ms, local_day, rfc3339
from redeem.web.api.auth import shop_caller
from redeem.web.api.operation import answer, once, operation
from redeem.web.api.shop_shapes import Coupon, CouponBody, CouponList, CouponQuery, CouponStatus, HomeBody, VoidBody
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
    answers={201: Coupon},
    problems=("not_found", "not_issuing", "campaign_stopped"),
)
def issue_coupon(key: str, body: CouponBody) -> Response:
    now, told, zone = now_ms(), teller(), context().settings.time_zone
    return once(key, body, 201, lambda s: told.tell(issue.issue(s, body.as_new(), told.signer.newest, now, zone)))


@blueprint.get("")
@operation(
    "List coupons, or find those of an order",
    caller="shop",
    scope=READ,
    query=CouponQuery,
    answers={200: CouponList},
    problems=("not_found",),
)
def list_coupons(query: CouponQuery) -> Response:
    page, wanted, told = query.page(coupon_of), query.wanted(), teller()
    found = read(lambda session: issue.list_coupons(session, wanted, page))
    return answer(CouponList(data=[told.tell(view) for view in found.items], has_more=found.has_more))


@blueprint.get("/<coupon>")
@operation("Look a coupon up", caller="shop", scope=READ, answers={200: Coupon}, problems=("not_found",))
def get_coupon(coupon: str) -> Response:
    view = read(lambda session: issue.get_coupon(session, coupon_of(coupon)))
    return answer(teller().tell(view))


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
    """A coupon that a device holds is void once the device has heard of it; until then its status is `void_requested`."""
    now, told, serial = now_ms(), teller(), coupon_of(coupon)
    return once(key, body, 200, lambda s: told.tell(issue.void(s, serial, body.reason or "", now)))


@blueprint.post("/<coupon>/home")
@operation(
    "Say at which store a coupon is expected",
    caller="shop",
    scope=ISSUE,
    keyed=True,
    body=HomeBody,
    answers={200: Coupon},
    problems=("not_found", "already_redeemed", "void"),
)
def move_home(key: str, body: HomeBody, coupon: str) -> Response:
    now, told, serial = now_ms(), teller(), coupon_of(coupon)
    return once(key, body, 200, lambda s: told.tell(issue.move_home(s, serial, body.store, now)))


@blueprint.get("/<coupon>/qr.svg")
@operation(
    "The coupon's QR as SVG", caller="shop", scope=ISSUE, answers={200: "image/svg+xml"}, problems=("not_found",)
)
def qr_svg(coupon: str) -> Response:
    """19.6 mm wide with its quiet zone, if printed at its own size."""
    return Response(qr.svg(link_of(coupon), coupon), mimetype="image/svg+xml")


@blueprint.get("/<coupon>/qr.png")
@operation("The coupon's QR as PNG", caller="shop", scope=ISSUE, answers={200: "image/png"}, problems=("not_found",))
def qr_png(coupon: str) -> Response:
    """Ten pixels a module. Print it as large, or scale it by whole numbers."""
    return Response(qr.png(link_of(coupon)), mimetype="image/png")


# A coupon as it is told.


@dataclass(frozen=True, slots=True)
class Teller:
    """Tells coupons; made before the transaction, because within it there is no request.

    Who may not issue coupons may look them up, but not hold them: `whole` is False for him.
    """

    tools: Context
    signer: Signer
    today: int
    whole: bool

    def tell(self, view: CouponView) -> Coupon:
        token = self.signer.write_serial(view.key_id, view.serial, view.last_day) if self.whole else None
        return Coupon(
            id=view.id,
            campaign=view.campaign_id,
            status=self.status_of(view),
            token=token,
            url=coupon_link(self.tools, token) if token else None,
            short_code=short_codes.grouped(view.short_code) if self.whole else None,
            order_ref=view.order_ref,
            home_store=view.home_store_id,
            metadata=dict(view.metadata),
            valid_until=to_date(view.last_day).isoformat(),
            issued_at=rfc3339(view.issued_at),
            redeemed_at=optional_time(view.redeemed_at),
            voided_at=optional_time(view.voided_at),
            void_reason=view.void_reason,
        )

    def status_of(self, view: CouponView) -> CouponStatus:
        if view.redeemed_at is not None:
            return "redeemed"
        if view.voided_at is not None:
            return "void"
        if view.void_requested_at is not None:
            return "void_requested"
        return "expired" if self.today > view.last_day else "issued"


def teller() -> Teller:
    """For this caller, today."""
    tools = context()
    return Teller(tools, tools.signer(), local_day(now_ms(), tools.settings.time_zone), shop_caller().may(ISSUE))


def link_of(coupon: str) -> str:
    """What the QR of this coupon holds; raises NotFound."""
    view = read(lambda session: issue.get_coupon(session, coupon_of(coupon)))
    return coupon_link(context(), context().signer().write_serial(view.key_id, view.serial, view.last_day))


def optional_time(at: Ms | None) -> str | None:
    return rfc3339(at) if at is not None else None
