"""What a request uses: transactions, the clock, the configuration, the keys."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, cast

from flask import Flask, current_app
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm import Session

from redeem.config import Settings
from redeem.coupons.issue import Mint
from redeem.coupons.order_keys import OrderKeys
from redeem.db.base import Base
from redeem.db.engine import Database, Driver
from redeem.domain.proofs import Proofs
from redeem.domain.signing_keys import KeyRing
from redeem.ledger import generation, signing
from redeem.ledger.high_water import FILE, HighWater
from redeem.ledger.signing import Signer
from redeem.lib.links import Links
from redeem.lib.sealing import Sealer
from redeem.lib.times import Ms
from redeem.redemptions.fast_path import Memory
from redeem.webhooks.addresses import Reach

T = TypeVar("T")

# How long a process may use keys that another process has just rotated or marked as compromised.
KEYS_FRESH_SECONDS = 2.0

extension = SQLAlchemy(model_class=Base)
migrations = Migrate(render_as_batch=True)


class Context:
    """The tools of one application. `context()` returns those of the current application."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self.settings = settings
        self.database = database
        self.links = Links(settings.secrets)
        self.sealer = Sealer(settings.secrets)
        self.proofs = Proofs(settings.secrets)
        self.order_keys = OrderKeys(settings.secrets)
        self.memory = Memory()
        self.webhook_reach = Reach.ANY if settings.webhooks_anywhere else Reach.PUBLIC
        self._known: tuple[float, KeyRing, int] | None = None
        self._signer: tuple[float, Signer] | None = None

    def ring(self) -> KeyRing:
        """The public keys, at most KEYS_FRESH_SECONDS old."""
        return self._fresh()[1]

    def generation(self) -> int:
        """The generation of the ledger, at most KEYS_FRESH_SECONDS old: a restore begins another while the server is stopped."""
        return self._fresh()[2]

    def _fresh(self) -> tuple[float, KeyRing, int]:
        """What every process knows of the whole ledger, read together: since when, the public keys, the generation."""
        if self._known is None or time.monotonic() - self._known[0] > KEYS_FRESH_SECONDS:
            ring, number = self.database.read(lambda s: (signing.load_ring(s), generation.current(s).generation))
            self._known = time.monotonic(), ring, number
        return self._known

    def signer(self) -> Signer:
        """The signing keys, at most KEYS_FRESH_SECONDS old. Call it before a transaction: it may open one itself."""
        if self._signer is None or time.monotonic() - self._signer[0] > KEYS_FRESH_SECONDS:
            signer = self.database.read(lambda session: signing.load_signer(session, self.sealer))
            self._signer = time.monotonic(), signer
        return self._signer[1]

    def mint(self) -> Mint:
        """What makes coupons, with the newest signing key. Call it before a transaction. Raises Conflict if no key is active."""
        return Mint(self.signer().newest, self.settings.time_zone, self.order_keys)


def attach(app: Flask, settings: Settings) -> Context:
    """Gives the application its database and tools. The engine is Flask-SQLAlchemy's, the transactions are those of db/engine.py."""
    extension.init_app(app)
    migrations.init_app(app, extension)
    with app.app_context():
        tools = Context(settings, Database(extension.engine, HighWater(Path(app.instance_path) / FILE).keep))
    app.extensions["redeem"] = tools
    return tools


def context() -> Context:
    return cast(Context, current_app.extensions["redeem"])


def write(work: Callable[[Session], T], *, one_moment: bool = False) -> T:
    """Runs `work` in one durable transaction, and commits. `work` may run more than once. `one_moment`: see Database.write."""
    return context().database.write(work, one_moment=one_moment)


def read(work: Callable[[Session], T]) -> T:
    """Runs `work` in one transaction that sees one moment: what a page shows together is read together."""
    return context().database.read(work)


def autocommit(work: Callable[[Driver], T | None]) -> T | None:
    """Runs `work` on the driver, each statement its own transaction. None if that is not possible: see Database.autocommit."""
    return context().database.autocommit(work)


def now_ms() -> Ms:
    """The time now, in milliseconds since 1970. Views read this clock and hand the time on; use cases read none."""
    return time.time_ns() // 1_000_000
