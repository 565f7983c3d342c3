"""Reading a request: the body and the query into frozen values, the Idempotency-Key, and the fingerprint of it all."""

import re
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from itertools import takewhile
from json import JSONEncoder
from typing import Any, TypeVar

from flask import request
from pydantic import BaseModel, ValidationError

from redeem.accounts.idempotency import KEY_MAX_CHARACTERS
from redeem.lib.encoding import base64url
from redeem.lib.errors import Invalid, RedeemError
from redeem.lib.strictjson import loads

M = TypeVar("M", bound=BaseModel)
PLAIN_JSON = ("application/json", "application/json; charset=utf-8")
FAULTS_TOLD_MAX = 100
STEP_MAX_CHARACTERS = 200
CANONICAL = JSONEncoder(sort_keys=True)
KEY = re.compile(rf"[\x20-\x7e]{{1,{KEY_MAX_CHARACTERS}}}", re.ASCII)


class WrongMediaType(RedeemError):
    """The body is not declared to be plain JSON."""

    code = "unsupported_media_type"
    default_detail = "Send the body as application/json, in UTF-8 and not compressed."


class NoIdempotencyKey(RedeemError):
    """The request changes something and says not which attempt it is."""

    code = "idempotency_key_missing"
    default_detail = (
        f"Send an Idempotency-Key of 1 to {KEY_MAX_CHARACTERS} printable ASCII characters, new for each attempt."
    )


def parse_body(model: type[M]) -> M:
    """The body as `model`; raises WrongMediaType, BadJson, or Invalid with every fault named."""
    if not request.content_length and "Content-Type" not in request.headers:
        return validate(model, {})  # nothing was sent: right where nothing has to be said
    # A form or plain text would be sent by any web page without asking us first: JSON alone, and declared so.
    if (request.content_type not in PLAIN_JSON and not is_json()) or "Content-Encoding" in request.headers:
        raise WrongMediaType
    return validate(model, loads(request.get_data(cache=False)))


def validate(model: type[M], value: Any) -> M:
    """`value` as `model`; raises Invalid with every fault named."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        faults = [{"pointer": pointer(each["loc"]), "detail": said_of(each)} for each in told_of(error)]
        raise Invalid("Correct the body where the errors point.", errors=faults) from error


def is_json() -> bool:
    return request.mimetype == "application/json" and request.mimetype_params.get("charset", "utf-8").lower() == "utf-8"


def parse_query(model: type[M]) -> M:
    """The query as `model`; raises Invalid. Each parameter may be given once, and none that is not known."""
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
        faults = [{"parameter": ".".join(short_steps(each["loc"])), "detail": said_of(each)} for each in told_of(error)]
        raise Invalid("Correct the parameters that the errors name.", errors=faults) from error


def idempotency_key() -> str:
    """The key, bare or quoted; raises NoIdempotencyKey."""
    given = request.headers.get("Idempotency-Key", "").strip()
    if len(given) > 1 and given.startswith('"') and given.endswith('"'):
        given = given[1:-1]
    if not KEY.fullmatch(given):
        raise NoIdempotencyKey
    return given


def fingerprint(body: BaseModel, path: str | None = None) -> str:
    """Tells a retry from another request under the same key: method, path and what the body says, however it was written.

    `path` is another's than this request's, for what was sent there before.
    """
    # What was left out stays out: a member that a later release adds must not make a retry look new.
    said = CANONICAL.encode(body.model_dump(mode="json", exclude_unset=True))
    return base64url(sha256(f"{request.method}\0{path or request.path}\0{said}".encode()).digest())


def told_of(error: ValidationError) -> Sequence[Any]:
    """The first faults of many: an answer shall not be longer than what it answers."""
    return error.errors(include_url=False, include_input=False)[:FAULTS_TOLD_MAX]


def said_of(fault: Mapping[str, Any]) -> str:
    """What is wrong, in words that don't repeat what was sent."""
    if fault["type"] == "union_tag_invalid":
        return f"Input should be one of {fault['ctx']['expected_tags']}"
    return str(fault["msg"])


def pointer(steps: Iterable[Any]) -> str:
    """A JSON Pointer (RFC 6901); a key that is wrong itself is pointed at like its value."""
    return "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in short_steps(steps) if step != "[key]")


def short_steps(steps: Iterable[Any]) -> Iterable[str]:
    """The way to a fault, up to the first name that is longer than any of ours: that one is not said back."""
    return takewhile(lambda step: len(step) <= STEP_MAX_CHARACTERS, map(str, steps))
