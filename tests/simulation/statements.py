"""Statements: closed while tablets still have much to report, and again at the end. Together they are for the gifts that customers have."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import astuple
from random import Random
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from redeem.db.models.ledger import Act, Conflict
from redeem.db.paging import Page
from redeem.domain.terms import Bearer
from redeem.partners import settlement
from redeem.partners.settlement import Account
from redeem.redemptions import conflicts
from tests.simulation.liar import lies_of
from tests.simulation.world import World

ALL = Page(limit=1_000)


class OnDesk(NamedTuple):
    """A second or contested gift: its act, by which device, who bears it, and when that was decided."""

    act: str
    device: str
    bearer: str | None
    decided_at: int | None


def close_all(world: World) -> None:
    """Closes the next statement of every partner that is owed something."""
    closed = world.server.write(lambda session: [*close_each(world, session)], one_moment=True)
    world.statements |= {str(each.id): each for each in closed}
    world.say("the shop closes", *(f"{each.partner_name} № {each.number}" for each in closed))


def close(world: World, _place: int, _chance: Random) -> None:
    """The shop closes statements in between."""
    close_all(world)


def decide(world: World, _place: int, chance: Random) -> None:
    """A manager decides about a gift that is on the desk, or decides anew."""
    on_desk = world.server.read(live_conflicts)
    if on_desk:
        say_who_bears(world, chance.choice(on_desk), chance)


def decide_all(world: World, chance: Random) -> None:
    for gift in world.server.read(live_conflicts):
        if gift.bearer is None:
            say_who_bears(world, gift, chance)


def say_who_bears(world: World, gift: OnDesk, chance: Random) -> None:
    """Nobody pays for a lie. Of others a manager may say either, for a gift was given."""
    is_lie = world.liar is not None and gift.device == world.liar.device
    bearer: Bearer = "partner" if is_lie else chance.choice(["issuer", "partner"])
    manager, now = world.setting.manager, world.clock.now
    world.server.write(
        lambda session: conflicts.decide(session, manager, gift.act, bearer, "looked into", now, gift.decided_at).id
    )
    world.say("a manager decides that the", bearer, "bears", gift.act)


def live_conflicts(session: Session) -> list[OnDesk]:
    columns = Conflict.act_id, Act.device_id, Conflict.bearer, Conflict.decided_at
    live = select(*columns).join(Act, Act.id == Conflict.act_id).where(Conflict.withdrawn_at.is_(None))
    return [OnDesk(*row) for row in session.execute(live.order_by(Conflict.act_id))]


def close_each(world: World, session: Session) -> Iterator[Account]:
    for account in settlement.list_accounts(session):
        closed = settlement.close(session, account.partner_id, account.number, world.setting.manager, world.clock.now)
        if closed:
            yield settlement.get_statement(session, closed)


def gifts_in(accounts: Iterable[Account]) -> Counter[int]:
    """How many gifts they are for, by campaign, whoever bears them."""
    stated: Counter[int] = Counter()
    for line in (line for each in accounts for line in each.lines):
        stated[line.campaign] += sum(astuple(line.counts))
    return stated


def decided_lies(world: World, session: Session) -> Counter[int]:
    """Of the dishonest device, by campaign: no gift is in anybody's hand, and nothing is paid for it."""
    lies = lies_of(session, world.liar.device) if world.liar else []
    return Counter(serial >> 32 for _, serial, bearer in lies if bearer is not None)


def faults(world: World, session: Session) -> Iterator[str]:
    """What is wrong after the last was closed: one that says something else by now, something that none says, or too much or little."""
    here = {str(each.id): each for each in settlement.list_statements(session, ALL).items}
    for name, said in world.statements.items():
        if name not in here and world.is_restored:
            continue  # what it said comes again with the next one
        if here.get(name) != said:
            yield f"statements: {name} said {said}, and now {here.get(name)}"
    for account in settlement.list_accounts(session):
        if account.lines:
            yield f"statements: no statement has {account.lines}"
    if not world.unsure:
        stated = gifts_in(here.values())
        stated.subtract(decided_lies(world, session))
        out = Counter(int(gift.coupon.split("_")[1]) for gift in world.hands.out())
        if +stated != out:
            yield f"statements: they are for {dict(stated)} gifts by campaign, and {dict(out)} are in hands"
