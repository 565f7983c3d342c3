"""Bodies on their way: each has its time and its place, and the oldest gives way."""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any

import pytest

from redeem.ops import intake
from redeem.ops.gateway import Body
from redeem.ops.intake import Coming, Intake


@dataclass
class Scope:
    headers: dict[str, str] = field(default_factory=lambda: {"content-length": "30"})


class Sender:
    """granian's side of one request: `send` is what its client does, `answers` what the client hears."""

    def __init__(self):
        self.chunks: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.answers: list[int] = []

    def send(self, data: bytes) -> None:
        self.chunks.put_nowait(data)

    def end(self) -> None:
        for each in (b"", None):
            self.chunks.put_nowait(each)

    def go_away(self) -> None:
        for each in (b"", b"", None):
            self.chunks.put_nowait(each)

    def response_bytes(self, status, _headers, _body):
        self.answers.append(status)

    async def __aiter__(self):
        while (chunk := await self.chunks.get()) is not None:
            yield chunk


class Answering:
    """A gateway that keeps what it is given."""

    def __init__(self):
        self.bodies: list[Body] = []

    def answer(self, _scope, exchange, body, _wait):
        self.bodies.append(body)
        exchange.response_bytes(200, [], b"")


def run(scene, keep: int = 100, **limits: float):
    """Plays the scene, a coroutine function of (intake, gateway), on a loop of its own."""

    async def play():
        gateway: Any = Answering()
        made = Intake(gateway, 1, lambda _: keep, lambda: (503, [], b""))
        made.__rsgi_init__(asyncio.get_running_loop())
        await scene(made, gateway)

    with pytest.MonkeyPatch.context() as patch:
        for name, value in limits.items():
            patch.setattr(intake, name, value)
        asyncio.run(asyncio.wait_for(play(), 10))


async def began(made: Intake, *senders: Any, headers: dict[str, str] | None = None) -> list[asyncio.Task[None]]:
    tasks = []
    for sender in senders:
        scope: Any = Scope() if headers is None else Scope(headers)
        tasks.append(asyncio.create_task(made.__rsgi__(scope, sender)))
        await asyncio.sleep(0)
    return tasks


def test_a_body_is_answered_when_it_is_whole():
    async def scene(made, gateway):
        sender = Sender()
        [task] = await began(made, sender)
        sender.send(b"a" * 20)
        await asyncio.sleep(0.05)
        assert gateway.bodies == []
        sender.send(b"b" * 10)
        await task
        assert gateway.bodies == [Body(b"a" * 20 + b"b" * 10, 30)]
        assert made._bytes == 0

    run(scene)


def test_what_comes_too_slowly_is_answered_and_never_seen_by_a_thread():
    async def scene(made, gateway):
        sender = Sender()
        [task] = await began(made, sender)
        while not sender.answers:
            sender.send(b"a")
            await asyncio.sleep(0.01)
        sender.go_away()
        await task
        assert (sender.answers, gateway.bodies, made._bytes) == ([503], [], 0)

    run(scene, SECONDS_FREE=0.05, SWEEP_SECONDS=0.02)


def test_a_body_that_comes_fast_enough_has_its_time():
    sender: Any = Sender()
    coming = Coming(sender, 10**6, 10**6, began=time.monotonic())
    coming.take(b"a" * 50_000)
    assert coming.deadline - coming.began == pytest.approx(intake.SECONDS_FREE + 50)


def test_forgotten_bytes_buy_no_time():
    sender: Any = Sender()
    coming = Coming(sender, 10**6, 100, began=0)
    coming.take(b"a" * 50_000)
    assert coming.deadline == intake.SECONDS_FREE
    assert coming.chunks == []


def test_of_too_many_bodies_the_oldest_gives_way():
    async def scene(made, gateway):
        senders = [Sender() for _ in range(4)]
        tasks = await began(made, *senders)
        for sender in senders:
            sender.send(b"a")
            await asyncio.sleep(0.01)
        assert [sender.answers for sender in senders] == [[503], [], [], []]
        senders[3].send(b"a" * 29)
        await tasks[3]
        assert [body.length for body in gateway.bodies] == [30]

    run(scene, BODIES_MAX=3)


def test_of_too_many_bytes_the_oldest_give_way():
    async def scene(made, _):
        senders = [Sender() for _ in range(3)]
        await began(made, *senders)
        for sender in senders:
            sender.send(b"a" * 20)
            await asyncio.sleep(0.01)
        assert [sender.answers for sender in senders] == [[503], [], []]
        assert made._bytes == 40

    run(scene, BYTES_MAX=50)


CHUNKED = {"transfer-encoding": "chunked"}


@pytest.mark.parametrize("headers", [{"content-length": "5000"}, CHUNKED])
def test_a_body_longer_than_it_may_be_is_read_and_not_kept(headers):
    async def scene(made, gateway):
        sender = Sender()
        [task] = await began(made, sender, headers=headers)
        for _ in range(5):
            sender.send(b"a" * 1000)
        sender.end()
        await task
        assert (gateway.bodies, made._bytes) == ([Body(None, 5000)], 0)

    run(scene)


@pytest.mark.parametrize(("end", "missing"), [(Sender.end, 0), (Sender.go_away, 1)])
def test_a_chunked_body_whose_sender_went_away_is_not_taken_for_whole(end, missing):
    async def scene(made, gateway):
        sender = Sender()
        [task] = await began(made, sender, headers=CHUNKED)
        sender.send(b"a=1&b=")
        end(sender)
        await task
        assert gateway.bodies == [Body(b"a=1&b=", 6 + missing)]

    run(scene)


def test_a_gateway_that_fails_keeps_its_thread():
    class Failing(Answering):
        def answer(self, _scope, exchange, body, _wait):
            if not self.bodies:
                self.bodies.append(body)
                raise RuntimeError("broken")
            super().answer(_scope, exchange, body, _wait)

    async def scene(made, _):
        made._gateway = Failing()
        for expected in ([], [200]):
            sender = Sender()
            [task] = await began(made, sender, headers={})
            await task
            assert sender.answers == expected

    run(scene)
