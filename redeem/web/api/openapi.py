"""Makes the OpenAPI 3.1 document from the operations that the routes declare (operation.py) and from the table of problems."""

import inspect
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from flask import Flask
from pydantic import BaseModel
from werkzeug.routing import Rule

from redeem.accounts.idempotency import KEY_MAX_CHARACTERS
from redeem.lib.version import VERSION
from redeem.web import problems
from redeem.web.api.operation import MEDIA_TYPE, Operation, operation_of
from redeem.web.api.schemas import Schemas, query_parameters

DESCRIPTION = (
    "Issue coupons, redeem them at a partner's till, and list what happened. Every change takes an `Idempotency-Key`: the same"
    " request under the same key is done once and always gets the same answer. Times are UTC. Money is in minor units. Days are"
    " calendar days at the store. Every error is an `application/problem+json` with a stable `code`. An API key may do what its scopes say."
)
LICENSE = {"name": "MIT", "identifier": "MIT"}
TAGS = {
    "shop": "For the shop's programs, with a key of the shop.",
    "till": "For a partner's tills, each with a key of its own.",
    "public": "For everybody, without a key.",
}
SCHEMES = {"shop": "shop_key", "till": "till_key"}
PATH_PARAMETERS = {
    "campaign": ("The campaign's id", "cmp_7"),
    "coupon": ("The coupon's id", "cpn_7_42"),
    "order": ("The order's reference, percent-encoded", "A-17"),
    "partner": ("The partner's id", "prt_01JD8ZQ7T3K5V9W2X4Y6ABCDEF"),
    "store": ("The store's id", "sto_01JD8ZQ7T3K5V9W2X4Y6ABCDEF"),
    "generation": ("The generation that the restore has begun, as in the status", 2),
    "redemption": ("The redemption's id", "rdm_01JD8ZQ7T3K5V9W2X4Y6ABCDEF"),
    "statement": ("The statement's id", "stm_01JD8ZQ7T3K5V9W2X4Y6ABCDEF"),
    "batch": ("The batch's id", "bat_01JD8ZQ7T3K5V9W2X4Y6ABCDEF"),
    "endpoint": ("The webhook endpoint's id", "whe_01JD8ZQ7T3K5V9W2X4Y6ABCDEF"),
    "attempt": ("The Idempotency-Key of the attempt to redeem, as in its header, bare or quoted", "till-4-000017"),
}


@dataclass(frozen=True, slots=True)
class Route:
    """An operation with the path and method that it is served at."""

    path: str
    method: str
    name: str
    operation: Operation
    description: str
    parameters: tuple[str, ...]


def openapi_document(app: Flask) -> dict[str, Any]:
    """The document as values that json.dumps takes."""
    found = sorted(routes(app), key=lambda route: (route.path, route.method))
    schemas = schemas_of(found)
    paths: dict[str, dict[str, Any]] = {}
    for route in found:
        paths.setdefault(route.path, {})[route.method] = describe(route, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Redeem", "version": VERSION, "description": DESCRIPTION, "license": LICENSE},
        "servers": [{"url": app.extensions["redeem"].settings.base_url}],
        "tags": [{"name": name, "description": description} for name, description in TAGS.items()],
        "paths": paths,
        "components": {
            "schemas": schemas.all | {"Problem": PROBLEM, "ProblemCode": PROBLEM_CODE},
            "headers": HEADERS,
            "securitySchemes": security_schemes(),
        },
    }


def schemas_of(found: Iterable[Route]) -> Schemas:
    operations = [route.operation for route in found]
    answers = [model for each in operations for model in each.answers.values() if not isinstance(model, str)]
    return Schemas([each.body for each in operations if each.body], answers)


def routes(app: Flask) -> Iterator[Route]:
    """Every route of the application that declares an operation."""
    for rule in app.url_map.iter_rules():
        view = app.view_functions[rule.endpoint]
        operation = operation_of(view)
        if operation is not None:
            method = next(iter((rule.methods or set()) - {"HEAD", "OPTIONS"})).lower()
            name = rule.endpoint.rpartition(".")[2]
            yield Route(
                path_of(rule), method, name, operation, inspect.getdoc(view) or "", tuple(sorted(rule.arguments))
            )


def path_of(rule: Rule) -> str:
    return re.sub(r"<(?:[a-z]+:)?([a-z_]+)>", r"{\1}", rule.rule)


def describe(route: Route, schemas: Schemas) -> dict[str, Any]:
    operation = route.operation
    described: dict[str, Any] = {
        "operationId": route.name,
        "summary": operation.summary,
        "tags": [operation.caller or "public"],
        "parameters": parameters(route),
        "responses": responses(route, schemas),
        "security": [{SCHEMES[kind]: [scope]} for kind, scope in operation.scopes.items()],
    }
    if route.description:
        described["description"] = route.description
    if operation.body:
        described["requestBody"] = {"required": True, "content": {MEDIA_TYPE: {"schema": schemas.body(operation.body)}}}
    return described


def parameters(route: Route) -> list[dict[str, Any]]:
    operation = route.operation
    in_path = [path_parameter(name) for name in route.parameters]
    in_headers = ([KEY] if operation.keyed else []) + ([IF_MATCH] if operation.edits else [])
    return in_path + in_headers + (query_parameters(operation.query) if operation.query else [])


def path_parameter(name: str) -> dict[str, Any]:
    description, example = PATH_PARAMETERS[name]
    schema = {"type": "integer", "format": "int32", "minimum": 1} if isinstance(example, int) else ANY_ID
    schema = KEY["schema"] if name == "attempt" else schema
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": description,
        "schema": schema,
        "example": example,
    }


def responses(route: Route, schemas: Schemas) -> dict[str, Any]:
    answers = {
        str(status): {
            "description": HTTPStatus(status).phrase,
            "headers": headers(route.operation, status),
            "content": content(model, schemas),
        }
        for status, model in route.operation.answers.items()
    }
    return answers | problem_responses(route)


def content(model: type[BaseModel] | str, schemas: Schemas) -> dict[str, Any]:
    if not isinstance(model, str):
        return {MEDIA_TYPE: {"schema": schemas.answer(model)}}
    if model == MEDIA_TYPE:
        return {model: {"schema": {"type": "object"}}}
    text = {"type": "string"}
    return {model: {"schema": text | {"format": "binary"} if model.startswith("image/") else text}}


def problem_responses(route: Route) -> dict[str, Any]:
    by_status: dict[int, list[str]] = {}
    for code in sorted(problem_codes(route)):
        by_status.setdefault(problems.KINDS[code].status, []).append(code)
    return {
        str(status): {
            "description": "; ".join(f"`{code}`: {problems.KINDS[code].title}" for code in codes),
            "headers": headers(route.operation, status),
            "content": {problems.MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status, codes in sorted(by_status.items())
    }


def headers(operation: Operation, status: int) -> dict[str, Any]:
    """References to the headers that an answer with this status has, or may have."""
    is_answer = status in operation.answers
    has = {
        "X-Request-Id": True,
        "Redeem-Generation": True,
        "Location": status == HTTPStatus.CREATED,
        "ETag": is_answer and operation.tagged,
        "Idempotent-Replayed": operation.keyed and (is_answer or status in REPLAYED_PROBLEMS),
        "WWW-Authenticate": status in problems.CHALLENGE,
        "Retry-After": status in RETRIED,
        "RateLimit": status == HTTPStatus.TOO_MANY_REQUESTS,
        "RateLimit-Policy": operation.caller is not None,
    }
    return {name: {"$ref": f"#/components/headers/{name}"} for name, has_it in has.items() if has_it}


def problem_codes(route: Route) -> set[str]:
    """The operation's own codes, and those that every operation with a key, a body or a query may answer."""
    operation = route.operation
    codes = {*operation.problems, "bad_request", "internal", "unavailable"}
    if route.parameters:
        codes |= {"not_found"}
    if operation.caller:
        codes |= {"unauthenticated", "insufficient_scope"}
    if operation.query:
        codes |= {"invalid"}
    if operation.edits:
        codes |= {"precondition_failed", "precondition_required"}
    if operation.body:
        codes |= {"bad_json", "invalid", "unsupported_media_type", "too_large"}
    if operation.keyed:
        codes |= {"idempotency_key_missing", "idempotency_key_reused"}
    return codes


def security_schemes() -> dict[str, Any]:
    return {
        "shop_key": {"type": "http", "scheme": "bearer", "description": "The shop's key, `rsk_…`."},
        "till_key": {"type": "http", "scheme": "bearer", "description": "A till's key, `rtk_…`, bound to its store."},
    }


def header(description: str, example: str | int, *, required: bool = False) -> dict[str, Any]:
    schema = {"type": "integer", "format": "int32"} if isinstance(example, int) else {"type": "string"}
    return {"description": description, "required": required, "schema": schema, "example": example}


ANY_ID: dict[str, Any] = {
    "type": "string",
    "minLength": 1,
    "maxLength": KEY_MAX_CHARACTERS,
}  # what is none is not found
KEY: dict[str, Any] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "description": "The id of the attempt: new for each attempt, the same for its retries. Bare or as a quoted string.",
    # Bare, or as a quoted string of RFC 8941: what `parsing.read_key` reads.
    "schema": {
        "type": "string",
        "minLength": 1,
        "maxLength": KEY_MAX_CHARACTERS,
        "pattern": r'^([!#-~]([ -~]*[!-~])?|" *([!#-\[\]-~]|\\["\\])([ !#-\[\]-~]|\\["\\])*")$',
    },
}
IF_MATCH: dict[str, Any] = {
    "name": "If-Match",
    "in": "header",
    "required": True,
    "description": "The ETag of what you read. If it is another now, nothing is changed. `*`: change it whatever it is now.",
    "schema": {"type": "string", "maxLength": 200, "pattern": r'^(\*|"[!#-~]+"(, *"[!#-~]+")*)$'},
    "example": '"3"',
}
REPLAYED_PROBLEMS = (HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)  # of a decline
RETRIED = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
HEADERS: dict[str, Any] = {
    "X-Request-Id": header("The request's id, to find it in the server's log by", "0d3bd0e9a1f64f0c", required=True),
    "Redeem-Generation": header(
        "Grows with each restore of the server from a backup: then say again what you did since", 1
    ),
    "Location": header("The address of what was made", "/v1/coupons/cpn_7_42", required=True),
    "ETag": header("Another one after each change: for If-Match", '"3"', required=True),
    "Idempotent-Replayed": header("`true`: this is the first answer to this Idempotency-Key, repeated", "true"),
    "WWW-Authenticate": header("How to authenticate", 'Bearer realm="redeem"'),
    "RateLimit": header("How many wrong guesses are left, and for how many seconds", '"guesses";r=0;t=15'),
    "RateLimit-Policy": header(
        "How many wrong guesses (`q`) are free within how many seconds (`w`)", '"guesses";q=5;w=1800', required=True
    ),
    "Retry-After": header("After how many seconds the same request may succeed", 60),
}
PROBLEM: dict[str, Any] = {
    "type": "object",
    "title": "Problem",
    "description": (
        "A problem (RFC 9457). A decline also has `coupon`, `redeemed_at`, `store`, `device` and `holder`, as far as the caller may"
        " know them."
    ),
    "required": ["type", "title", "status", "detail", "code", "request_id"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer", "format": "int32"},
        "detail": {"type": "string"},
        "code": {"$ref": "#/components/schemas/ProblemCode"},
        "request_id": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["detail"],
                "properties": {
                    "pointer": {"type": "string", "description": "A JSON Pointer (RFC 6901) into the body"},
                    "parameter": {"type": "string", "description": "The name of a parameter of the query"},
                    "detail": {"type": "string"},
                },
            },
        },
    },
}
PROBLEM_CODE: dict[str, Any] = {
    "type": "string",
    "title": "ProblemCode",
    "description": "Stable, for programs. A later version may have more: go by the HTTP status of one that you don't know.",
    "enum": sorted(problems.KINDS),
}
