"""A server to measure, on a database of its own, with tills, tablets and any number of coupons."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from nacl.signing import SigningKey
from sqlalchemy import create_engine, insert, select, update

from bench.machine import worked_seconds
from redeem.accounts import api_keys
from redeem.accounts.audit import OPERATOR
from redeem.db.base import Base
from redeem.db.engine import Database, engine_options
from redeem.db.models.coupons import Campaign, Coupon
from redeem.devices import enrolment
from redeem.domain import short_codes
from redeem.ledger import signing
from redeem.ledger.signing import Signer
from redeem.lib.ids import serial_of
from redeem.lib.sealing import Sealer
from redeem.web.context import now_ms
from tests import factories
from tests.crash.server import SECRET, Server
from tests.factories import Issued
from tests.postgres import Cluster

STORES, TILLS_EACH = 8, 2
ROWS_AT_ONCE = 5_000
LAST_DAY = 20_000


@dataclass
class Stage:
    """A running server. `worked` is the processor time of server and database so far."""

    kind: str
    url: str
    database: Database
    server: Server
    signer: Signer
    shop_key: str
    till_keys: list[str]
    tablets: list[tuple[str, SigningKey]]
    campaign: int
    processes: list[int] = field(default_factory=list)

    def coupons(self, many: int) -> list[Issued]:
        """Makes coupons with the numbers that follow those of the API. The rows are inserted in bulk, the tokens signed."""
        issued = select(Campaign.coupons).where(Campaign.number == self.campaign)
        first = self.database.read(lambda session: session.scalars(issued).one())
        numbers = range(first, first + many)
        made = [self._coupon(number) for number in numbers]
        for start in range(0, many, ROWS_AT_ONCE):
            rows = [self._row(coupon) for coupon in made[start : start + ROWS_AT_ONCE]]
            self.database.write(lambda session, rows=rows: session.execute(insert(Coupon), rows))  # type: ignore[misc]
        counted = update(Campaign).where(Campaign.number == self.campaign).values(coupons=first + many)
        self.database.write(lambda session: session.execute(counted))
        return made

    def _coupon(self, number: int) -> Issued:
        token = self.signer.write(self.signer.newest, self.campaign, number, LAST_DAY)
        return Issued(serial_of(self.campaign, number), "", token, short_codes.new_code())

    def _row(self, coupon: Issued) -> dict[str, object]:
        return {
            "serial": coupon.serial,
            "campaign_number": self.campaign,
            "key_id": self.signer.newest,
            "last_day": LAST_DAY,
            "short_code": coupon.short_code,
            "issued_at": now_ms(),
        }

    def worked(self) -> float:
        return worked_seconds(self.processes)


@contextmanager
def staged(kind: str, folder: Path, cluster: Cluster) -> Iterator[Stage]:
    """Starts a server. At the end of the block it is stopped and its database dropped."""
    url = f"sqlite:///{folder}/bench.sqlite" if kind == "SQLite" else cluster.new_database("bench")
    engine_url = url.replace("postgresql://", "postgresql+psycopg://")
    database = Database(create_engine(engine_url, **engine_options(engine_url)))
    Base.metadata.create_all(database.engine)
    server = Server(folder, url, log_level="INFO")
    try:
        stage = opened(kind, url, database, server)
        server.start()
        stage.processes = [server.pid, *([cluster.process.pid] if kind != "SQLite" and cluster.process else [])]
        yield stage
    finally:
        server.kill()
        database.close()
        database.engine.dispose()
        if kind != "SQLite":
            cluster.drop_database(url)


def opened(kind: str, url: str, database: Database, server: Server) -> Stage:
    sealer, now = Sealer([SECRET]), now_ms()
    keys = [SigningKey.generate() for _ in range(STORES)]

    def open_shop(session):
        signing.rotate(session, sealer, now)
        partner = factories.partner(session, "North Coffee", now).id
        stores = [factories.store(session, partner, f"Store {number}", now=now).id for number in range(STORES)]
        tills = [enrolment.add_till(session, OPERATOR, store, "Till", now).key_text for store in stores * TILLS_EACH]
        tablets = [
            (factories.tablet(session, store, key, now=now).id, key) for store, key in zip(stores, keys, strict=True)
        ]
        campaign = factories.campaign(session, partners=[partner], now=now).number
        return api_keys.add_shop_key(session, OPERATOR, "bench", now), tills, tablets, campaign

    shop_key, tills, tablets, campaign = database.write(open_shop)
    signer = database.read(lambda session: signing.load_signer(session, sealer))
    return Stage(kind, url, database, server, signer, shop_key, tills, tablets, campaign)
