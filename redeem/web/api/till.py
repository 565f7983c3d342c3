"""The till's API: verify, redeem, cancel, reverse. A till's key belongs to a device of one store, and acts for that store alone.

`POST /v1/redemptions` is the busiest route of Redeem: measure a change to it (bench/load.py).
"""

from flask import Blueprint, Flask, Response, request
from werkzeug.routing import BaseConverter

from redeem.accounts.api_keys import REDEEM
from redeem.accounts.idempotency import fingerprint
from redeem.db.engine import Work
from redeem.devices import moves
from redeem.domain import short_codes
from redeem.domain.acts import Act, Answer, Kind, Outcome
from redeem.domain.presented import Actor, ShownCoupon
from redeem.domain.proofs import name_at_till
from redeem.lib.ids import campaign_id, coupon_of, is_id
from redeem.lib.times import Ms
from redeem.redemptions.attempts import Marks, settle_attempt
from redeem.redemptions.fast_path import redeem_at_once
from redeem.redemptions.identify import Guesser, find_by_code, read_name
from redeem.redemptions.settle import cancel, settle
from redeem.redemptions.verify import verify
from redeem.web.api.auth import till_caller
from redeem.web.api.operation import REPLAYED, answer, operation
from redeem.web.api.shapes import Place
from redeem.web.api.till_shapes import CancelledAttempt, Redemption, ReverseBody, ReversedRedemption, Scan, Verification
from redeem.web.context import autocommit, context, now_ms, read, write
from redeem.web.declines import DECLINES
from redeem.web.parsing import key_in_path
from redeem.web.problems import KINDS, problem

blueprint = Blueprint("till", __name__, url_prefix="/v1")


class AttemptConverter(BaseConverter):
    """What names an attempt in a path: whatever stands there, slashes included. The view says what is wrong with it."""

    regex = r"[\s\S]*"
    part_isolating = False


def attach(app: Flask) -> None:
    app.url_map.converters["attempt"] = AttemptConverter
    app.url_map.merge_slashes = False  # an attempt's id may have two in a row
    app.register_blueprint(blueprint)


@blueprint.post("/verifications")
@operation(
    "Verify a coupon",
    caller="till",
    scope=REDEEM,
    body=Scan,
    answers={200: Verification},
    problems=("bad_short_code", "too_many"),
)
def verify_coupon(body: Scan) -> Response:
    """Says whether the coupon could be redeemed at this till now. Changes nothing and promises nothing: only a redemption decides."""
    actor, now = till_caller().actor, now_ms()
    find = finder(body, actor, now)
    run = write if body.is_typed else read  # a wrong short code is counted
    return answer(Verification.of(run(lambda session: verify(session, actor, find(session), now))))


@blueprint.post("/redemptions")
@operation(
    "Redeem a coupon",
    caller="till",
    scope=REDEEM,
    keyed=True,
    body=Scan,
    answers={201: Redemption},
    problems=(*DECLINES, Outcome.RECOVERING, "bad_short_code", "too_many"),
)
def redeem_coupon(key: str, body: Scan) -> Response:
    """The Idempotency-Key is the attempt's id: store it before you send it. The same attempt always gets the same answer.

    A decline is kept like any other answer: to try again later, make a new attempt. `recovering` is not kept: nothing is decided yet.
    """
    actor, now, marks = till_caller().actor, now_ms(), marks_of(body, request.path)
    shown = None if body.is_typed else scanned(body)
    find = finder(body, actor, now) if body.is_typed else None
    act = Act(actor, key, Kind.REDEEM, marks.now, shown.serial if shown else None, shown)
    given = autocommit(lambda driver: redeem_at_once(driver, context().memory, act, now)) or write(
        lambda session: settle_attempt(session, act, marks, now, find)
    )
    return receipt(given, key, marks.now) if given.redeemed else declined(given)


@blueprint.post("/redemptions/<attempt:attempt>/cancel")
@operation(
    "Cancel an attempt to redeem",
    caller="till",
    scope=REDEEM,
    answers={200: CancelledAttempt},
    problems=("idempotency_key_missing", "idempotency_key_reused"),
)
def cancel_attempt(attempt: str) -> Response:
    """Takes back what the attempt redeemed, if it did. If the redemption arrives later, it is declined with `attempt_cancelled`.

    The path names the attempt as the header does, bare or quoted, and percent-encoded. A name that can be none is an error, and nothing
    is cancelled.
    """
    key, now = key_in_path(attempt), now_ms()
    act = Act(till_caller().actor, key, Kind.CANCEL, fingerprint="")
    write(lambda session: cancel(session, act, now))
    return answer(CancelledAttempt(id=key))


@blueprint.post("/redemptions/<redemption>/reverse")
@operation(
    "Undo a redemption of this store",
    caller="till",
    scope=REDEEM,
    keyed=True,
    body=ReverseBody,
    answers={200: ReversedRedemption},
    problems=("nothing_to_undo", "undo_too_late", "attempt_cancelled"),
)
def reverse_redemption(key: str, body: ReverseBody, redemption: str) -> Response:
    """Possible within the campaign's `undo_minutes`. After that the coupon is good again."""
    now, of = now_ms(), redemption if is_id("rdm", redemption) else None
    mark = fingerprint("POST", request.path, body)
    act = Act(till_caller().actor, key, Kind.REVERSE, mark, of_act_id=of, reason=body.reason)
    given = write(lambda session: settle(session, act, now))
    if given.code != Outcome.REVERSED:
        return declined(given)
    reversal = ReversedRedemption(id=redemption, coupon=given.details["coupon"], reason=body.reason)
    return answer(reversal, replayed=given.replayed)


def finder(body: Scan, actor: Actor, now: Ms) -> Work[ShownCoupon | None]:
    """A function that finds the coupon in a session. A token is verified here, before the transaction: that takes no database."""
    if not body.is_typed:
        shown = scanned(body)
        return lambda _: shown
    code = short_codes.normalise(body.short_code)
    return lambda session: as_shown(find_by_code(session, code, Guesser(actor.device_id, now)))


def scanned(body: Scan) -> ShownCoupon | None:
    return read_name(body.token, context().ring()).shown


def marks_of(body: Scan, path: str) -> Marks:
    """The marks of an attempt that was sent to `path`. Raises BadCode."""
    return Marks(fingerprint("POST", path, body.identity), fingerprint("POST", path, body))


def as_shown(serial: int | None) -> ShownCoupon | None:
    return None if serial is None else ShownCoupon(serial)


def receipt(given: Answer, key: str, mark: str) -> Response:
    """The redemption. Its proof shows to a restored ledger that this attempt, whose request has this fingerprint, was answered so."""
    actor, coupon, redemption = till_caller().actor, given.details["coupon"], given.details["redemption"]
    place = actor.store_id, actor.store_name
    if given.replayed:
        place = read(lambda session: moves.store_of(session, redemption))
    serial = coupon_of(coupon) or 0
    redemption_given = Redemption(
        id=redemption,
        coupon=coupon,
        campaign=campaign_id(serial >> 32),
        redeemed_at=given.details["redeemed_at"],
        store=Place(id=place[0], name=place[1]),
        device=Place(id=actor.device_id, name=actor.device_name),
        proof=context().proofs.yes(actor.device_id, name_at_till(key, redemption), mark, serial),
    )
    response = answer(redemption_given, 201, replayed=given.replayed)
    response.headers["Location"] = f"/v1/redemptions/{redemption}"
    return response


def declined(given: Answer) -> Response:
    response = problem(given.code, KINDS[given.code].detail, given.details)
    response.headers.update(REPLAYED if given.replayed else {})
    return response
