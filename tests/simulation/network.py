"""The network: it loses, repeats, delays and reorders requests and answers. A message that is never carried never arrives."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from tests.simulation.server import Answer


@dataclass(frozen=True, eq=False)
class Message:
    """A request on its way up, or its answer on its way down. `request` is the sender's own number for it, `number` its answer's to a
    device that syncs."""

    sender: str
    request: int
    path: str
    headers: dict[str, str] = field(repr=False)
    body: str = field(repr=False)
    answer: Answer | None = None
    number: int | None = None

    @property
    def device(self) -> str:
        """Returns the device that signed it."""
        return self.headers["Signature-Input"].partition('keyid="')[2].partition('"')[0]

    def answered(self, answer: Answer, number: int | None = None) -> "Message":
        return replace(self, answer=answer, number=number)


class Network:
    def __init__(self) -> None:
        self.messages: list[Message] = []

    def send(self, message: Message) -> None:
        self.messages.append(message)

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
