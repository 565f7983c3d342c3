"""Measures batches of coupons: `python -m bench.batches [count]`, 1,000,000 unless it is said otherwise.

A server with its own worker makes them, asked by the API; then they are exported as CSV. "Worked" is the processor time of server and
database. While another batch is made, tills redeem: how long they wait is told, beside what they wait when nothing else is to be done.
"""

import http.client
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

from bench import load, tasks
from bench.load import Measured
from bench.machine import describe
from bench.stage import Stage, staged
from tests import postgres

KINDS = ("SQLite", "PostgreSQL")
COUNT = 1_000_000
BESIDE, TILLS, REDEMPTIONS, WARM_UP = 200_000, 4, 1_500, 400
LOOK_SECONDS = 0.25
READ_BYTES = 1 << 20
_names = count()


def main(many: int) -> None:
    cluster = postgres.start()
    try:
        with tempfile.TemporaryDirectory(prefix="redeem-bench-") as name:
            print("\n".join(describe(Path(name), cluster.url).lines()), flush=True)
            for kind in KINDS:
                (folder := Path(name) / kind).mkdir()
                with staged(kind, folder, cluster) as stage:
                    measure(stage, many)
    finally:
        cluster.stop()


def measure(stage: Stage, many: int) -> None:
    load.run(stage.server.port, tasks.redemptions(stage, TILLS, WARM_UP))
    print(f"{stage.kind}, redemptions alone: {said(redeem(stage))}", flush=True)
    batch = asked(stage, BESIDE)
    print(f"{stage.kind}, redemptions beside a batch: {said(redeem(stage))}", flush=True)
    print(f"{stage.kind}, the batch was {look(stage, batch)['status']} then", flush=True)
    until_done(stage, batch)
    with timed(stage, f"{many:,} coupons stored"):
        batch = asked(stage, many)
        until_done(stage, batch)
    with timed(stage, "exported as CSV"):
        lines = export(stage, batch)
    assert lines == many + 1
    print(f"{stage.kind}, memory of the server at most: {peak_mb(stage):.0f} MB", flush=True)


def redeem(stage: Stage) -> Measured:
    return load.run(stage.server.port, tasks.redemptions(stage, TILLS, REDEMPTIONS))


def said(measured: Measured) -> str:
    return f"{measured.per_second:,.0f}/s, p50 {measured.p50_ms:.1f} ms, p99 {measured.p99_ms:.1f} ms"


@contextmanager
def timed(stage: Stage, what: str) -> Iterator[None]:
    began, worked = time.monotonic(), stage.worked()
    yield
    seconds, worked = time.monotonic() - began, stage.worked() - worked
    print(f"{stage.kind}, {what}: {seconds:.1f} s, worked {worked:.1f} s", flush=True)


def asked(stage: Stage, many: int) -> str:
    answer = call(stage, "POST", f"/v1/campaigns/cmp_{stage.campaign}/batches", {"count": many})
    return str(json.loads(answer.read())["id"])


def look(stage: Stage, batch: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(call(stage, "GET", f"/v1/batches/{batch}").read())
    return found


def until_done(stage: Stage, batch: str) -> None:
    while (found := look(stage, batch))["status"] == "running":
        time.sleep(LOOK_SECONDS)
    assert found["status"] == "done", found


def export(stage: Stage, batch: str) -> int:
    """Reads the CSV and returns how many lines it has."""
    answer, lines = call(stage, "GET", f"/v1/batches/{batch}/coupons.csv"), 0
    while part := answer.read(READ_BYTES):
        lines += part.count(b"\n")
    return lines


def call(stage: Stage, method: str, path: str, body: Any = None) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", stage.server.port, timeout=600)
    headers = {"Authorization": f"Bearer {stage.shop_key}", "Content-Type": "application/json"}
    text = None if body is None else json.dumps(body)
    connection.request(method, path, text, headers | {"Idempotency-Key": f"bench {next(_names)}"})
    return connection.getresponse()


def peak_mb(stage: Stage) -> float:
    """Returns what the largest process of the server had at most."""
    peaks = [0]
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            fields = dict(line.split(":\t", 1) for line in status.read_text().splitlines() if ":\t" in line)
        except OSError:
            continue
        if int(fields["PPid"]) == stage.server.pid and "VmHWM" in fields:
            peaks.append(int(fields["VmHWM"].split()[0]))
    return max(peaks) / 1024


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else COUNT)
