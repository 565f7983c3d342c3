"""What an entry of a tablet's journal asks for, as an act to settle."""

from collections.abc import Sequence

from sqlalchemy import or_, select, tuple_
from sqlalchemy.orm import Session

from redeem.db.models.coupons import Coupon
from redeem.db.models.devices import Claim, Clerk
from redeem.db.models.ledger import Act as KeptAct
from redeem.domain.acts import Act, Kind
from redeem.domain.journal import Entry
from redeem.domain.presented import Actor, ShownCoupon
from redeem.domain.signing_keys import KeyRing
from redeem.ledger import generation
from redeem.ledger.generation import Life
from redeem.redemptions.identify import find_by_code, read_name

REASON_MAX_CHARACTERS = 200
GIVES = (
    Kind.ASK,
    Kind.GAVE_HELD,
    Kind.GAVE_AT_RISK,
)  # of other kinds no typed code is looked up: nothing comes of a right one


def as_act(session: Session, actor: Actor, entry: Entry, ring: KeyRing, *, is_admitted: bool = False) -> Act:
    """Return the entry as an act, named by the entry's number. `is_admitted`: a manager has decided to admit it from quarantine."""
    shown = shown_in(session, actor, entry, ring, is_admitted=is_admitted)
    return Act(
        actor=actor,
        name=str(entry.number),
        kind=entry.kind,
        fingerprint=entry.hash,
        serial=shown.serial if shown else None,
        shown=None if entry.kind == Kind.RELEASE else shown,  # an id alone proves nothing
        of=named(entry.body.get("of")),
        epoch=whole(entry.body.get("epoch")),
        to_store_id=entry.text_member("store") if entry.kind == Kind.MOVE else None,
        reason=(entry.text_member("reason") or entry.text_member("code") or "")[:REASON_MAX_CHARACTERS],
        clerk_id=known_clerk(session, actor, entry.text_member("clerk")),
        device_at=entry.at,
        entry=entry.text,
        signature=entry.signature,
        from_quarantine=is_admitted,
    )


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


def shown_in(session: Session, actor: Actor, entry: Entry, ring: KeyRing, *, is_admitted: bool) -> ShownCoupon | None:
    """Which coupon an entry is about. To give one, it must show what only the coupon's bearer has: its token or its short code."""
    if entry.kind == Kind.RELEASE:
        return named_in(entry, ring)
    typed = entry.text_member("typed") if entry.kind in GIVES else None
    if typed:
        return typed_in(session, actor, entry, typed, ring, is_admitted=is_admitted)
    token = read_name(entry.text_member("coupon"), ring).token
    return ShownCoupon.of(token) if token else None


def named_in(entry: Entry, ring: KeyRing) -> ShownCoupon | None:
    serial = read_name(entry.text_member("id"), ring).serial_of_id
    return None if serial is None else ShownCoupon(serial)


def typed_in(
    session: Session, actor: Actor, entry: Entry, text: str, ring: KeyRing, *, is_admitted: bool
) -> ShownCoupon | None:
    """Return the coupon that a typed short code names.

    If a restore has lost the coupon or its code, the id beside the code names it: while the ledger recovers, later if the ledger knows
    by then that this tablet holds it, or if a manager admits the entry.
    """
    code = read_name(text, ring).short_code
    serial = find_by_code(session, code, guesser=None)
    if serial is not None:
        return ShownCoupon(serial)
    named = named_in(entry, ring)
    if code is None or named is None or entry.kind != Kind.GAVE_HELD:
        return None
    is_believed = is_code_lost(session, named.serial) and (
        is_admitted or is_holder_of_lost(session, actor, named.serial)
    )
    return ShownCoupon(named.serial, short_code=code) if is_believed else None


def is_code_lost(session: Session, serial: int) -> bool:
    """Say whether the ledger may lack the code that is printed on a coupon. A code that it knows is the only right one."""
    return session.scalar(select(Coupon.code_is_lost).where(Coupon.serial == serial)) is not False


def is_holder_of_lost(session: Session, actor: Actor, serial: int) -> bool:
    """Say whether this device may hold a coupon whose short code a restore has lost.

    While the ledger recovers it has not heard all holders. A lost coupon that was adopted by its token has a new code.
    """
    life = generation.current(session)
    if life.is_recovering or life.generation == Life().generation:
        return life.is_recovering
    claimed = select(Claim.serial).where(Claim.serial == serial, Claim.device_id == actor.device_id)
    held = select(Coupon.serial).where(Coupon.serial == serial, Coupon.holder_id == actor.device_id)
    return session.scalar(claimed.union(held)) is not None


def known_clerk(session: Session, actor: Actor, clerk_id: str | None) -> str | None:
    at_store = select(Clerk.id).where(Clerk.id == clerk_id, Clerk.store_id == actor.store_id)
    return session.scalar(at_store) if clerk_id else None


def named(value: object) -> str | None:
    number = whole(value)
    return None if number is None else str(number)


def whole(value: object) -> int | None:
    return value if type(value) is int else None
