"""Operations: each route of /v1 declares who may call it, what it reads and what it answers.

The checks and the OpenAPI document are both made from that declaration, so they can't differ.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from http import HTTPStatus
from json import loads
from typing import Any

from flask import Response, request
from pydantic import BaseModel

from redeem.accounts import idempotency
from redeem.accounts.api_key_format import Kind
from redeem.accounts.idempotency import Mutation, fingerprint
from redeem.db.engine import Work
from redeem.web.api.auth import admit, caller_family
from redeem.web.api.edits import tags_to_match, with_tag
from redeem.web.context import context, now_ms, write
from redeem.web.parsing import idempotency_key, parse_body, parse_query

View = Callable[..., Response]
MEDIA_TYPE = "application/json"
REPLAYED = {"Idempotent-Replayed": "true"}


@dataclass(frozen=True, slots=True)
class Operation:
    """What a route declares.

    `caller` is whose key it takes, None if it takes none. `answers` has for each status the model of the answer, or its media
    type if it is not JSON of a model. `problems` are the operation's own codes: those that every operation has are added in
    openapi.py. `keyed`: it takes an Idempotency-Key. `tagged`: its answer has an ETag.
    `edits`: it changes what has one, and takes If-Match. `till_scope`: an operation of the shop takes a till's key with this scope, too,
    and tells it of its own store alone, see `auth.caller_sees`.
    """

    summary: str
    caller: Kind | None
    scope: str
    answers: Mapping[int, type[BaseModel] | str]
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    problems: tuple[str, ...] = ()
    keyed: bool = False
    tagged: bool = False
    edits: bool = False
    till_scope: str = ""

    @property
    def scopes(self) -> Mapping[str, str]:
        """The scope that is needed, for each kind of key that is taken."""
        own: dict[str, str] = {self.caller: self.scope} if self.caller else {}
        return own | ({"till": self.till_scope} if self.till_scope else {})


OPERATIONS: dict[str, Operation] = {}


def operation(
    summary: str,
    *,
    caller: Kind | None,
    scope: str = "",
    answers: Mapping[int, type[BaseModel] | str],
    body: type[BaseModel] | None = None,
    query: type[BaseModel] | None = None,
    problems: tuple[str, ...] = (),
    keyed: bool = False,
    tagged: bool = False,
    edits: bool = False,
    till_scope: str = "",
) -> Callable[[View], View]:
    """Declares the operation of a view, and checks each request against it before the view is called.

    The view is called with the path's values and, where the operation has them, with `key` (the Idempotency-Key), `tags`
    (If-Match), `query` and `body`. It gets the caller from `auth.shop_caller` or `auth.till_caller`.
    """
    declared = Operation(summary, caller, scope, answers, body, query, problems, keyed, tagged, edits, till_scope)

    def decorate(view: View) -> View:
        @wraps(view)
        def endpoint(**given: Any) -> Response:
            if declared.scopes:
                admit(declared.scopes)
            if keyed:
                given["key"] = idempotency_key()
            if edits:
                given["tags"] = tags_to_match()
            if query:
                given["query"] = parse_query(query)
            if body:
                given["body"] = parse_body(body)
            response = view(**given)
            return with_tag(response) if tagged else response

        OPERATIONS[name_of(endpoint)] = declared
        return endpoint

    return decorate


def operation_of(view: Callable[..., Any]) -> Operation | None:
    return OPERATIONS.get(name_of(view))


def name_of(view: Callable[..., Any]) -> str:
    return f"{view.__module__}.{view.__qualname__}"


def answer(body: BaseModel, status: int = 200, *, replayed: bool = False) -> Response:
    return Response(body.model_dump_json(), status, REPLAYED if replayed else {}, mimetype=MEDIA_TYPE)


def once(key: str, body: BaseModel, status: int | Callable[[Any], int], work: Work[BaseModel]) -> Response:
    """Runs a mutation and stores its answer in one transaction. A retry gets the stored answer. The status may depend on the answer."""
    mutation = Mutation(caller_family(), key, fingerprint(request.method, request.path, body))
    sealer, now = context().sealer, now_ms()

    def answered(said: BaseModel) -> tuple[int, bytes]:
        return status(said) if callable(status) else status, said.model_dump_json().encode()

    done = write(lambda session: idempotency.once(session, mutation, sealer, now, lambda inner: answered(work(inner))))
    response = Response(done.body, done.status, REPLAYED if done.replayed else {}, mimetype=MEDIA_TYPE)
    if done.status == HTTPStatus.CREATED:
        response.headers["Location"] = f"{request.path}/{loads(done.body)['id']}"
    return response
