"""Load: several connections, each of which sends its requests one after the other, in a process that does nothing else.

The requests are made beforehand and of the answers only the status is read, so that the server is measured and not the client.
"""

import multiprocessing
import socket
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

RECEIVE_BYTES = 65_536
END_OF_HEADERS = b"\r\n\r\n"
spawning = multiprocessing.get_context("spawn")


@dataclass(frozen=True, slots=True)
class Measured:
    """The figures of a load. Milliseconds are per request, as measured by its sender."""

    requests: int
    seconds: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    statuses: dict[int, int]
    client_cpu_ms: float

    @property
    def per_second(self) -> float:
        return self.requests / self.seconds


def request(method: str, path: str, body: bytes, **headers: str) -> bytes:
    """Returns a request's bytes. In the name of a header `_` stands for `-`."""
    lines = [
        f"{method} {path} HTTP/1.1",
        "Host: 127.0.0.1",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
    ]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + END_OF_HEADERS + body


def run(port: int, requests: Sequence[Sequence[bytes]]) -> Measured:
    """Sends each list of requests on a connection of its own."""
    with spawning.Pool(1) as pool:
        return pool.apply(send_all, (port, requests))


def send_all(port: int, requests: Sequence[Sequence[bytes]]) -> Measured:
    together = threading.Barrier(len(requests) + 1)

    def connection(mine: Sequence[bytes]) -> list[tuple[int, int]]:
        with socket.create_connection(("127.0.0.1", port)) as open_socket:
            open_socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            together.wait()
            return [timed(open_socket, each) for each in mine]

    with ThreadPoolExecutor(len(requests)) as pool:
        running = [pool.submit(connection, mine) for mine in requests]
        together.wait()
        began, worked = time.perf_counter(), time.process_time()
        answers = [answer for each in running for answer in each.result()]
        seconds, worked = time.perf_counter() - began, time.process_time() - worked
    return measured(answers, seconds, worked)


def timed(open_socket: socket.socket, sent: bytes) -> tuple[int, int]:
    """Sends one request, and returns the nanoseconds until its answer and the status."""
    began = time.perf_counter_ns()
    open_socket.sendall(sent)
    status = read_answer(open_socket)
    return time.perf_counter_ns() - began, status


def read_answer(open_socket: socket.socket) -> int:
    answer = open_socket.recv(RECEIVE_BYTES)
    while (end := answer.find(END_OF_HEADERS)) < 0:
        answer += received(open_socket)
    head = answer[:end].lower()
    at = head.find(b"content-length:")
    length = int(head[at + 15 : head.find(b"\r\n", at) if head.find(b"\r\n", at) > 0 else end]) if at > 0 else 0
    missing = end + len(END_OF_HEADERS) + length - len(answer)
    while missing > 0:
        missing -= len(received(open_socket))
    return int(answer[9:12])


def received(open_socket: socket.socket) -> bytes:
    more = open_socket.recv(RECEIVE_BYTES)
    if not more:
        raise ConnectionError("the server closed the connection")
    return more


def measured(answers: Sequence[tuple[int, int]], seconds: float, worked: float) -> Measured:
    times = sorted(ns / 1_000_000 for ns, _ in answers)

    def at(share: float) -> float:
        return times[min(len(times) - 1, int(len(times) * share))]

    statuses = dict(Counter(status for _, status in answers))
    return Measured(len(times), seconds, at(0.5), at(0.95), at(0.99), statuses, worked / len(times) * 1000)
