"""What anybody may read: the public keys, the OpenAPI document, its interactive pages, and the list of errors."""

from json import dumps

from flask import Blueprint, Response, current_app, render_template

from redeem.web import problems
from redeem.web.api.openapi import openapi_document
from redeem.web.api.operation import MEDIA_TYPE, answer, operation
from redeem.web.api.shapes import Told
from redeem.web.context import context

blueprint = Blueprint("docs", __name__)


class KeyEntry(Told):
    """One public key. `status` is active, verify_only or compromised; `public_key` is base64url of the 32 bytes."""

    kid: int
    alg: str
    public_key: str
    status: str


class KeySet(Told):
    """The keys that sign coupons, for whoever wants to verify a token himself."""

    keys: list[KeyEntry]


@blueprint.get("/.well-known/redeem-keys.json")
@operation("The public keys that verify coupons", caller=None, answers={200: KeySet})
def public_keys() -> Response:
    return answer(KeySet.model_validate({"keys": context().ring().published()}))


@blueprint.get("/v1/openapi.json")
@operation("This document", caller=None, answers={200: MEDIA_TYPE})
def document() -> Response:
    return Response(dumps(openapi_document(current_app), ensure_ascii=False), mimetype=MEDIA_TYPE)


@blueprint.get("/v1/docs")
@operation("This document as an interactive page", caller=None, answers={200: "text/html"})
def interactive() -> Response:
    return Response(render_template("docs/interactive.html"))


@blueprint.get("/v1/errors")
@operation("The list of errors, by code", caller=None, answers={200: "text/html"})
def errors() -> Response:
    kinds = sorted(problems.KINDS.items(), key=lambda item: (item[1].status, item[0]))
    return Response(render_template("docs/errors.html", kinds=kinds))
