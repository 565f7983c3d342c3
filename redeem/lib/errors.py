"""Every error the system raises on purpose, each with a stable code.

An error is for a caller's mistake or for a missing thing; an answer about a coupon is a `rules.Verdict`, a value.
The HTTP status of a code is decided in one place, `redeem/web/problems.py`, and not here.
"""

from collections.abc import Mapping
from typing import Any, ClassVar


class RedeemError(Exception):
    """Base of them all.

    `code` is stable and for programs, `detail` is one sentence for people that says what to do next,
    `extra` holds JSON-able members that travel with the answer.
    """

    code: ClassVar[str] = "error"
    default_detail: ClassVar[str] = "Something went wrong; try again, and tell the shop if it stays."

    def __init__(self, detail: str | None = None, **extra: Any) -> None:
        self.detail = detail or self.default_detail
        self.extra: Mapping[str, Any] = extra
        super().__init__(self.detail)


class Invalid(RedeemError):
    """A value has the wrong shape. `extra["errors"]`, if present: `[{"pointer", "detail"}, …]`."""

    code = "invalid"
    default_detail = "Correct the value and send it again."


class Unauthenticated(RedeemError):
    """Nobody known is asking."""

    code = "unauthenticated"
    default_detail = "Sign in, or send a valid key."


class Forbidden(RedeemError):
    """Known, but not allowed."""

    code = "forbidden"
    default_detail = "Ask a manager who may do this."


class NotFound(RedeemError):
    """No such thing, or not one the caller may know of: the two are told apart by nobody."""

    code = "not_found"
    default_detail = "Check the id; nothing of that name is here."


class Conflict(RedeemError):
    """It can't be done to the thing as it now stands."""

    code = "conflict"
    default_detail = "Read the thing again; it has changed or is in another state."


class TooMany(RedeemError):
    """A limit on how often was reached. `retry_after_seconds` says when to come back."""

    code = "too_many"
    default_detail = "Wait a moment and try again."

    def __init__(self, retry_after_seconds: int, detail: str | None = None, **extra: Any) -> None:
        self.retry_after_seconds = retry_after_seconds
        super().__init__(detail, **extra)


class Reasoned(RedeemError):
    """An error with a `reason` from a closed set.

    The reason is for tests, logs and the clerk's own screen. It is not in `extra`, so that it can't slip into an
    answer: whoever probes with forged tokens or keys must not learn which check stopped him.
    """

    def __init__(self, reason: str, detail: str | None = None, **extra: Any) -> None:
        self.reason = reason
        super().__init__(detail, **extra)
        self.args = (reason, self.detail)


class BadToken(Reasoned):
    """The text is no coupon of ours. `reason` is a `tokens.Fault`."""

    code = "unknown_coupon"
    default_detail = "Scan the coupon again, or type its short code; this is not a coupon of this shop."


class BadCode(Reasoned):
    """The short code was mistyped. `reason` is a `short_codes.Fault`."""

    code = "bad_short_code"
    default_detail = "Type the short code again: twelve letters and digits, as printed under the QR."


class BadKey(Reasoned):
    """A key can't be used. `reason` is a `keys.Fault` or an `api_key_format.Fault`."""

    code = "bad_key"
    default_detail = "Check that the whole key was copied, or make a new one."


class BadLink(Reasoned):
    """A one-time link can't be used. `reason` is `expired` or `broken`."""

    code = "bad_link"
    default_detail = "Ask for a new link; this one is incomplete or too old."
