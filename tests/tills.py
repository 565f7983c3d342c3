"""A partner's till as the use cases meet it: attempts by name. And everybody's place in the cast, as an Actor."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count

from redeem.accounts import api_key_format, api_keys
from redeem.db.engine import Database
from redeem.domain import tokens
from redeem.domain.acts import Act, Answer, Kind
from redeem.domain.presented import Actor, ShownCoupon
from redeem.domain.proofs import name_at_till
from redeem.lib.times import Ms
from redeem.recovery.tills import GivenBefore
from redeem.redemptions.fast_path import Memory, redeem_at_once
from redeem.redemptions.settle import cancel, settle
from redeem.redemptions.verify import Ruling, verify
from tests.cast import Cast
from tests.factories import NOW, PROOFS, Issued


@dataclass
class Till:
    """Each call is one transaction. A name that is not given is a new one. `quickly`: redeem the quick way, if there is one."""

    database: Database
    actor: Actor
    quickly: bool = True
    memory: Memory = field(default_factory=Memory)
    _names: Iterator[int] = field(default_factory=count)

    def redeem(
        self, coupon: Issued | None, name: str | None = None, now: Ms = NOW, fingerprint: str = "the body"
    ) -> Answer:
        seen = shown(coupon)
        act = Act(self.actor, name or self._new(), Kind.REDEEM, fingerprint, seen.serial if seen else None, seen)
        quick = (
            self.database.autocommit(lambda driver: redeem_at_once(driver, self.memory, act, now))
            if self.quickly
            else None
        )
        return quick or self._settle(act, now)

    def reverse(self, redemption: str, name: str | None = None, now: Ms = NOW, reason: str = "returned") -> Answer:
        act = Act(self.actor, name or self._new(), Kind.REVERSE, redemption, of_act_id=redemption, reason=reason)
        return self._settle(act, now)

    def cancel(self, name: str, now: Ms = NOW) -> Answer:
        act = Act(self.actor, name, Kind.CANCEL, "")
        return self.database.write(lambda session: cancel(session, act, now))

    def verify(self, coupon: Issued | None, now: Ms = NOW) -> Ruling:
        return self.database.read(lambda session: verify(session, self.actor, shown(coupon), now))

    def _settle(self, act: Act, now: Ms) -> Answer:
        return self.database.write(lambda session: settle(session, act, now))

    def _new(self) -> str:
        return f"attempt-{next(self._names)}"


def shown(coupon: Issued | None) -> ShownCoupon | None:
    """What the till reads of it; None stands for whatever does not verify."""
    return ShownCoupon.of(tokens.read(coupon.token)) if coupon else None


def till_of(database: Database, key_text: str) -> Till:
    """The till that has this key."""
    known = database.read(lambda session: api_keys.find_key(session, api_key_format.parse(key_text).prefix))
    assert known
    assert known.actor
    return Till(database, known.actor)


def tills_of(database: Database, cast: Cast) -> dict[str, Till]:
    keys = {
        "north": cast.north_till,
        "north two": cast.north_till_two,
        "annex": cast.annex_till,
        "south": cast.south_till,
    }
    return {name: till_of(database, key) for name, key in keys.items()}


def as_given(till: Till, attempt: str, seen: ShownCoupon, answer: Answer, fingerprint: str = "the body") -> GivenBefore:
    """A redemption that the till says again to a restored ledger, with the proof of its answer."""
    proof = PROOFS.yes(
        till.actor.device_id, name_at_till(attempt, answer.details["redemption"]), fingerprint, seen.serial
    )
    return GivenBefore(attempt, fingerprint, seen, answer.details["redemption"], NOW, proof)
