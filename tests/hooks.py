"""The shop's receiver, an endpoint that leads to it, and the worker that sends; with a clock that a test moves."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from structlog import get_logger

from redeem.accounts.audit import OPERATOR
from redeem.db.engine import Database
from redeem.db.paging import Page
from redeem.lib.sealing import Sealer
from redeem.lib.times import Ms
from redeem.ops.webhook_sender import Sender
from redeem.ops.webhook_worker import Webhooks
from redeem.webhooks import attempts, endpoints
from redeem.webhooks.addresses import Reach
from redeem.webhooks.attempts import AttemptLine
from redeem.webhooks.endpoints import Endpoint, Shown
from tests.factories import NOW, SECRET
from tests.receivers import Receiver, receiving

SEALER = Sealer([SECRET])
SOON_SECONDS = 0.3


@dataclass
class Clock:
    """The time, which stands still unless a test moves it."""

    now: Ms = NOW + 1_000

    def __call__(self) -> Ms:
        return self.now


@dataclass
class Hooks:
    """`shown` is the endpoint with its secret. `seconds` are those that the receiver has to answer in."""

    database: Database
    receiver: Receiver
    clock: Clock
    shown: Shown
    seconds: float = 5.0
    log: Any = field(default_factory=get_logger)

    @property
    def id(self) -> str:
        return self.shown.endpoint.id

    @property
    def endpoint(self) -> Endpoint:
        return self.database.read(lambda session: endpoints.get(session, self.id, SEALER))

    @property
    def attempts(self) -> list[AttemptLine]:
        """The newest attempts, oldest first."""
        return self.database.read(lambda session: attempts.list_attempts(session, self.id, Page(100))).items[::-1]

    def worker(self) -> Webhooks:
        """A new worker, as of another process."""
        return Webhooks(self.database, SEALER, self.sender, self.log, self.clock)

    def sender(self, url: str) -> Sender:
        return Sender(url, Reach.ANY, self.seconds)

    def send_all(self) -> None:
        """Until there is nothing more, or until the endpoint fails."""
        worker = self.worker()
        while worker.step():
            pass

    def endpoints_do(self, what: Any, *args: Any, **options: Any) -> Any:
        return self.database.write(lambda session: what(session, OPERATOR, self.id, *args, self.clock(), **options))


@contextmanager
def hooked(database: Database, types: tuple[str, ...] = ()) -> Iterator[Hooks]:
    clock = Clock()
    with receiving() as receiver:
        shown = database.write(
            lambda session: endpoints.add(
                session, OPERATOR, receiver.url, clock(), sealer=SEALER, reach=Reach.ANY, types=types
            )
        )
        yield Hooks(database, receiver, clock, shown)
