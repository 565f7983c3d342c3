"""What anybody may read without a key: the public keys, the OpenAPI document, its interactive page, and the list of errors."""

from json import dumps

from flask import Blueprint, Response, current_app, render_template

from redeem.web import problems
from redeem.web.api.openapi import openapi_document
from redeem.web.api.operation import MEDIA_TYPE, answer, operation
from redeem.web.api.shapes import ResponseBody
from redeem.web.context import context

blueprint = Blueprint("docs", __name__)


class KeyEntry(ResponseBody):
    """A public key. `public_key` is the 32 bytes in base64url. `status` is `active`, `verify_only` or `compromised`."""

    kid: int
    alg: str
    public_key: str
    status: str


class KeySet(ResponseBody):
    """The public keys of all keys that have signed coupons: with them a program can verify a token itself.

    `proof_keys` are the 32 bytes, in base64url, of the keys that sign what a device may have to show: grants, yeses and receipts.
    """

    keys: list[KeyEntry]
    proof_keys: list[str]


@blueprint.get("/.well-known/redeem-keys.json")
@operation("Get the public keys that verify coupons", caller=None, answers={200: KeySet})
def public_keys() -> Response:
    tools = context()
    return answer(KeySet.model_validate({"keys": tools.ring().published(), "proof_keys": tools.proofs.published()}))


@blueprint.get("/v1/openapi.json")
@operation("Get this document", caller=None, answers={200: MEDIA_TYPE})
def document() -> Response:
    return Response(dumps(openapi_document(current_app), ensure_ascii=False), mimetype=MEDIA_TYPE)


@blueprint.get("/v1/docs")
@operation("Get this document as an interactive page", caller=None, answers={200: "text/html"})
def interactive() -> Response:
    return Response(render_template("docs/interactive.html"))


@blueprint.get("/v1/errors")
@operation("Get the list of errors", caller=None, answers={200: "text/html"})
def errors() -> Response:
    kinds = sorted(problems.KINDS.items(), key=lambda item: (item[1].status, item[0]))
    return Response(render_template("docs/errors.html", kinds=kinds))
