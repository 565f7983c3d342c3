"""Statements: closed while tablets still have much to report, and again at the end. Together they are for the gifts that customers have."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import astuple

from sqlalchemy.orm import Session

from redeem.db.paging import Page
from redeem.partners import settlement
from redeem.partners.settlement import Account
from tests.simulation.world import World

ALL = Page(limit=1_000)


def close_all(world: World) -> None:
    """Closes the next statement of every partner that is owed something."""
    closed = world.server.write(lambda session: [*close_each(world, session)])
    world.statements |= {str(each.id): each for each in closed}
    world.say("the shop closes", *(f"{each.partner_name} № {each.number}" for each in closed))


def close_each(world: World, session: Session) -> Iterator[Account]:
    for account in settlement.list_accounts(session):
        closed = settlement.close(session, account.partner_id, account.number, world.setting.manager, world.clock.now)
        if closed:
            yield settlement.get_statement(session, closed)


def faults(world: World, session: Session) -> Iterator[str]:
    """What is wrong after the last was closed: one that says something else by now, something that none says, or too much or little."""
    here = {str(each.id): each for each in settlement.list_statements(session, ALL).items}
    for name, said in world.statements.items():
        if here.get(name) != said:
            yield f"statements: {name} said {said}, and now {here.get(name)}"
    for account in settlement.list_accounts(session):
        if account.lines:
            yield f"statements: no statement has {account.lines}"
    if not world.unsure:
        stated: Counter[int] = Counter()
        for line in (line for each in here.values() for line in each.lines):
            stated[line.campaign] += sum(astuple(line.counts))
        out = Counter(int(gift.coupon.split("_")[1]) for gift in world.hands.out())
        if +stated != out:
            yield f"statements: they are for {dict(stated)} gifts by campaign, and {dict(out)} are in hands"
