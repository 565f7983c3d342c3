"""Measures the office's first page over millions of redemptions: `python -m bench.dashboard`.

Two years of tallies are inserted in bulk: 120 stores of 12 partners, 8 campaigns, 10.6 million gifts a year. The same questions are
asked before and after closed days are added up. The report alone and the whole page are measured; each figure is the median of five.
"""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

from sqlalchemy import create_engine, insert

from redeem.accounts import sessions
from redeem.accounts.roles import WHOLE, Scope
from redeem.app import create_app
from redeem.config import load_settings
from redeem.db.base import Base
from redeem.db.engine import Database, engine_options
from redeem.db.models.reports import Tally
from redeem.lib.times import local_day
from redeem.reports import overview, rollups
from redeem.reports.overview import Period, Question
from redeem.web.context import now_ms
from tests import factories, postgres
from tests.factories import SECRET

PARTNERS, STORES_EACH, CAMPAIGNS, DAYS = 12, 10, 8, 730
GIFTS_A_SLOT, SLOTS = 15, 2
OUTCOMES = (("reversed", 1), ("declined:already_redeemed", 3), ("refusal:no_receipt", 1))
ROWS_AT_ONCE = 20_000
TIMES = 5


class Shop:
    """A database with two years of tallies, and the ids that a question may have."""

    def __init__(self, kind: str, folder: Path, url: str) -> None:
        self.kind, self.url, self.folder = kind, url, folder
        engine_url = url.replace("postgresql://", "postgresql+psycopg://")
        self.database = Database(create_engine(engine_url, **engine_options(engine_url)))
        Base.metadata.create_all(self.database.engine)
        self.today = local_day(now_ms(), "UTC")
        self.database.write(self._open)
        rows = self._tallies()
        while batch := [row for row, _ in zip(rows, range(ROWS_AT_ONCE), strict=False)]:
            self._keep(batch)

    def _open(self, session: Any) -> None:
        self.partners = [factories.partner(session, f"Partner {number}").id for number in range(PARTNERS)]
        self.stores = [
            factories.store(session, partner, f"Store {number}").id
            for partner in self.partners
            for number in range(STORES_EACH)
        ]
        self.campaigns = [
            factories.campaign(session, f"Campaign {number}", partners=self.partners).number
            for number in range(CAMPAIGNS)
        ]
        manager = factories.manager(session, "shop_manager", "bench@example.org", "no hash")
        self.secret = sessions.open_session(session, manager.id, "bench", now_ms())

    def _keep(self, rows: list[dict[str, Any]]) -> None:
        self.database.write(lambda session: session.execute(insert(Tally), rows))

    def _tallies(self) -> Iterator[dict[str, Any]]:
        chance = Random(1)
        each = [("redeemed", GIFTS_A_SLOT, slot) for slot in range(SLOTS)] + [
            (name, many, 0) for name, many in OUTCOMES
        ]
        for day in range(self.today - DAYS + 1, self.today + 1):
            for campaign in self.campaigns:
                for store in self.stores:
                    for outcome, many, slot in each:
                        count = chance.randrange(many, 2 * many) if many > 1 else 1
                        row = {"day": day, "campaign_number": campaign, "store_id": store, "outcome": outcome}
                        yield row | {"slot": slot, "count": count}

    def questions(self) -> dict[str, tuple[Question, str]]:
        """Returns the questions by name, each with the address of its page."""
        found = {}
        for days in (30, 90, 365):
            period = Period(self.today - days + 1, self.today)
            campaign, partner, store = self.campaigns[0], self.partners[0], self.stores[0]
            found[f"{days} days"] = Question(WHOLE, period), f"days={days}"
            found[f"{days} days, a campaign"] = (
                Question(WHOLE, period, campaign),
                f"days={days}&campaign=cmp_{campaign}",
            )
            found[f"{days} days, a partner"] = (
                Question(WHOLE, period, None, Scope(partner)),
                f"days={days}&partner={partner}",
            )
            found[f"{days} days, a store"] = (
                Question(WHOLE, period, None, Scope(store_id=store)),
                f"days={days}&store={store}",
            )
        return found

    def reports(self) -> dict[str, float]:
        """Returns the milliseconds of each question."""
        return {name: self._timed(question) for name, (question, _) in self.questions().items()}

    def _timed(self, question: Question) -> float:
        return timed(lambda: self.database.read(lambda db: overview.report(db, question)))

    def pages(self) -> dict[str, float]:
        settings = load_settings(
            secret_keys=SECRET,
            database_url=self.url,
            instance_path=self.folder,
            secure_cookies=False,
            log_level="ERROR",
        )
        app = create_app(settings)
        client = app.test_client()
        client.set_cookie("redeem_session", self.secret)

        def opened(address: str) -> None:
            if client.get(f"/manager/?{address}").status_code != 200:
                raise SystemExit(f"the page was not answered: {address}")

        found = {
            name: timed(lambda address=address: opened(address)) for name, (_, address) in self.questions().items()
        }
        app.extensions["redeem"].database.close()
        return found

    def add_up(self) -> float:
        began = time.perf_counter()
        while self.database.write(lambda db: rollups.add_up(db, self.today)):
            pass
        return time.perf_counter() - began


def timed(work: Any) -> float:
    seconds = []
    for _ in range(TIMES):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    return median(seconds) * 1000


def measure(kind: str, folder: Path, url: str) -> None:
    shop = Shop(kind, folder, url)
    before = shop.reports()
    seconds = shop.add_up()
    print(f"{kind}: {DAYS} days added up in {seconds:.1f} s, {seconds / DAYS * 1000:.0f} ms a day")
    after = shop.reports()
    print(", ".join(f"{name} {before[name]:.0f} → {ms:.0f} ms" for name, ms in after.items()), flush=True)
    pages = shop.pages()
    print("| question | counted, ms | added up, ms | the whole page, ms |\n|---|---|---|---|")
    for name, ms in before.items():
        print(f"| {kind}, {name} | {ms:.0f} | {after[name]:.0f} | {pages[name]:.0f} |", flush=True)
    shop.database.close()


def main() -> None:
    cluster = postgres.start()
    try:
        with tempfile.TemporaryDirectory(prefix="redeem-bench-") as name:
            measure("SQLite", Path(name), f"sqlite:///{name}/bench.sqlite")
            measure("PostgreSQL", Path(name), cluster.new_database("bench"))
    finally:
        cluster.stop()


if __name__ == "__main__":
    main()
