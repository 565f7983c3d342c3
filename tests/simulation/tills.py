"""A partner's own till: redeems by API. It names an attempt before it sends it, and asks until it is answered, or cancels.

idle ──ask──→ asking ──yes──→ given ──→ idle
                │  └──no──→ idle    └──→ reversing ──→ idle
                └──→ cancelling ──→ idle
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from json import dumps
from random import Random
from typing import Any

from redeem.recovery.tills import GivenBefore
from tests.simulation.hands import Gift, Hands
from tests.simulation.network import Answer, Message
from tests.simulation.setting import Paper

BACK = "returned"
UNCLEAR = 429  # and 5xx: nothing was decided, ask again


@dataclass
class Till:
    """`awaiting` is the number of the request whose answer it waits for; it takes no other.

    By attempt: `given`, for what it was told that it may give it; `taken_back`, the redemptions that were reversed; `cancelled`. After a
    restore it `must_report` these, in the words of `to_say`.
    """

    name: str
    key: str
    hands: Hands
    send: Callable[[Message], object]
    state: str = "idle"
    scans: int = 0
    awaiting: int | None = None
    gift: Gift | None = None
    given: dict[str, Paper] = field(default_factory=dict)
    taken_back: dict[str, str] = field(default_factory=dict)
    cancelled: list[str] = field(default_factory=list)
    to_say: dict[str, GivenBefore] = field(default_factory=dict)
    must_report: bool = False
    _paper: Paper | None = None
    _redemption: str = ""
    _requests: int = 0
    _attempts: int = 0

    def work(self, chance: Random, pick: Callable[[], Paper]) -> None:
        """The clerk at the till, or the till's program, does the next thing."""
        if self.state == "idle":
            self.begin(pick())
        elif self.state == "given":
            self.hand_over(wanted_back=chance.random() < 0.25)
        elif self.awaiting is None:
            self.insist(gives_up=chance.random() < 0.3)
        elif chance.random() < 0.1:
            self.awaiting = None  # tired of waiting

    def finish(self) -> None:
        """Brings what is open to its end, and begins nothing new."""
        if self.state == "given":
            self.hand_over(wanted_back=False)
        elif self.state != "idle":
            self.insist(gives_up=False)

    def begin(self, paper: Paper) -> None:
        self._attempts += 1
        self.scans += 1
        self._paper = paper
        self.gift = Gift(self.name, f"{self.name}-{self._attempts}", paper.id)
        self.state = "asking"
        self._ask()

    def insist(self, *, gives_up: bool) -> None:
        if self.state == "asking" and gives_up:
            self.state = "cancelling"
        {"asking": self._ask, "cancelling": self._cancel, "reversing": self._reverse}[self.state]()

    def hand_over(self, *, wanted_back: bool) -> None:
        assert self.gift
        if not self.hands.ever_had(self.gift):
            self.hands.give(self.gift)
        elif wanted_back:
            self.hands.take_back(self.gift)
            self.state = "reversing"
            self._reverse()
        else:
            self.state = "idle"

    def crash(self) -> None:
        """The till restarts. It forgets what it was told, but not the attempt that it stored."""
        self.awaiting = None
        if self.state == "given" and self.gift and self.hands.ever_had(self.gift):
            self.state = "idle"
        elif self.state == "given":
            self.state = "asking"
            del self.given[self._attempt]

    def hear(self, request: int, answer: Answer | None) -> None:
        """Takes an answer, or that none will come."""
        if request != self.awaiting:
            return
        self.awaiting = None
        if answer is None or answer.status == UNCLEAR or answer.status >= 500:
            return
        if self.state == "asking" and answer.status == 201:
            self.state, self._redemption = "given", answer.json["id"]
            self.given[self._attempt] = self._shown
            return
        if self.state == "reversing":
            self._hear_of_reversal(done=answer.status == 200)
        elif self.state == "cancelling":
            self.cancelled.append(self._attempt)
        self.state = "idle"

    def _hear_of_reversal(self, *, done: bool) -> None:
        if done:
            self.taken_back[self._attempt] = self._redemption
        elif self.gift:
            self.hands.give(self.gift)  # too late: it stays the customer's

    def _ask(self) -> None:
        self._post("/v1/redemptions", {"token": self._shown.token}, self._attempt)

    def _cancel(self) -> None:
        self._post(f"/v1/redemptions/{self._attempt}/cancel", None, None)

    def _reverse(self) -> None:
        self._post(f"/v1/redemptions/{self._redemption}/reverse", {"reason": BACK}, f"{self._attempt}-back")

    @property
    def _shown(self) -> Paper:
        assert self._paper
        return self._paper

    @property
    def _attempt(self) -> str:
        assert self.gift
        return self.gift.act

    def _post(self, path: str, body: Any, key: str | None) -> None:
        self._requests += 1
        self.awaiting = self._requests
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        named = {"Idempotency-Key": key} if key else {}
        self.send(Message(self.name, self._requests, path, headers | named, dumps(body) if body else ""))
