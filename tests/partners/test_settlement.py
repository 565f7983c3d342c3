"""Settling: what a partner is owed, and statements that never change, miss nothing and state nothing twice. On both databases."""

from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest
from sqlalchemy import delete, select, update

from redeem.accounts.audit import Change
from redeem.accounts.roles import WHOLE, Scope
from redeem.db.models.coupons import Campaign
from redeem.db.models.managers import AuditEntry
from redeem.db.models.partners import Partner, Statement, StatementLine
from redeem.db.paging import Page
from redeem.ledger import generation
from redeem.lib.errors import NotFound
from redeem.lib.money import AMOUNT_LIMIT_MINOR_UNITS, Money
from redeem.partners import settlement
from redeem.partners.settlement import Counts
from redeem.recovery import restore
from redeem.redemptions import conflicts
from tests import books, factories
from tests.databases import on_both_databases
from tests.factories import NOW

pytestmark = on_both_databases
MINUTE = 60_000
FOR_ONE = 35_000 + 1_500  # the value, which the shop funds, and the fee


def rub(amount):
    return Money(amount=amount, currency="RUB")


@pytest.fixture
def settle(database, cast, manager_id):
    return Settlement(database, cast.north_partner, manager_id)


class Settlement:
    """One partner's, the north's if nothing else is said."""

    def __init__(self, database, partner_id, manager_id):
        self.database, self.partner_id, self.manager_id = database, partner_id, manager_id

    def account(self, partner_id=None):
        accounts = self.database.read(settlement.list_accounts)
        (found,) = [each for each in accounts if each.partner_id == (partner_id or self.partner_id)]
        return found

    def close(self, number=None, now=NOW):
        asked = number or self.account().number
        closed = self.database.write(
            lambda db: settlement.close(db, self.partner_id, asked, self.manager_id, now), one_moment=True
        )
        return closed and self.statement(closed)

    def statement(self, statement_id, scope=WHOLE):
        return self.database.read(lambda db: settlement.get_statement(db, statement_id, scope))

    def statements(self, scope=WHOLE):
        return self.database.read(lambda db: settlement.list_statements(db, Page(), scope)).items


def counts(account):
    return [line.counts for line in account.lines]


def test_nothing_is_owed_for_nothing(settle, database):
    accounts = database.read(settlement.list_accounts)
    assert [(each.partner_name, each.number, each.lines, each.in_all) for each in accounts] == [
        ("North Coffee", 1, (), ()),
        ("South Bakery", 1, (), ()),
    ]


def test_each_gift_is_owed_its_value_and_the_fee(settle, counters, tills, cast):
    for name in ("north", "north", "annex", "south"):
        tills[name].redeem(counters.coupon())
    account = settle.account()
    (line,) = account.lines
    assert (line.name, line.counts, line.value, line.handling_fee) == (
        "Autumn gifts",
        Counts(3),
        rub(35_000),
        rub(1_500),
    )
    assert account.owed == (rub(3 * FOR_ONE),)
    assert settle.account(cast.south_partner).owed == (rub(FOR_ONE),)


def test_what_the_partner_funds_itself_is_owed_the_fee_alone(settle, counters, tills, database, cast):
    made = database.write(lambda db: factories.campaign(db, "Theirs", partners=[cast.north_partner], funding="partner"))
    tills["north"].redeem(counters.coupon(campaign=made.number))
    assert settle.account().owed == (rub(1_500),)


def test_currencies_are_not_mixed(settle, counters, tills, database, cast):
    value, fee = ({"amount": amount, "currency": "EUR"} for amount in (400, 20))
    made = database.write(
        lambda db: factories.campaign(db, "Abroad", partners=[cast.north_partner], value=value, handling_fee=fee)
    )
    tills["north"].redeem(counters.coupon())
    tills["north"].redeem(counters.coupon(campaign=made.number))
    account = settle.account()
    assert [line.name for line in account.lines] == ["Abroad", "Autumn gifts"]
    assert account.owed == (Money(amount=420, currency="EUR"), rub(FOR_ONE))


def test_a_sum_may_be_larger_than_any_amount_that_is_written(settle, counters, tills, database, cast):
    dear = {"amount": AMOUNT_LIMIT_MINOR_UNITS, "currency": "RUB"}
    made = database.write(
        lambda db: factories.campaign(db, "Dear", partners=[cast.north_partner], value=dear, handling_fee=dear)
    )
    for _ in range(2):
        tills["north"].redeem(counters.coupon(campaign=made.number))
    assert settle.close().owed == (rub(AMOUNT_LIMIT_MINOR_UNITS) * 4,)


def test_what_is_pending_is_owed_when_it_is_told(settle, counters):
    ask = counters.tablet.write("ask", coupon=counters.coupon().token)
    counters.tablet.sync()
    assert (settle.account().lines, settle.account().pending) == ((), 1)
    counters.tablet.act("gave", of=ask)
    assert (settle.account().owed, settle.account().pending) == ((rub(FOR_ONE),), 0)


def test_what_was_not_handed_over_is_not_owed(settle, counters, till):
    till.redeem(counters.coupon(), "an attempt")
    till.cancel("an attempt")
    ask = counters.tablet.write("ask", coupon=counters.coupon().token)
    counters.tablet.act("drop", of=ask)
    assert settle.account().lines == ()


def test_a_closed_statement_says_what_was_open_and_the_next_begins_with_nothing(settle, counters, till):
    for _ in range(2):
        till.redeem(counters.coupon())
    closed = settle.close(now=NOW + MINUTE)
    assert (closed.number, closed.at, closed.closed_by, closed.partner_name) == (
        1,
        NOW + MINUTE,
        "shop_manager",
        "North Coffee",
    )
    assert (closed.owed, closed.stated, closed.in_all) == ((rub(2 * FOR_ONE),), (), (rub(2 * FOR_ONE),))
    account = settle.account()
    assert (account.number, account.lines, account.stated) == (2, (), (rub(2 * FOR_ONE),))
    assert settle.statements() == [closed]


def test_what_is_told_late_is_on_the_next(settle, counters, till):
    _, epoch = held = counters.held()
    till.redeem(counters.coupon())
    first = settle.close()
    counters.tablet.write("gave-held", coupon=held[0].token, epoch=epoch)
    counters.tablet.sync(now=NOW + 20 * 24 * 60 * MINUTE)
    second = settle.close()
    assert (counts(first), counts(second)) == ([Counts(1)], [Counts(1)])
    assert second.in_all == (rub(2 * FOR_ONE),)
    assert settle.statement(first.id) == first


def test_what_came_back_is_taken_off_the_next(settle, counters, till):
    redemption = till.redeem(counters.coupon()).details["redemption"]
    first = settle.close()
    till.reverse(redemption, now=NOW + MINUTE)
    second = settle.close()
    assert counts(second) == [Counts(-1)]
    assert (second.owed, second.in_all) == ((rub(-FOR_ONE),), (rub(0),))
    assert settle.statement(first.id) == first


def give_twice(counters):
    """First by the south's tablet, then by the north's: the second gift is the north's."""
    coupon = counters.coupon()
    counters.south.act("gave-at-risk", coupon=coupon.token)
    counters.tablet.act("gave-at-risk", coupon=coupon.token)


def test_a_second_gift_is_owed_to_who_gave_it_unless_he_bears_it(settle, counters, cast, manager_id):
    give_twice(counters)
    assert counts(settle.account()) == [Counts(second_gifts=1)]
    assert counts(settle.account(cast.south_partner)) == [Counts(1)]
    first = settle.close()
    (conflict,) = counters.read(lambda db: conflicts.list_conflicts(db, Page())).items
    counters.write(lambda db: conflicts.decide(db, manager_id, conflict.id, "partner", "", NOW))
    second = settle.close()
    assert counts(second) == [Counts(second_gifts=-1, partner_bears=1)]
    assert (first.owed, second.owed) == ((rub(FOR_ONE),), (rub(-FOR_ONE),))


def test_of_two_gifts_of_which_one_came_back_one_is_owed(settle, counters, cast):
    give_twice(counters)
    settle.close()
    counters.south.act("undo", of=1)
    assert counts(settle.close()) == [Counts(1, second_gifts=-1)]
    assert settle.account().in_all == (rub(FOR_ONE),)
    assert settle.account(cast.south_partner).lines == ()


def test_a_closed_one_keeps_its_names(settle, counters, till, cast, manager_id):
    till.redeem(counters.coupon())
    closed = settle.close()

    def rename(session):
        session.get_one(Partner, cast.north_partner).name = "Northern Tea"
        session.get_one(Campaign, cast.anywhere).name = "Winter gifts"

    counters.write(rename)
    assert settle.statement(closed.id) == closed
    till.redeem(counters.coupon())
    (line,) = settle.close().lines
    assert (settle.account().partner_name, line.name) == ("Northern Tea", "Winter gifts")


def test_a_second_tap_closes_nothing_more(settle, counters, till):
    till.redeem(counters.coupon())
    first = settle.close(1)
    till.redeem(counters.coupon())
    assert settle.close(1) == first
    assert settle.close(3) is None
    assert len(settle.statements()) == 1


def test_nothing_new_is_not_closed(settle, counters, till):
    assert settle.close() is None
    till.redeem(counters.coupon())
    settle.close()
    assert settle.close() is None
    assert len(settle.statements()) == 1


def test_two_managers_at_once_close_one(settle, counters, till):
    till.redeem(counters.coupon())
    with ThreadPoolExecutor(4) as pool:
        closed = set(pool.map(lambda number: settle.close(number).id, [1] * 8))
    assert len(closed) == len(settle.statements()) == 1
    assert settle.account().lines == ()


def test_a_partner_that_is_none_is_not_found(settle, database, manager_id):
    with pytest.raises(NotFound):
        database.write(lambda db: settlement.close(db, "prt_nobody", 1, manager_id, NOW))


def test_while_a_restored_ledger_waits_nothing_is_closed(settle, counters, till):
    till.redeem(counters.coupon())
    counters.write(lambda db: restore.begin(db, NOW))
    assert settle.close() is None
    assert settle.account().owed == (rub(FOR_ONE),)


def test_on_an_old_copy_nothing_is_closed(settle, counters, till):
    till.redeem(counters.coupon())
    counters.write(lambda db: generation.note_behind(db, 9))
    assert settle.close() is None


def test_a_statement_that_a_restore_lost_is_stated_again_and_paid_once(settle, counters, till):
    """What it comes to in all is the same: whoever pays up to that pays nothing twice."""
    till.redeem(counters.coupon())
    lost = settle.close()
    counters.write(lambda db: (db.execute(delete(StatementLine)), db.execute(delete(Statement))))
    till.redeem(counters.coupon())
    again = settle.close()
    assert (lost.number, again.number, lost.in_all, again.in_all) == (1, 1, (rub(FOR_ONE),), (rub(2 * FOR_ONE),))


def test_each_manager_sees_what_is_owed_to_his_partner_alone(settle, counters, tills, cast, database, manager_id):
    for name in ("north", "south"):
        tills[name].redeem(counters.coupon())
    north = settle.close()
    Settlement(database, cast.south_partner, manager_id).close(now=NOW + MINUTE)
    seen = {
        "whole": WHOLE,
        "north": Scope(cast.north_partner),
        "south": Scope(cast.south_partner),
        "one store": Scope(cast.north_partner, cast.north),
    }
    names = {who: [each.partner_name for each in settle.statements(scope)] for who, scope in seen.items()}
    assert names == {
        "whole": ["South Bakery", "North Coffee"],
        "north": ["North Coffee"],
        "south": ["South Bakery"],
        "one store": [],
    }
    for who in ("south", "one store"):
        with pytest.raises(NotFound):
            settle.statement(north.id, seen[who])
        accounts = database.read(lambda db, who=who: settlement.list_accounts(db, seen[who]))
        assert "North Coffee" not in [each.partner_name for each in accounts]


def test_all_partners_are_reckoned_at_once_as_each_alone(settle, counters, tills, cast, database, manager_id):
    """With statements of both, what came back, a second gift, and what is pending: nothing of one gets to the other."""
    south, minutes = Settlement(database, cast.south_partner, manager_id), count()
    give_twice(counters)
    for rounds in (1, 2, 3):
        for name in ("north", "annex", "south"):
            for _ in range(rounds):
                tills[name].redeem(counters.coupon())
        redemption = tills["south"].redeem(counters.coupon()).details["redemption"]
        for each in (settle, south):
            each.close(now=NOW + next(minutes) * MINUTE)
        tills["south"].reverse(redemption, now=NOW)
    counters.south.write("ask", coupon=counters.coupon().token)
    counters.south.sync()
    scopes = [Scope(cast.north_partner), Scope(cast.south_partner)]
    alone = [
        account for each in scopes for account in database.read(lambda db, s=each: settlement.list_accounts(db, s))
    ]
    together = database.read(settlement.list_accounts)
    assert together == alone
    assert [(counts(each), each.pending) for each in together] == [([], 0), ([Counts(-1)], 1)]
    closed = settle.statements()
    assert [counts(each) for each in closed][::-1] == [
        [Counts(2, second_gifts=1)],
        [Counts(3)],
        [Counts(4)],
        [Counts(2)],
        [Counts(6)],
        [Counts(3)],
    ]
    assert [settle.statement(each.id) for each in closed] == closed
    for earlier, later in zip(closed[2:], closed[:-2], strict=True):
        assert later.stated == earlier.in_all


def test_it_is_written_down_who_closed_it(settle, counters, till, manager_id):
    till.redeem(counters.coupon())
    closed = settle.close()
    (entry,) = counters.read(lambda db: list(db.scalars(select(AuditEntry))))
    assert (entry.what, entry.subject_id, entry.manager_id) == (Change.STATEMENT_CLOSED, closed.id, manager_id)
    assert (entry.partner_id, entry.details) == (settle.partner_id, {"name": "North Coffee", "number": 1})


def test_the_auditor_finds_a_statement_that_somebody_altered(settle, counters, till):
    till.redeem(counters.coupon())
    settle.close()
    till.redeem(counters.coupon())
    assert counters.read(books.faults) == []
    counters.write(lambda db: db.execute(update(StatementLine).values(value=1)))
    assert counters.read(books.faults) == [
        f"North Coffee is told to be owed {[rub(FOR_ONE + 1_501)]} and is owed {[rub(2 * FOR_ONE)]}"
    ]
