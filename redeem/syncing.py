"""Syncing: "here is my journal from where you have it". The one request of a tablet.

Entries are taken strictly in order, each once, and each is answered; those that are known are answered as the first time.
So a retry, a duplicate, a late request and a lost reply are all the same harmless thing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from json import dumps, loads
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from redeem import codes, ledger, tokens
from redeem.errors import BadCode, BadToken, Unauthenticated
from redeem.journal import FIRST_HASH, BrokenJournal, Entry, check_entry
from redeem.keeping import Signer
from redeem.keys import KeyRing
from redeem.models import Campaign, Clerk, Coupon, Device, Partner, Store
from redeem.redeeming import Act, Actor, Answer, settle, verify
from redeem.rules import parse_terms
from redeem.times import Ms

ENTRIES_PER_SYNC_MAX = 200


@dataclass(frozen=True, slots=True)
class Request:
    """What a tablet sends: entries in order, and perhaps a text to verify; `known` is the etag of the snapshot it has."""

    entries: Sequence[Entry] = ()
    verify: str | None = None
    known: str | None = None
    device_time: Ms | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """What it gets: `last` is the number of the last entry that the server has; answers by entry number."""

    last: int
    answers: dict[int, dict[str, Any]]
    time: Ms
    verdict: dict[str, Any] | None = None
    snapshot: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Tablet:
    """A device as the request found it, locked for this transaction."""

    actor: Actor
    public_key: bytes
    row: Device = field(repr=False)


def sync(
    session: Session, device_id: str, request: Request, ring: KeyRing, signer: Callable[[], Signer], now: Ms
) -> Reply:
    """Takes the entries and answers them. Raises Unauthenticated for a revoked device, BrokenJournal for a rewritten journal."""
    tablet = lock_tablet(session, device_id)
    answers = {}
    for entry in request.entries:
        if entry.number > tablet.row.last_number + 1:
            break  # a gap: the reply's `last` tells the device where to begin
        answers[entry.number] = take(session, tablet, entry, ring, now)
    note_seen(tablet.row, request.device_time, now)
    fresh = snapshot(session, tablet.actor, ring)
    return Reply(
        last=tablet.row.last_number,
        answers=answers,
        time=now,
        verdict=ask_verdict(session, tablet.actor, request.verify, ring, signer, now) if request.verify else None,
        snapshot=None if fresh["etag"] == request.known else fresh,
    )


def lock_tablet(session: Session, device_id: str) -> Tablet:
    statement = (
        select(Device, Store.name, Store.partner_id, Store.time_zone)
        .join(Store, Store.id == Device.store_id)
        .where(Device.id == device_id, Device.kind == "tablet")
        .with_for_update(of=Device)
    )
    row = session.execute(statement).one_or_none()
    device, store_name, partner_id, time_zone = row or (None, "", "", "")
    if device is None or device.public_key is None or device.revoked_at is not None:
        raise Unauthenticated("This tablet is not enrolled any more. Ask a manager for a new enrolment link.")
    actor = Actor(device.id, device.name, device.store_id, store_name, partner_id, time_zone)
    return Tablet(actor, device.public_key, device)


def take(session: Session, tablet: Tablet, entry: Entry, ring: KeyRing, now: Ms) -> dict[str, Any]:
    if entry.number <= tablet.row.last_number:
        return repeat(session, tablet, entry)
    check_entry(entry, tablet.row.last_hash or FIRST_HASH, tablet.actor.device_id, tablet.public_key)
    answer = settle(session, as_act(session, tablet.actor, entry, ring), now)
    tablet.row.last_number, tablet.row.last_hash = entry.number, entry.hash
    return as_json(answer)


def repeat(session: Session, tablet: Tablet, entry: Entry) -> dict[str, Any]:
    """The first answer to an entry that the server has; another text under its number is a rewritten journal."""
    kept = ledger.act_by_name(session, tablet.actor.device_id, str(entry.number))
    if kept is None or kept.fingerprint != entry.hash:
        raise BrokenJournal
    return as_json(Answer(kept.code, loads(kept.answer)))


def as_act(session: Session, actor: Actor, entry: Entry, ring: KeyRing) -> Act:
    of = entry.body.get("of")
    return Act(
        actor=actor,
        name=str(entry.number),
        kind=entry.kind,
        fingerprint=entry.hash,
        serial=genuine_serial(entry.word("coupon"), ring),
        of=str(of) if type(of) is int else None,
        reason=(entry.word("reason") or entry.word("code") or "")[:200],
        clerk_id=known_clerk(session, actor, entry.word("clerk")),
        device_at=entry.at,
        entry=entry.text,
        signature=entry.signature,
    )


def genuine_serial(text: str | None, ring: KeyRing) -> int | None:
    """The serial of a token that verifies, else None."""
    try:
        return tokens.verify(tokens.read(text), ring).serial if text else None
    except BadToken:
        return None


def known_clerk(session: Session, actor: Actor, clerk_id: str | None) -> str | None:
    return (
        session.scalar(select(Clerk.id).where(Clerk.id == clerk_id, Clerk.store_id == actor.store_id))
        if clerk_id
        else None
    )


def note_seen(device: Device, device_time: Ms | None, now: Ms) -> None:
    device.last_seen_at = now
    if device_time is not None:
        device.clock_skew_ms = device_time - now


def ask_verdict(
    session: Session, actor: Actor, text: str, ring: KeyRing, signer: Callable[[], Signer], now: Ms
) -> dict[str, Any]:
    """Verify, read-only. A typed short code is answered with the coupon's token, which the journal needs as evidence."""
    serial, token = identify(session, text, ring, signer)
    ruling = verify(session, actor, serial, now)
    told = {"code": ruling.verdict, **ruling.details}
    return told | {"token": token} if token and serial is not None else told


def identify(session: Session, text: str, ring: KeyRing, signer: Callable[[], Signer]) -> tuple[int | None, str | None]:
    """(serial, token to tell) of a scanned token or a typed short code."""
    serial = genuine_serial(text, ring)
    if serial is not None:
        return serial, None
    try:
        typed = ledger.find_by_short_code(session, codes.normalise(text))
    except BadCode:
        return None, None
    row = session.get(Coupon, typed) if typed is not None else None
    return (row.serial, signer().write_serial(row.key_id, row.serial, row.last_day)) if row else (None, None)


def snapshot(session: Session, actor: Actor, ring: KeyRing) -> dict[str, Any]:
    """What a tablet knows beforehand: keys, its store's campaigns with their terms, its clerks' names. Nothing of any customer."""
    told = {
        "store": {
            "id": actor.store_id,
            "name": actor.store_name,
            "partner": actor.partner_id,
            "time_zone": actor.time_zone,
        },
        "partner": {
            "id": actor.partner_id,
            "name": session.scalar(select(Partner.name).where(Partner.id == actor.partner_id)),
        },
        "device": {"id": actor.device_id, "name": actor.device_name},
        "keys": ring.published(),
        "campaigns": campaigns_at(session, actor),
        "clerks": clerks_at(session, actor),
    }
    return {"etag": sha256(dumps(told, sort_keys=True).encode()).hexdigest()[:32], **told}


def campaigns_at(session: Session, actor: Actor) -> list[dict[str, Any]]:
    rows = session.execute(select(Campaign.number, Campaign.name, Campaign.terms).order_by(Campaign.number))
    return [
        {"id": f"cmp_{number}", "number": number, "name": name, "terms": loads(text)}
        for number, name, text in rows
        if is_good_at(text, actor)
    ]


def is_good_at(terms_text: str, actor: Actor) -> bool:
    terms = parse_terms(terms_text)
    return actor.store_id in terms.stores or actor.partner_id in terms.partners


def clerks_at(session: Session, actor: Actor) -> list[dict[str, str]]:
    present = (
        select(Clerk.id, Clerk.name)
        .where(Clerk.store_id == actor.store_id, Clerk.left_at.is_(None))
        .order_by(Clerk.name, Clerk.id)
    )
    return [{"id": clerk_id, "name": name} for clerk_id, name in session.execute(present)]


def as_json(answer: Answer) -> dict[str, Any]:
    return {"code": answer.code, **answer.details}
