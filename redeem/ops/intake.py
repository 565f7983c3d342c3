"""Takes in each request whole before a thread works at it, so that nobody occupies a thread by sending slowly.

granian hands a request over when its headers have arrived. The event loop collects the body, and only then do the threads see the
request. What comes too slowly is answered `too_slow`; if too many or too large bodies are on their way at once, the oldest gives way:
an honest one is here within moments.
"""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from queue import SimpleQueue

from granian.rsgi import Scope
from structlog import get_logger

from redeem.ops.gateway import NO_BODY, Body, Exchange, Gateway, Pairs

SECONDS_FREE = 10.0
BYTES_PER_SECOND_MIN = 1_000  # beyond the free seconds; a tablet on the poorest mobile network sends twice as much
BODIES_MAX = 2_000  # on their way at once
BYTES_MAX = 64_000_000  # held at once, on their way and waiting for a thread
DISCARDED_MAX_BYTES = 32_000_000
SWEEP_SECONDS = 1.0
SEND_SECONDS = 60.0
# A body that comes byte by byte costs a turn of the event loop for each: it is listened to more and more rarely.
SMALL_CHUNK_BYTES = 1_000
PAUSE_SECONDS, PAUSE_MAX_SECONDS = 0.01, 2.0

Answer = tuple[int, Pairs, bytes]
log = get_logger()


@dataclass(slots=True, eq=False)
class Coming:
    """A body on its way. At most `keep` bytes are kept of it; the others are read and forgotten, so that its sender hears the answer."""

    exchange: Exchange
    length: int | None  # None if it comes in chunks of unknown number
    keep: int
    began: float
    chunks: list[bytes] = field(default_factory=list)
    kept: int = 0
    discarded: int = 0
    small_chunks: int = 0
    empty_chunks: int = 0
    is_dropped: bool = False

    @property
    def deadline(self) -> float:
        return self.began + SECONDS_FREE + self.kept / BYTES_PER_SECOND_MIN

    @property
    def is_whole(self) -> bool:
        return self.kept + self.discarded == self.length or self.discarded > DISCARDED_MAX_BYTES

    @property
    def body(self) -> Body:
        if self.discarded:
            return Body(None, self.length or self.discarded)
        # granian ends each body by one empty chunk, and one whose sender went away by two.
        length = self.length or self.kept + self.empty_chunks - 1
        return Body(b"".join(self.chunks), length)

    @property
    def pause(self) -> float:
        """Seconds until the next chunk is asked for."""
        return min(self.small_chunks * PAUSE_SECONDS, PAUSE_MAX_SECONDS)

    def take(self, chunk: bytes) -> None:
        self.small_chunks += len(chunk) < SMALL_CHUNK_BYTES
        self.empty_chunks += not chunk
        if self.kept + self.discarded + len(chunk) > self.keep:
            self.discarded += len(chunk) + self.kept
            self.chunks, self.kept = [], 0
        else:
            self.chunks.append(chunk)
            self.kept += len(chunk)


class Intake:
    """An RSGI application in front of a WSGI application.

    `keep` says how many bytes of a request's body are kept, before any of it is read. `too_slow` makes the answer to what was dropped.
    """

    def __init__(
        self,
        gateway: Gateway,
        threads: int,
        keep: Callable[[Scope], int],
        too_slow: Callable[[], Answer],
    ) -> None:
        self._gateway, self._threads, self._keep, self._too_slow = gateway, threads, keep, too_slow
        self._coming: dict[Coming, None] = {}  # the oldest first
        self._bytes = 0
        self._whole: SimpleQueue[tuple[Scope, Exchange, Body, asyncio.Future[None]]] = SimpleQueue()

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        loop.call_later(SWEEP_SECONDS, self._sweep)
        for number in range(self._threads):
            threading.Thread(target=self._work, name=f"request-{number}", daemon=True).start()

    async def __rsgi__(self, scope: Scope, exchange: Exchange) -> None:
        body = NO_BODY
        if has_body(scope):
            coming = await self._collect(scope, exchange)
            if coming.is_dropped:
                return
            body = coming.body
        done = self._loop.create_future()
        self._whole.put((scope, exchange, body, done))
        try:
            await done
        finally:
            self._bytes -= len(body.data or b"")

    async def _collect(self, scope: Scope, exchange: Exchange) -> Coming:
        """The body when it is here, or what there was of it when it was dropped."""
        declared = scope.headers.get("content-length")
        coming = Coming(exchange, int(declared) if declared else None, self._keep(scope), time.monotonic())
        self._coming[coming] = None
        async for chunk in exchange:
            if coming.is_dropped:
                break
            self._take(coming, chunk)
            if coming.is_whole:
                break
            if len(chunk) < SMALL_CHUNK_BYTES:
                await asyncio.sleep(coming.pause)
        self._coming.pop(coming, None)
        return coming

    def _take(self, coming: Coming, chunk: bytes) -> None:
        before = coming.kept
        coming.take(chunk)
        self._bytes += coming.kept - before
        while self._coming and (len(self._coming) > BODIES_MAX or self._bytes > BYTES_MAX):
            self._drop(next(iter(self._coming)))

    def _sweep(self) -> None:
        now = time.monotonic()
        for coming in [each for each in self._coming if each.deadline < now]:
            self._drop(coming)
        self._loop.call_later(SWEEP_SECONDS, self._sweep)

    def _drop(self, coming: Coming) -> None:
        """Answers what is still on its way. The connection ends with the answer, and with it the wait for the rest."""
        del self._coming[coming]
        self._bytes -= coming.kept
        coming.is_dropped = True
        coming.exchange.response_bytes(*self._too_slow())

    def _wait(self, sending: Awaitable[None]) -> None:
        """Has the event loop send, and waits for it. Raises TimeoutError if nobody reads for SEND_SECONDS: the thread is needed."""
        asyncio.run_coroutine_threadsafe(until(sending), self._loop).result(SEND_SECONDS)

    def _work(self) -> None:
        while True:
            scope, exchange, body, done = self._whole.get()
            try:
                self._gateway.answer(scope, exchange, body, self._wait)
            except Exception as error:  # the thread goes on; without an answer granian sends 500
                log.error("fault", exc_info=error)
            self._loop.call_soon_threadsafe(done.set_result, None)


async def until(sending: Awaitable[None]) -> None:
    await sending


def has_body(scope: Scope) -> bool:
    headers = scope.headers
    return headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
