"""Measures how long a customer waits while another tablet gives a hold back, and what idle tablets cost the server.

python -m bench.recalls [tablets …]

The tablets of one store do what real ones do: each asks once a second whether there is news, and syncs every 20 seconds. Again and
again a clerk scans a coupon that another tablet holds. The time is from that verify to the one that says it may be given. The tablets
are threads of a process that does nothing else; the server is `flask serve`'s.
"""

import http.client
import json
import multiprocessing
import random
import statistics
import sys
import tempfile
import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient
from nacl.signing import SigningKey
from sqlalchemy import update

from bench.machine import describe
from bench.stage import Stage, staged
from redeem.db.engine import Database
from redeem.db.models.coupons import Coupon
from redeem.db.models.devices import Device
from redeem.domain.journal import FIRST_HASH, Entry, read_entry, signed_bytes
from redeem.web.context import now_ms
from tests import factories, postgres
from tests.factories import Issued
from tests.web.signed import Signing

TABLETS = (10, 50, 100, 200)
RECALLS = 60
QUIET_SECONDS = 20.0
# As in static/clerk: server/sync.js and counter/counter.js.
BELL_SECONDS, SYNC_SECONDS, LOOK_SECONDS = 1.0, 20.0, 0.3
GIVE_UP_SECONDS = 60.0
spawning = multiprocessing.get_context("spawn")


@dataclass
class Enrolled:
    """An idle tablet. `port` is its server's."""

    port: int
    device_id: str
    secret: bytes
    epoch: int = 0
    number: int = 0
    previous: str = FIRST_HASH
    etag: str = ""
    position: str | None = None
    bells: int = 0
    syncs: int = 0
    turn: threading.Lock = field(default_factory=threading.Lock)
    connection: http.client.HTTPConnection | None = None

    def keep_time(self, end: threading.Event) -> None:
        """Asks for news once a second until the end, each tablet at another moment of the second."""
        next_sync = time.monotonic() + random.random() * SYNC_SECONDS
        end.wait(random.random() * BELL_SECONDS)
        while not end.wait(BELL_SECONDS):
            with self.turn:
                rung = self.post("/clerk/bell", {"v": 1, "epoch": self.epoch})["ring"]
                self.bells += 1
                if rung or time.monotonic() > next_sync:
                    self.sync()
                    next_sync = time.monotonic() + SYNC_SECONDS

    def sync(self, **asked: Any) -> dict[str, Any]:
        """Syncs, and syncs again with the releases that the first reply asked for."""
        reply = self.exchange([], **asked)
        if reply["recalls"]:
            self.exchange([self.release(recall) for recall in reply["recalls"]])
        return reply

    def exchange(self, entries: Sequence[Entry], **asked: Any) -> dict[str, Any]:
        self.syncs += 1
        sent = [{"text": entry.text, "signature": base64url(entry.signature)} for entry in entries]
        known = {"known": self.etag, "epoch": self.epoch, "position": self.position}
        body = {"v": 1, "after": self.number - len(entries), "entries": sent, **known, **asked}
        reply = self.post("/clerk/sync", body)
        self.etag = (reply.get("snapshot") or {"etag": self.etag})["etag"]
        self.position = reply.get("position", self.position)
        self.epoch = max([self.epoch, *(grant[2] for grant in reply["grants"])])
        return reply

    def release(self, recall: Sequence[Any]) -> Entry:
        campaign, number, epoch, *_ = recall
        self.number += 1
        said = {"v": 1, "n": self.number, "prev": self.previous, "at": now_ms(), "kind": "release"}
        text = json.dumps(said | {"id": f"cpn_{campaign}_{number}", "epoch": epoch})
        entry = read_entry(text, SigningKey(self.secret).sign(signed_bytes(self.device_id, text)).signature)
        self.previous = entry.hash
        return entry

    def fetch(self, token: str) -> float:
        """Returns the seconds from the first verify of a coupon that another tablet holds to the one that says it may be given."""
        began = time.perf_counter()
        while time.perf_counter() - began < GIVE_UP_SECONDS:
            with self.turn:
                verdict = self.sync(verify=token)["verdict"]["code"]
            if verdict == "good":
                return time.perf_counter() - began
            if verdict != "held_elsewhere":
                raise SystemExit(f"A held coupon was {verdict}.")
            time.sleep(LOOK_SECONDS)
        raise SystemExit("The hold was not given back.")

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        data = json.dumps({name: value for name, value in body.items() if value is not None}).encode()
        signing = Signing(FlaskClient(None), self.device_id, SigningKey(self.secret))  # only its headers are wanted
        headers = {"Content-Type": "application/json", **signing.headers(path, data)}
        self.connection = self.connection or http.client.HTTPConnection("127.0.0.1", self.port, timeout=GIVE_UP_SECONDS)
        self.connection.request("POST", path, data, headers)
        answer = self.connection.getresponse()
        told: dict[str, Any] = json.loads(answer.read())
        if answer.status != http.client.OK:
            raise SystemExit(f"{path} answered {answer.status}: {told}")
        return told


@dataclass(frozen=True)
class Times:
    """The figures of one number of tablets."""

    tablets: int
    seconds: list[float]
    requests_per_second: float

    def __str__(self) -> str:
        cuts = statistics.quantiles(self.seconds, n=20)
        return (
            f"{self.tablets} tablets: scan to Give p50 {cuts[9] * 1000:,.0f} ms, p95 {cuts[18] * 1000:,.0f} ms, longest "
            f"{max(self.seconds) * 1000:,.0f} ms of {len(self.seconds)}; {self.requests_per_second / self.tablets:.2f} requests/s a tablet"
        )


def base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def drive(port: int, tablets: Sequence[tuple[str, bytes]], coupons: Sequence[tuple[int, str]]) -> Times:
    """Runs in the process of the tablets. `coupons` are pairs: the index of the tablet that holds it, and its token."""
    all_of_them = [Enrolled(port, device_id, secret) for device_id, secret in tablets]
    for each in all_of_them:
        each.sync()
    end = threading.Event()
    threads = [threading.Thread(target=each.keep_time, args=(end,)) for each in all_of_them]
    for thread in threads:
        thread.start()
    end.wait(QUIET_SECONDS / 4)
    before, began = sum(each.bells + each.syncs for each in all_of_them), time.perf_counter()
    end.wait(QUIET_SECONDS)
    asked = (sum(each.bells + each.syncs for each in all_of_them) - before) / (time.perf_counter() - began)
    seconds = []
    for holder, token in coupons:
        seconds.append(all_of_them[holder - 1].fetch(token))
        time.sleep(random.random() * BELL_SECONDS)
    end.set()
    for thread in threads:
        thread.join()
    return Times(len(tablets), seconds, asked)


def enrol(stage: Stage, many: int) -> list[tuple[str, bytes]]:
    """Enrols new tablets at one store."""
    keys = [SigningKey.generate() for _ in range(many)]

    def add(session: Any) -> list[str]:
        first = session.get(Device, stage.tablets[0][0])
        return [factories.tablet(session, first.store_id, key, now=now_ms()).id for key in keys]

    return [(device_id, bytes(key)) for device_id, key in zip(stage.database.write(add), keys, strict=True)]


def hold(database: Database, tablets: Sequence[tuple[str, bytes]], coupons: Sequence[Issued]) -> list[tuple[int, str]]:
    """Gives the coupons to the tablets in turn, to hold."""
    held = []

    def grant(session: Any) -> None:
        for epoch, coupon in enumerate(coupons, start=1):
            holder = epoch % len(tablets)
            values = {"holder_id": tablets[holder][0], "epoch": epoch}
            session.execute(update(Coupon).where(Coupon.serial == coupon.serial).values(values))
            session.execute(update(Device).where(Device.id == tablets[holder][0]).values(newest_epoch=epoch))
            held.append((holder, coupon.token))

    database.write(grant)
    return held


def measure(stage: Stage, many: int) -> tuple[Times, float]:
    """Measures one number of tablets, also the server's processor time for an idle tablet, in ms a second."""
    tablets = enrol(stage, many)
    held = hold(stage.database, tablets, stage.coupons(RECALLS))
    worked, began = stage.worked(), time.perf_counter()
    with spawning.Pool(1) as pool:
        times = pool.apply(drive, (stage.server.port, tablets, held))
    return times, (stage.worked() - worked) / (time.perf_counter() - began) / many * 1000


def main(counts: Sequence[int]) -> None:
    cluster = postgres.start()
    try:
        with tempfile.TemporaryDirectory(prefix="redeem-bench-") as name:
            print("\n".join(describe(Path(name), cluster.url).lines()), flush=True)
            for many in counts:
                (folder := Path(name) / str(many)).mkdir()
                with staged("SQLite", folder, cluster) as stage:
                    times, cost = measure(stage, many)
                    print(f"{times}; {cost:.1f} ms of server CPU a second for each", flush=True)
    finally:
        cluster.stop()


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]] or TABLETS)
