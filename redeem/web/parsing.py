"""Reads a request: its body and query as frozen models, and its Idempotency-Key."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import takewhile
from typing import Any, TypeVar

from flask import request
from pydantic import BaseModel, ValidationError

from redeem.accounts.idempotency import KEY_MAX_CHARACTERS
from redeem.lib.errors import Invalid, RedeemError
from redeem.lib.strictjson import loads

M = TypeVar("M", bound=BaseModel)
PLAIN_JSON = ("application/json", "application/json; charset=utf-8")
FAULTS_TOLD_MAX = 100
STEP_MAX_CHARACTERS = 200
NUL = "\0"
# What a scanner read or somebody typed: it may be anything, is looked at and not stored, and what names no coupon is answered as such.
SCANNED = frozenset({"token", "short_code", "verify"})
KEY = re.compile(rf"[\x20-\x7e]{{1,{KEY_MAX_CHARACTERS}}}")
# A string of RFC 8941: a backslash stands before a quote and before a backslash, and nowhere else.
QUOTED = re.compile(r'"((?:[^"\\]|\\["\\])*)"')
ESCAPED = re.compile(r'\\(["\\])')


class WrongMediaType(RedeemError):
    """The body is not declared to be plain JSON."""

    code = "unsupported_media_type"
    default_detail = "Send the body as application/json, in UTF-8 and not compressed."


class NoIdempotencyKey(RedeemError):
    """The request changes something, but names no attempt by an Idempotency-Key, or names it wrongly."""

    code = "idempotency_key_missing"
    default_detail = (
        f"Send an Idempotency-Key of 1 to {KEY_MAX_CHARACTERS} printable ASCII characters, bare or as a quoted string,"
        " new for each attempt."
    )


def parse_body(model: type[M]) -> M:
    """The body as `model`. Raises WrongMediaType, BadJson, or Invalid with every fault."""
    if not has_body() and "Content-Type" not in request.headers:
        return validate(model, {})  # right if every member is optional
    # A web page of another site may send a form or plain text without a preflight request, but not application/json.
    if (request.content_type not in PLAIN_JSON and not is_json()) or "Content-Encoding" in request.headers:
        raise WrongMediaType
    return validate(model, parse_json(request.get_data(cache=False)))


def has_body() -> bool:
    return bool(request.content_length) or "Transfer-Encoding" in request.headers


def parse_json(data: bytes) -> Any:
    """The value of a body. Raises BadJson, or Invalid for texts with a NUL: PostgreSQL stores none, so none gets so far."""
    value = loads(data)
    if b"\\u0000" in data:
        faults = [{"pointer": pointer(steps), "detail": "has a NUL"} for steps in places_of_nul(value)]
        if faults:
            raise Invalid(
                "Take the character NUL (U+0000) out of what the errors point to.", errors=faults[:FAULTS_TOLD_MAX]
            )
    return value


def places_of_nul(value: Any, here: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The path to each text that has a NUL, but for SCANNED. Where a member's name has one, the path to the object."""
    if isinstance(value, str) and NUL in value and not SCANNED.issuperset(here[-1:]):
        yield here
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, each in inside:
        if NUL in str(name):
            yield here
        yield from places_of_nul(each, (*here, str(name)))


def validate(model: type[M], value: Any) -> M:
    """`value` as `model`. Raises Invalid with every fault."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        faults = [{"pointer": pointer(each["loc"]), "detail": sentence(each)} for each in first_faults(error)]
        raise Invalid("Correct the members of the body that the errors point to.", errors=faults) from error


def is_json() -> bool:
    return request.mimetype == "application/json" and request.mimetype_params.get("charset", "utf-8").lower() == "utf-8"


def parse_query(model: type[M]) -> M:
    """The query as `model`. Raises Invalid for a parameter that is unknown, repeated or wrong."""
    values = request.args.to_dict(flat=False)
    repeated = [name for name, given in values.items() if len(given) > 1][:FAULTS_TOLD_MAX]
    if repeated:
        raise Invalid(
            "Give each parameter once.",
            errors=[{"parameter": ".".join(short_steps([name])), "detail": "repeated"} for name in repeated],
        )
    try:
        return model.model_validate({name: given[0] for name, given in values.items()})
    except ValidationError as error:
        faults = [
            {"parameter": ".".join(short_steps(each["loc"])), "detail": sentence(each)} for each in first_faults(error)
        ]
        raise Invalid("Correct the parameters that the errors name.", errors=faults) from error


def idempotency_key() -> str:
    """The Idempotency-Key of this request, as `read_key` reads it. Raises NoIdempotencyKey."""
    key = read_key(request.headers.get("Idempotency-Key", ""))
    if key is None:
        raise NoIdempotencyKey
    return key


def read_key(text: str) -> str | None:
    """The name that an Idempotency-Key gives, in a header and in a path alike: bare, or as a quoted string of RFC 8941.

    Blanks at its ends are no part of it. None if it can be no key.
    """
    given = text.strip(" ")
    if given.startswith('"'):
        quoted = QUOTED.fullmatch(given)
        given = ESCAPED.sub(r"\1", quoted[1]).strip(" ") if quoted else ""
    return given if KEY.fullmatch(given) else None


def key_in_path(text: str) -> str:
    """The Idempotency-Key that a segment of the path names. Raises NoIdempotencyKey."""
    key = read_key(text)
    if key is None:
        raise NoIdempotencyKey(
            "Name the attempt in the path as its Idempotency-Key does, percent-encoded:"
            f" 1 to {KEY_MAX_CHARACTERS} printable ASCII characters, with or without quotes."
        )
    return key


def first_faults(error: ValidationError) -> Sequence[Any]:
    """The first FAULTS_TOLD_MAX faults: an answer must not be longer than its request."""
    return error.errors(include_url=False, include_input=False)[:FAULTS_TOLD_MAX]


def sentence(fault: Mapping[str, Any]) -> str:
    """What is wrong with a value, without repeating the value."""
    if fault["type"] == "union_tag_invalid":
        return f"Input should be one of {fault['ctx']['expected_tags']}"
    return str(fault["msg"])


def pointer(steps: Iterable[Any]) -> str:
    """A JSON Pointer (RFC 6901). Where a key itself is wrong, it points to the key's value."""
    return "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in short_steps(steps) if step != "[key]")


def short_steps(steps: Iterable[Any]) -> Iterable[str]:
    """The path to a fault, cut before the first name that is too long to be one of ours: such a name is not repeated."""
    return takewhile(lambda step: len(step) <= STEP_MAX_CHARACTERS, map(str, steps))
