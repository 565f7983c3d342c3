"""The clerk's tablet: its page, manifest and service worker, and its six calls: enrol, unlock, sync (the one request that carries
the journal), damage (a journal that can't be gone on with), bell and sets.

Calls are POSTs of JSON and carry no cookie. `sets` answers with bytes, the others with JSON. All but `enrol` are signed by the device.
"""

from base64 import urlsafe_b64decode
from binascii import Error
from collections.abc import Sequence
from dataclasses import asdict
from gzip import compress
from math import ceil
from typing import Any, TypeVar

from flask import Blueprint, Response, jsonify, render_template, request, url_for
from flask_babel import gettext as _

from redeem.devices import enrolment, forgotten, pins
from redeem.devices.enrolment import Tablet
from redeem.devices.forgotten import PROOF_MAX_AGE_SECONDS, Proof
from redeem.domain.acts import Kind
from redeem.domain.journal import Entry, read_entry
from redeem.domain.proofs import Receipt
from redeem.holds import holds
from redeem.holds.holds import Grant
from redeem.ledger import generation
from redeem.ledger.generation import LedgerBehind
from redeem.ledger.recovery_reports import Hold, Report
from redeem.lib import passwords
from redeem.lib.errors import BadLink, Forbidden, Invalid, TooMany
from redeem.lib.ids import CAMPAIGN_LIMIT, serial_of
from redeem.lib.links import Purpose
from redeem.lib.passwords import Crowded
from redeem.lib.times import Ms
from redeem.sync import changes, damaged_journals, receipts
from redeem.sync import sync as tablet_sync
from redeem.sync.damaged_journals import Part
from redeem.sync.old_journals import OldJournal
from redeem.web.clerk import assets
from redeem.web.clerk.bodies import (
    BellBody,
    Body,
    DamageBody,
    EnrolBody,
    EntryBody,
    OldJournalBody,
    SetsBody,
    SyncBody,
    UnlockBody,
)
from redeem.web.clerk.signatures import NotSigned, Signed, are_signed, read_signature
from redeem.web.context import context, now_ms, read, write
from redeem.web.headers import clerk_headers
from redeem.web.languages import in_each_language
from redeem.web.parsing import parse_json, validate

# The tablet's files are served under /clerk/ too. The service worker answers for a web worker, and so offline, only if the web
# worker's address is within the service worker's scope.
blueprint = Blueprint(
    "clerk", __name__, url_prefix="/clerk", static_folder=str(assets.STATIC), static_url_path="/static"
)

B = TypeVar("B", bound=Body)
MS_PER_SECOND = 1000
GZIP_LEVEL = 6
GZIP_FROM_BYTES = 1_000
LINK_MAX_AGE_SECONDS = 24 * 3600  # the limit for any link; when one expires is in its row


class WrongPin(Forbidden):
    """The PIN is not this clerk's."""

    code = "wrong_pin"
    default_detail = "Type your PIN again."


@blueprint.get("/")
def page() -> str:
    return render_template("clerk/tablet.html", static_endpoint="clerk.static")


@blueprint.get("/manifest.webmanifest")
def manifest() -> Response:
    members = {
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
    response = jsonify(members)
    response.mimetype = "application/manifest+json"
    return response


@blueprint.get("/sw.js")
def worker() -> Response:
    pages = {
        url_for("clerk.page"): in_each_language(lambda: page().encode()),
        url_for("clerk.manifest"): in_each_language(lambda: manifest().get_data()),
    }
    headers = dict(clerk_headers(context().settings.base_url))
    text = assets.service_worker(pages, headers, static_url=url_for("clerk.static", filename=""))
    response = Response(text, mimetype="text/javascript")
    response.headers["Cache-Control"] = "no-cache"
    return response


@blueprint.post("/enrol")
def enrol() -> dict[str, Any]:
    """Registers the tablet's public key by a one-time link. The same key with the same link gets the same device again."""
    body = _parse(EnrolBody)
    sealed = context().links.open(Purpose.ENROLMENT, body.token, LINK_MAX_AGE_SECONDS)
    enrolment_id = sealed.get("enrolment") if isinstance(sealed, dict) else None
    if not isinstance(enrolment_id, str):
        raise BadLink("broken")
    key, now = _bytes(body.public_key), now_ms()
    device = write(lambda session: enrolment.enrol(session, enrolment_id, key, now))
    proof = Proof(device.id, key, device.store_id, device.name)
    sealed_proof = context().links.seal(Purpose.ENROLLED_TABLET, proof.as_json())
    return {"v": 1, "device": {"id": device.id, "name": device.name}, "proof": sealed_proof}


@blueprint.post("/unlock")
def unlock() -> dict[str, Any]:
    """Checks a clerk's PIN. Wrong PINs are counted for each tablet and clerk; after some, the next try must wait (TooMany)."""
    device, body, now = _signing_tablet(), _parse(UnlockBody), now_ms()
    clerk, wait = write(lambda session: pins.begin_try(session, device, body.clerk, now))
    _refuse_until(wait)
    try:
        right = pins.is_right(clerk, body.pin)  # argon2 takes long: outside any transaction
    except Crowded:
        write(lambda session: pins.give_try_back(session, device, body.clerk))
        raise
    wait = write(lambda session: pins.finish_try(session, device, body.clerk, right=right, now=now))
    _refuse_until(wait)
    if clerk is None or not right:
        raise WrongPin
    return {"v": 1, "clerk": body.clerk, "pin": passwords.fingerprint(clerk.pin_hash)}


@blueprint.post("/sync")
def sync() -> Response:
    """Takes the journal from where the server has it. Answers with the entries' answers, a verdict if one was asked for, and changes."""
    signed, now = _read_signature(), now_ms()
    device, body = _find_signer(signed, even_revoked=True), _parse(SyncBody)
    tools = context()
    ring, signer, proofs = tools.ring(), tools.signer(), tools.proofs
    asked = _as_request(body)
    try:
        if device is None:
            read(lambda session: receipts.refuse_if_lost(session, signed.device_id, asked.receipt, proofs))
            _note_forgotten(signed, body, now)
            raise NotSigned
        reply = write(lambda session: tablet_sync.sync(session, device.id, asked, ring, lambda: signer, proofs, now))
    except LedgerBehind as error:
        later = error.generation
        write(lambda session: generation.note_behind(session, later))
        raise
    return _compressed(_as_json(reply))


@blueprint.post("/damage")
def damage() -> dict[str, Any]:
    """Takes a part of a damaged journal's file; without bytes it only says how many are here. A tablet that says this of its own journal is
    revoked first, whatever becomes of the rest.
    """
    signed, now = _read_signature(), now_ms()
    device, body = _find_signer(signed, even_revoked=True), _parse(DamageBody)
    if device is None:
        _note_forgotten(signed, body, now)
        raise NotSigned
    part = Part(
        device_id=body.device,
        damage=body.damage,
        file=body.file,
        size=body.size,
        start=body.start,
        bytes=_bytes(body.bytes),
        entries=_entries(body.entries),
        proof=_proof_of(body.device, body.proof),
    )
    if part.device_id == device.id:
        write(lambda session: damaged_journals.stop(session, device.id, now))
    received = write(lambda session: damaged_journals.hand_in(session, device.id, part, now))
    return {"v": 1, **asdict(received)}


@blueprint.post("/bell")
def bell() -> dict[str, Any]:
    """Says whether there is a recall or a new hold for this tablet. Tablets ask every second, so it must stay cheap."""
    device, body = _signing_tablet(), _parse(BellBody)
    now = now_ms()
    return {"v": 1, "ring": read(lambda session: holds.rings(session, device.id, body.epoch, now))}


@blueprint.post("/sets")
def sets() -> Response:
    """The redeemed and the void coupons of a campaign: two bitmaps of equal length, one after the other, gzipped.

    A campaign that is not good at the tablet's store is answered as one that is not there.
    """
    device, body = _signing_tablet(), _parse(SetsBody)
    found = read(lambda session: changes.sets_at(session, device.store_id, body.campaign))
    response = Response(compress(found.redeemed + found.void, GZIP_LEVEL), mimetype="application/octet-stream")
    response.headers["Content-Encoding"] = "gzip"
    response.headers["Redeem-Position"] = found.position
    response.headers["Redeem-Size"] = str(found.size)
    return response


def _note_forgotten(signed: Signed, body: SyncBody | DamageBody, now: Ms) -> None:
    """Records that a tablet which the restored ledger lacks has called. It must show a proof of enrolment and have signed with its key."""
    proof = _proof_of(signed.device_id, body.proof)
    if proof and signed.accepts(proof.public_key):
        write(lambda session: forgotten.note(session, proof, body.end or 0, now))


def _proof_of(device_id: str, sealed: str | None) -> Proof | None:
    """The proof of enrolment. None if we did not seal it, if it is another device's, or if its secret key is no longer configured."""
    if sealed is None:
        return None
    try:
        proof = Proof.from_json(context().links.open(Purpose.ENROLLED_TABLET, sealed, PROOF_MAX_AGE_SECONDS))
    except BadLink:
        return None
    return proof if proof.device_id == device_id else None


def _as_request(body: SyncBody) -> tablet_sync.Request:
    entries = _entries(body.entries)
    return tablet_sync.Request(
        entries=entries,
        verify=body.verify,
        known=body.known,
        device_time=body.time,
        epoch=body.epoch,
        position=body.position,
        siblings=body.siblings,
        homes={int(number): coupons for number, coupons in body.homes.items() if int(number) < CAMPAIGN_LIMIT},
        receipt=Receipt(**body.receipt.model_dump()) if body.receipt else None,
        report=_report(body),
        copies=tuple(body.copies),
        more_copies=body.more_copies,
        old=_old_journal(body.old) if body.old else None,
        former=frozenset(filter(None, map(_former, entries))),
    )


def _former(entry: Entry) -> str | None:
    """The device that the tablet was before, as the sealed proof in an entry shows that says something of a gift of that device."""
    if entry.kind != Kind.SAID:
        return None
    proof = _proof_of(entry.text_member("device") or "", entry.text_member("proof"))
    return proof.device_id if proof else None


def _old_journal(body: OldJournalBody) -> OldJournal:
    return OldJournal(body.device, _entries(body.entries), _proof_of(body.device, body.proof))


def _report(body: SyncBody) -> Report | None:
    if body.generation is None or body.end is None:
        return None
    try:
        claims = tuple(
            Hold(serial=serial_of(claim[0], claim[1]), epoch=claim[2], proof=claim[3] if len(claim) > 3 else None)
            for claim in body.claims
        )
    except ValueError as error:
        raise Invalid("Claim coupons by campaign number, coupon number and epoch, each within its limits.") from error
    return Report(body.generation, body.end, claims, more=body.more_claims)


def _entries(bodies: list[EntryBody]) -> tuple[Entry, ...]:
    return tuple(read_entry(entry.text, _bytes(entry.signature)) for entry in bodies)


def _as_json(reply: tablet_sync.Reply) -> dict[str, Any]:
    """The reply as JSON, without the members that are None."""
    members = asdict(reply) | {"grants": _grants_as_json(reply.grants), "recalls": _grants_as_json(reply.recalls)}
    return {"v": 1, **{name: value for name, value in members.items() if value is not None}}


def _grants_as_json(grants: Sequence[Grant]) -> list[list[Any]]:
    return [grant.as_json() for grant in grants]


def _compressed(body: dict[str, Any]) -> Response:
    """The answer as JSON, gzipped from GZIP_FROM_BYTES on: a day's changes are a thousand numbers."""
    response = jsonify(body)
    plain = response.get_data()
    if len(plain) > GZIP_FROM_BYTES and request.accept_encodings["gzip"] > 0:
        response.set_data(compress(plain, GZIP_LEVEL))
        response.headers["Content-Encoding"] = "gzip"
    return response


def _parse(model: type[B]) -> B:
    """The body as `model`. Raises Invalid with every fault."""
    if request.mimetype != "application/json":
        raise Invalid("Send application/json.")
    return validate(model, parse_json(request.get_data()))


def _signing_tablet() -> Tablet:
    """The enrolled tablet that signed this request. Raises NotSigned."""
    device = _find_signer(_read_signature())
    if device is None:
        raise NotSigned
    return device


def _find_signer(signed: Signed, *, even_revoked: bool = False) -> Tablet | None:
    device = read(lambda session: enrolment.find_tablet(session, signed.device_id, even_revoked=even_revoked))
    return device if device and device.public_key and signed.accepts(device.public_key) else None


def _read_signature() -> Signed:
    """The signature that the request carries, not verified yet. Raises NotSigned."""
    if not are_signed(request.headers):
        raise NotSigned  # before its body is asked for, which the server has not kept: see web/proofs.py
    return read_signature(request.method, request.path, request.headers, request.get_data())


def _refuse_until(wait_ms: int) -> None:
    if wait_ms:
        raise TooMany(ceil(wait_ms / MS_PER_SECOND), "Wait a moment before the next try.")


def _bytes(text: str) -> bytes:
    try:
        return urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except Error as error:
        raise Invalid("Send keys and signatures as base64url without padding.") from error


def _icon(name: str, size: int, purpose: str = "any") -> dict[str, str]:
    source = url_for("clerk.static", filename=f"icons/{name}")
    return {"src": source, "sizes": f"{size}x{size}", "type": "image/png", "purpose": purpose}
