"""The clerk's tablet: its page, manifest and service worker, and its three calls: enrol, unlock and the one request, sync.

Calls are JSON only and carry no cookie. All but enrol are signed by the device.
"""

from base64 import urlsafe_b64decode
from binascii import Error
from dataclasses import asdict
from math import ceil
from typing import Annotated, Any, Literal, TypeVar

from flask import Blueprint, Response, jsonify, render_template, request, url_for
from flask_babel import gettext as _
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from redeem import enrolling, syncing
from redeem.errors import BadLink, Forbidden, Invalid, TooMany
from redeem.journal import read_entry
from redeem.links import Purpose
from redeem.models import Device
from redeem.strictjson import loads
from redeem.web.assets import service_worker
from redeem.web.context import context, now_ms, read, write
from redeem.web.signatures import NotSigned, read_signature

blueprint = Blueprint("clerk", __name__, url_prefix="/clerk")

B = TypeVar("B", bound="_Body")
MS_PER_SECOND = 1000
LINK_MAX_AGE_SECONDS = 24 * 3600  # how long a link may live at most; its own end is in its row


class WrongPin(Forbidden):
    """The PIN is not this clerk's."""

    code = "wrong_pin"
    default_detail = "Type your PIN again."


class _Body(BaseModel):
    # Members of a newer app are ignored: an old server goes on taking a new tablet's journal.
    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")
    v: Literal[1]


class EnrolBody(_Body):
    token: Annotated[str, Field(max_length=2048)]
    public_key: Annotated[str, Field(pattern="^[A-Za-z0-9_-]{43}$")]


class UnlockBody(_Body):
    clerk: Annotated[str, Field(max_length=40)]
    pin: Annotated[str, Field(max_length=20)]


class EntryBody(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")
    text: str
    signature: Annotated[str, Field(pattern="^[A-Za-z0-9_-]{86}$")]


class SyncBody(_Body):
    after: Annotated[int, Field(ge=0)]
    entries: Annotated[list[EntryBody], Field(max_length=syncing.ENTRIES_PER_SYNC_MAX)]
    time: int | None = None
    verify: Annotated[str, Field(max_length=512)] | None = None
    known: Annotated[str, Field(max_length=64)] | None = None


@blueprint.get("/")
def page() -> str:
    return render_template("clerk/tablet.html")


@blueprint.get("/manifest.webmanifest")
def manifest() -> Response:
    told = {
        "id": url_for("clerk.page"),
        "name": _("Redeem: clerk"),
        "short_name": "Redeem",
        "start_url": url_for("clerk.page"),
        "scope": url_for("clerk.page"),
        "display": "standalone",
        "background_color": "#f5f4f0",
        "theme_color": "#f5f4f0",
        "icons": [_icon("app-192.png", 192), _icon("app-512.png", 512), _icon("app-maskable-512.png", 512, "maskable")],
    }
    response = jsonify(told)
    response.mimetype = "application/manifest+json"
    return response


@blueprint.get("/sw.js")
def worker() -> Response:
    text = service_worker(
        pages=[url_for("clerk.page"), url_for("clerk.manifest")], static_url=url_for("static", filename="")
    )
    response = Response(text, mimetype="text/javascript")
    response.headers["Cache-Control"] = "no-cache"
    return response


@blueprint.post("/enrol")
def enrol() -> dict[str, Any]:
    """Registers the tablet's public key under a one-time link. The same key again gets the same device."""
    body = _parse(EnrolBody)
    sealed = context().links.open(Purpose.ENROLMENT, body.token, LINK_MAX_AGE_SECONDS)
    enrolment_id = sealed.get("enrolment") if isinstance(sealed, dict) else None
    if not isinstance(enrolment_id, str):
        raise BadLink("broken")
    key, now = _bytes(body.public_key), now_ms()
    device = write(lambda session: enrolling.enrol(session, enrolment_id, key, now))
    return {"v": 1, "device": {"id": device.id, "name": device.name}}


@blueprint.post("/unlock")
def unlock() -> dict[str, Any]:
    """Checks a clerk's PIN. Wrong ones are counted for this tablet and clerk, and then must wait."""
    device, body, now = _signed_by(), _parse(UnlockBody), now_ms()
    clerk, wait = read(lambda session: enrolling.look_up_pin(session, device, body.clerk, now))
    _refuse_until(wait)
    right = enrolling.check_pin(clerk, body.pin)  # argon2 takes long: outside any transaction
    wait = write(lambda session: enrolling.note_pin(session, device, body.clerk, right=right, now=now))
    _refuse_until(wait)
    if not right:
        raise WrongPin
    return {"v": 1, "clerk": body.clerk}


@blueprint.post("/sync")
def sync() -> dict[str, Any]:
    """The one request: the journal from where the server has it; answers, a verdict and what changed come back."""
    device, body, now = _signed_by(), _parse(SyncBody), now_ms()
    tools = context()
    ring, signer = tools.ring(), tools.signer()
    entries = tuple(read_entry(entry.text, _bytes(entry.signature)) for entry in body.entries)
    asked = syncing.Request(entries=entries, verify=body.verify, known=body.known, device_time=body.time)
    reply = write(lambda session: syncing.sync(session, device.id, asked, ring, lambda: signer, now))
    return {"v": 1, **{name: value for name, value in asdict(reply).items() if value is not None}}


def _parse(model: type[B]) -> B:
    """The body as `model`; raises Invalid with every fault named."""
    if request.mimetype != "application/json":
        raise Invalid("Send application/json.")
    try:
        return model.model_validate(loads(request.get_data()))
    except ValidationError as error:
        faults = [
            {"pointer": "".join(f"/{step}" for step in each["loc"]), "detail": each["msg"]} for each in error.errors()
        ]
        raise Invalid("Correct the body where the errors point.", errors=faults) from error


def _signed_by() -> Device:
    """The enrolled tablet that signed this request; raises NotSigned."""
    claim = read_signature(request.method, request.path, request.headers, request.get_data())
    device = read(lambda session: enrolling.find_tablet(session, claim.device_id))
    if device is None or device.public_key is None or not claim.accepts(device.public_key):
        raise NotSigned
    return device


def _refuse_until(wait_ms: int) -> None:
    if wait_ms:
        raise TooMany(ceil(wait_ms / MS_PER_SECOND), "Wait a moment before the next try.")


def _bytes(text: str) -> bytes:
    try:
        return urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except Error as error:
        raise Invalid("Send keys and signatures as base64url without padding.") from error


def _icon(name: str, size: int, purpose: str = "any") -> dict[str, str]:
    source = url_for("static", filename=f"icons/{name}")
    return {"src": source, "sizes": f"{size}x{size}", "type": "image/png", "purpose": purpose}
