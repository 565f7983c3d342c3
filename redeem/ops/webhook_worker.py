"""Sends webhooks beside the requests: as many endpoints at once as there are threads, each by one worker of all that run."""

import random
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from flask import Flask

from redeem.db.engine import Database
from redeem.events.reader import News
from redeem.lib.ids import new_id
from redeem.lib.sealing import Sealer
from redeem.lib.times import Ms
from redeem.ops.webhook_sender import Sender
from redeem.web.api.event_shapes import Event
from redeem.web.context import Context, now_ms
from redeem.web.logs import LOG
from redeem.webhooks import turns
from redeem.webhooks.attempts import Attempt
from redeem.webhooks.signatures import sign
from redeem.webhooks.turns import Turn

LOOK_SECONDS = 1.0
TURN_SECONDS = 15.0  # after this a turn begins no other event, so that what was changed is seen
ENDPOINTS_AT_ONCE = 8

# From a URL to what sends there.
SenderOf = Callable[[str], Sender]


class Webhooks:
    """Looks which endpoints have something to be sent, and sends it. Several workers of one database share the work.

    Each endpoint is served by a thread of its own, so that a slow one holds up no other. The threads are daemons: a process that ends takes
    them along, and what they were at is sent again by the next.
    """

    def __init__(
        self, database: Database, sealer: Sealer, sender_of: SenderOf, log: Any, clock: Callable[[], Ms] = now_ms
    ) -> None:
        self._database, self._sealer, self._sender_of, self._log, self._clock = database, sealer, sender_of, log, clock
        self._looked_at = 0.0
        self._busy: set[str] = set()
        self._lock = threading.Lock()

    def look(self) -> bool:
        """Begins to serve each endpoint that has something to be sent, at most once in LOOK_SECONDS. It waits for none: always False."""
        if time.monotonic() - self._looked_at >= LOOK_SECONDS:
            self._looked_at = time.monotonic()
            for endpoint_id in self._due():
                self._begin(endpoint_id)
        return False

    def step(self) -> bool:
        """Gives each endpoint that has something to be sent one turn, one after the other. Answers whether any may have more."""
        turned = [self._turn(endpoint_id) for endpoint_id in self._due()]
        return any(turned)

    def _begin(self, endpoint_id: str) -> None:
        with self._lock:
            if endpoint_id in self._busy or len(self._busy) >= ENDPOINTS_AT_ONCE:
                return
            self._busy.add(endpoint_id)
        threading.Thread(target=self._serve, args=(endpoint_id,), name="webhooks", daemon=True).start()

    def _serve(self, endpoint_id: str) -> None:
        """Sends to one endpoint until there is nothing more, or until it fails."""
        try:
            while self._turn(endpoint_id):
                pass
        except Exception as error:  # noqa: BLE001 - it is told; the lease ends, and another turn tries again
            self._log.error("webhooks_failed", endpoint=endpoint_id, exc_info=error)
        finally:
            with self._lock:
                self._busy.discard(endpoint_id)

    def _due(self) -> list[str]:
        now = self._clock()
        return self._database.read(lambda session: turns.due(session, now))

    def _turn(self, endpoint_id: str) -> bool:
        """Gives an endpoint one turn. Answers whether it went well and there may be more."""
        now, lease_id = self._clock(), new_id("lea")
        turn = self._database.write(lambda session: turns.take(session, endpoint_id, lease_id, self._sealer, now))
        if turn is None:
            return False
        failed = Sending(turn, self._database, self._sender_of, self._clock).run()
        ended, chance = self._clock(), random.random()  # noqa: S311 - no secret
        disabled = self._database.write(lambda session: turns.end(session, turn, failed, ended, chance))
        if failed is not None:
            self._log.warning("webhook_failed", endpoint=endpoint_id, outcome=failed.outcome, status=failed.status)
        if disabled:
            self._log.error("webhook_disabled", endpoint=endpoint_id)
        return failed is None


class Sending:
    """One turn: sends what is to be sent, in lanes side by side, and notes each event. It ends with the first that fails."""

    def __init__(self, turn: Turn, database: Database, sender_of: SenderOf, clock: Callable[[], Ms]) -> None:
        self._turn, self._database, self._sender_of, self._clock = turn, database, sender_of, clock
        self._until = time.monotonic() + TURN_SECONDS
        self._stopped = threading.Event()
        self._failed: Attempt | None = None

    def run(self) -> Attempt | None:
        """Sends it all. Answers the attempt that failed, None if none did."""
        lanes = list(self._turn.lanes)
        self._send_again(self._turn.again)
        if self._turn.careful and lanes:
            self._lane(lanes[0][:1])
            lanes[0] = lanes[0][1:]
        with ThreadPoolExecutor(turns.LANES, "webhook-lane") as pool:
            list(pool.map(self._lane, lanes))
        return self._failed

    def _send_again(self, again: Sequence[News]) -> None:
        """Tries each once, whatever becomes of it."""
        with self._sender_of(self._turn.url) as sender:
            for news in again:
                if self._stopped.is_set() or self._attempt(sender, news) is None:
                    return

    def _lane(self, lane: Sequence[News]) -> None:
        with self._sender_of(self._turn.url) as sender:
            for news in lane:
                if self._stopped.is_set() or time.monotonic() > self._until:
                    return
                attempt = self._attempt(sender, news)
                if attempt is not None and not attempt.is_taken:
                    self._failed = attempt
                    self._stopped.set()

    def _attempt(self, sender: Sender, news: News) -> Attempt | None:
        """Sends one event and notes it. None, and all lanes stop, if the lease is not ours any more."""
        begun, body = self._clock(), body_of(news)
        attempt = sender.post(body, sign(news.id, begun, body, self._turn.secrets))
        if not self._database.write(lambda session: turns.note(session, self._turn, news, attempt, self._clock())):
            self._stopped.set()
            return None
        return attempt


def body_of(news: News) -> bytes:
    """The message: the event as `GET /v1/events` tells it."""
    return Event.of(news).model_dump_json().encode()


def webhooks_of(app: Flask) -> Webhooks:
    tools: Context = app.extensions["redeem"]
    reach = tools.webhook_reach
    return Webhooks(tools.database, tools.sealer, lambda url: Sender(url, reach), app.extensions[LOG])
