"""Entries that can't be taken, such as a revoked tablet's or those of a broken journal, kept as they came for a manager to decide.

Admitted entries are settled in order from the first, as if they had arrived in the ordinary way: a gift depends on the ask
before it, and a coupon that was given elsewhere meanwhile becomes a conflict. Entries that are left stay as they are. Either
way nothing is lost, and nothing is settled that its device has not signed.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import ColumnElement, and_, bindparam, func, or_, select, text, true, tuple_, update
from sqlalchemy.orm import Session, aliased

from redeem.accounts import audit
from redeem.accounts.audit import Change
from redeem.accounts.roles import WHOLE, Scope, within
from redeem.db.lines import lines, select_as
from redeem.db.models.devices import Device, Quarantine
from redeem.db.models.partners import Partner, Store
from redeem.db.paging import Slice
from redeem.devices import forgotten
from redeem.domain.acts import Act
from redeem.domain.journal import FIRST_HASH, Entry, is_signed
from redeem.domain.judgement import REQUEST_AGE_MAX_MS
from redeem.domain.proofs import Proofs
from redeem.domain.signing_keys import KeyRing
from redeem.ledger import generation
from redeem.ledger.generation import Life
from redeem.lib.errors import TooMany
from redeem.lib.times import Ms
from redeem.redemptions.settle import settle
from redeem.sync import entries
from redeem.sync.authors import Author, entry_of, find_author, is_taken, name_before, name_of
from redeem.sync.entries import RisksTaken, Source

ENTRIES_PER_DEVICE_MAX = 100_000
BYTES_PER_SENDER_MAX = 64 * 1024 * 1024  # of entries' texts in all, decided ones too, since they stay
JOURNALS_PER_PAGE_MAX = 50
ENTRIES_PER_PAGE_MAX = 200
ADMITTED_PER_STEP = 200  # as a tablet sends at most in one request
RETRY_SECONDS = 3_600
NOT_SIGNED = "not_signed"
KEEP = text(
    "INSERT INTO quarantine (device_id, entry_hash, number, entry, signature, reason, handed_in_by_id, at)"
    " VALUES (:device_id, :entry_hash, :number, :entry, :signature, :reason, :handed_in_by_id, :at) ON CONFLICT DO NOTHING"
)
# Asked at each sync, so it is one statement of looks into indexes.
_OF_DEVICE = Quarantine.device_id == bindparam("device_id")
_BY_DEVICE = Quarantine.handed_in_by_id == bindparam("device_id")
_WAITS = Quarantine.decided_at.is_(None)
KEPT = select(
    select(func.count()).where(_OF_DEVICE, _WAITS).scalar_subquery().label("waiting"),
    select(func.count()).where(_BY_DEVICE, _WAITS).scalar_subquery().label("handed_in"),
    select(func.max(Quarantine.number)).where(_OF_DEVICE).scalar_subquery().label("last"),
)


@dataclass(frozen=True, slots=True)
class Kept:
    """What quarantine has of a device's journal: how many entries wait for a manager, and the newest entry's number.

    `handed_in` counts all waiting entries that the device handed in, of its own journal and of the one before.
    """

    waiting: int
    handed_in: int
    last: int


Place = tuple[Ms, str, str]  # of a journal among those that wait: since when, whose, handed in by whom


@dataclass(frozen=True, slots=True)
class Waiting:
    """A journal, or a part of one, that waits. A restored ledger may not know the device that it names."""

    device_id: str
    device_name: str | None
    handed_in_by_id: str
    handed_in_by: str
    store_id: str
    store_name: str
    partner_name: str
    entries: int
    first_number: int
    last_number: int
    first_at: Ms

    @property
    def place(self) -> Place:
        return self.first_at, self.device_id, self.handed_in_by_id


Claimed = aliased(Device)
# Where the entries were written, as far as that is known: at the store of the device that they name, if need be as its proof says.
WRITTEN_AT = func.coalesce(
    select(Claimed.store_id).where(Claimed.id == Quarantine.device_id).scalar_subquery(),
    forgotten.store_of(Quarantine.device_id.expression),
    Device.store_id,
)
WAITING = (
    select_as(
        Waiting,
        device_id=Quarantine.device_id,
        device_name=select(Claimed.name).where(Claimed.id == Quarantine.device_id).scalar_subquery(),
        handed_in_by_id=Device.id,
        handed_in_by=Device.name,
        store_id=Store.id,
        store_name=Store.name,
        partner_name=Partner.name,
        entries=func.count(),
        first_number=func.min(Quarantine.number),
        last_number=func.max(Quarantine.number),
        first_at=func.min(Quarantine.at),
    )
    .join(Device, Device.id == Quarantine.handed_in_by_id)
    .join(Store, Store.id == WRITTEN_AT)
    .join(Partner, Partner.id == Store.partner_id)
    .where(_WAITS)
    .group_by(Quarantine.device_id, Device.id, Device.name, Store.id, Store.name, Partner.name)
    .order_by(func.min(Quarantine.at), Quarantine.device_id, Device.id)
)


@dataclass(frozen=True, slots=True)
class Line:
    """An entry in quarantine. `is_signed`: its device wrote it. `follows`: the entry before it is here and is the one it names.

    `outcome` is the answer once the entry is admitted; `not_signed` was not settled.
    """

    entry: Entry
    at: Ms
    reason: str
    is_signed: bool
    follows: bool
    decided_at: Ms | None
    decision: str | None
    outcome: str | None


@dataclass(frozen=True, slots=True)
class Admission:
    """What one step admitted, by outcome, and how many of the entries that are meant still wait. Repeat until none does."""

    outcomes: dict[str, int]
    waiting: int

    @property
    def entries(self) -> int:
        return sum(self.outcomes.values())


def keep(
    session: Session, device_id: str, entries: Sequence[Entry], reason: str, handed_in_by_id: str, now: Ms
) -> None:
    """Keep entries as they came, each once. Raises TooMany for a device that sends too many, or too long ones.

    The sender's row is locked by its request.
    """
    new = new_ones(session, device_id, entries)
    if not new:
        return
    if kept(session, device_id).waiting > ENTRIES_PER_DEVICE_MAX:
        raise TooMany(RETRY_SECONDS, "Call a manager: too many entries of this tablet wait for a decision.")
    count_bytes(session, handed_in_by_id, sum(len(each.text.encode()) for each in new.values()))
    whose = {"device_id": device_id, "reason": reason, "handed_in_by_id": handed_in_by_id, "at": now}
    rows = [
        {**whose, "entry_hash": name, "number": each.number, "entry": each.text, "signature": each.signature}
        for name, each in new.items()
    ]
    session.connection().execute(KEEP, rows)


def new_ones(session: Session, device_id: str, entries: Sequence[Entry]) -> dict[str, Entry]:
    """Return the entries that are not in quarantine yet, by hash."""
    by_hash = {entry.hash: entry for entry in entries}
    here = select(Quarantine.entry_hash).where(Quarantine.device_id == device_id, Quarantine.entry_hash.in_(by_hash))
    for known in session.scalars(here) if by_hash else ():
        del by_hash[known]
    return by_hash


def count_bytes(session: Session, sender_id: str, more: int) -> None:
    """Count what the sender hands in. Raises TooMany beyond BYTES_PER_SENDER_MAX: its transaction keeps nothing then."""
    counted = update(Device).where(Device.id == sender_id).values(quarantined_bytes=Device.quarantined_bytes + more)
    options = {"synchronize_session": False}
    if (
        session.scalars(counted.returning(Device.quarantined_bytes), execution_options=options).one()
        > BYTES_PER_SENDER_MAX
    ):
        raise TooMany(
            RETRY_SECONDS, "Call a manager: this tablet has handed in more than the shop keeps of one tablet."
        )


def kept(session: Session, device_id: str) -> Kept:
    row = session.connection().execute(KEPT, {"device_id": device_id}).one()
    return Kept(row.waiting, row.handed_in, row.last or 0)


def list_waiting(session: Session, scope: Scope = WHOLE, only: str | None = None) -> list[Waiting]:
    """Return the journals that wait for a manager of this scope, those first that have waited longest. `only` names one journal."""
    wanted = WAITING if only is None else WAITING.where(Quarantine.device_id == only)
    return lines(session, Waiting, within(wanted, scope, Store.id))


def page_of_waiting(session: Session, scope: Scope, after: Place | None = None) -> Slice[Waiting]:
    """Return the same in parts of at most JOURNALS_PER_PAGE_MAX: those behind the place of another one."""
    wanted = within(WAITING, scope, Store.id).limit(JOURNALS_PER_PAGE_MAX + 1)
    if after is not None:
        wanted = wanted.having(tuple_(func.min(Quarantine.at), Quarantine.device_id, Device.id) > tuple_(*after))
    found = lines(session, Waiting, wanted)
    return Slice(found[:JOURNALS_PER_PAGE_MAX], len(found) > JOURNALS_PER_PAGE_MAX)


def list_entries(session: Session, device_id: str, after: int = 0, scope: Scope = WHOLE) -> list[Line]:
    """Return the entries after a number, in order, decided ones too, at most ENTRIES_PER_PAGE_MAX. Raises NotFound."""
    author = find_author(session, device_id, scope)
    page = select(Quarantine).where(Quarantine.device_id == device_id, Quarantine.number > after)
    page = page.order_by(Quarantine.number, Quarantine.entry_hash).limit(ENTRIES_PER_PAGE_MAX)
    return [as_line(session, author, row) for row in session.scalars(page)]


def admit(
    session: Session,
    device_id: str,
    manager_id: str,
    ring: KeyRing,
    proofs: Proofs,
    now: Ms,
    scope: Scope = WHOLE,
    up_to: str | None = None,
) -> Admission:
    """Settle the next entries that wait, in order, at most ADMITTED_PER_STEP, and none after the entry of the hash `up_to`.

    A step is whole: its entries, their outcomes and its audit entry. If nothing follows a step, the first entries are admitted and the
    rest wait. Two managers who admit at once take turns. Raises NotFound.
    """
    author = find_author(session, device_id, scope, lock=True)
    waiting = waits(device_id, up_to)
    next_ones = select(Quarantine).where(waiting).order_by(Quarantine.number, Quarantine.at, Quarantine.entry_hash)
    rows = session.scalars(next_ones.limit(ADMITTED_PER_STEP)).all()
    life = generation.current(session)
    acts = [act_of(session, author, row, ring, proofs, life) for row in rows]
    entries.lock_coupons(
        session, [under_free_name(session, author, entry_of(row), act) for row, act in zip(rows, acts, strict=True)]
    )
    risks = RisksTaken()
    for row, act in zip(rows, acts, strict=True):
        row.outcome = settle_one(session, author, entry_of(row), act, risks, now)
        row.decided_at, row.decision, row.manager_id = now, "admitted", manager_id
    outcomes = dict(Counter(row.outcome or "" for row in rows))
    session.flush()
    if rows:
        numbers = [rows[0].number, rows[-1].number]
        note(session, manager_id, Change.ENTRIES_ADMITTED, author, now, numbers=numbers, outcomes=outcomes)
    return Admission(outcomes, session.scalars(select(func.count()).select_from(Quarantine).where(waiting)).one())


def leave(
    session: Session, device_id: str, manager_id: str, now: Ms, scope: Scope = WHOLE, only: str | None = None
) -> int:
    """Decide that what waits, or `only` the entry of this hash, is never settled. Return how many entries.

    They stay and can be read. Raises NotFound.
    """
    author = find_author(session, device_id, scope, lock=True)
    which = Quarantine.entry_hash == only if only else true()
    decided = update(Quarantine).where(waits(device_id), which).returning(Quarantine.entry_hash)
    values = {"decided_at": now, "decision": "left", "manager_id": manager_id}
    left = len(session.scalars(decided.values(**values)).all())
    if left:
        note(session, manager_id, Change.ENTRIES_LEFT, author, now, entries=left)
    return left


def note(session: Session, manager_id: str, what: Change, author: Author, now: Ms, **details: object) -> None:
    scope = Scope(author.actor.partner_id, author.actor.store_id)
    audit.note(session, manager_id, what, author.device_id, now, scope=scope, **details)


def waits(device_id: str, up_to: str | None = None) -> ColumnElement[bool]:
    """Whether an entry waits, and is not after the one of the hash `up_to`. Other entries of that one's number are another journal's."""
    waiting = and_(Quarantine.device_id == device_id, Quarantine.decided_at.is_(None))
    if up_to is None:
        return waiting
    last = aliased(Quarantine)
    number = select(last.number).where(last.device_id == device_id, last.entry_hash == up_to).scalar_subquery()
    return and_(waiting, or_(Quarantine.number < number, Quarantine.entry_hash == up_to))


def settle_one(session: Session, author: Author, entry: Entry, act: Act, risks: RisksTaken, now: Ms) -> str:
    """Settle one entry. Return its answer; NOT_SIGNED if its device has not signed it."""
    if not is_signed(entry, author.device_id, author.public_key):
        return NOT_SIGNED
    continues = is_next(author, entry)
    answer = settle(session, risks.before(under_free_name(session, author, entry, act)), now)
    risks.note(entry, act, answer)
    if continues:
        author.row.last_number, author.row.last_hash = entry.number, entry.hash
    return answer.code


def act_of(session: Session, author: Author, row: Quarantine, ring: KeyRing, proofs: Proofs, life: Life) -> Act:
    """Return the entry as an act. What it reports happened before it was handed in, and after the device last had nothing to tell; of a
    device that the ledger does not know, nobody knows since when.
    """
    known_since = 0 if author.prefix else (author.row.told_at or author.row.created_at) - REQUEST_AGE_MAX_MS
    source = Source(author.actor, author.device_id, ring, proofs, life, known_since, latest=row.at, is_admitted=True)
    return entries.as_act(session, source, entry_of(row))


def under_free_name(session: Session, author: Author, entry: Entry, act: Act) -> Act:
    """Return the act under a name that is free, and that refers to the act that the entry means."""
    of = None if act.of is None else name_before(session, author, entry, int(act.of))
    return replace(act, name=name_of(session, author, entry.number, entry.hash), of=of)


def is_next(author: Author, entry: Entry) -> bool:
    """Say whether the entry continues the device's journal as the server has it."""
    row = author.row
    return not author.prefix and entry.number == row.last_number + 1 and entry.previous == (row.last_hash or FIRST_HASH)


def as_line(session: Session, author: Author, row: Quarantine) -> Line:
    entry = entry_of(row)
    signed = is_signed(entry, author.device_id, author.public_key)
    linked = has_before(session, author, entry)
    return Line(entry, row.at, row.reason, signed, linked, row.decided_at, row.decision, row.outcome)


def has_before(session: Session, author: Author, entry: Entry) -> bool:
    """Say whether the entry that this one follows is here, taken or in quarantine."""
    if entry.number == 1:
        return entry.previous == FIRST_HASH
    if session.get(Quarantine, (author.device_id, entry.previous)):
        return True
    return is_taken(session, author, entry.number - 1, entry.previous)
