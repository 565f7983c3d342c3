"""Syncing: "here is my journal from where you have it". The one request of a tablet.

Entries are taken strictly in order, each once, and each is answered; those that are known are answered as the first time.
So a retry, a duplicate, a late request and a lost reply are all the same harmless thing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from json import dumps, loads
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from redeem import codes, holding, ledger, snapshots, tokens
from redeem.errors import BadCode, BadToken, Unauthenticated
from redeem.holding import Grant
from redeem.ids import coupon_of
from redeem.journal import FIRST_HASH, BrokenJournal, Entry, check_entry
from redeem.keeping import Signer
from redeem.keys import KeyRing
from redeem.models import Campaign, Clerk, Coupon, Device, Partner, Quarantine, Store
from redeem.redeeming import Act, Answer, Kind, settle
from redeem.rules import Verdict, parse_terms
from redeem.times import Ms
from redeem.verifying import Actor, verify

ENTRIES_PER_SYNC_MAX = 200
QUARANTINE = text(
    "INSERT INTO quarantine (device_id, entry_hash, number, entry, signature, reason, at)"
    " VALUES (:device_id, :entry_hash, :number, :entry, :signature, :reason, :at) ON CONFLICT DO NOTHING"
)


@dataclass(frozen=True, slots=True)
class Request:
    """What a tablet sends: entries in order, and perhaps a text to verify.

    `known` is the etag of the snapshot it has, `epoch` the newest grant it has heard of, `position` how far it has heard of
    changes. After a restore it names the holds that it has, as (serial, epoch). `end` is the last number of its journal.
    `old` is the journal of the device that this tablet was before it lost its key: (device id, entries).
    """

    entries: Sequence[Entry] = ()
    verify: str | None = None
    known: str | None = None
    device_time: Ms | None = None
    epoch: int = 0
    position: str | None = None
    end: int | None = None
    claims: Sequence[tuple[int, int]] = ()
    old: tuple[str, Sequence[Entry]] | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """What it gets: `last` is the number of the last entry that the server has; answers by entry number.

    `fault` says why entries were put in quarantine, and `quarantined` how many of them wait there for a manager.
    """

    last: int
    answers: dict[int, dict[str, Any]]
    time: Ms
    generation: int
    recovering: bool = False
    fault: str | None = None
    quarantined: int = 0
    verdict: dict[str, Any] | None = None
    snapshot: dict[str, Any] | None = None
    grants: Sequence[Grant] = ()
    recalls: Sequence[Grant] = ()
    changes: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Tablet:
    """A device as the request found it, locked for this transaction."""

    actor: Actor
    public_key: bytes
    row: Device = field(repr=False)

    @property
    def is_active(self) -> bool:
        return self.row.revoked_at is None and self.row.lost_at is None


def sync(
    session: Session, device_id: str, request: Request, ring: KeyRing, signer: Callable[[], Signer], now: Ms
) -> Reply:
    """Takes the entries and answers them; what can't be taken is kept in quarantine. Raises Unauthenticated for no device of ours."""
    tablet = lock_tablet(session, device_id)
    if request.old:
        named, entries = request.old
        known = session.scalar(select(Device.id).where(Device.id == named))
        quarantine(session, known or device_id, entries, "key_lost", now)
    note_seen(tablet.row, request.device_time, now)
    if not tablet.is_active:
        return hand_in(session, tablet, request, now)
    answers, fault = take_all(session, tablet, request.entries, ring, now)
    report(session, tablet, request)
    fresh = snapshot(session, tablet.actor, ring)
    return Reply(
        last=tablet.row.last_number,
        answers=answers,
        time=now,
        generation=holding.generation(session),
        recovering=holding.is_recovering(session),
        fault=fault,
        quarantined=in_quarantine(session, device_id),
        verdict=ask_verdict(session, tablet.actor, request.verify, ring, signer, now) if request.verify else None,
        snapshot=None if fresh["etag"] == request.known else fresh,
        grants=holding.grants_after(session, device_id, request.epoch),
        recalls=holding.recalls(session, device_id),
        changes=snapshots.changes_since(session, request.position, campaign_numbers(fresh)),
    )


def hand_in(session: Session, tablet: Tablet, request: Request, now: Ms) -> Reply:
    """A revoked device's entries are kept for a manager. It gets nothing in return but to know that."""
    quarantine(session, tablet.actor.device_id, request.entries, "revoked", now)
    return Reply(
        last=tablet.row.last_number,
        answers={},
        time=now,
        generation=holding.generation(session),
        fault="revoked",
        quarantined=in_quarantine(session, tablet.actor.device_id),
    )


def take_all(
    session: Session, tablet: Tablet, entries: Sequence[Entry], ring: KeyRing, now: Ms
) -> tuple[dict[int, dict[str, Any]], str | None]:
    """The answers by number, and what is wrong with the rest, if anything is: then the rest is in quarantine."""
    answers: dict[int, dict[str, Any]] = {}
    for index, entry in enumerate(entries):
        if entry.number > tablet.row.last_number + 1:
            break  # a gap: the reply's `last` tells the device where to begin
        try:
            answers[entry.number] = take(session, tablet, entry, ring, now)
        except BrokenJournal as fault:
            quarantine(session, tablet.actor.device_id, entries[index:], fault.code, now)
            return answers, fault.code
    return answers, None


def quarantine(session: Session, device_id: str, entries: Sequence[Entry], reason: str, now: Ms) -> None:
    """Keeps entries as they came, each once; whose they claim to be is for the manager who looks at them to check."""
    for entry in entries:
        row = {"device_id": device_id, "entry_hash": entry.hash, "number": entry.number, "entry": entry.text}
        session.execute(QUARANTINE, row | {"signature": entry.signature, "reason": reason, "at": now})


def in_quarantine(session: Session, device_id: str) -> int:
    undecided = select(func.count()).where(Quarantine.device_id == device_id, Quarantine.decided_at.is_(None))
    return session.scalar(undecided) or 0


def report(session: Session, tablet: Tablet, request: Request) -> None:
    """A device whose journal is here to its end has reported to this generation of the ledger, holds and all."""
    generation = holding.generation(session)
    if request.end != tablet.row.last_number or tablet.row.reported_generation >= generation:
        return
    for serial, epoch in request.claims:
        holding.claim(session, serial, tablet.actor.device_id, epoch)
    tablet.row.reported_generation = generation
    session.flush()
    holding.end_recovery_if_complete(session)


def lock_tablet(session: Session, device_id: str) -> Tablet:
    statement = (
        select(Device, Store.name, Store.partner_id, Store.time_zone)
        .join(Store, Store.id == Device.store_id)
        .where(Device.id == device_id, Device.kind == "tablet")
        .with_for_update(of=Device, key_share=True)
    )
    row = session.execute(statement).one_or_none()
    device, store_name, partner_id, time_zone = row or (None, "", "", "")
    if device is None or device.public_key is None:
        raise Unauthenticated("This tablet is not enrolled here. Ask a manager for a new enrolment link.")
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
    of, epoch = entry.body.get("of"), entry.body.get("epoch")
    return Act(
        actor=actor,
        name=str(entry.number),
        kind=entry.kind,
        fingerprint=entry.hash,
        serial=serial_in(session, entry, ring),
        of=str(of) if type(of) is int else None,
        epoch=epoch if type(epoch) is int else None,
        reason=(entry.word("reason") or entry.word("code") or "")[:200],
        clerk_id=known_clerk(session, actor, entry.word("clerk")),
        device_at=entry.at,
        entry=entry.text,
        signature=entry.signature,
    )


def serial_in(session: Session, entry: Entry, ring: KeyRing) -> int | None:
    """Which coupon an entry is about. To give one, it must show what only the coupon's bearer has: its token or its short code."""
    if entry.kind == Kind.RELEASE:
        return coupon_of(entry.word("id") or "")
    if code := entry.word("typed"):
        return serial_typed(session, code)
    return genuine_serial(entry.word("coupon"), ring)


def serial_typed(session: Session, code: str) -> int | None:
    try:
        return ledger.find_by_short_code(session, codes.normalise(code))
    except BadCode:
        return None


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
    """Verify. A typed short code is answered with the coupon's token, which the journal needs as evidence.

    The customer stands before this clerk: a coupon that another device holds is asked back from it, so that it can be given here.
    """
    serial, token = identify(session, text, ring, signer)
    ruling = verify(session, actor, serial, now)
    if ruling.verdict == Verdict.HELD_ELSEWHERE and serial is not None:
        holding.recall(session, serial, actor.device_id, now)
    told = {"code": ruling.verdict, **ruling.details}
    return told | {"token": token} if token and serial is not None else told


def identify(session: Session, text: str, ring: KeyRing, signer: Callable[[], Signer]) -> tuple[int | None, str | None]:
    """(serial, token to tell) of a scanned token or a typed short code."""
    serial = genuine_serial(text, ring)
    if serial is not None:
        return serial, None
    typed = serial_typed(session, text)
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


def campaign_numbers(told: dict[str, Any]) -> list[int]:
    return [campaign["number"] for campaign in told["campaigns"]]


def as_json(answer: Answer) -> dict[str, Any]:
    return {"code": answer.code, **answer.details}
