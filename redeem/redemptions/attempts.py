"""A till's attempt to redeem: which coupon it is about, and whether it is a retry."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from sqlalchemy.orm import Session

from redeem.db.engine import Work
from redeem.domain.acts import Act, Answer, AttemptIdReused
from redeem.domain.presented import ShownCoupon
from redeem.ledger import ledger
from redeem.lib.times import Ms
from redeem.redemptions.settle import settle


@dataclass(frozen=True, slots=True)
class Marks:
    """The fingerprints by which a retry is known. `now` is that of what was named, `earlier` that of the body's own text.

    Version 0.2 kept `earlier`: an attempt that began before an update is still known after it.
    """

    now: str
    earlier: str

    def match(self, act: Callable[[str], Answer]) -> Answer:
        """Return act(mark) for the first mark that is the kept act's. Raises AttemptIdReused."""
        try:
            return act(self.now)
        except AttemptIdReused:
            return act(self.earlier)


def settle_attempt(session: Session, act: Act, marks: Marks, now: Ms, find: Work[ShownCoupon | None] | None) -> Answer:
    """Settle the attempt `act`. `find` looks the coupon up if it was typed; None if `act` has it already.

    A retry gets its first answer before anything is looked up: it is no further guess, and need not wait as a guess must.
    Raises AttemptIdReused, and what `find` raises.
    """
    if find and ledger.find_act_by_name(session, act.actor.device_id, act.name) is None:
        shown = find(session)
        act = replace(act, serial=shown.serial if shown else None, shown=shown)
    return marks.match(lambda mark: settle(session, replace(act, fingerprint=mark), now))
