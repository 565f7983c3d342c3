"""Errors over HTTP: the status and title of each code, and the answer: RFC 9457 for programs, a plain page for people.

HTTP statuses are decided in this table and in that of declines.py, which is part of it, and nowhere else. A code without a line in one of
them, or in docs/errors.md, fails a test.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from json import dumps
from typing import Any

from flask import Flask, Response, g, render_template, request
from flask_babel import gettext as _
from structlog import get_logger
from werkzeug.exceptions import HTTPException

from redeem.db.engine import is_temporary
from redeem.lib.errors import RedeemError, TooMany
from redeem.web import logs
from redeem.web.context import context
from redeem.web.declines import DECLINES
from redeem.web.headers import DATA, NOT_KEPT, RATE_LIMIT_POLICY, everywhere, with_policy
from redeem.web.languages import DEFAULT, language
from redeem.web.remedies import what_to_do

MEDIA_TYPE = "application/problem+json"
log = get_logger()


@dataclass(frozen=True, slots=True)
class Kind:
    """One code's HTTP status and title. `retry_after_seconds` is set where the same request may succeed later.

    `detail` is for a code that answers a till's attempt: a sentence that the till may show its clerk. An error brings its own.
    """

    status: int
    title: str
    detail: str = ""
    retry_after_seconds: int | None = None


KINDS: Mapping[str, Kind] = {
    # The request itself.
    "bad_request": Kind(400, "The request can't be read"),
    "bad_json": Kind(400, "The body must be JSON without duplicate keys, NaN or Infinity"),
    "idempotency_key_missing": Kind(400, "The Idempotency-Key is missing or not valid"),
    "bad_link": Kind(400, "The link is incomplete or too old"),
    "unauthenticated": Kind(401, "The API key is missing or not valid"),
    "bad_key": Kind(401, "The key is not valid"),
    "not_signed": Kind(401, "The request is not signed by an enrolled tablet"),
    "wrong_password": Kind(401, "The e-mail address or the password is not right"),
    "forbidden": Kind(403, "This is not allowed"),
    "insufficient_scope": Kind(403, "The API key may not do this"),
    "wrong_pin": Kind(403, "The PIN is not right"),
    "not_found": Kind(404, "Not found"),
    "nothing_to_undo": Kind(
        404,
        "This store has no standing redemption with this id",
        "Check the redemption's id: this store has no standing redemption with it.",
    ),
    "method_not_allowed": Kind(405, "The method is not allowed at this address"),
    "other_generation": Kind(410, "The cursor is of another generation of the database"),
    "events_deleted": Kind(410, "Events that were not read are too old and deleted"),
    "precondition_failed": Kind(412, "It was changed since it was read"),
    "too_large": Kind(413, "The body is too large"),
    "unsupported_media_type": Kind(415, "The body must be sent as application/json"),
    "invalid": Kind(422, "A value is not valid"),
    "bad_short_code": Kind(422, "The short code was mistyped"),
    "idempotency_key_reused": Kind(422, "The Idempotency-Key was used for another request"),
    "precondition_required": Kind(428, "If-Match is missing"),
    "too_many": Kind(429, "Too many tries"),
    "error": Kind(500, "Something went wrong"),
    "internal": Kind(500, "Something went wrong"),
    "recovering": Kind(
        503,
        "The server was restored from a backup and waits for tablets and tills",
        "The server was restored from a backup and waits for tablets and tills. Nothing is decided: send this attempt again,"
        " or cancel it.",
        retry_after_seconds=60,
    ),
    # By HTTP it were 408. Every client repeats after a 5xx already, and a tablet takes a 4xx for a refusal.
    "crowded": Kind(503, "Many people sign in at this moment", retry_after_seconds=3),
    "too_slow": Kind(
        503,
        "The request came too slowly",
        "Send it again, with the same Idempotency-Key: nothing was done.",
        retry_after_seconds=1,
    ),
    "ledger_behind": Kind(503, "The server runs on an old copy of its database", retry_after_seconds=60),
    "awaits_shop": Kind(503, "The server was restored from a backup and waits for the shop", retry_after_seconds=60),
    "unavailable": Kind(503, "The service is temporarily unavailable", retry_after_seconds=1),
    # A coupon is declined.
    **{verdict: Kind(each.status, each.title, each.detail) for verdict, each in DECLINES.items()},
    # The request is well formed, but the state of things does not allow it.
    "conflict": Kind(
        409,
        "The present state does not allow this",
        "Tell the shop: another device gave a gift for this coupon, too. Both gifts are recorded.",
    ),
    "contested": Kind(
        409,
        "The gift is recorded and not owed yet",
        "A manager of the shop decides about this gift: it was reported without the `proof` of its redemption, or breaks a rule.",
    ),
    "restored_again": Kind(409, "The server was restored once more"),
    "another_order": Kind(409, "The coupon was issued for another order"),
    "order_has_coupon": Kind(409, "The order has another coupon"),
    "not_recovering": Kind(409, "The server does not wait for this till"),
    "conflict_withdrawn": Kind(409, "One of the gifts was undone, or was never given"),
    "gift_gone": Kind(409, "This gift does not stand any more"),
    "gift_pending": Kind(409, "Nobody knows yet whether the gift was handed over"),
    "undo_too_late": Kind(409, "It is too late to undo", "Ask a manager: the time to undo this redemption is over."),
    "not_issuing": Kind(409, "The campaign does not issue coupons today"),
    "campaign_stopped": Kind(409, "The campaign is stopped"),
    "no_signing_key": Kind(409, "No signing key is active"),
    "batch_not_finished": Kind(409, "The batch is not finished", retry_after_seconds=5),
    "campaign_in_use": Kind(409, "Coupons of this campaign have been issued"),
    "endpoint_disabled": Kind(409, "The webhook endpoint is disabled"),
    "too_many_endpoints": Kind(409, "There are too many webhook endpoints"),
    "changed_meanwhile": Kind(409, "Somebody else changed this meanwhile"),
    "words_are_out": Kind(409, "Customers hold coupons with the earlier words"),
    "nothing_to_void": Kind(409, "None of these coupons can be voided"),
    "broken_journal": Kind(409, "The tablet's journal does not continue where the server's copy ends"),
    "enrolment_used": Kind(409, "The enrolment link was used already"),
    "enrolment_expired": Kind(409, "The enrolment link has expired"),
    "last_manager": Kind(409, "This is the last shop manager who can sign in"),
    "invitation_over": Kind(409, "The invitation is no longer valid"),
    "reset_over": Kind(409, "The password link is no longer valid"),
    "email_taken": Kind(409, "The e-mail address is taken"),
}
HTTP_CODES: Mapping[int, str] = {
    401: "unauthenticated",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    415: "unsupported_media_type",
    429: "too_many",
    503: "unavailable",
}
CHALLENGE = {401: 'Bearer realm="redeem"', 403: 'Bearer realm="redeem", error="insufficient_scope"'}


def attach(app: Flask) -> None:
    """Registers the handlers that answer every error of the application."""
    app.register_error_handler(RedeemError, on_error)
    app.register_error_handler(HTTPException, on_http_error)
    app.register_error_handler(Exception, on_unexpected)


def on_error(error: RedeemError) -> Response:
    headers = limits(error.retry_after_seconds) if isinstance(error, TooMany) else {}
    return respond(error.code, error.detail, error.extra, headers)


def limits(seconds: int) -> Mapping[str, str]:
    """The headers of a 429: Retry-After, and RateLimit with its policy (draft-ietf-httpapi-ratelimit-headers)."""
    return {
        "Retry-After": str(seconds),
        "RateLimit": f'"guesses";r=0;t={seconds}',
        RATE_LIMIT_POLICY[0]: RATE_LIMIT_POLICY[1],
    }


def on_http_error(error: HTTPException) -> Response:
    """Answers an error that Flask raised: unknown path, wrong method, body too large."""
    ready = error.get_response()
    code = HTTP_CODES.get(ready.status_code, "internal" if ready.status_code >= 500 else "bad_request")
    kept = {name: ready.headers[name] for name in ("Allow", "Retry-After") if name in ready.headers}
    return respond(code, error.description or KINDS[code].title, {}, kept)


def on_unexpected(error: Exception) -> Response:
    """Answers an unforeseen exception with the request's id alone. The log gets the stack trace."""
    log.error("fault", request_id=request_id(), exc_info=error)
    if is_temporary(error):
        return respond(
            "unavailable", "Try again with the same Idempotency-Key: a request that was done is not done twice.", {}, {}
        )
    return respond("internal", "Try again. If it happens again, tell the shop the request's id.", {}, {})


def respond(code: str, detail: str, extra: Mapping[str, Any], headers: Mapping[str, str]) -> Response:
    response = page(code, detail) if wants_page() else problem(code, detail, extra)
    response.headers.update(headers)
    return response


def problem(code: str, detail: str, extra: Mapping[str, Any]) -> Response:
    """The answer to a program: a problem document (RFC 9457). Its `detail` is in the caller's language: a till shows it to its clerk."""
    kind = KINDS[code]
    text = document(code, in_callers_language(code, detail), context().settings.base_url, request_id(), extra)
    response = answer(kind, text, MEDIA_TYPE)
    response.headers["Content-Language"] = language()
    response.vary.add("Accept-Language")
    if kind.status in CHALLENGE:
        response.headers["WWW-Authenticate"] = CHALLENGE[kind.status]
    return response


def document(code: str, detail: str, base_url: str, id_of_request: str, extra: Mapping[str, Any]) -> str:
    kind = KINDS[code]
    body = {
        "type": f"{base_url}/v1/errors#{code}",
        "title": kind.title,
        "status": kind.status,
        "detail": detail,
        "code": code,
        "request_id": id_of_request,
        **extra,
    }
    return dumps(body, ensure_ascii=False)


def in_callers_language(code: str, detail: str) -> str:
    """The sentence in the language that the caller prefers. One without a translation is replaced by what to do about every such error."""
    if language() == DEFAULT:
        return detail
    said = str(_(detail))
    return said if said != detail else " ".join(_(sentence) for sentence in what_to_do(code))


def too_slow(base_url: str) -> tuple[int, list[tuple[str, str]], bytes]:
    """(status, headers, body) of the answer to a request that the server has not waited for. No view has seen it."""
    kind, id_of_request = KINDS["too_slow"], logs.new_request_id()
    log.info("request", request_id=id_of_request, route=None, status=kind.status)
    body = document("too_slow", kind.detail, base_url, id_of_request, {})
    headers = {
        "Content-Type": MEDIA_TYPE,
        "X-Request-Id": id_of_request,
        "Retry-After": str(kind.retry_after_seconds),
        "Connection": "close",
        **dict([*with_policy(everywhere(base_url), DATA), NOT_KEPT]),
    }
    return kind.status, list(headers.items()), body.encode()


def page(code: str, detail: str) -> Response:
    """The answer to a person: a page in their language."""
    kind = KINDS[code]
    text = render_template("error.html", title=_(kind.title), detail=_(detail), request_id=request_id())
    return answer(kind, text, "text/html")


def answer(kind: Kind, text: str, mimetype: str) -> Response:
    response = Response(text, kind.status, mimetype=mimetype)
    if kind.retry_after_seconds is not None:
        response.headers["Retry-After"] = str(kind.retry_after_seconds)
    return response


def wants_page() -> bool:
    """Whether to answer with a page. Browsers that open an address prefer HTML; programs and our own scripts don't."""
    if request.path.startswith("/v1/"):
        return False
    return request.accept_mimetypes.best_match([MEDIA_TYPE, "text/html"]) == "text/html"


def request_id() -> str:
    return str(g.get("request_id", ""))
