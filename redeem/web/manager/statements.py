"""Statements: what the shop owes each partner, the closing of a statement, and closed ones as page and CSV."""

from decimal import Decimal

from babel import numbers
from flask import flash, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from redeem.accounts.roles import Permission
from redeem.db.paging import Page
from redeem.ledger import generation
from redeem.lib.csvfile import Cell
from redeem.lib.days import to_date
from redeem.lib.ids import is_id
from redeem.lib.money import Money
from redeem.lib.times import local_day
from redeem.partners import settlement
from redeem.partners.settlement import Account
from redeem.web.context import context, now_ms, read, write
from redeem.web.manager.access import office, person, see_other
from redeem.web.manager.files import csv_file
from redeem.web.manager.reauthentication import confirmed

STATEMENTS_PER_PAGE = 50


@office("/statements", Permission.READ)
def statements() -> ResponseReturnValue:
    scope, after = person().scope, request.args.get("after", "")
    page = Page(limit=STATEMENTS_PER_PAGE, after=after if is_id("stm", after) else None)
    accounts, closed, life = read(
        lambda db: (
            settlement.list_accounts(db, scope),
            settlement.list_statements(db, page, scope),
            generation.current(db),
        )
    )
    return render_template(
        "manager/statements.html",
        accounts=accounts,
        closed=closed,
        life=life,
        paged=page.after,
        zone=context().settings.time_zone,
    )


@office("/partners/<partner_id>/statements", Permission.RUN_SHOP)
def ask_to_close_statement(partner_id: str) -> ResponseReturnValue:
    """What the next statement would say. Leads back to the list where there is none to close."""
    account, life = read(lambda db: (settlement.get_account(db, partner_id), generation.current(db)))
    if not account.lines or life.only_holders_give:
        return see_other("manager.statements")
    return render_template("manager/statement_close.html", account=account)


@office("/partners/<partner_id>/statements", Permission.RUN_SHOP, methods=("POST",))
@confirmed
def close_statement(partner_id: str) -> ResponseReturnValue:
    """Closes the next statement. The form names the number that its page showed as the next, so a second tap closes no other."""
    who, now, number = person(), now_ms(), request.form.get("number", "")
    wanted = int(number) if number.isascii() and number.isdecimal() and len(number) < 10 else 0
    closed = write(lambda db: settlement.close(db, partner_id, wanted, who.id, now), one_moment=True)
    if closed is None:
        return see_other("manager.statements")
    flash(_("Statement %(number)s is closed.", number=wanted))
    return see_other("manager.statement", statement_id=closed)


@office("/statements/<statement_id>", Permission.READ)
def statement(statement_id: str) -> ResponseReturnValue:
    return render_template("manager/statement.html", statement=find(statement_id), zone=context().settings.time_zone)


@office("/statements/<statement_id>.csv", Permission.READ)
def statement_file(statement_id: str) -> ResponseReturnValue:
    found = find(statement_id)
    return csv_file(f"statement-{found.number}-{found.partner_id}.csv", *as_table(found))


def find(statement_id: str) -> Account:
    scope = person().scope
    return read(lambda db: settlement.get_statement(db, statement_id, scope))


def as_table(account: Account) -> tuple[list[str], list[list[Cell]]]:
    """The header and the rows: one for each campaign, without a total. Amounts are in major units with decimals, as 350.00."""
    day = to_date(local_day(account.at or 0, context().settings.time_zone))
    header = [
        _("Statement"),
        _("Partner"),
        _("Closed"),
        _("Campaign"),
        _("Gifts"),
        _("Second or contested gifts, borne by the shop"),
    ]
    header += [
        _("Second or contested gifts, borne by the partner"),
        _("Value of one"),
        _("Handling fee"),
        _("Owed"),
        _("Currency"),
    ]
    rows: list[list[Cell]] = [
        [
            account.number,
            account.partner_name,
            day,
            line.name,
            line.counts.gifts,
            line.counts.second_gifts,
            line.counts.partner_bears,
            major(line.value),
            major(line.handling_fee),
            major(line.owed),
            line.owed.currency,
        ]
        for line in account.lines
    ]
    return header, rows


def major(money: Money) -> Decimal:
    return money.major(numbers.get_currency_precision(money.currency))
