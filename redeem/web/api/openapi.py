"""Makes the OpenAPI 3.1 document from the operations that the routes declare (operation.py) and from the table of problems."""

import inspect
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from flask import Flask
from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema
from werkzeug.routing import Rule

from redeem.accounts.idempotency import KEY_MAX_CHARACTERS
from redeem.lib.version import VERSION
from redeem.web import problems
from redeem.web.api.operation import MEDIA_TYPE, Operation, operation_of

REF = "#/components/schemas/{model}"
DESCRIPTION = (
    "Issue coupons, redeem them at a partner's till, and list what happened. Every change takes an `Idempotency-Key`: the same"
    " request under the same key is done once and always gets the same answer. Times are UTC. Money is in minor units. Days are"
    " calendar days at the store. Every error is an `application/problem+json` with a stable `code`. An API key may do what its scopes say."
)
SCHEMES = {"shop": "shop_key", "till": "till_key"}
PATH_PARAMETERS = {
    "campaign": ("The campaign's id", "cmp_7"),
    "coupon": ("The coupon's id", "cpn_7_42"),
    "redemption": ("The redemption's id", "rdm_01JD8ZQ7T3K5V9W2X4Y6ABCDEF"),
    "statement": ("The statement's id", "stm_01JD8ZQ7T3K5V9W2X4Y6ABCDEF"),
    "attempt": ("The Idempotency-Key of the attempt to redeem", "till-4-000017"),
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
    schemas = Schemas(found)
    paths: dict[str, dict[str, Any]] = {}
    for route in found:
        paths.setdefault(route.path, {})[route.method] = describe(route, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Redeem", "version": VERSION, "description": DESCRIPTION},
        "servers": [{"url": app.extensions["redeem"].settings.base_url}],
        "paths": paths,
        "components": {"schemas": schemas.all | {"Problem": PROBLEM}, "securitySchemes": security_schemes()},
    }


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


class Schemas:
    """The schemas of all bodies and answers. `all` has them by name."""

    def __init__(self, routes: Iterable[Route]) -> None:
        models: dict[tuple[type[BaseModel], JsonSchemaMode], None] = {}
        for route in routes:
            operation = route.operation
            models |= {
                (model, "serialization"): None for model in operation.answers.values() if not isinstance(model, str)
            }
            if operation.body:
                models[operation.body, "validation"] = None
        self._refs, definitions = models_json_schema(list(models), ref_template=REF)
        self.all: dict[str, Any] = definitions["$defs"]

    def body(self, model: type[BaseModel]) -> dict[str, Any]:
        return self._refs[model, "validation"]

    def answer(self, model: type[BaseModel]) -> dict[str, Any]:
        return self._refs[model, "serialization"]

    def query(self, model: type[BaseModel]) -> list[dict[str, Any]]:
        """The parameters of a query, one for each member. A member that may be None is a parameter that may be left out."""
        schema = model.model_json_schema(ref_template=REF)
        return [
            {"name": name, "in": "query", "required": False, "schema": without_null(member)}
            for name, member in schema["properties"].items()
        ]


def without_null(schema: Mapping[str, Any]) -> dict[str, Any]:
    kept = [choice for choice in schema.get("anyOf", []) if choice != {"type": "null"}]
    plain = {name: value for name, value in schema.items() if name not in ("anyOf", "title", "default")}
    if schema.get("default") is not None:
        plain["default"] = schema["default"]
    return plain | (kept[0] if kept else {})


def describe(route: Route, schemas: Schemas) -> dict[str, Any]:
    operation = route.operation
    described: dict[str, Any] = {
        "operationId": route.name,
        "summary": operation.summary,
        "tags": [{"shop": "shop", "till": "till", None: "public"}[operation.caller]],
        "parameters": parameters(route, schemas),
        "responses": responses(route, schemas),
        "security": [{SCHEMES[operation.caller]: [operation.scope]}] if operation.caller else [],
    }
    if route.description:
        described["description"] = route.description
    if operation.body:
        described["requestBody"] = {"required": True, "content": {MEDIA_TYPE: {"schema": schemas.body(operation.body)}}}
    return described


def parameters(route: Route, schemas: Schemas) -> list[dict[str, Any]]:
    operation = route.operation
    in_path = [path_parameter(name) for name in route.parameters]
    in_headers = ([KEY] if operation.keyed else []) + (
        [IF_MATCH] if operation.tagged and in_path and operation.body else []
    )
    return in_path + in_headers + (schemas.query(operation.query) if operation.query else [])


def path_parameter(name: str) -> dict[str, Any]:
    description, example = PATH_PARAMETERS[name]
    schema = {"type": "string", "minLength": 1, "maxLength": KEY_MAX_CHARACTERS}
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": description,
        "schema": schema,
        "example": example,
    }


def responses(route: Route, schemas: Schemas) -> dict[str, Any]:
    operation = route.operation
    answers = {
        str(status): {
            "description": HTTPStatus(status).phrase,
            "content": {model: {"schema": {"type": "object" if model == MEDIA_TYPE else "string"}}}
            if isinstance(model, str)
            else {MEDIA_TYPE: {"schema": schemas.answer(model)}},
            **({"headers": ETAG} if operation.tagged else {}),
        }
        for status, model in operation.answers.items()
    }
    return answers | problem_responses(route)


def problem_responses(route: Route) -> dict[str, Any]:
    by_status: dict[int, list[str]] = {}
    for code in sorted(problem_codes(route)):
        by_status.setdefault(problems.KINDS[code].status, []).append(code)
    return {
        str(status): {
            "description": "; ".join(f"`{code}`: {problems.KINDS[code].title}" for code in codes),
            "content": {problems.MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status, codes in sorted(by_status.items())
    }


def problem_codes(route: Route) -> set[str]:
    """The operation's own codes, and those that every operation with a key, a body or a query may answer."""
    operation = route.operation
    codes = {*operation.problems, "bad_request", "internal", "unavailable"}
    if operation.caller:
        codes |= {"unauthenticated", "insufficient_scope"}
    if operation.query:
        codes |= {"invalid"}
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


KEY: dict[str, Any] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "description": "The id of the attempt: new for each attempt, the same for its retries. With or without quotes.",
    "schema": {"type": "string", "minLength": 1, "maxLength": KEY_MAX_CHARACTERS, "pattern": "^[!-~]([ -~]*[!-~])?$"},
}
IF_MATCH: dict[str, Any] = {
    "name": "If-Match",
    "in": "header",
    "required": False,
    "description": "The ETag of what you read. If it is another now, nothing is changed.",
    "schema": {"type": "string", "maxLength": 200, "pattern": '^"[!#-~]+"$'},
    "example": '"3"',
}
ETAG: dict[str, Any] = {
    "ETag": {
        "description": "Another one after each change: for If-Match",
        "schema": {"type": "string"},
        "required": True,
    }
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
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string", "description": "Stable, for programs"},
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
