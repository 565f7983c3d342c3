"""The network: it loses, repeats, delays and reorders requests and answers. A message that is never carried never arrives."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from redeem.domain.judgement import REQUEST_AGE_MAX_MS
from redeem.lib.times import Ms
from tests.simulation.chance import Clock


@dataclass(frozen=True, slots=True)
class Answer:
    """`json` is None where the body is not JSON; then `base64` has it."""

    status: int
    headers: dict[str, str]
    json: Any = None
    base64: str = ""

    def told(self) -> dict[str, Any]:
        """As a tablet hears it."""
        return {"status": self.status, "headers": self.headers, "json": self.json, "base64": self.base64}


@dataclass(frozen=True, eq=False)
class Message:
    """A request on its way up, or its answer on its way down. `request` is the sender's own number for it, `number` its answer's to a
    device that syncs. `at`: when it was sent."""

    sender: str
    request: int
    path: str
    headers: dict[str, str] = field(repr=False)
    body: str = field(repr=False)
    answer: Answer | None = None
    number: int | None = None
    at: Ms = 0

    @property
    def device(self) -> str:
        """Returns the device that signed it."""
        return self.headers["Signature-Input"].partition('keyid="')[2].partition('"')[0]

    def answered(self, answer: Answer, number: int | None = None) -> "Message":
        return replace(self, answer=answer, number=number)


class Network:
    def __init__(self, clock: Clock) -> None:
        self.messages: list[Message] = []
        self._clock = clock

    def send(self, message: Message) -> Message:
        """Returns it with its time."""
        sent = replace(message, at=self._clock.now)
        self.messages.append(sent)
        return sent

    def too_old(self) -> list[Message]:
        """The requests that no network would still deliver. The server relies on that."""
        first = self._clock.now - REQUEST_AGE_MAX_MS
        return [message for message in self.messages if message.answer is None and message.at < first]

    def repeat(self, message: Message) -> None:
        """The same request arrives twice, the second time at any later moment."""
        self.messages.append(replace(message))

    def take(self, message: Message) -> Message:
        self.messages.remove(message)
        return message

    def pick(self, chance: Random, wanted: Callable[[Message], bool]) -> Message | None:
        """Returns any of the wanted messages: the network keeps no order."""
        some = [message for message in self.messages if wanted(message)]
        return chance.choice(some) if some else None


def as_request(sent: dict[str, Any]) -> Message:
    """Returns the message for a request that a tablet sends."""
    return Message(sent["tab"], sent["request"], sent["path"], sent["headers"], sent["body"])
