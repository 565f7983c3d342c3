"""Errors over HTTP: which status each code has, and how it is told (RFC 9457 to programs, a plain page to people).

This table is the one place that knows a status. A new code without a line here, or without one in docs/errors.md, fails a test.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from json import dumps
from typing import Any

from flask import Flask, Response, g, render_template, request
from flask_babel import gettext as _
from structlog import get_logger
from werkzeug.exceptions import HTTPException

from redeem.accounts.throttle import FORGET_MS, FREE_FAILURES
from redeem.db.engine import is_temporary
from redeem.lib.errors import RedeemError, TooMany
from redeem.web.context import context

MEDIA_TYPE = "application/problem+json"
log = get_logger()


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of problem: its HTTP status, its title, the same each time, and when to come back, if that may help by itself."""

    status: int
    title: str
    retry_after_seconds: int | None = None


KINDS: Mapping[str, Kind] = {
    # The request itself.
    "bad_request": Kind(400, "The request can't be read"),
    "bad_json": Kind(400, "The body is no JSON that everybody reads alike"),
    "idempotency_key_missing": Kind(400, "The Idempotency-Key is missing"),
    "bad_link": Kind(400, "The link is incomplete or too old"),
    "unauthenticated": Kind(401, "Nobody known is asking"),
    "bad_key": Kind(401, "The key can't be used"),
    "not_signed": Kind(401, "The request is not signed by an enrolled tablet"),
    "wrong_password": Kind(401, "The address or the password is not right"),
    "forbidden": Kind(403, "This is not allowed"),
    "insufficient_scope": Kind(403, "The key may not do this"),
    "wrong_pin": Kind(403, "The PIN is not right"),
    "not_found": Kind(404, "Nothing of that name is here"),
    "unknown_coupon": Kind(404, "This is not a coupon of this shop"),
    "nothing_to_undo": Kind(404, "No redemption of this store stands under this id"),
    "method_not_allowed": Kind(405, "This address doesn't take the method"),
    "too_large": Kind(413, "The body is too large"),
    "unsupported_media_type": Kind(415, "The body is not sent as application/json"),
    "invalid": Kind(422, "A value is not as it should be"),
    "bad_short_code": Kind(422, "The short code was mistyped"),
    "idempotency_key_reused": Kind(422, "The Idempotency-Key was used for another request"),
    "too_many": Kind(429, "Too many tries"),
    "error": Kind(500, "Something went wrong"),
    "internal": Kind(500, "Something went wrong"),
    "recovering": Kind(503, "The ledger waits for its tablets", retry_after_seconds=60),
    "unavailable": Kind(503, "The service is not available just now", retry_after_seconds=1),
    # A coupon that is declined, in the words of rules.Verdict.
    "already_redeemed": Kind(409, "The gift was given already"),
    "void": Kind(409, "The shop has cancelled this coupon"),
    "wrong_store": Kind(409, "The coupon is not good at this store"),
    "not_yet_valid": Kind(409, "The coupon is not valid yet"),
    "expired": Kind(409, "The coupon has expired"),
    "held_elsewhere": Kind(409, "Another device holds the right to give this gift"),
    "attempt_cancelled": Kind(409, "The attempt was cancelled"),
    # What stands in the way.
    "conflict": Kind(409, "It can't be done as things stand"),
    "not_recovering": Kind(409, "The ledger waits for nothing"),
    "conflict_withdrawn": Kind(409, "One of the two gifts was taken back"),
    "undo_too_late": Kind(409, "It is too late to undo"),
    "not_issuing": Kind(409, "The campaign issues no coupons today"),
    "campaign_stopped": Kind(409, "The campaign is stopped"),
    "campaign_in_use": Kind(409, "Coupons of this campaign are out"),
    "changed_meanwhile": Kind(409, "Somebody else has changed it"),
    "words_are_out": Kind(409, "Customers hold coupons with these words"),
    "nothing_to_void": Kind(409, "None of them can be voided"),
    "broken_journal": Kind(409, "The tablet's journal doesn't continue"),
    "enrolment_used": Kind(409, "The link was used"),
    "enrolment_expired": Kind(409, "The link is too old"),
    "last_manager": Kind(409, "Nobody else could run the shop"),
    "invitation_over": Kind(409, "The invitation is not good any more"),
    "reset_over": Kind(409, "The link is not good any more"),
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
DRAIN_MAX_BYTES = 32_000_000
DRAIN_CHUNK_BYTES = 65_536
CHALLENGE = {401: 'Bearer realm="redeem"', 403: 'Bearer realm="redeem", error="insufficient_scope"'}


def attach(app: Flask) -> None:
    """Every error of the application is told by this module."""
    app.register_error_handler(RedeemError, on_error)
    app.register_error_handler(HTTPException, on_http_error)
    app.register_error_handler(Exception, on_surprise)


def on_error(error: RedeemError) -> Response:
    headers = limits(error.retry_after_seconds) if isinstance(error, TooMany) else {}
    return tell(error.code, error.detail, error.extra, headers)


def limits(seconds: int) -> Mapping[str, str]:
    """When to come back; and as draft-ietf-httpapi-ratelimit-headers has it, what is left (nothing), and of how much."""
    return {
        "Retry-After": str(seconds),
        "RateLimit": f'"guesses";r=0;t={seconds}',
        "RateLimit-Policy": f'"guesses";q={FREE_FAILURES};w={FORGET_MS // 1000}',
    }


def on_http_error(error: HTTPException) -> Response:
    """Flask's own: no such path, wrong method, too large a body."""
    ready = error.get_response()
    if ready.status_code < 400:
        return Response(ready.data, ready.status, ready.headers)  # a redirect to the address as it should be
    if ready.status_code == 413:
        drain()
    code = HTTP_CODES.get(ready.status_code, "internal" if ready.status_code >= 500 else "bad_request")
    kept = {name: ready.headers[name] for name in ("Allow", "Retry-After") if name in ready.headers}
    return tell(code, error.description or KINDS[code].title, {}, kept)


def drain() -> None:
    """Reads a body that is too large to its end, or to a bound: a client that is still sending would not see the answer."""
    left, stream = DRAIN_MAX_BYTES, request.environ["wsgi.input"]
    while left > 0 and (chunk := stream.read(min(left, DRAIN_CHUNK_BYTES))):
        left -= len(chunk)


def on_surprise(error: Exception) -> Response:
    """A fault of ours: the log has the trace, the answer has the request's id and nothing else."""
    log.error("fault", request_id=request_id(), exc_info=error)
    if is_temporary(error):
        return tell("unavailable", "Try again: what was done is answered as it was.", {}, {})
    return tell("internal", "Try again. If it stays, tell the shop the request's id.", {}, {})


def tell(code: str, detail: str, extra: Mapping[str, Any], headers: Mapping[str, str]) -> Response:
    response = page(code, detail) if wants_page() else problem(code, detail, extra)
    response.headers.update(headers)
    return response


def problem(code: str, detail: str, extra: Mapping[str, Any]) -> Response:
    """The answer to a program."""
    kind = KINDS[code]
    body = {
        "type": f"{context().settings.base_url}/v1/errors#{code}",
        "title": kind.title,
        "status": kind.status,
        "detail": detail,
        "code": code,
        "request_id": request_id(),
        **extra,
    }
    response = answer(kind, dumps(body, ensure_ascii=False), MEDIA_TYPE)
    if kind.status in CHALLENGE:
        response.headers["WWW-Authenticate"] = CHALLENGE[kind.status]
    return response


def page(code: str, detail: str) -> Response:
    """The answer to a person."""
    kind = KINDS[code]
    text = render_template("error.html", title=_(kind.title), detail=_(detail), request_id=request_id())
    return answer(kind, text, "text/html")


def answer(kind: Kind, text: str, mimetype: str) -> Response:
    response = Response(text, kind.status, mimetype=mimetype)
    if kind.retry_after_seconds is not None:
        response.headers["Retry-After"] = str(kind.retry_after_seconds)
    return response


def wants_page() -> bool:
    """A browser that opens an address asks for HTML; programs, and our own scripts, ask for anything."""
    if request.path.startswith("/v1/"):
        return False
    return request.accept_mimetypes.best_match([MEDIA_TYPE, "text/html"]) == "text/html"


def request_id() -> str:
    return str(g.get("request_id", ""))
