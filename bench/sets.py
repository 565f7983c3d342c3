"""Measures what a tablet's first list costs, of a campaign of a million coupons with a tenth of them redeemed; then a day with a thousand
more; then what the tablet hears of the newest coupons, which are at home at ten other stores of its partner.

python -m bench.sets

Rows are inserted in bulk. Measured are the requests of a tablet, `/clerk/sets` and `/clerk/sync`, signed and compressed as on the wire.
Bytes are exact, and the same on any machine.
"""

from __future__ import annotations

import sys
import tempfile
import time
from base64 import urlsafe_b64decode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from gzip import compress, decompress
from json import dumps, loads
from pathlib import Path
from random import Random

from flask import Flask
from sqlalchemy import bindparam, insert, update
from werkzeug.test import TestResponse

from redeem.app import create_app
from redeem.config import load_settings
from redeem.db.engine import Database
from redeem.db.models.coupons import Campaign, Coupon
from redeem.db.models.ledger import Act, Redemption
from redeem.domain import short_codes
from redeem.holds import siblings
from redeem.ledger import ledger
from redeem.lib.ids import new_id
from tests import factories
from tests.cast import TABLET_KEY, Cast
from tests.databases import Original
from tests.factories import MOSCOW, NOW, SECRET
from tests.gaps import from_gaps
from tests.web.signed import Signing

COUPONS, SHARE_REDEEMED, DAY, OTHER_STORES = 1_000_000, 0.1, 1_000, 10
ROWS_AT_ONCE = 20_000
SEED = 20_261_121


@dataclass(frozen=True)
class SetsCost:
    """Bytes on the wire, and milliseconds on the server. `empty_bytes` is a sync on which nothing has changed.

    `homes`: coupons of which the tablet heard where they are at home. `homes_bytes` is of all replies, `homes_ms` of the slowest.
    """

    coupons: int
    redeemed: int
    first_bytes: int
    first_ms: float
    day: int
    day_bytes: int
    empty_bytes: int
    day_ms: float
    homes: int
    homes_bytes: tuple[int, ...]
    homes_ms: float

    def __str__(self) -> str:
        return (
            f"first list of {self.coupons:,} coupons, {self.redeemed:,} redeemed: {self.first_bytes / 1000:.1f} kB"
            f" (limit 80), {self.first_ms:.0f} ms; a day of {self.day:,} redemptions: {self.day_bytes / 1000:.2f} kB"
            f" (limit 2.5), {self.day_ms:.0f} ms; nothing new: {self.empty_bytes} bytes;"
            f" homes of {self.homes:,} coupons at {OTHER_STORES} other stores: {self.homes_bytes} bytes, {self.homes_ms:.0f} ms"
        )


def measure(coupons: int = COUPONS) -> SetsCost:
    """Makes the campaign on SQLite in a temporary folder, asks, and removes it."""
    with tempfile.TemporaryDirectory() as name:
        app, database, cast = _open(Path(name))
        try:
            return _measure(app, database, cast, coupons)
        finally:
            database.close()
            database.engine.dispose()


def _measure(app: Flask, database: Database, cast: Cast, coupons: int) -> SetsCost:
    chance = Random(SEED)  # the same campaign each time
    _issue(database, cast, coupons)
    given = chance.sample(range(coupons), int(coupons * SHARE_REDEEMED) + DAY)
    _redeem(database, cast, given[DAY:], noted=False)
    tablet = Signing(app.test_client(), cast.tablet_id, TABLET_KEY)
    first, first_ms = _timed(lambda: tablet.post("/clerk/sets", {"v": 1, "campaign": cast.anywhere}))
    assert decompress(first.data).count(b"\0") < coupons / 4
    known = _sync(tablet, position=first.headers["Redeem-Position"])
    position, etag = known["changes"]["position"], known["snapshot"]["etag"]
    _redeem(database, cast, given[:DAY], noted=True)
    reply, day_ms = _timed(lambda: _post_sync(tablet, position=position, known=etag))
    changes = loads(_plain(reply))["changes"]
    empty_bytes = len(_post_sync(tablet, position=changes["position"], known=etag).data)
    _send_home(database, cast, coupons, chance)
    homes = list(_hear_homes(tablet, cast, position=changes["position"], known=etag))
    return SetsCost(
        coupons=coupons,
        redeemed=len(given) - DAY,
        first_bytes=len(first.data),
        first_ms=first_ms,
        day=DAY,
        day_bytes=_packed_bytes(changes),
        empty_bytes=empty_bytes,
        day_ms=day_ms,
        homes=sum(told for told, _, _ in homes),
        homes_bytes=tuple(size for _, size, _ in homes),
        homes_ms=max(ms for _, _, ms in homes),
    )


def _open(folder: Path) -> tuple[Flask, Database, Cast]:
    original, url = Original(), f"sqlite:///{folder}/sets.sqlite"
    original.fill(url)
    settings = load_settings(
        secret_keys=SECRET,
        database_url=url,
        base_url="http://localhost",
        instance_path=folder,
        time_zone=MOSCOW,
        log_level="ERROR",
    )
    app = create_app(settings)
    database: Database = app.extensions["redeem"].database
    return app, database, original.cast


def _issue(database: Database, cast: Cast, many: int) -> None:
    for start in range(0, many, ROWS_AT_ONCE):
        rows = [_coupon(cast.anywhere, number) for number in range(start, min(start + ROWS_AT_ONCE, many))]
        database.write(lambda session, rows=rows: session.connection().execute(insert(Coupon), rows))  # type: ignore[misc]
    counted = update(Campaign).where(Campaign.number == cast.anywhere).values(coupons=many)
    database.write(lambda session: session.execute(counted))


def _coupon(campaign: int, number: int) -> dict[str, object]:
    return {
        "serial": campaign << 32 | number,
        "campaign_number": campaign,
        "key_id": 1,
        "last_day": 20_000,
        "short_code": short_codes.new_code(),
        "issued_at": NOW,
    }


def _redeem(database: Database, cast: Cast, numbers: Sequence[int], *, noted: bool) -> None:
    """Redeems as a till does. `noted`: in a transaction each, so that tablets hear of it as changes."""
    for start in range(0, len(numbers), ROWS_AT_ONCE):
        part = numbers[start : start + ROWS_AT_ONCE]
        acts = [_act(cast, number) for number in part]
        given = [
            {"serial": act["serial"], "act_id": act["id"], "device_id": act["device_id"], "at": NOW} for act in acts
        ]
        database.write(lambda s, acts=acts: s.connection().execute(insert(Act), acts))  # type: ignore[misc]
        database.write(lambda s, given=given: s.connection().execute(insert(Redemption), given))  # type: ignore[misc]
    for number in numbers if noted else ():
        serial = cast.anywhere << 32 | number
        database.write(lambda session, serial=serial: ledger.note_change(session, serial))  # type: ignore[misc]


def _send_home(database: Database, cast: Cast, coupons: int, chance: Random) -> None:
    """Gives each of the newest coupons a home at one of the partner's other stores."""
    stores = database.write(
        lambda session: [factories.store(session, cast.north_partner, f"Store {n}").id for n in range(OTHER_STORES)]
    )
    low = cast.anywhere << 32
    rows = [
        {"of": low + number, "home": chance.choice(stores)}
        for number in range(max(0, coupons - siblings.NEWEST_MAX), coupons)
    ]
    moved = update(Coupon).where(Coupon.serial == bindparam("of")).values(home_store_id=bindparam("home"))
    database.write(lambda session: session.connection().execute(moved, rows))


def _hear_homes(tablet: Signing, cast: Cast, **said: object) -> Iterator[tuple[int, int, float]]:
    """Yields (coupons, bytes, ms) of each reply that tells homes."""
    campaign, heard = str(cast.anywhere), 0
    while True:
        reply, ms = _timed(lambda heard=heard: _post_sync(tablet, homes={campaign: heard}, **said))
        told = loads(_plain(reply)).get("homes")
        if not told:
            return
        heard = told[campaign]["until"]
        numbers = [from_gaps(urlsafe_b64decode(gaps + "===")) for gaps in told[campaign]["at"].values()]
        yield sum(map(len, numbers)), _packed_bytes(told), ms


def _act(cast: Cast, number: int) -> dict[str, object]:
    return {
        "id": new_id("rdm", NOW),
        "device_id": cast.north_till_id,
        "name": f"attempt-{number}",
        "kind": "redeem",
        "store_id": cast.north,
        "serial": cast.anywhere << 32 | number,
        "code": "redeemed",
        "answer": "{}",
        "fingerprint": "",
        "at": NOW,
    }


def _sync(tablet: Signing, **said: object) -> dict[str, dict[str, str]]:
    told: dict[str, dict[str, str]] = loads(_plain(_post_sync(tablet, **said)))
    return told


def _post_sync(tablet: Signing, **said: object) -> TestResponse:
    return tablet.post("/clerk/sync", {"v": 1, "after": 0, "entries": [], **said})


def _plain(response: TestResponse) -> bytes:
    return decompress(response.data) if response.headers.get("Content-Encoding") == "gzip" else response.data


def _packed_bytes(told: object) -> int:
    return len(compress(dumps(told, separators=(",", ":")).encode()))


def _timed(ask) -> tuple[TestResponse, float]:
    began = time.perf_counter()
    answer = ask()
    return answer, (time.perf_counter() - began) * 1000


def main() -> int:
    sys.stdout.write(f"{measure()}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
