"""A partner's own client with an enrolled key: it says whatever may be to its advantage, and knows every coupon's text.

What the ledger books of it without a doubt counts as given, for it may be true. What is contested, or is its own second gift, is a lie and
must not be owed.
"""

from collections.abc import Callable, Iterator
from random import Random
from typing import Any

from nacl.signing import SigningKey
from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from redeem.db.models.ledger import Act, Conflict, Redemption
from redeem.domain.proofs import EPOCHS_PER_GENERATION
from redeem.ledger.recovery_reports import Hold, Report
from redeem.lib.ids import coupon_id
from redeem.sync.sync import Reply
from tests import factories
from tests.simulation.hands import Gift
from tests.simulation.server import Server
from tests.simulation.setting import Paper, Setting
from tests.tablets import Tablet

HOUR = 3_600_000
CLAIMS_MAX = 6
LIES_MAX = 4
REPORTS_MAX = 4
UNDER = (0, 1, EPOCHS_PER_GENERATION - 1, EPOCHS_PER_GENERATION, 2**53 - 1)


class Liar:
    """Its device is enrolled like any other at one of the stores. `gifts`: what the ledger owes for."""

    def __init__(self, server: Server, setting: Setting, seed: int) -> None:
        chance = Random(f"{seed} liar")
        key = SigningKey(chance.randbytes(32))
        place = chance.choice(setting.places)
        device = server.write(lambda session: factories.tablet(session, place.id, key, "Liar").id)
        self.server, self.tablet = server, Tablet(server.database, device, key)
        self.gifts: set[Gift] = set()

    @property
    def device(self) -> str:
        return self.tablet.device_id

    def lie(self, papers: list[Paper], now: int, chance: Random) -> None:
        """Write some entries, and mostly send them."""
        for _ in range(chance.randint(1, LIES_MAX)):
            chance.choice(LIES)(self, chance.choice(papers), now, chance)
        if chance.random() < 0.8:
            self.send(papers, now, chance)

    def send(self, papers: list[Paper], now: int, chance: Random | None) -> None:
        """Send all, and answer a restore: with `chance`, by claims that are lies; without, by none."""
        reply = self.sync(now)
        for _ in range(REPORTS_MAX):
            self.release(reply)
            if reply.reported or not reply.recovering:
                return
            claims = [*self.claims(papers, chance)] if chance else []
            reply = self.sync(now, report=Report(reply.generation, len(self.tablet.journal), claims))
            chance = None

    def sync(self, now: int, **asked: Any) -> Reply:
        self.tablet.database = self.server.database  # a server that was started anew has another
        return self.tablet.sync(now=now, **asked)

    def release(self, reply: Reply) -> None:
        """Give back some of what is recalled, for whoever never does is written off one day."""
        for grant in reply.recalls:
            self.tablet.write("release", id=coupon_id(grant.serial), epoch=grant.epoch)

    def claims(self, papers: list[Paper], chance: Random) -> Iterator[Hold]:
        """Claim coupons of others: with any epoch and without a proof, or with that of another coupon. And some of its own."""
        proofs = [None, *(grant.proof for grant in self.tablet.grants.values())]
        for paper in chance.sample(papers, min(CLAIMS_MAX, len(papers))):
            own = self.tablet.grants.get(paper.serial)
            if own and chance.random() < 0.5:
                yield Hold(own.serial, own.epoch, own.proof)
            else:
                yield Hold(paper.serial, chance.choice(UNDER) + chance.randrange(3), chance.choice(proofs))

    def finish(self, now: int) -> None:
        """Drop what is asked for and was not given, and report what a restored ledger waits for."""
        asked = {entry.number for entry in self.tablet.journal if entry.kind == "ask"}
        closed = {entry.body.get("of") for entry in self.tablet.journal if entry.kind in ("gave", "drop")}
        for number in sorted(asked - closed):
            self.tablet.write("drop", of=number)
        self.send([], now, None)
        self.send([], now, None)


def hold(liar: Liar, paper: Paper, _now: int, chance: Random) -> None:
    """Say that it gave under a hold, which may be true."""
    if chance.random() < 0.3:
        liar.tablet.write("gave-held", typed=paper.short_code, id=paper.id)
    else:
        liar.tablet.write("gave-held", coupon=paper.token)


def hold_of_another(liar: Liar, paper: Paper, _now: int, chance: Random) -> None:
    """Say so with a grant that is of another coupon, or that it has given back."""
    grants = [*liar.tablet.grants.values()]
    if grants:
        other = chance.choice(grants)
        liar.tablet.write("gave-held", coupon=paper.token, epoch=other.epoch, grant=other.proof)


def risk(liar: Liar, paper: Paper, now: int, chance: Random) -> None:
    liar.tablet.write("gave-at-risk", coupon=paper.token, list=chance.choice([None, now, now - HOUR, now - 70 * HOUR]))


def ask(liar: Liar, paper: Paper, _now: int, _chance: Random) -> None:
    liar.tablet.write("ask", coupon=paper.token)


def gave(liar: Liar, _paper: Paper, _now: int, chance: Random) -> None:
    """Say that it gave on a yes to anything that it wrote, with the yes to anything."""
    shown = {"yes": chance.choice([*liar.tablet.yeses.values()])} if liar.tablet.yeses and chance.random() < 0.5 else {}
    liar.tablet.write("gave", of=any_of(liar, chance), **shown)


def undo(liar: Liar, _paper: Paper, _now: int, chance: Random) -> None:
    liar.tablet.write("undo", of=any_of(liar, chance), reason="wrong size")


def drop(liar: Liar, _paper: Paper, _now: int, chance: Random) -> None:
    liar.tablet.write("drop", of=any_of(liar, chance))


def give_back(liar: Liar, paper: Paper, _now: int, chance: Random) -> None:
    """Release what it holds, or what it never held."""
    grants = [*liar.tablet.grants.values()]
    named = [(coupon_id(each.serial), each.epoch) for each in grants] + [(paper.id, epoch) for epoch in UNDER]
    coupon, epoch = chance.choice(named)
    liar.tablet.write("release", id=coupon, epoch=epoch)


def any_of(liar: Liar, chance: Random) -> int:
    return chance.randint(1, max(1, len(liar.tablet.journal)))


LIES: tuple[Callable[[Liar, Paper, int, Random], None], ...] = (
    *(hold, hold, hold, hold_of_another, risk, risk),
    *(ask, gave, gave, undo, drop, give_back),
)


def booked_of(session: Session, device: str) -> set[Gift]:
    """What the ledger books of it without a doubt: what stands and is not contested, and second gifts besides others' first ones."""
    standing = select(Act.name, Act.serial).join(Redemption, Redemption.act_id == Act.id)
    contested = select(Conflict.act_id).where(Conflict.rule.is_not(None), Conflict.withdrawn_at.is_(None))
    handed_over = standing.where(Act.id.not_in(contested), Redemption.handed_over_at.is_not(None))
    first = aliased(Act)
    second = (
        select(Act.name, Act.serial)
        .join(Conflict, Conflict.act_id == Act.id)
        .join(first, first.id == Conflict.standing_act_id)
        .where(Conflict.rule.is_(None), Conflict.withdrawn_at.is_(None), first.device_id != device)
    )
    rows = [
        *session.execute(handed_over.where(Act.device_id == device)),
        *session.execute(second.where(Act.device_id == device)),
    ]
    return {Gift(device, name, coupon_id(serial)) for name, serial in rows}


def lies_of(session: Session, device: str) -> list[tuple[str, int, str | None]]:
    """What the ledger keeps of it and must not owe: (act, serial, bearer) of what is contested, and of its own second gifts."""
    first = aliased(Act)
    rows = (
        select(Act.id, Conflict.serial, Conflict.bearer)
        .join(Conflict, Conflict.act_id == Act.id)
        .outerjoin(first, first.id == Conflict.standing_act_id)
        .where(
            Act.device_id == device,
            Conflict.withdrawn_at.is_(None),
            Conflict.rule.is_not(None) | (first.device_id == device),
        )
    )
    return [(act, serial, bearer) for act, serial, bearer in session.execute(rows)]
