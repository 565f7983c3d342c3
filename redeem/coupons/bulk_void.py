"""Voids many coupons at once: those that are named one by one, or all of a campaign that are open.

First the coupons are taken in as lines and counted. Then, if a manager confirms, each line is voided as `issue.void` does it.
Both go in steps of a few coupons, each a transaction of its own: no till waits for it, and after an interruption it goes on
with the next line.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, case, func, select
from sqlalchemy.orm import Session

from redeem.accounts import audit
from redeem.accounts.audit import Change
from redeem.accounts.roles import Person
from redeem.coupons import campaigns, history, issue
from redeem.coupons.issue import AlreadyRedeemed
from redeem.db.models.coupons import BulkVoid, BulkVoidLine, Coupon
from redeem.db.models.ledger import Redemption
from redeem.db.models.managers import Manager
from redeem.domain import tokens
from redeem.domain.signing_keys import KeyRing
from redeem.domain.status import is_void
from redeem.ledger import lost_coupons
from redeem.ledger.sql import IS_REDEEMED, IS_VOID
from redeem.lib.errors import Conflict, Invalid, NotFound
from redeem.lib.ids import NUMBER_LIMIT, campaign_id, coupon_id, new_id
from redeem.lib.text import clean_name, trimmed
from redeem.lib.times import Ms
from redeem.redemptions.identify import find_named, read_name

TEXTS_MAX = 20_000
TAKEN_IN_PER_STEP = 200
VOIDED_PER_STEP = 50
REASON_MAX_CHARACTERS = 200
LISTED_MAX = 20
SHORT_CHARACTERS = 100


class What(StrEnum):
    """What becomes of one line: the closed vocabulary of the counts and of the CSV."""

    VOID = "void"
    WAITING = "waiting"  # a tablet holds it: void as soon as that has heard of it
    REDEEMED = "redeemed"
    ALREADY_VOID = "already_void"
    REPEATED = "repeated"
    UNKNOWN = "unknown"


class NothingToVoid(Conflict):
    """None of the lines is an open coupon."""

    code = "nothing_to_void"
    default_detail = "None of these coupons can be voided."


@dataclass(frozen=True, slots=True)
class Run:
    """A bulk void. `counts` say what would become of the lines that are not done yet, and what became of those that are."""

    id: str
    manager_name: str
    wanted: Mapping[str, Any]
    reason: str
    is_taken_in: bool
    at: Ms
    begun_at: Ms | None
    ended_at: Ms | None
    counts: Mapping[str, int]
    left: int

    @property
    def lines(self) -> int:
        return sum(self.counts.values())

    @property
    def done(self) -> int:
        return self.lines - self.left


@dataclass(frozen=True, slots=True)
class Line:
    text: str
    coupon: str | None
    outcome: str


def plan_texts(session: Session, person: Person, texts: Sequence[str], now: Ms) -> str:
    """Make a run of coupons named by short code, id, token, link or order. Return its id. Raises Invalid."""
    said = [trimmed(text.replace("\0", ""))[: tokens.TEXT_MAX_CHARACTERS] for text in texts]
    named = [text for text in said if text]
    if not named or len(named) > TEXTS_MAX:
        raise Invalid("Name at least one coupon, and at most 20,000.")
    return plan(session, person, {"texts": named}, 0, now)


def plan_campaign(session: Session, person: Person, number: int | None, first: Ms, end: Ms, now: Ms) -> str:
    """Make a run of a campaign's coupons that are open now and were issued from `first` until before `end`. Raises NotFound."""
    name = campaigns.get_campaign(session, number).name
    wanted = {"campaign": number, "name": name, "first": first, "end": end}
    return plan(session, person, wanted, 0, now)


def plan(session: Session, person: Person, wanted: dict[str, Any], start: int, now: Ms) -> str:
    row = BulkVoid(id=new_id("bvd", now), manager_id=person.id, wanted=wanted, taken_in=start, at=now)
    session.add(row)
    session.flush()
    return row.id


def take_in(session: Session, run_id: str, ring: KeyRing) -> bool:
    """Take in the next lines. False when all are taken in."""
    row = locked(session, run_id)
    if row.taken_in is None:
        return False
    number = session.scalar(select(func.count()).where(BulkVoidLine.bulk_void_id == row.id)) or 0
    found = next_of_texts(session, row, ring) if "texts" in row.wanted else next_of_campaign(session, row)
    serials = [serial for _text, serial in found if serial is not None]
    here = BulkVoidLine.bulk_void_id == row.id
    known = set(session.scalars(select(BulkVoidLine.serial).where(here, BulkVoidLine.serial.in_(serials))))
    for place, (text, serial) in enumerate(found, start=number):
        repeated = serial is not None and serial in known
        known.add(serial)
        outcome = What.REPEATED if repeated else What.UNKNOWN if serial is None else None
        kept = None if repeated else serial
        session.add(
            BulkVoidLine(bulk_void_id=row.id, number=place, text=shown(text, serial), serial=kept, outcome=outcome)
        )
    session.flush()
    return row.taken_in is not None


def shown(text: str, serial: int | None) -> str:
    """Return the line as it was named. A token is left out: whoever has it has the coupon, so tokens are stored nowhere."""
    return coupon_id(serial) if serial is not None and len(text) > SHORT_CHARACTERS else text[:SHORT_CHARACTERS]


def next_of_texts(session: Session, row: BulkVoid, ring: KeyRing) -> list[tuple[str, int | None]]:
    start = row.taken_in or 0
    texts = row.wanted["texts"][start : start + TAKEN_IN_PER_STEP]
    end = start + len(texts)
    row.taken_in = end if end < len(row.wanted["texts"]) else None
    if row.taken_in is None:
        row.wanted = {"texts": []}
    named = [(text, serials_named(session, text, ring)) for text in texts]
    return [(text, serial) for text, serials in named for serial in (serials or (None,))]


def serials_named(session: Session, text: str, ring: KeyRing) -> Sequence[int]:
    serial = find_named(session, read_name(text, ring))
    if serial is None:
        return history.serials_of_order(session, text)
    is_here = session.get(Coupon, serial) is not None or lost_coupons.find_lost(session, serial) is not None
    return [serial] if is_here else []


def next_of_campaign(session: Session, row: BulkVoid) -> list[tuple[str, int | None]]:
    """Walk the campaign's coupons by number. Those that are open and of these days become lines."""
    wanted, start = row.wanted, (row.wanted["campaign"] << 32) + (row.taken_in or 0)
    serials = list(
        session.scalars(
            select(Coupon.serial)
            .where(Coupon.serial.between(start, (wanted["campaign"] << 32) + NUMBER_LIMIT - 1))
            .where(Coupon.issued_at >= wanted["first"], Coupon.issued_at < wanted["end"])
            .where(~IS_VOID, ~IS_REDEEMED)
            .order_by(Coupon.serial)
            .limit(TAKEN_IN_PER_STEP)
        )
    )
    full = len(serials) == TAKEN_IN_PER_STEP
    row.taken_in = (serials[-1] & (NUMBER_LIMIT - 1)) + 1 if full else None
    return [(coupon_id(serial), serial) for serial in serials]


def begin(session: Session, person: Person, run_id: str, reason: str, now: Ms) -> None:
    """Start voiding the lines. Repeating it changes nothing. Raises NotFound, Invalid, NothingToVoid."""
    row = locked(session, run_id)
    if row.begun_at is not None:
        return
    if row.taken_in is not None:
        raise Invalid("Wait until all are counted.")
    counts = count(session, row.id)
    if not counts[What.VOID] + counts[What.WAITING]:
        raise NothingToVoid
    row.reason, row.begun_at = clean_name(reason, REASON_MAX_CHARACTERS), now
    session.flush()
    told: dict[str, Any] = {"name": row.wanted.get("name"), "reason": row.reason, "lines": sum(counts.values())}
    subject = campaign_id(row.wanted["campaign"]) if "campaign" in row.wanted else row.id
    audit.note(session, person.id, Change.COUPONS_VOIDED, subject, now, run=row.id, **told)


def void_some(session: Session, run_id: str, now: Ms) -> bool:
    """Void the next few lines. False when none is left."""
    row = locked(session, run_id)
    if row.begun_at is None or row.ended_at is not None:
        return False
    left = (BulkVoidLine.bulk_void_id == row.id, BulkVoidLine.outcome.is_(None))
    lines = list(
        session.scalars(select(BulkVoidLine).where(*left).order_by(BulkVoidLine.number).limit(VOIDED_PER_STEP))
    )
    # In the order of their numbers, as every other act that locks several: nobody waits in a circle.
    for line in sorted(lines, key=lambda line: line.serial or 0):
        line.outcome = void_one(session, line.serial, row.reason, now)
    if not lines:
        row.ended_at = now
    session.flush()
    return bool(lines)


def void_one(session: Session, serial: int | None, reason: str, now: Ms) -> What:
    before = issue.get_or_adopt(session, serial, now)
    try:
        after = issue.void(session, serial, reason, now)
    except AlreadyRedeemed:
        return What.REDEEMED
    if is_void(before):
        return What.ALREADY_VOID
    return What.VOID if after.voided_at is not None else What.WAITING


def locked(session: Session, run_id: str) -> BulkVoid:
    """Return the run, locked, so that two browsers that continue it take turns. Raises NotFound."""
    row = session.scalar(select(BulkVoid).where(BulkVoid.id == run_id).with_for_update())
    if row is None:
        raise NotFound
    return row


def get_run(session: Session, run_id: str) -> Run:
    """Raises NotFound."""
    row = session.get(BulkVoid, run_id)
    if row is None:
        raise NotFound
    counts = count(session, row.id)
    left = session.scalar(
        select(func.count()).where(BulkVoidLine.bulk_void_id == row.id, BulkVoidLine.outcome.is_(None))
    )
    return Run(
        row.id,
        session.get_one(Manager, row.manager_id).name,
        row.wanted,
        row.reason,
        row.taken_in is None,
        row.at,
        row.begun_at,
        row.ended_at,
        counts,
        left or 0,
    )


def list_runs(session: Session) -> list[Run]:
    """Return the newest runs, without their counts."""
    rows = session.execute(
        select(BulkVoid, Manager.name)
        .join(Manager, Manager.id == BulkVoid.manager_id)
        .order_by(BulkVoid.id.desc())
        .limit(LISTED_MAX)
    )
    return [
        Run(row.id, name, row.wanted, row.reason, row.taken_in is None, row.at, row.begun_at, row.ended_at, {}, 0)
        for row, name in rows
    ]


def list_lines(session: Session, run_id: str) -> list[Line]:
    """Return all lines, in the order in which they were named."""
    statement = lines_with(BulkVoidLine.text, BulkVoidLine.serial, WHAT).where(BulkVoidLine.bulk_void_id == run_id)
    found = session.execute(statement.order_by(BulkVoidLine.number))
    return [Line(text, coupon_id(serial) if serial is not None else None, what) for text, serial, what in found]


# What became of a line, or would become of it now.
WHAT: ColumnElement[str] = case(
    (BulkVoidLine.outcome.is_not(None), BulkVoidLine.outcome),
    (Redemption.serial.is_not(None), What.REDEEMED.value),
    (IS_VOID, What.ALREADY_VOID.value),
    (Coupon.holder_id.is_not(None), What.WAITING.value),
    else_=What.VOID.value,
)


def count(session: Session, run_id: str) -> Counter[str]:
    each = lines_with(WHAT.label("what")).where(BulkVoidLine.bulk_void_id == run_id).subquery()
    rows = session.execute(select(each.c.what, func.count()).group_by(each.c.what))
    return Counter({str(what): int(times) for what, times in rows})


def lines_with(*columns: Any) -> Any:
    return (
        select(*columns)
        .select_from(BulkVoidLine)
        .outerjoin(Coupon, Coupon.serial == BulkVoidLine.serial)
        .outerjoin(Redemption, Redemption.serial == BulkVoidLine.serial)
    )
