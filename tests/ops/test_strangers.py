"""The real server and those who send slowly, too much, or half: nobody else waits for them."""

import json
import socket
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection
from typing import Any

import pytest

from bench import load, tasks
from bench.stage import Stage, staged
from redeem.ops import intake, server

pytestmark = pytest.mark.slow

STRANGERS = 1_000
PATIENCE_SECONDS = 2.0  # for one redemption among them; alone it takes a hundredth of that
HEAD = b"GET /v1/coupons HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "


@pytest.fixture(scope="module")
def stage(tmp_path_factory) -> Iterator[Stage]:
    with staged("SQLite", tmp_path_factory.mktemp("strangers"), None) as opened:  # type: ignore[arg-type]
        yield opened


def head(path: str, length: int, **headers: str) -> bytes:
    return load.request("POST", path, b"", **headers).replace(
        b"Content-Length: 0", f"Content-Length: {length}".encode()
    )


@contextmanager
def dripping(port: int, heads: list[bytes]) -> Iterator[list[socket.socket]]:
    with ExitStack() as open_ones:
        sockets = []
        for each in heads:
            one = open_ones.enter_context(socket.create_connection(("127.0.0.1", port)))
            one.sendall(each)
            one.setblocking(False)
            sockets.append(one)
        yield sockets


def drip(sockets: list[socket.socket], heard: Counter[bytes]) -> list[socket.socket]:
    """Sends a byte on each, hears what is answered, and returns those that are still open."""
    left = []
    for each in sockets:
        try:
            answer = each.recv(100)
            heard[answer[9:12]] += 1
        except BlockingIOError:
            left.append(each)
            each.send(b"x")
        except ConnectionResetError:
            heard[b""] += 1
    return left


def test_a_thousand_that_send_slowly_keep_nobody_waiting(stage: Stage):
    """Taken away, the intake lets 60 of them stop the server: each has a thread that waits for its body."""
    key = f"Bearer {stage.till_keys[0]}"
    bodies = [head("/v1/verifications", 50_000, Authorization=key)] * (STRANGERS // 2)
    unsigned = [head("/clerk/sync", 50_000)] * (STRANGERS // 4)
    heads = [HEAD] * (STRANGERS // 4)
    heard: Counter[bytes] = Counter()
    with dripping(stage.server.port, bodies + unsigned + heads) as sockets:
        left = sockets
        ends = time.monotonic() + server.HEAD_SECONDS + 10
        while left and time.monotonic() < ends:
            left = drip(left, heard)
            answered = load.run(stage.server.port, tasks.redemptions(stage, 4, 40))
            assert answered.statuses == {201: 40}
            assert answered.p99_ms < PATIENCE_SECONDS * 1000
    assert heard == {b"503": len(bodies) + len(unsigned), b"": len(heads)}


def ask(stage: Stage, data: bytes, *, shut: bool = False) -> tuple[int, dict[str, Any]]:
    with socket.create_connection(("127.0.0.1", stage.server.port), timeout=intake.SECONDS_FREE * 2) as one:
        one.sendall(data)
        if shut:
            one.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: one.recv(65_536), b"")) if shut else one.recv(65_536)
    status, _, body = answer.partition(b"\r\n\r\n")
    return int(status[9:12]), json.loads(body)


def test_a_body_of_whoever_shows_no_key_is_read_and_not_kept(stage: Stage):
    status, answer = ask(stage, head("/v1/verifications", 900_000) + b"x" * 900_000)
    assert (status, answer["code"]) == (401, "unauthenticated")
    status, answer = ask(stage, head("/clerk/sync", 900_000) + b"x" * 900_000)
    assert (status, answer["code"]) == (401, "not_signed")


@pytest.mark.parametrize("length", ["Content-Length: 10000000", "Transfer-Encoding: chunked"])
def test_a_body_that_is_too_large_is_told_to_whoever_still_sends(stage: Stage, length):
    key = f"Bearer {stage.till_keys[0]}"
    sent = load.request("POST", "/v1/verifications", b"", Authorization=key)
    body = b" " * 10_000_000
    if "chunked" in length:
        body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    status, answer = ask(stage, sent.replace(b"Content-Length: 0", length.encode()) + body)
    assert (status, answer["code"]) == (413, "too_large")


@pytest.mark.parametrize(
    "lengths",
    [
        "Content-Length: 7\r\nContent-Length: 9",
        "Content-Length: 7, 9",
        "Content-Length: +7",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding: gzip",
    ],
)
def test_a_body_whose_end_can_be_read_in_two_ways_is_refused(stage: Stage, lengths):
    """What a proxy in front takes for one request must not be two here."""
    sent = load.request("POST", "/v1/verifications", b"", Authorization=f"Bearer {stage.till_keys[0]}")
    with socket.create_connection(("127.0.0.1", stage.server.port), timeout=5) as one:
        one.sendall(sent.replace(b"Content-Length: 0", lengths.encode()) + b"GET /v1/coupons HTTP/1.1\r\n\r\n")
        answer = b"".join(iter(lambda: one.recv(65_536), b""))
    assert answer[9:12] == b"400"
    assert answer.count(b"HTTP/1.1 ") == 1


def test_chunks_count_and_not_a_length_beside_them(stage: Stage):
    sent = load.request("POST", "/v1/verifications", b"", Authorization=f"Bearer {stage.till_keys[0]}")
    both = sent.replace(b"Content-Length: 0", b"Content-Length: 9\r\nTransfer-Encoding: chunked")
    with socket.create_connection(("127.0.0.1", stage.server.port), timeout=5) as one:
        one.sendall(both + b"2\r\n{}\r\n0\r\n\r\n")
        answer = one.recv(65_536)
    assert answer[9:12] == b"422"  # the body is {}
    assert b"\r\nconnection: close\r\n" in answer


def test_half_a_body_is_not_taken_for_a_whole_one(stage: Stage):
    key = f"Bearer {stage.till_keys[0]}"
    data = head("/v1/verifications", 50, Authorization=key) + b'{"token":"1"}'
    with socket.create_connection(("127.0.0.1", stage.server.port)) as one:
        one.sendall(data)
    coupon = stage.coupons(1)[0]
    assert load.run(stage.server.port, [[verification(stage, coupon.token)]]).statuses == {200: 1}


def verification(stage: Stage, token: str) -> bytes:
    return load.request(
        "POST", "/v1/verifications", json.dumps({"token": token}).encode(), Authorization=f"Bearer {stage.till_keys[0]}"
    )


def test_a_connection_is_used_again_after_a_refusal(stage: Stage):
    connection = HTTPConnection("127.0.0.1", stage.server.port, timeout=10)
    for _ in range(2):
        connection.request("POST", "/v1/verifications", b'{"token":"1"}', {"Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 401
        assert connection.sock is not None


def test_files_come_whole_in_part_and_not_at_all(stage: Stage):
    connection = HTTPConnection("127.0.0.1", stage.server.port, timeout=10)
    path = "/clerk/static/clerk/main.js"

    def got(method: str = "GET", **headers: str):
        connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        return answer, answer.read()

    whole, data = got()
    assert (whole.status, int(whole.headers["Content-Length"])) == (200, len(data))
    assert whole.headers["X-Content-Type-Options"] == "nosniff"
    assert got("HEAD")[0].headers["Content-Length"] == str(len(data))
    assert got(Range="bytes=10-19")[1] == data[10:20]
    assert got(If_None_Match=whole.headers["ETag"])[0].status == 304
