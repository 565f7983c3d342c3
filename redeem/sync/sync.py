"""The one request of a tablet: "here is my journal from where you have it".

Entries are taken strictly in order, each once, and each is answered; a known entry gets its first answer. So a retry, a
duplicate, a late request and a lost reply do no harm.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from json import loads
from typing import Any

from sqlalchemy.orm import Session

from redeem.accounts import throttle
from redeem.devices import moves
from redeem.domain.acts import Act, Answer, Kind
from redeem.domain.journal import FIRST_HASH, BrokenJournal, Entry, check_entry
from redeem.domain.judgement import REQUEST_AGE_MAX_MS
from redeem.domain.presented import Actor
from redeem.domain.proofs import NAME_IN_JOURNAL, Proofs, Receipt
from redeem.domain.rules import Verdict
from redeem.domain.signing_keys import KeyRing
from redeem.holds import holds, siblings, sweep
from redeem.holds.holds import Grant
from redeem.ledger import generation, ledger, recovery_reports, sealed_copies, signing
from redeem.ledger.generation import Life
from redeem.ledger.recovery_reports import Report
from redeem.ledger.signing import Signer, load_ring
from redeem.lib.ids import coupon_of
from redeem.lib.times import Ms, local_day
from redeem.redemptions.settle import settle
from redeem.sync import old_journals, quarantine, snapshot
from redeem.sync.changes import changes_since, parse, prune
from redeem.sync.entries import GIVES, RisksTaken, Source, as_act, is_of_something_lost, lock_coupons
from redeem.sync.old_journals import OldJournal
from redeem.sync.receipts import receipt_of, refuse_if_lost
from redeem.sync.tablet import Tablet, lock_tablet, note_seen, note_told, where_it_is
from redeem.sync.verdicts import ask_verdict


@dataclass(frozen=True, slots=True)
class Request:
    """What a tablet sends: entries in order, and perhaps a text to verify.

    `known` is the etag of its snapshot, `epoch` the newest grant that it has heard of, `position` how far it has read changes.
    `siblings` is the newest grant that it has heard of for each other tablet of its store, `homes` by campaign number the coupon
    up to which it has heard of homes. `receipt` is the newest one that it has. `report` answers a restore; `copies` are the tablet's sealed
    copies, of which further ones follow in its next request if `more_copies`. `former`: the devices whose sealed proofs of enrolment its
    entries show.
    """

    entries: Sequence[Entry] = ()
    verify: str | None = None
    known: str | None = None
    device_time: Ms | None = None
    epoch: int = 0
    position: str | None = None
    siblings: Mapping[str, int] = field(default_factory=dict)
    homes: Mapping[int, int] = field(default_factory=dict)
    receipt: Receipt | None = None
    report: Report | None = None
    copies: Sequence[str] = ()
    more_copies: bool = False
    old: OldJournal | None = None
    former: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Readers:
    """What it takes to read an entry: the keys that verify tokens, and those that verify proofs.

    `may_lack`: the ledger was restored, and the tablet has not shown its sealed copies yet. So what can't be read may still become known.
    `former`: the devices that the tablet was before, as it shows.
    """

    ring: KeyRing
    proofs: Proofs
    may_lack: bool = False
    former: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Reply:
    """What the tablet gets. `last` is the number of the last entry that the server has taken; answers are by entry number.

    `fault` says why entries were put in quarantine, and `quarantined` how many wait there for a manager. `kept` is the number of
    the last entry there (for a revoked tablet: of the last entry that is here at all); the tablet goes on behind it. `old_kept` is
    that number of the old journal, as far as this tablet has handed it in, and `old_refused` how many of its entries were not signed by
    the device that it names. `receipt` is our signature that the journal is here up to its end. While `recovering`, a tablet whose
    `report` on this `generation` is missing sends one. `move` is the store to which it is to move.
    """

    last: int
    answers: dict[int, dict[str, Any]]
    time: Ms
    generation: int
    recovering: bool = False
    reported: bool = True
    fault: str | None = None
    quarantined: int = 0
    kept: int | None = None
    old_kept: int | None = None
    old_refused: int | None = None
    verdict: dict[str, Any] | None = None
    snapshot: dict[str, Any] | None = None
    grants: Sequence[Grant] = ()
    receipt: Receipt | None = None
    recalls: Sequence[Grant] = ()
    move: str | None = None
    changes: dict[str, Any] | None = None
    siblings: dict[str, Any] | None = None
    homes: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Old:
    """What the reply says of an old journal. All None if none came."""

    kept: int | None = None
    refused: int | None = None


def sync(
    session: Session,
    device_id: str,
    request: Request,
    ring: KeyRing,
    signer: Callable[[], Signer],
    proofs: Proofs,
    now: Ms,
) -> Reply:
    """Take the entries and answer them; quarantine what can't be taken. Raises Unauthenticated for a device that is not ours, and
    LedgerBehind.
    """
    tablet = lock_tablet(session, device_id)
    refuse_if_lost(session, device_id, request.receipt, proofs)
    note_seen(tablet.row, request.device_time, now)
    sealed_copies.take_back(session, request.copies, proofs, now)
    old = keep_old(session, request.old, tablet, now)
    if not tablet.is_active:
        return hand_in(session, tablet, request, old, now)
    life = generation.current(session)
    if life.is_recovering:
        ring = load_ring(session)  # a report may have just brought a key back
    may_lack = life.is_recovering and tablet.row.reported_generation < life.generation and not has_shown(request, life)
    readers = Readers(ring, proofs, may_lack, request.former)
    answers, fault = take_all(session, tablet, request.entries, readers, now)
    tablet = where_it_is(session, tablet)
    is_told = note_told(tablet, request.entries, fault, now)
    life, over = recover(session, tablet, request.report, proofs, now)
    move_holds(session, tablet, life, now)
    kept = quarantine.kept(session, device_id)
    brief = tell_snapshot(session, tablet, request, ring, proofs, life)
    if brief is None and is_told and not life.is_recovering:
        signing.note_heard(session, device_id, ring.compromised, tablet.row.last_number)
    changes = changes_since(
        session, request.position, life, lambda: snapshot.campaign_numbers_at(session, tablet.actor)
    )
    return Reply(
        last=tablet.row.last_number,
        answers=answers,
        time=now,
        generation=life.generation,
        recovering=life.is_recovering,
        reported=tablet.row.reported_generation >= life.generation,
        fault=fault,
        quarantined=kept.handed_in,
        kept=kept.last or None,
        old_kept=old.kept,
        old_refused=old.refused,
        verdict=ask_verdict(session, tablet.actor, request.verify, ring, signer, now) if request.verify else None,
        snapshot=brief,
        grants=holds.grants_after(session, proofs, device_id, request.epoch),
        receipt=receipt_of(tablet, life.generation, proofs, now),
        recalls=[
            *holds.recalls(session, device_id, ring.compromised, of_closed_store=tablet.actor.closed_at is not None),
            *over,
        ],
        move=moves.where_to(session, tablet.row, life, request.epoch),
        changes=changes,
        siblings=siblings.holds_after(session, tablet.actor, request.siblings),
        homes=tell_homes(session, tablet.actor, request, changes, life),
    )


def has_shown(request: Request, life: Life) -> bool:
    """Say whether the tablet reports to this generation, and all of its sealed copies are here."""
    return request.report is not None and request.report.generation == life.generation and not request.more_copies


def tell_snapshot(
    session: Session, tablet: Tablet, request: Request, ring: KeyRing, proofs: Proofs, life: Life
) -> dict[str, Any] | None:
    """Return the snapshot, if it is another than the tablet's. A restored ledger may know less than the tablet does, so it tells
    nothing before it has the tablet's report: the tablet would lose the copies that it is to hand in.
    """
    if life.is_recovering and request.known is not None and tablet.row.reported_generation < life.generation:
        return None
    return snapshot.brief(session, tablet.actor, ring, proofs, life, request.known)


def keep_old(session: Session, old: OldJournal | None, tablet: Tablet, now: Ms) -> Old:
    """Keep what the named device has signed of the old journal. Return what the reply says of that."""
    if old is None:
        return Old()
    refused = old_journals.keep(session, old, tablet.row, now)
    return Old(old_journals.last_kept(session, old.device_id, tablet.row.id), refused or None)


def tell_homes(
    session: Session, to: Actor, request: Request, changes: dict[str, Any] | None, life: Life
) -> dict[str, Any] | None:
    """Return which coupons are at home at other stores. None while the ledger recovers, for it does not know yet who holds what,
    and none for a tablet that must fetch the sets first.
    """
    since = parse(request.position)
    if life.is_recovering or changes is None or since is None:
        return None
    return siblings.homes_after(session, to, request.homes, since.number if changes["campaigns"] else None)


def hand_in(session: Session, tablet: Tablet, request: Request, old: Old, now: Ms) -> Reply:
    """Keep a revoked device's entries for a manager, in order: what a manager admits may depend on what stands before it.

    The device learns only that it is revoked and up to where its journal is here.
    """
    device_id = tablet.actor.device_id
    here = max(tablet.row.last_number, quarantine.kept(session, device_id).last)
    if request.entries and request.entries[0].number <= here + 1:
        quarantine.keep(session, device_id, request.entries, "revoked", device_id, now)
    kept = quarantine.kept(session, device_id)
    return Reply(
        last=tablet.row.last_number,
        answers={},
        time=now,
        generation=generation.current(session).generation,
        fault="revoked",
        quarantined=kept.handed_in,
        kept=max(tablet.row.last_number, kept.last),
        old_kept=old.kept,
        old_refused=old.refused,
    )


def take_all(
    session: Session, tablet: Tablet, entries: Sequence[Entry], readers: Readers, now: Ms
) -> tuple[dict[int, dict[str, Any]], str | None]:
    """Take entries in order. Return the answers by number, and the fault that stopped it, if any: then the rest is in quarantine.

    What stands behind a move happened at the new store.
    """
    answers: dict[int, dict[str, Any]] = {}
    acts = new_acts(session, tablet, entries, readers)
    risks = RisksTaken()
    for index, entry in enumerate(entries):
        try:
            if is_behind_a_gap(session, tablet, entry) or must_wait(session, tablet, acts, entry, readers, now):
                break  # the reply's `last` tells the device where to begin
            answers[entry.number] = take(session, tablet, entry, acts, readers, risks, now)
            if tablet.row.store_id != tablet.actor.store_id:
                tablet = where_it_is(session, tablet)
                acts = as_acts(session, tablet, entries[index + 1 :], readers)
        except BrokenJournal as fault:
            device_id = tablet.actor.device_id
            quarantine.keep(session, device_id, entries[index:], fault.code, device_id, now)
            return answers, fault.code
    return answers, None


def is_behind_a_gap(session: Session, tablet: Tablet, entry: Entry) -> bool:
    """Say whether entries before this one are missing. Raises BrokenJournal if they are in quarantine: then this one goes there too."""
    if entry.number <= tablet.row.last_number + 1:
        return False
    if entry.number <= quarantine.kept(session, tablet.actor.device_id).last + 1:
        raise BrokenJournal
    return True


def must_wait(
    session: Session, tablet: Tablet, acts: Mapping[str, Act], entry: Entry, readers: Readers, now: Ms
) -> bool:
    """Say whether this entry names a coupon by a wrong code, and the tablet has signed so many of those that this one comes later.

    So does, after a restore, an entry about a coupon whose campaign or key the tablet's sealed copies may bring back.
    An honest tablet writes a typed code only if it holds the coupon. Without a limit, gifts would be the quickest way to try codes.
    """
    is_new = entry.number > tablet.row.last_number
    if is_new and readers.may_lack and is_of_something_lost(session, entry, readers.ring):
        return True
    guessed = is_new and is_guess(acts[entry.hash], entry)
    return guessed and throttle.wait_ms(session, guesses_of(tablet), now) > 0


def is_guess(act: Act, entry: Entry) -> bool:
    return act.serial is None and entry.kind in GIVES and entry.text_member("typed") is not None


def guesses_of(tablet: Tablet) -> str:
    """Counted apart from what the clerk types, so that neither holds the other up."""
    return f"journal-code:{tablet.actor.device_id}"


def new_acts(session: Session, tablet: Tablet, entries: Sequence[Entry], readers: Readers) -> dict[str, Act]:
    """Return the acts of entries that the server has not taken yet, by hash, with all their coupons locked."""
    acts = as_acts(session, tablet, entries, readers)
    lock_coupons(session, list(acts.values()))
    return acts


def as_acts(session: Session, tablet: Tablet, entries: Sequence[Entry], readers: Readers) -> dict[str, Act]:
    """Return the acts of entries that the server has not taken yet, by hash. What they report happened after the last sync that left
    nothing to tell: a request may have been under way for a while, and what was written meanwhile comes with the next one.
    """
    row = tablet.row
    earliest = (row.told_at or row.created_at) - REQUEST_AGE_MAX_MS
    life = generation.current(session)
    source = Source(
        tablet.actor, tablet.actor.device_id, readers.ring, readers.proofs, life, earliest, former=readers.former
    )
    new = [entry for entry in entries if entry.number > row.last_number]
    return {entry.hash: as_act(session, source, entry) for entry in new}


def take(
    session: Session,
    tablet: Tablet,
    entry: Entry,
    acts: dict[str, Act],
    readers: Readers,
    risks: RisksTaken,
    now: Ms,
) -> dict[str, Any]:
    if entry.number <= tablet.row.last_number:
        return as_json(tablet, entry, repeat(session, tablet, entry), readers.proofs)
    check_entry(entry, tablet.row.last_hash or FIRST_HASH, tablet.actor.device_id, tablet.public_key)
    act = risks.before(acts[entry.hash])
    answer = settle(session, act, now)
    risks.note(entry, act, answer)
    if is_guess(act, entry):
        throttle.count_failure(session, guesses_of(tablet), now)
    tablet.row.last_number, tablet.row.last_hash = entry.number, entry.hash
    return as_json(tablet, entry, answer, readers.proofs)


def repeat(session: Session, tablet: Tablet, entry: Entry) -> Answer:
    """Return the first answer to an entry that was taken. Another text under its number means a rewritten journal.

    A yes is not repeated once a shop manager has decided that its gift was never given: a tablet that never heard it must not give now.
    """
    kept = ledger.find_act_by_name(session, tablet.actor.device_id, str(entry.number))
    if kept is None or kept.fingerprint != entry.hash:
        raise BrokenJournal
    if kept.is_denied:
        return Answer(Verdict.ATTEMPT_CANCELLED)
    return Answer(kept.code, loads(kept.answer))


def recover(
    session: Session, tablet: Tablet, report: Report | None, proofs: Proofs, now: Ms
) -> tuple[Life, list[Grant]]:
    """Take the tablet's report after a restore. Return the generation, and which of the reported holds are over."""
    life = generation.current(session)
    if not life.is_recovering:
        return life, []
    over = recovery_reports.record_report(session, tablet.row, report, life, proofs, now) if report else []
    return recovery_reports.end_if_complete(session), [Grant(hold.serial, hold.epoch) for hold in over]


def move_holds(session: Session, tablet: Tablet, life: Life, now: Ms) -> None:
    """Grant the tablet what it was promised, and coupons at home at its store that nobody holds; at a closed store nothing."""
    if life.only_holders_give or tablet.row.moves_to_id:
        return
    if tablet.actor.closed_at is not None:
        sweep.drop_promises(session, tablet.row)
        return
    today = local_day(now, tablet.actor.time_zone)
    if sweep.begin_day(tablet.row, today):
        prune(session)
    sweep.sweep(session, tablet.row, now, today)
    holds.grant_promised(session, tablet.row, life, now, today)


def as_json(tablet: Tablet, entry: Entry, answer: Answer, proofs: Proofs) -> dict[str, Any]:
    """Return an answer for the tablet. A yes is signed: with it the tablet shows to a restored ledger that it was told to give."""
    told = {"code": answer.code, **answer.details}
    serial = coupon_of(answer.details["coupon"]) if answer.redeemed and entry.kind == Kind.ASK else None
    if serial is None:
        return told
    return told | {"yes": proofs.yes(tablet.actor.device_id, NAME_IN_JOURNAL, entry.hash, serial)}
