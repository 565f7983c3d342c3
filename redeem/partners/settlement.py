"""Settling: what the shop owes a partner, and the statements that say so.

For each gift given the shop owes its value, if it funds the campaign, and the handling fee; for a second gift of one coupon as
well, unless the partner bears it. What is pending is not owed yet. A statement holds what no earlier one has: what is owed in all,
less what was stated. So a gift that a tablet tells weeks later, an undo, or a decision about a second gift comes into the next
statement, a closed one never changes, and nothing is owed twice.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, astuple, dataclass

from sqlalchemy import ColumnElement, false, func, select, true
from sqlalchemy.orm import InstrumentedAttribute, Session

from redeem.accounts import audit
from redeem.accounts.audit import Change
from redeem.accounts.roles import WHOLE, Scope
from redeem.db.models.coupons import Campaign, Coupon
from redeem.db.models.ledger import Act, Conflict
from redeem.db.models.managers import Manager
from redeem.db.models.partners import Partner, Statement, StatementLine, Store
from redeem.db.paging import Page, Slice, take
from redeem.domain.terms import Terms, parse_terms
from redeem.ledger import generation
from redeem.lib.errors import NotFound
from redeem.lib.ids import new_id
from redeem.lib.money import Money, add_up, zero
from redeem.lib.times import Ms
from redeem.reports import overview
from redeem.reports.overview import Period, Question

ALWAYS = Period(0, 2**15 - 1)  # all days that a tally can have


@dataclass(frozen=True, slots=True)
class Counts:
    """Gifts given; second gifts of one coupon that the shop bears; and those that the partner bears, for which nothing is owed."""

    gifts: int = 0
    second_gifts: int = 0
    partner_bears: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(*(mine + its for mine, its in zip(astuple(self), astuple(other), strict=True)))

    def __sub__(self, other: "Counts") -> "Counts":
        return Counts(*(mine - its for mine, its in zip(astuple(self), astuple(other), strict=True)))


@dataclass(frozen=True, slots=True)
class Line:
    """What is owed for one campaign: `value` and `handling_fee` for one gift, the value being nothing where the partner funds it."""

    campaign: int
    name: str
    counts: Counts
    value: Money
    handling_fee: Money

    @property
    def owed(self) -> Money:
        return (self.value + self.handling_fee) * (self.counts.gifts + self.counts.second_gifts)


@dataclass(frozen=True, slots=True)
class Account:
    """What a partner is owed that no earlier statement has: open, or closed as its statement of this number.

    `stated` is what those before it came to. Of `pending` gifts nobody has said yet that they were handed over.
    """

    partner_id: str
    partner_name: str
    number: int
    lines: tuple[Line, ...]
    stated: tuple[Money, ...]
    pending: int = 0
    id: str | None = None
    at: Ms | None = None
    closed_by: str | None = None

    @property
    def owed(self) -> tuple[Money, ...]:
        return add_up(line.owed for line in self.lines)

    @property
    def in_all(self) -> tuple[Money, ...]:
        """With all before it. Whoever pays up to this sum pays nothing twice, whatever became of a statement."""
        return add_up([*self.stated, *self.owed])


def list_accounts(session: Session, scope: Scope = WHOLE) -> list[Account]:
    """Those that are open, of every partner that the scope covers as a whole, by name."""
    partners = select(Partner).where(covered(scope, Partner.id)).order_by(Partner.name, Partner.id)
    return [open_account(session, partner) for partner in session.scalars(partners)]


def list_statements(session: Session, page: Page, scope: Scope = WHOLE) -> Slice[Account]:
    """Those that are closed, newest first."""
    wanted = STATEMENT.where(covered(scope, Statement.partner_id))
    found = take(session, wanted, Statement.id.expression, page)
    return Slice([closed_account(session, *row) for row in found.items], found.has_more)


def get_statement(session: Session, statement_id: str, scope: Scope = WHOLE) -> Account:
    """Raises NotFound."""
    wanted = STATEMENT.where(Statement.id == statement_id, covered(scope, Statement.partner_id))
    row = session.execute(wanted).one_or_none()
    if row is None:
        raise NotFound
    return closed_account(session, *row)


def close(session: Session, partner_id: str, number: int, manager_id: str, now: Ms) -> str | None:
    """Closes the partner's open account as its next statement, and answers the statement's id. Raises NotFound.

    `number` is what the manager saw: if that one is closed already, it is the answer. None where nothing is to be stated, where
    another is the next, and while a restored ledger waits for its devices and knows too little.
    """
    partner = session.get(Partner, partner_id, with_for_update={"key_share": True})
    if partner is None:
        raise NotFound
    mine = Statement.partner_id == partner_id
    closed = session.scalar(select(Statement.id).where(mine, Statement.number == number))
    account = open_account(session, partner)
    if closed or account.number != number or not account.lines or generation.current(session).is_recovering:
        return closed
    statement = Statement(
        id=new_id("stm", now),
        partner_id=partner_id,
        partner_name=partner.name,
        number=number,
        manager_id=manager_id,
        at=now,
    )
    session.add(statement)
    session.flush()
    session.add_all(as_row(statement.id, line) for line in account.lines)
    what = {"name": partner.name, "number": number}
    audit.note(session, manager_id, Change.STATEMENT_CLOSED, statement.id, now, scope=Scope(partner_id), **what)
    return statement.id


STATEMENT = select(Statement, Manager.name).join(Manager, Manager.id == Statement.manager_id)


def covered(scope: Scope, partner_id: InstrumentedAttribute[str]) -> ColumnElement[bool]:
    """The scope is the partner's as a whole, or wider: what is owed to all its stores is not for whoever runs one."""
    if scope.store_id is not None:
        return false()
    return partner_id == scope.partner_id if scope.partner_id else true()


def open_account(session: Session, partner: Partner) -> Account:
    before = stated_lines(session, partner.id)
    stated: defaultdict[int, Counts] = defaultdict(Counts)
    for line in before:
        stated[line.campaign] += line.counts
    owed, pending = what_is_owed(session, partner.id)
    new = {number: owed[number] - stated[number] for number in owed.keys() | stated.keys()}
    newest = select(func.max(Statement.number)).where(Statement.partner_id == partner.id)
    number = (session.scalar(newest) or 0) + 1
    lines = new_lines(session, {campaign: counts for campaign, counts in new.items() if counts != Counts()})
    return Account(partner.id, partner.name, number, lines, owed_for(before), pending)


def closed_account(session: Session, statement: Statement, closed_by: str) -> Account:
    return Account(
        statement.partner_id,
        statement.partner_name,
        statement.number,
        lines=tuple(stated_lines(session, statement.partner_id, StatementLine.statement_id == statement.id)),
        stated=owed_for(stated_lines(session, statement.partner_id, Statement.number < statement.number)),
        id=statement.id,
        at=statement.at,
        closed_by=closed_by,
    )


def owed_for(lines: Iterable[Line]) -> tuple[Money, ...]:
    return add_up(line.owed for line in lines)


# What is owed in all, and what was stated.


def what_is_owed(session: Session, partner_id: str) -> tuple[defaultdict[int, Counts], int]:
    """By the campaign's number; and how many gifts are pending."""
    gifts = overview.gifts_by_campaign(session, Question(WHOLE, ALWAYS, narrowed=Scope(partner_id)))
    counts: defaultdict[int, Counts] = defaultdict(Counts)
    for number, of in gifts.items():
        counts[number] += Counts(of.given)
    for number, bearer, times in second_gifts(session, partner_id):
        counts[number] += Counts(second_gifts=times) if bearer == "issuer" else Counts(partner_bears=times)
    return counts, sum(of.pending for of in gifts.values())


def second_gifts(session: Session, partner_id: str) -> Iterable[tuple[int, str, int]]:
    """By campaign and bearer: those that a store of this partner gave, and of which neither was taken back."""
    statement = (
        select(Coupon.campaign_number, Conflict.bearer, func.count())
        .join(Coupon, Coupon.serial == Conflict.serial)
        .join(Act, Act.id == Conflict.act_id)
        .join(Store, Store.id == Act.store_id)
        .where(Store.partner_id == partner_id, Conflict.withdrawn_at.is_(None))
        .group_by(Coupon.campaign_number, Conflict.bearer)
    )
    return [(number, bearer, times) for number, bearer, times in session.execute(statement)]


def stated_lines(session: Session, partner_id: str, *which: ColumnElement[bool]) -> list[Line]:
    """Of the partner's statements, by the campaign's name."""
    statement = (
        select(StatementLine)
        .join(Statement, Statement.id == StatementLine.statement_id)
        .where(Statement.partner_id == partner_id, *which)
        .order_by(StatementLine.campaign_name, StatementLine.campaign_number)
    )
    return [as_line(row) for row in session.scalars(statement)]


def new_lines(session: Session, counts: dict[int, Counts]) -> tuple[Line, ...]:
    """Money that was agreed stays once coupons are out, so what a gift is owed today is what it was owed then."""
    statement = (
        select(Campaign.number, Campaign.name, Campaign.terms)
        .where(Campaign.number.in_(list(counts)))
        .order_by(Campaign.name, Campaign.number)
    )
    return tuple(
        Line(number, name, counts[number], *owed_for_one(parse_terms(terms)))
        for number, name, terms in session.execute(statement)
    )


def owed_for_one(terms: Terms) -> tuple[Money, Money]:
    """The gift's value, and the handling fee."""
    return terms.value if terms.funding == "issuer" else zero(terms.value.currency), terms.handling_fee


def as_line(row: StatementLine) -> Line:
    counts = Counts(row.gifts, row.second_gifts, row.partner_bears)
    value, fee = (Money(amount=amount, currency=row.currency) for amount in (row.value, row.handling_fee))
    return Line(row.campaign_number, row.campaign_name, counts, value, fee)


def as_row(statement_id: str, line: Line) -> StatementLine:
    return StatementLine(
        statement_id=statement_id,
        campaign_number=line.campaign,
        campaign_name=line.name,
        **asdict(line.counts),
        value=line.value.amount,
        handling_fee=line.handling_fee.amount,
        currency=line.value.currency,
    )
