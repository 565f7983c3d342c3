"""Acts: what a device may do, and what it is answered. An act is an entry of a tablet's journal or an attempt of a till.

An act is answered once. The answer is kept, and repeated to every retry.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from redeem.domain.presented import Actor, ShownCoupon
from redeem.domain.proofs import Evidence
from redeem.domain.rules import Verdict
from redeem.lib.errors import Conflict
from redeem.lib.times import Ms

NOT_HANDED_OVER = "not_handed_over"
CANCELLED = "cancelled"


class Kind(StrEnum):
    """The kinds of acts. Tills redeem, cancel and reverse. The rest are entries of a tablet's journal, see docs/protocol.md."""

    REDEEM = "redeem"
    CANCEL = "cancel"
    REVERSE = "reverse"
    ASK = "ask"
    GAVE = "gave"
    DROP = "drop"
    GAVE_HELD = "gave-held"
    GAVE_AT_RISK = "gave-at-risk"
    UNDO = "undo"
    RELEASE = "release"
    MOVE = "move"
    DECLINE = "decline"
    REFUSAL = "refusal"
    SAID = "said"


REDEEMING = (Kind.REDEEM, Kind.ASK, Kind.GAVE_HELD, Kind.GAVE_AT_RISK)
OF_REDEMPTIONS = (*REDEEMING, Kind.CANCEL)


class Outcome(StrEnum):
    """The codes of answers to acts that were not declined. The code of a decline is its Verdict."""

    REDEEMED = "redeemed"
    NOTED = "noted"
    REVERSED = "reversed"
    NOTHING_TO_UNDO = "nothing_to_undo"
    UNDO_TOO_LATE = "undo_too_late"
    RELEASED = "released"
    MOVED = "moved"
    NOT_MOVED = "not_moved"
    CONFLICT = "conflict"
    CONTESTED = "contested"
    RECOVERING = "recovering"


class Refusal(StrEnum):
    """Why a person did not give the gift."""

    NO_RECEIPT = "no_receipt"
    SYSTEM_DOWN = "system_down"
    OUT_OF_STOCK = "out_of_stock"
    UNKNOWN_CAMPAIGN = "unknown_campaign"
    OTHER = "other"


NOTED: dict[str, frozenset[str]] = {Kind.DECLINE: frozenset(Verdict), Kind.REFUSAL: frozenset(Refusal)}


def counted_as(kind: str, reason: str | None) -> str:
    """Return what a tablet's decline or refusal counts as. An unknown reason is `other`, so that no device adds lines to a chart."""
    return f"{kind}:{reason if reason in NOTED[kind] else Refusal.OTHER}"


def writer_of(name: str, device_id: str) -> str:
    """Return the device that signed a journal's entry. One of a device that a restored ledger doesn't know is named after that device."""
    return name.partition("/")[0] if name.startswith("dev_") else device_id


def gift_name(device_id: str, name: str, fingerprint: str, *, in_journal: bool) -> str:
    """Return the name of the gift that an act gives: who gave it, and the entry's hash or the attempt's id.

    It is the same after a restore, under whatever device and name the restored ledger keeps the act. Only a journal's entry is named after
    its writer: a till chooses the name of its attempt.
    """
    return f"{writer_of(name, device_id)}/{fingerprint}" if in_journal else f"{device_id}/{name}"


class AttemptIdReused(Conflict):
    """This device used the same attempt id for another request."""

    code = "idempotency_key_reused"


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that a device did, before it is answered.

    `name` is unique for each device: the number of a journal entry, or a till's attempt id. `fingerprint` tells a retry from
    another request with the same name. `serial` is None if no genuine coupon was presented. `of` is the name of an earlier act
    of the same device that this one is about; `of_act_id` is the id of such an act of any device.

    Two members serve a restored ledger. `shown` is what the coupon itself says, in case its row was lost. `redemption_id` is set
    when a till repeats a redemption that was lost: the redemption keeps that id.

    `from_quarantine` means that a manager admitted the act later, so no device waits for its answer.

    `device_at` is by the device's clock, which the device knew to be `clock_ahead_ms` ahead.

    For the judgement of a reported gift: it happened between `earliest` and `latest`. `evidence` is what the device shows for it. `list_at`
    is when the list was made by which the device judged. `risks_before`: so many gifts at risk were reported with it, before it.
    """

    actor: Actor
    name: str
    kind: str
    fingerprint: str
    serial: int | None = None
    shown: ShownCoupon | None = None
    of: str | None = None
    of_act_id: str | None = None
    redemption_id: str | None = None
    epoch: int | None = None
    to_store_id: str | None = None
    reason: str | None = None
    clerk_id: str | None = None
    device_at: Ms | None = None
    clock_ahead_ms: int = 0
    entry: str | None = None
    signature: bytes | None = None
    from_quarantine: bool = False
    earliest: Ms = 0
    latest: Ms | None = None
    evidence: Evidence | None = None
    list_at: Ms | None = None
    risks_before: int = 0

    @property
    def gift(self) -> str:
        """The name of the gift that this act may give."""
        return gift_name(self.actor.device_id, self.name, self.fingerprint, in_journal=self.entry is not None)

    def happened_at(self, now: Ms) -> Ms:
        """Return when it happened, as far as is known: by the device's clock, corrected, within the time in which it must have been."""
        if self.device_at is None:
            return now
        latest = now if self.latest is None else min(self.latest, now)
        return min(max(self.device_at - self.clock_ahead_ms, self.earliest), latest)


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to an act: `code` is an Outcome or a Verdict, `details` are JSON values. `replayed`: it is the kept answer to a retry."""

    code: str
    details: dict[str, Any] = field(default_factory=dict)
    replayed: bool = False

    @property
    def redeemed(self) -> bool:
        return self.code == Outcome.REDEEMED
