"""The shop's API after a restore from a backup: the status, what was issued since the backup, and that this is complete."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self

from flask import Blueprint, Response
from pydantic import Field

from redeem.accounts.api_keys import ISSUE, MANAGE, READ
from redeem.domain import short_codes
from redeem.domain.rules import Verdict
from redeem.ledger.generation import Life, current
from redeem.lib.times import Ms, rfc3339
from redeem.recovery import shop
from redeem.recovery.shop import IssuedBefore
from redeem.web.api.auth import shop_caller
from redeem.web.api.coupons import make_renderer
from redeem.web.api.operation import answer, once, operation
from redeem.web.api.shapes import Body, Moment, ResponseBody
from redeem.web.api.shop_shapes import Coupon, Metadata, OrderLine, OrderRef
from redeem.web.context import context, now_ms, read
from redeem.webhooks import endpoints

blueprint = Blueprint("restores", __name__, url_prefix="/v1")


class Troubled(ResponseBody):
    """A webhook endpoint that takes nothing, `since` when. If it is `disabled`, nothing is sent to it until it is enabled."""

    url: str
    since: Moment
    disabled: bool


class Status(ResponseBody):
    """How the server is.

    `generation` grows with each restore from a backup; every answer has it in the header `Redeem-Generation`. `recovering_since`: the
    server waits for tablets and tills. `awaits_shop`: the server waits for you: say again what you did since the backup. `old_copy`: the
    server runs on an old copy of its database, and its operator must act. `webhooks`: the endpoints that take nothing.
    """

    object: Literal["status"] = "status"
    generation: Annotated[int, Field(ge=1)]
    recovering_since: Moment | None
    awaits_shop: bool
    old_copy: bool
    webhooks: list[Troubled]

    @classmethod
    def of(cls, life: Life, troubled: Sequence[tuple[str, Ms, bool]]) -> Self:
        since = life.recovering_since
        return cls(
            generation=life.generation,
            recovering_since=None if since is None else rfc3339(since),
            awaits_shop=life.awaits_shop,
            old_copy=life.behind_generation is not None,
            webhooks=[Troubled(url=url, since=rfc3339(since), disabled=disabled) for url, since, disabled in troubled],
        )


class CouponSaidAgain(Body):
    """A coupon that you issued since the backup, as it was answered then. `token` proves it."""

    token: Annotated[str, Field(min_length=1, max_length=2048)]
    short_code: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    order_ref: OrderRef | None = None
    line: OrderLine | None = None
    metadata: Metadata = Field(default_factory=dict)

    def as_issued(self) -> IssuedBefore:
        """Raises BadCode."""
        code = None if self.short_code is None else short_codes.normalise(self.short_code)
        return IssuedBefore(self.token, code, self.order_ref, self.line, self.metadata)


@blueprint.get("/status")
@operation("Look up how the server is", caller="shop", scope=READ, answers={200: Status})
def see_status() -> Response:
    """If `generation` is another than when you asked last, the server was restored from a backup: say again what you did since."""
    return answer(read(lambda session: Status.of(current(session), endpoints.list_troubled(session))))


@blueprint.post("/restores/<int:generation>/coupons")
@operation(
    "Say again a coupon that was issued since the backup",
    caller="shop",
    scope=ISSUE,
    keyed=True,
    body=CouponSaidAgain,
    answers={200: Coupon},
    problems=(
        "restored_again",
        Verdict.UNKNOWN_COUPON,
        "recovering",
        "another_order",
        "order_has_coupon",
        "bad_short_code",
    ),
)
def say_coupon_again(key: str, body: CouponSaidAgain, generation: int) -> Response:
    """The server verifies its own signature, takes the coupon back and gives it its order. A coupon that it has already keeps what it has.

    `recovering`: the coupon's campaign or signing key is younger than the backup; send the same later. `order_has_coupon`: another coupon
    of the order, `coupon`, is not void; void one of the two.
    """
    now, renderer, order_keys, said = now_ms(), make_renderer(), context().order_keys, body.as_issued()
    return once(
        key,
        body,
        200,
        lambda session: renderer.render(shop.say_again(session, generation, said, order_keys, now)),
    )


@blueprint.post("/restores/<int:generation>/complete")
@operation(
    "Say that all was said again",
    caller="shop",
    scope=MANAGE,
    keyed=True,
    answers={200: Status},
    problems=("restored_again",),
)
def complete_restore(key: str, generation: int) -> Response:
    """After that, campaigns with `once_per` issue again: an order of which the server knows no coupon gets one."""
    author, now = shop_caller().author, now_ms()

    def work(session: Any) -> Status:
        return Status.of(shop.complete(session, author, generation, now), endpoints.list_troubled(session))

    return once(key, Body(), 200, work)
