"""The shop's API for orders: a refund."""

from typing import Annotated, Literal, Self

from flask import Blueprint, Flask, Response
from pydantic import Field, TypeAdapter, ValidationError
from werkzeug.routing import PathConverter

from redeem.accounts.api_keys import ISSUE
from redeem.coupons import refunds
from redeem.coupons.refunds import COUPONS_PER_REFUND_MAX, Refunded
from redeem.lib.errors import NotFound
from redeem.web.api.coupons import Renderer, make_renderer
from redeem.web.api.operation import once, operation
from redeem.web.api.shapes import Body, Reason, ResponseBody
from redeem.web.api.shop_shapes import Coupon, OrderLine, OrderRef, RedemptionRecord
from redeem.web.context import now_ms

blueprint = Blueprint("orders", __name__, url_prefix="/v1/orders")
Outcome = Literal["void", "void_requested", "redeemed"]


class OrderConverter(PathConverter):
    """An order's reference in a path: any text, also with slashes, and also at its beginning."""

    regex = ".+?"
    part_isolating = False


class RefundBody(Body):
    """What is refunded: these lines of the order, or, without them, the whole order."""

    lines: Annotated[list[OrderLine], Field(min_length=1, max_length=COUPONS_PER_REFUND_MAX)] | None = None
    reason: Reason | None = None


class RefundedCoupon(ResponseBody):
    """What has become of a coupon of the order.

    `void`: it can't be given any more. `void_requested`: a tablet holds it, and may have given it; it is void once the tablet has said that
    it has not. `redeemed`: the gift was given before, as `redemption` says, and stays given.
    """

    outcome: Outcome
    coupon: Coupon
    redemption: RedemptionRecord | None

    @classmethod
    def of(cls, refunded: Refunded, renderer: Renderer) -> Self:
        coupon, redemption = refunded.coupon, refunded.redemption
        outcome: Outcome = "void" if coupon.voided_at is not None else "void_requested"
        return cls(
            outcome="redeemed" if redemption else outcome,
            coupon=renderer.render(coupon),
            redemption=RedemptionRecord.of(redemption) if redemption else None,
        )


class Refund(ResponseBody):
    """The coupons of what was refunded. Empty: none was issued for these lines."""

    object: Literal["refund"] = "refund"
    order_ref: str
    coupons: list[RefundedCoupon]


@blueprint.post("/<order:order>/refund", merge_slashes=False)
@operation(
    "Refund an order, or lines of it",
    caller="shop",
    scope=ISSUE,
    keyed=True,
    body=RefundBody,
    answers={200: Refund},
    problems=("not_found", "awaits_shop", "ledger_behind"),
)
def refund_order(key: str, body: RefundBody, order: str) -> Response:
    """Voids the coupons of the order that are open, and says of each what has become of it. Percent-encode the reference in the path.

    A refund that is sent again under a new key answers how things stand then. `lines` are compared with the `line` of each coupon: a coupon
    that was issued without one is voided by the refund of the whole order alone. `not_found`: no coupon has this `order_ref`.
    """
    now, renderer, order_ref = now_ms(), make_renderer(), read_order_ref(order)
    return once(
        key,
        body,
        200,
        lambda session: Refund(
            order_ref=order_ref,
            coupons=[
                RefundedCoupon.of(each, renderer)
                for each in refunds.refund(session, order_ref, body.lines, body.reason or "", now)
            ],
        ),
    )


def read_order_ref(text: str) -> str:
    """Return the reference. Raises NotFound for a text that can't be one."""
    try:
        return ORDER_REF.validate_python(text)
    except ValidationError:
        raise NotFound("Check the order: no coupon can have such a reference.") from None


ORDER_REF: TypeAdapter[str] = TypeAdapter(OrderRef)


def attach(app: Flask) -> None:
    app.url_map.converters["order"] = OrderConverter
    app.register_blueprint(blueprint)
