"""What the shop owes a partner, and the statements that say so.

For each gift the shop owes its value, if the shop funds the campaign, and the handling fee. A second gift of one coupon, and a
contested gift, which breaks a rule, is owed only if the shop bears it. A gift that is pending, or about which nobody has decided yet,
is not owed yet; nor is one of a campaign that came back after a restore, until a shop manager has confirmed that campaign.

A statement holds what no earlier one has: all that is owed, less what was stated. So a gift that a tablet reports weeks later, an undo, or
a decision about a second gift is on the next statement, a closed statement never changes, and nothing is owed twice.

All of it is read at one moment (`Database.read`, and `write` with `one_moment`): counts of one moment less pending gifts of another
would be money that nobody was ever owed.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, astuple, dataclass
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Row, Select, and_, cast, false, func, select, true
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from redeem.accounts import audit
from redeem.accounts.audit import Change
from redeem.accounts.roles import WHOLE, Scope
from redeem.db.engine import Retry
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
from redeem.reports import by_partner


@dataclass(frozen=True, slots=True)
class Counts:
    """Gifts given; second and contested gifts that the shop bears; and those that the partner bears, for which nothing is owed."""

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
    """What a partner is owed that no earlier statement has. It is open, or closed as the statement of this number.

    `stated` is the sum of the statements before it. `pending` counts gifts of which nobody has said that they were handed over, and
    `undecided` second and contested gifts about which a shop manager has still to decide, `unconfirmed` gifts of restored campaigns that
    nobody has confirmed.
    """

    partner_id: str
    partner_name: str
    number: int
    lines: tuple[Line, ...]
    stated: tuple[Money, ...]
    pending: int = 0
    undecided: int = 0
    unconfirmed: int = 0
    id: str | None = None
    at: Ms | None = None
    closed_by: str | None = None

    @property
    def owed(self) -> tuple[Money, ...]:
        return add_up(line.owed for line in self.lines)

    @property
    def in_all(self) -> tuple[Money, ...]:
        """Return the sum with all statements before it. Whoever pays up to this sum pays nothing twice, even if a statement was lost."""
        return add_up([*self.stated, *self.owed])


def list_accounts(session: Session, scope: Scope = WHOLE) -> list[Account]:
    """Return the open accounts of all partners that the scope covers as a whole, by name."""
    partners = select(Partner).where(covered(scope, Partner.id)).order_by(Partner.name, Partner.id)
    return open_accounts(session, session.scalars(partners).all())


def get_account(session: Session, partner_id: str) -> Account:
    """Return the partner's open account. Raises NotFound."""
    accounts = list_accounts(session, Scope(partner_id))
    if not accounts:
        raise NotFound
    return accounts[0]


def list_statements(session: Session, page: Page, scope: Scope = WHOLE) -> Slice[Account]:
    """Return closed statements, newest first."""
    wanted = STATEMENT.where(covered(scope, Statement.partner_id))
    found = take(session, wanted, Statement.id.expression, page)
    return Slice(closed_accounts(session, [(row[0], row[1]) for row in found.items]), found.has_more)


def get_statement(session: Session, statement_id: str, scope: Scope = WHOLE) -> Account:
    """Raises NotFound."""
    wanted = STATEMENT.where(Statement.id == statement_id, covered(scope, Statement.partner_id))
    row = session.execute(wanted).one_or_none()
    if row is None:
        raise NotFound
    (account,) = closed_accounts(session, [(row[0], row[1])])
    return account


def close(session: Session, partner_id: str, number: int, manager_id: str, now: Ms) -> str | None:
    """Close the partner's open account as its next statement and return the statement's id. Raises NotFound.

    `number` is the number that the manager saw: if that statement is closed already, it is the answer. None if there is nothing to
    state, if another number is next, or while a restored ledger still waits for devices, or on an old copy of the database.

    Run it at one moment. What commits after that belongs to the next statement. Of two that close at once the later one's insert
    fails, because the number is taken: it raises Retry, and finds the other's statement when it runs again.
    """
    partner = session.get(Partner, partner_id)
    if partner is None:
        raise NotFound
    mine = Statement.partner_id == partner_id
    closed = session.scalar(select(Statement.id).where(mine, Statement.number == number))
    (account,) = open_accounts(session, [partner])
    if closed or account.number != number or not account.lines or generation.current(session).only_holders_give:
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
    try:
        session.flush()
    except IntegrityError as error:
        raise Retry from error
    session.add_all(as_row(statement.id, line) for line in account.lines)
    what = {"name": partner.name, "number": number}
    audit.note(session, manager_id, Change.STATEMENT_CLOSED, statement.id, now, scope=Scope(partner_id), **what)
    return statement.id


STATEMENT = select(Statement, Manager.name).join(Manager, Manager.id == Statement.manager_id)


def covered(scope: Scope, partner_id: InstrumentedAttribute[str]) -> ColumnElement[bool]:
    """Keep to partners that the scope covers as a whole. Who runs one store does not see what all the partner's stores are owed."""
    if scope.store_id is not None:
        return false()
    return partner_id == scope.partner_id if scope.partner_id else true()


def open_accounts(session: Session, partners: Sequence[Partner]) -> list[Account]:
    """Return open accounts, with as many SQL statements for many partners as for one."""
    ids = [partner.id for partner in partners]
    stated, (owed, pending, undecided) = stated_by_partner(session, ids), what_is_owed(session, ids)
    unconfirmed = leave_out_unconfirmed(session, owed)
    newest, new = newest_numbers(session, ids), {each: not_stated(owed[each], stated[each]) for each in ids}
    campaigns = read_campaigns(session, {number for counts in new.values() for number in counts})
    return [
        Account(
            partner.id,
            partner.name,
            newest.get(partner.id, 0) + 1,
            lines=tuple(
                Line(number, name, counts[number], value, fee)
                for number, name, value, fee in campaigns
                if number in counts
            ),
            stated=owed_for(stated[partner.id]),
            pending=pending[partner.id],
            undecided=undecided[partner.id],
            unconfirmed=unconfirmed[partner.id],
        )
        for partner in partners
        for counts in (new[partner.id],)
    ]


def not_stated(owed: Mapping[int, Counts], stated: Iterable[Line]) -> dict[int, Counts]:
    """Return what is not stated yet, by campaign number, without campaigns of which all is stated."""
    new = defaultdict(Counts, owed)
    for line in stated:
        new[line.campaign] -= line.counts
    return {campaign: counts for campaign, counts in new.items() if counts != Counts()}


def closed_accounts(session: Session, closed: Sequence[tuple[Statement, str]]) -> list[Account]:
    """Return closed accounts of these statements, each with the name of the manager who closed it."""
    ids = [statement.id for statement, _ in closed]
    lines, stated = lines_of(session, ids), stated_before(session, ids)
    return [
        Account(
            statement.partner_id,
            statement.partner_name,
            statement.number,
            lines=tuple(lines[statement.id]),
            stated=owed_for(stated[statement.id]),
            id=statement.id,
            at=statement.at,
            closed_by=closed_by,
        )
        for statement, closed_by in closed
    ]


def owed_for(lines: Iterable[Line]) -> tuple[Money, ...]:
    return add_up(line.owed for line in lines)


# What is owed in all, and what was stated.


def what_is_owed(
    session: Session, partner_ids: Collection[str]
) -> tuple[dict[str, dict[int, Counts]], Mapping[str, int], Mapping[str, int]]:
    """Return what is owed by partner and campaign number, and by partner how many gifts are pending, and how many are undecided."""
    owed: dict[str, dict[int, Counts]] = defaultdict(lambda: defaultdict(Counts))
    pending: Counter[str] = Counter()
    undecided: Counter[str] = Counter()
    for (partner_id, campaign), gifts in by_partner.gifts_by_partner(session, partner_ids).items():
        owed[partner_id][campaign] += Counts(gifts.given)
        pending[partner_id] += gifts.pending
    for partner_id, campaign, bearer, times in second_gifts(session, partner_ids):
        if bearer is None:
            undecided[partner_id] += times
        else:
            borne = Counts(second_gifts=times) if bearer == "issuer" else Counts(partner_bears=times)
            owed[partner_id][campaign] += borne
    return owed, pending, undecided


def leave_out_unconfirmed(session: Session, owed: Mapping[str, dict[int, Counts]]) -> Counter[str]:
    """Take restored campaigns that nobody has confirmed out of what is owed. Return by partner how many gifts that are."""
    unconfirmed = set(session.scalars(select(Campaign.number).where(Campaign.restored_at.is_not(None))))
    left_out: Counter[str] = Counter()
    for partner_id, by_campaign in owed.items():
        for number in unconfirmed & by_campaign.keys():
            counts = by_campaign.pop(number)
            left_out[partner_id] += counts.gifts + counts.second_gifts
    return left_out


def second_gifts(session: Session, partner_ids: Collection[str]) -> Iterable[tuple[str, int, str | None, int]]:
    """Count second and contested gifts that were not taken back, by partner, campaign and bearer, which is None until it is decided."""
    each = (Store.partner_id, Coupon.campaign_number, Conflict.bearer)
    statement = (
        select(*each, func.count())
        .join_from(Conflict, Coupon, Coupon.serial == Conflict.serial)
        .join(Act, Act.id == Conflict.act_id)
        .join(Store, Store.id == Act.store_id)
        .where(Store.partner_id.in_(partner_ids), Conflict.withdrawn_at.is_(None))
        .group_by(*each)
    )
    return [(partner, campaign, bearer, times) for partner, campaign, bearer, times in session.execute(statement)]


def newest_numbers(session: Session, partner_ids: Collection[str]) -> dict[str, int]:
    """Return the number of each partner's newest statement."""
    newest = select(Statement.partner_id, func.max(Statement.number)).where(Statement.partner_id.in_(partner_ids))
    return dict(session.execute(newest.group_by(Statement.partner_id)).all())


def lines_of(session: Session, statement_ids: Collection[str]) -> Mapping[str, list[Line]]:
    """Return the lines by statement, in the order of the campaigns' names."""
    rows = select(StatementLine).where(StatementLine.statement_id.in_(statement_ids))
    found: defaultdict[str, list[Line]] = defaultdict(list)
    for row in session.scalars(rows.order_by(StatementLine.campaign_name, StatementLine.campaign_number)):
        found[row.statement_id].append(as_line(row))
    return found


def stated_by_partner(session: Session, partner_ids: Collection[str]) -> Mapping[str, list[Line]]:
    """Return what all of a partner's statements add up to."""
    lines = add_up_lines(Statement.partner_id).join(Statement, Statement.id == StatementLine.statement_id)
    return grouped(session, lines.where(Statement.partner_id.in_(partner_ids)))


def stated_before(session: Session, statement_ids: Collection[str]) -> Mapping[str, list[Line]]:
    """Return by statement what the partner's earlier statements add up to."""
    earlier = aliased(Statement)
    is_before = and_(earlier.partner_id == Statement.partner_id, earlier.number < Statement.number)
    lines = (
        add_up_lines(Statement.id).join(earlier, earlier.id == StatementLine.statement_id).join(Statement, is_before)
    )
    return grouped(session, lines.where(Statement.id.in_(statement_ids)))


def add_up_lines(by: InstrumentedAttribute[str]) -> Select[*tuple[Any, ...]]:
    """Add up lines. The database adds counts; money is added here, where an integer has no limit."""
    each = [StatementLine.campaign_number, StatementLine.campaign_name]
    money = [StatementLine.value, StatementLine.handling_fee, StatementLine.currency]
    counts = [StatementLine.gifts, StatementLine.second_gifts, StatementLine.partner_bears]
    sums = [cast(func.sum(column), BigInteger).label(column.key) for column in counts]
    return select(by.label("of"), *each, *sums, *money).select_from(StatementLine).group_by(by, *each, *money)


def grouped(session: Session, lines: Select[*tuple[Any, ...]]) -> Mapping[str, list[Line]]:
    found: defaultdict[str, list[Line]] = defaultdict(list)
    for row in session.execute(lines):
        found[row.of].append(as_line(row))
    return found


def read_campaigns(session: Session, numbers: Collection[int]) -> list[tuple[int, str, Money, Money]]:
    """Return number, name, value and handling fee of each campaign, by name.

    Agreed money stays as it is once coupons are out, so what a gift is owed today is what it was owed then.
    """
    campaigns = select(Campaign.number, Campaign.name, Campaign.terms).where(Campaign.number.in_(numbers))
    rows = session.execute(campaigns.order_by(Campaign.name, Campaign.number))
    return [(number, name, *owed_for_one(parse_terms(terms))) for number, name, terms in rows]


def owed_for_one(terms: Terms) -> tuple[Money, Money]:
    """Return what is owed for one gift: its value, and the handling fee."""
    return terms.value if terms.funding == "issuer" else zero(terms.value.currency), terms.handling_fee


def as_line(row: StatementLine | Row[*tuple[Any, ...]]) -> Line:
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
