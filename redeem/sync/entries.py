"""What an entry of a tablet's journal asks for, as an act to settle."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy import or_, select, tuple_
from sqlalchemy.orm import Session

from redeem.db.models.coupons import Coupon
from redeem.db.models.devices import Clerk
from redeem.db.models.ledger import Act as KeptAct
from redeem.domain.acts import Act, Answer, Kind, Outcome
from redeem.domain.journal import Entry, clock_fault
from redeem.domain.presented import Actor, ShownCoupon
from redeem.domain.proofs import Evidence, Proofs, Receipt
from redeem.domain.signing_keys import KeyRing
from redeem.ledger import ledger, rows
from redeem.ledger.generation import Life, refuse_if_behind
from redeem.ledger.sealed_copies import lacks
from redeem.lib.times import Ms
from redeem.redemptions.identify import find_by_code, read_name

REASON_MAX_CHARACTERS = 200
BOOKED = (Outcome.REDEEMED, Outcome.CONFLICT)
GIVES = (
    Kind.ASK,
    Kind.GAVE_HELD,
    Kind.GAVE_AT_RISK,
)  # of other kinds no typed code is looked up: nothing comes of a right one


@dataclass(frozen=True, slots=True)
class Source:
    """Where entries come from, and what it takes to read them.

    `writer_id` is the device that signed them: `actor` itself, or one that the ledger does not know any more. What they report happened
    from `earliest` on and, if they were handed in earlier, until `latest`. `life`: the state of the ledger that reads them.

    `former`: the devices that the writer was before, as the server's own sealed proofs show. `is_admitted`: a manager admits them from
    quarantine.
    """

    actor: Actor
    writer_id: str
    ring: KeyRing
    proofs: Proofs
    life: Life
    earliest: Ms
    latest: Ms | None = None
    former: Collection[str] = ()
    is_admitted: bool = False


def as_act(session: Session, source: Source, entry: Entry) -> Act:
    """Return the entry as an act, named by the entry's number. Raises LedgerBehind."""
    actor = source.actor
    if entry.kind == Kind.SAID:
        return as_said(session, source, entry)
    shown = shown_in(session, source, entry)
    evidence = evidence_in(source, entry)
    if shown:
        refuse_if_behind(source.life, evidence, shown.serial)
    return Act(
        actor=actor,
        name=str(entry.number),
        kind=entry.kind,
        fingerprint=entry.hash,
        serial=shown.serial if shown else None,
        shown=None if entry.kind == Kind.RELEASE else shown,  # an id alone proves nothing
        of=named(entry.number_member("of")),
        epoch=entry.number_member("epoch"),
        to_store_id=entry.text_member("store") if entry.kind == Kind.MOVE else None,
        reason=(entry.text_member("reason") or entry.text_member("code") or "")[:REASON_MAX_CHARACTERS],
        clerk_id=known_clerk(session, actor, entry.text_member("clerk")),
        device_at=entry.at,
        clock_ahead_ms=clock_ahead_ms(entry),
        entry=entry.text,
        signature=entry.signature,
        from_quarantine=source.is_admitted,
        earliest=source.earliest,
        latest=source.latest,
        evidence=evidence,
        list_at=entry.number_member("list"),
    )


def clock_ahead_ms(entry: Entry) -> int:
    fault = clock_fault(entry.body)
    return fault if isinstance(fault, int) else 0


def as_said(session: Session, source: Source, entry: Entry) -> Act:
    """Return what a tablet that was enrolled anew says became of a gift. It is about that gift only if the tablet shows that it was the
    device which was told to give it: of another's gift nobody has anything to say.
    """
    gift = gift_said_of(session, source, entry)
    return Act(
        actor=source.actor,
        name=str(entry.number),
        kind=entry.kind,
        fingerprint=entry.hash,
        serial=gift.serial if gift else None,
        of_act_id=gift.id if gift else None,
        clerk_id=known_clerk(session, source.actor, entry.text_member("clerk")),
        device_at=entry.at,
        entry=entry.text,
        signature=entry.signature,
        from_quarantine=source.is_admitted,
    )


def gift_said_of(session: Session, source: Source, entry: Entry) -> rows.KeptAct | None:
    device_id, number = entry.text_member("device"), entry.number_member("entry")
    is_former = device_id in source.former and device_id != source.writer_id
    if not is_former or device_id is None or type(entry.body.get("handed_over")) is not bool:
        return None
    kept = ledger.find_act_by_name(session, device_id, str(number))
    return kept if kept and kept.kind == Kind.ASK and kept.code == Outcome.REDEEMED else None


def evidence_in(source: Source, entry: Entry) -> Evidence:
    epoch, grant, yes = entry.number_member("epoch"), entry.text_member("grant"), entry.text_member("yes")
    return Evidence(source.proofs, source.writer_id, epoch, grant, yes, receipt_in(entry))


def receipt_in(entry: Entry) -> Receipt | None:
    """Return the receipt that the entry shows, None if it shows none or one that is malformed."""
    match entry.body.get("receipt"):
        case {
            "generation": int(generation),
            "number": int(number),
            "hash": str(entry_hash),
            "at": int(at),
            "proof": str(proof),
        }:
            return Receipt(generation, number, entry_hash, at, proof)
        case _:
            return None


def lock_coupons(session: Session, acts: Sequence[Act]) -> None:
    """Lock the coupons of these acts in one order, so that two journals that name the same coupons can't deadlock.

    A tablet that moves releases all that it holds, and what it was promised, so these are locked too.
    """
    moving = {act.actor.device_id for act in acts if act.kind == Kind.MOVE}
    if len(acts) < 2 and not moving:
        return
    about = {(act.actor.device_id, act.of) for act in acts if act.of}
    named = tuple_(KeptAct.device_id, KeptAct.name).in_(about)
    serials = {act.serial for act in acts if act.serial is not None}
    serials |= (
        set(session.scalars(select(KeptAct.serial).where(named, KeptAct.serial.is_not(None)))) if about else set()
    )
    theirs = or_(Coupon.holder_id.in_(moving), Coupon.promised_to_id.in_(moving))
    about_them = Coupon.serial.in_(serials)
    wanted = select(Coupon.serial).where(or_(about_them, theirs) if moving else about_them).order_by(Coupon.serial)
    session.execute(wanted.with_for_update(key_share=True))


def shown_in(session: Session, source: Source, entry: Entry) -> ShownCoupon | None:
    """Which coupon an entry is about. To give one, it must show what only the coupon's bearer has: its token or its short code."""
    if entry.kind == Kind.RELEASE:
        return named_in(entry, source.ring)
    typed = entry.text_member("typed") if entry.kind in GIVES else None
    if typed:
        return typed_in(session, source, entry, typed)
    return read_name(entry.text_member("coupon"), source.ring).shown


def is_of_something_lost(session: Session, entry: Entry, ring: KeyRing) -> bool:
    """Say whether the entry gives, or asks for, a coupon whose campaign or signing key is not here."""
    named = named_in(entry, ring)
    return entry.kind in GIVES and lacks(session, ring, entry.text_member("coupon"), named.serial if named else None)


def named_in(entry: Entry, ring: KeyRing) -> ShownCoupon | None:
    serial = read_name(entry.text_member("id"), ring).serial_of_id
    return None if serial is None else ShownCoupon(serial)


def typed_in(session: Session, source: Source, entry: Entry, text: str) -> ShownCoupon | None:
    """Return the coupon that a typed short code names.

    If a restore has lost the coupon, the id beside the code names it, provided that the entry shows our proof that the code is its own.
    """
    code = read_name(text, source.ring).short_code
    serial = find_by_code(session, code, guesser=None)
    if serial is not None:
        return ShownCoupon(serial)
    named = named_in(entry, source.ring)
    if code is None or named is None or not source.proofs.is_code(entry.text_member("proof"), named.serial, code):
        return None
    return ShownCoupon(named.serial, short_code=code)


def known_clerk(session: Session, actor: Actor, clerk_id: str | None) -> str | None:
    at_store = select(Clerk.id).where(Clerk.id == clerk_id, Clerk.store_id == actor.store_id)
    return session.scalar(at_store) if clerk_id else None


def named(number: int | None) -> str | None:
    return None if number is None else str(number)


@dataclass(frozen=True, slots=True)
class Taken:
    """A gift at risk: the number of its entry and of its campaign."""

    number: int
    campaign: int


@dataclass(slots=True)
class RisksTaken:
    """The gifts at risk of one request that were booked so far, and not undone: a tablet may give a campaign's limit of them before the
    server has heard of any. What is contested takes nothing of the limit.

    A restored ledger is told again, in one request, what the ledger before it was told in several. So an entry shows a receipt, and what
    the server had by then does not count.
    """

    _taken: dict[str, Taken] = field(default_factory=dict)

    def before(self, act: Act) -> Act:
        """Return the act, knowing how many of its campaign were given at risk before it that the server had not heard of."""
        if act.kind != Kind.GAVE_AT_RISK or act.serial is None or act.evidence is None or not self._taken:
            return act
        heard_until, campaign = act.evidence.heard_until(), act.serial >> 32
        before = [each for each in self._taken.values() if each.campaign == campaign and each.number > heard_until]
        return replace(act, risks_before=len(before))

    def note(self, entry: Entry, act: Act, answer: Answer) -> None:
        if act.kind == Kind.GAVE_AT_RISK and act.serial is not None and answer.code in BOOKED:
            self._taken[act.name] = Taken(entry.number, act.serial >> 32)
        elif act.kind == Kind.UNDO and answer.code == Outcome.REVERSED and act.of is not None:
            self._taken.pop(act.of, None)
