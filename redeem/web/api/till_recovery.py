"""The till's API after a restore from a backup: the till reports its earlier redemptions, then that it has reported all.

Until then a coupon is given only by the device that holds it: the till may have given any other coupon since the backup.
"""

from dataclasses import replace
from typing import Annotated, Literal, Self

from flask import Blueprint, Response
from pydantic import BaseModel, ConfigDict, Field

from redeem.accounts.api_keys import REDEEM
from redeem.domain import short_codes
from redeem.domain.acts import Outcome
from redeem.domain.presented import ShownCoupon
from redeem.domain.rules import Verdict
from redeem.ledger.signing import load_ring
from redeem.lib.ids import coupon_of
from redeem.lib.times import rfc3339
from redeem.recovery import tills
from redeem.recovery.tills import GivenBefore, Waiting
from redeem.redemptions.identify import read_name
from redeem.web.api.auth import till_caller
from redeem.web.api.operation import answer, once, operation
from redeem.web.api.shapes import Body, Instant, Moment, ResponseBody
from redeem.web.api.till import declined, marks_of, receipt
from redeem.web.api.till_shapes import Redemption, Scan
from redeem.web.context import context, now_ms, read, write

blueprint = Blueprint("till_recovery", __name__, url_prefix="/v1/recovery")
REDEMPTIONS = "/v1/redemptions"


class Recovery(ResponseBody):
    """`recovering`: the server was restored from a backup and waits for tablets and tills. `awaited`: it waits for this till."""

    object: Literal["recovery"] = "recovery"
    recovering: bool
    awaited: bool
    since: Moment | None

    @classmethod
    def of(cls, waiting: Waiting) -> Self:
        since = waiting.life.recovering_since
        return cls(
            recovering=since is not None, awaited=waiting.awaited, since=None if since is None else rfc3339(since)
        )


class Answered(BaseModel):
    """The answer (201) to the redemption, as it came. Members that are not needed are ignored. Without its `proof` it is contested."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")

    id: Annotated[str, Field(pattern="^rdm_[0-7][0-9A-HJKMNP-TV-Z]{25}$")]
    coupon: Annotated[str, Field(pattern="^cpn_(0|[1-9][0-9]{0,9})_(0|[1-9][0-9]{0,9})$")]
    redeemed_at: Instant
    proof: Annotated[str, Field(max_length=86)] = ""


class SaidAgain(Body):
    """An earlier redemption: its body as it was sent, and its answer as it came."""

    request: Scan
    answer: Answered


@blueprint.get("")
@operation("Look up whether the server waits for this till", caller="till", scope=REDEEM, answers={200: Recovery})
def see_recovery() -> Response:
    """Ask when the till starts, and whenever a redemption is answered with `recovering`."""
    device_id = till_caller().actor.device_id
    return answer(Recovery.of(read(lambda session: tills.is_awaited(session, device_id))))


@blueprint.post("/redemptions")
@operation(
    "Report an earlier redemption",
    caller="till",
    scope=REDEEM,
    keyed=True,
    body=SaidAgain,
    answers={201: Redemption},
    problems=(
        "not_recovering",
        "recovering",
        "conflict",
        "contested",
        Verdict.UNKNOWN_COUPON,
        Verdict.ATTEMPT_CANCELLED,
        "bad_short_code",
    ),
)
def say_again(key: str, body: SaidAgain) -> Response:
    """Report each redemption of the last days under the Idempotency-Key of its attempt. One that the backup has gets its first answer.

    What has its `proof` was redeemed, so the rules are not applied. `conflict`: another device gave a gift for this coupon, too.
    `contested`: there is no `proof`, so a manager of the shop decides about the gift. `recovering`: the coupon's campaign is not known yet;
    send the same later, when the tablets have reported.
    """
    actor, now, marks = till_caller().actor, now_ms(), marks_of(body.request, REDEMPTIONS)
    given = GivenBefore(
        attempt=key,
        fingerprint=marks.now,
        shown=shown_in(body),
        token=None if body.request.is_typed else body.request.token,
        proof=body.answer.proof,
        redemption_id=body.answer.id,
        redeemed_at=body.answer.redeemed_at,
    )
    proofs = context().proofs
    said = write(
        lambda session: marks.match(
            lambda mark: tills.say_again(session, actor, replace(given, fingerprint=mark), proofs, now)
        )
    )
    return receipt(said, key, marks.now) if said.code == Outcome.REDEEMED else declined(said)


@blueprint.post("/report")
@operation(
    "Report that all is reported",
    caller="till",
    scope=REDEEM,
    keyed=True,
    answers={200: Recovery},
    problems=("not_recovering",),
)
def report(key: str) -> Response:
    """After that, no earlier redemption can be reported, and another report gets `not_recovering`."""
    device_id = till_caller().actor.device_id
    return once(key, Body(), 200, lambda session: Recovery.of(tills.till_reported(session, device_id)))


def shown_in(body: SaidAgain) -> ShownCoupon | None:
    """The coupon. For a short code its id comes from the answer: the server may have lost the coupon of that code."""
    if body.request.is_typed:
        serial = coupon_of(body.answer.coupon)
        return (
            None if serial is None else ShownCoupon(serial, short_code=short_codes.normalise(body.request.short_code))
        )
    return read_name(body.request.token, read(load_ring)).shown  # a report may have just brought a key back
