"""Gifts at risk in one request: a tablet may give a campaign's limit of them before the server has heard of any."""

from collections import Counter
from dataclasses import dataclass, field, replace

from redeem.domain.acts import Act, Answer, Kind, Outcome

BOOKED = (Outcome.REDEEMED, Outcome.CONFLICT)


@dataclass(slots=True)
class RisksTaken:
    """The gifts at risk that were booked so far, and not undone, by campaign number. What is contested takes nothing of the limit."""

    _campaign_of: dict[str, int] = field(default_factory=dict)
    _taken: Counter[int] = field(default_factory=Counter)

    def before(self, act: Act) -> Act:
        """Return the act, knowing how many were given at risk before it."""
        return replace(act, risks_before=self._taken[act.serial >> 32]) if act.serial is not None else act

    def note(self, act: Act, answer: Answer) -> None:
        if act.kind == Kind.GAVE_AT_RISK and act.serial is not None and answer.code in BOOKED:
            self._campaign_of[act.name] = act.serial >> 32
            self._taken[act.serial >> 32] += 1
        elif act.kind == Kind.UNDO and answer.code == Outcome.REVERSED and act.of in self._campaign_of:
            self._taken[self._campaign_of.pop(act.of)] -= 1
