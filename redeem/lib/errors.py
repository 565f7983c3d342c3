"""The base classes of all errors that Redeem raises on purpose. Each error has a stable code.

An error says that the caller made a mistake or that something is missing. An answer about a coupon is no error: it is a `rules.Verdict`.
The HTTP status of a code is decided in `redeem/web/problems.py`.
"""

from collections.abc import Mapping
from typing import Any, ClassVar


class RedeemError(Exception):
    """The base class of all errors.

    `code` is stable and for programs. `detail` is a sentence for people that says what to do next.
    `extra` holds JSON-able members that are added to the answer.
    """

    code: ClassVar[str] = "error"
    default_detail: ClassVar[str] = "Something went wrong. Try again. If it happens again, tell the shop."

    def __init__(self, detail: str | None = None, **extra: Any) -> None:
        self.detail = detail or self.default_detail
        self.extra: Mapping[str, Any] = extra
        super().__init__(self.detail)


class Invalid(RedeemError):
    """A value in the request is not valid. `extra["errors"]`, if present, lists the faults: `[{"pointer", "detail"}, …]`."""

    code = "invalid"
    default_detail = "Correct the value and send it again."


class Unauthenticated(RedeemError):
    """The caller did not prove who they are."""

    code = "unauthenticated"
    default_detail = "Send an API key that is complete and not revoked."


class Forbidden(RedeemError):
    """The caller is known, but may not do this."""

    code = "forbidden"
    default_detail = "Ask a manager who may do this."


class NotFound(RedeemError):
    """It does not exist, or the caller may not know of it. The answer is the same, so nobody can find out which."""

    code = "not_found"
    default_detail = "Check the id or the address: nothing was found."


class Conflict(RedeemError):
    """The present state of a thing does not allow what was asked."""

    code = "conflict"
    default_detail = "Read it again: it has changed, or its state does not allow this."


class ChangedSinceRead(RedeemError):
    """What is to be changed is no longer as the caller has read it."""

    code = "precondition_failed"
    default_detail = "Nothing was changed: it is not as you have read it. Read it again, then send your change anew, with its new ETag."


class ChangedMeanwhile(Conflict):
    """Somebody saved another version while this one was being written."""

    code = "changed_meanwhile"
    default_detail = (
        "Somebody changed this while you wrote. What you typed is still here: look at theirs, then save yours."
    )


class TooMany(RedeemError):
    """The caller tried too often. They may try again after `retry_after_seconds`."""

    code = "too_many"
    default_detail = "Wait a moment and try again."

    def __init__(self, retry_after_seconds: int, detail: str | None = None, **extra: Any) -> None:
        self.retry_after_seconds = retry_after_seconds
        super().__init__(detail, **extra)


class Reasoned(RedeemError):
    """An error with a `reason` from a closed set.

    The reason is for tests, logs and the clerk's own screen. It is not in `extra`, so it can't get into an answer:
    a caller who tries forged tokens or keys must not learn which check failed.
    """

    def __init__(self, reason: str, detail: str | None = None, **extra: Any) -> None:
        self.reason = reason
        super().__init__(detail, **extra)
        self.args = (reason, self.detail)


class BadToken(Reasoned):
    """The text is not the token of a coupon of this shop. `reason` is a `tokens.Fault`."""

    code = "unknown_coupon"
    default_detail = "This is not a coupon of this shop. Scan it again, or type its short code."


class BadCode(Reasoned):
    """The short code was mistyped. `reason` is a `short_codes.Fault`."""

    code = "bad_short_code"
    default_detail = "Type the short code again, in Latin letters: twelve letters and digits, as printed under the QR."


class BadKey(Reasoned):
    """A key can't be used. `reason` is a `sealing.Fault` or an `api_key_format.Fault`."""

    code = "bad_key"
    default_detail = "Check that the whole key was copied, or make a new one."


class BadLink(Reasoned):
    """A one-time link can't be used. `reason` is a `links.Fault`."""

    code = "bad_link"
    default_detail = "This link is incomplete or too old. Ask for a new one."
