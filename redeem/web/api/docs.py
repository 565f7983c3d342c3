"""What anybody may read without a key: the public keys, the OpenAPI document, its interactive page, and the list of errors."""

from collections.abc import Mapping
from functools import cache
from gzip import compress
from hashlib import sha256
from json import dumps
from typing import Annotated

from flask import Blueprint, Flask, Response, current_app, render_template, request
from flask_babel import force_locale
from flask_babel import gettext as _
from pydantic import Field

from redeem.web import problems
from redeem.web.api.openapi import openapi_document
from redeem.web.api.operation import MEDIA_TYPE, answer, operation
from redeem.web.api.shapes import ListOf, ResponseBody
from redeem.web.context import context
from redeem.web.languages import LANGUAGES
from redeem.web.remedies import what_to_do

blueprint = Blueprint("docs", __name__)
DOCUMENT = "redeem.openapi"


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


class ErrorKind(ResponseBody):
    """What an error's `code` means, and what to do about it, in each language."""

    code: str
    status: int
    title: Annotated[Mapping[str, str], Field(examples=[{"en": "Not found", "ru": "Не найдено"}])]
    what_to_do: Mapping[str, str]
    retry_after_seconds: Annotated[int | None, Field(description="Set where the same request may succeed later")]

    @classmethod
    def of(cls, code: str) -> "ErrorKind":
        kind = problems.KINDS[code]
        return cls(
            code=code,
            status=kind.status,
            title=in_languages(kind.title),
            what_to_do=in_languages(*what_to_do(code)),
            retry_after_seconds=kind.retry_after_seconds,
        )


class ErrorList(ListOf[ErrorKind]):
    """All errors, by status."""


def in_languages(*sentences: str) -> Mapping[str, str]:
    return {language: translated(language, sentences) for language in LANGUAGES}


def translated(language: str, sentences: tuple[str, ...]) -> str:
    with force_locale(language):
        return " ".join(_(sentence) for sentence in sentences)


def attach(app: Flask) -> None:
    """Registers the routes. The document is made once, at the first request for it."""
    app.extensions[DOCUMENT] = cache(lambda: dumps(openapi_document(app), ensure_ascii=False).encode())
    app.register_blueprint(blueprint)


@blueprint.get("/.well-known/redeem-keys.json")
@operation("Get the public keys that verify coupons", caller=None, answers={200: KeySet})
def public_keys() -> Response:
    tools = context()
    return answer(KeySet.model_validate({"keys": tools.ring().published(), "proof_keys": tools.proofs.published()}))


@blueprint.get("/v1/openapi.json")
@operation("Get this document", caller=None, answers={200: MEDIA_TYPE})
def document() -> Response:
    """Its `ETag` changes with each version of it: send it back as `If-None-Match`, and get 304 while it is the same."""
    return kept(current_app.extensions[DOCUMENT]())


@blueprint.get("/v1/docs")
@operation("Get this document as an interactive page", caller=None, answers={200: "text/html"})
def interactive() -> Response:
    return Response(render_template("docs/interactive.html"))


@blueprint.get("/v1/errors")
@operation("Get the list of errors", caller=None, answers={200: "text/html"})
def errors() -> Response:
    kinds = sorted(problems.KINDS.items(), key=lambda item: (item[1].status, item[0]))
    return Response(render_template("docs/errors.html", kinds=kinds))


@blueprint.get("/v1/errors.json")
@operation("Get the list of errors, for programs", caller=None, answers={200: ErrorList})
def errors_for_programs() -> Response:
    """Every error, with its title and what to do about it in each language. It is one page, whole."""
    return kept(error_list())


@cache
def error_list() -> bytes:
    kinds = sorted(problems.KINDS.items(), key=lambda item: (item[1].status, item[0]))
    return ErrorList(data=[ErrorKind.of(code) for code, _kind in kinds], has_more=False).model_dump_json().encode()


def kept(body: bytes) -> Response:
    """An answer that stays the same as long as this version runs: gzipped if the caller reads that, or 304 if the caller has it."""
    gzipped = request.accept_encodings.quality("gzip") > 0
    response = Response(compress(body, mtime=0) if gzipped else body, mimetype=MEDIA_TYPE)
    if gzipped:
        response.headers["Content-Encoding"] = "gzip"
    response.set_etag(sha256(body).hexdigest()[:32], weak=True)  # weak: one for both encodings
    response.headers.update({"Vary": "Accept-Encoding", "Cache-Control": "no-cache"})
    response.make_conditional(request)
    return response
