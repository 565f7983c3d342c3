"""A real server on a port of its own, over a test's database, on a network that can be made to fail."""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from flask import Flask
from nacl.signing import SigningKey
from sqlalchemy import select, update
from sqlalchemy.orm import Session
from werkzeug import Response
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.test import Client

from redeem.accounts.audit import OPERATOR
from redeem.app import create_app
from redeem.config import Settings
from redeem.db.engine import Database
from redeem.db.models.coupons import Coupon
from redeem.db.models.devices import Device, Quarantine
from redeem.db.models.ledger import Act, Redemption
from redeem.db.models.partners import Store
from redeem.devices import enrolment
from redeem.domain import tokens
from redeem.lib.strictjson import loads
from redeem.web.context import Context, now_ms
from redeem.web.languages import LANGUAGES
from redeem.web.urls import enrolment_link
from tests.ports import bound, port_of

ENROLMENT_MINUTES = 10
WORKER = "/clerk/sw.js"


@dataclass
class Network:
    """What the network does to requests, by path. When a reply is lost, the server has done everything and the connection ends."""

    losing_replies: set[str] = field(default_factory=set)
    losing_requests: set[str] = field(default_factory=set)
    held: dict[str, threading.Event] = field(default_factory=dict)
    down: bool = False
    # What is served otherwise than it is, by path: (what stands there, what is served instead).
    altered: dict[str, tuple[str, str]] = field(default_factory=dict)
    # Which paths the server with the altered files answers. The others are answered by one that has them as they are.
    is_altered: Callable[[str], bool] = lambda _path: True

    def around(self, app: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
        def serve(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
            path = environ["PATH_INFO"]
            if self.down or path in self.losing_requests:
                raise ConnectionAbortedError
            if path == WORKER and self.altered and self.is_altered(path):
                return listing(app, self.altered)(environ, start_response)
            if path in self.altered and self.is_altered(path):
                whole = {name: value for name, value in environ.items() if not name.startswith("HTTP_IF_")}
                return altered(Response.from_app(app, whole), *self.altered[path])(environ, start_response)
            body = b"".join(app(environ, start_response))
            if path in self.held:
                self.held[path].wait(timeout=60)
            if path in self.losing_replies:
                raise ConnectionAbortedError
            return [body]

        return serve


def listing(app: Callable[..., Iterable[bytes]], all_altered: dict[str, tuple[str, str]]) -> Response:
    """The service worker of a server that has these files: its list names what is served, in each language."""
    server = Client(app, Response)
    worker: Response = server.get(WORKER)
    for path, change in all_altered.items():
        if path == WORKER:
            worker = altered(worker, *change)
            continue
        answers = [server.get(path, headers={"Accept-Language": code}) for code in LANGUAGES]
        hashes = {sha256(each.get_data()).hexdigest(): sha256(altered(each, *change).get_data()) for each in answers}
        for was, instead in hashes.items():
            worker = altered(worker, was, instead.hexdigest())
    return worker


def altered(response: Response, before: str, after: str) -> Response:
    response.direct_passthrough = False
    text = response.get_data(as_text=True)
    assert before in text
    response.set_data(text.replace(before, after))
    return response


class Quiet(WSGIRequestHandler):
    """Says nothing of each request, nor of a connection that a test has broken on purpose."""

    def connection_dropped(self, error: BaseException, environ: Any = None) -> None:  # noqa: ARG002
        self.close_connection = True

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002  (werkzeug's own name)
        pass


class Backstage:
    """What a test reads and changes in the server's database directly. `url` is the server's address."""

    url: str
    tools: Context
    database: Database

    def enrolment_link(self, store_id: str, name: str = "Till 1") -> str:
        """A one-time link as a manager makes it, of this moment."""

        def invite(session: Session) -> str:
            return enrolment.invite_tablet(session, OPERATOR, store_id, name, now_ms(), ENROLMENT_MINUTES).id

        return enrolment_link(self.tools, self.database.write(invite))

    def standing(self, serial: int) -> bool:
        return self.database.read(lambda session: session.get(Redemption, serial) is not None)

    def stands(self, token: str) -> bool:
        """Whether the coupon with these digits is redeemed."""
        return self.standing(tokens.read(token).serial)

    def is_held(self, serial: int) -> bool:
        """Whether a tablet has been told that it alone may give this coupon."""
        return self.database.read(lambda session: session.get_one(Coupon, serial).holder_id is not None)

    def kinds(self, serial: int) -> list[str]:
        """What was done about this coupon, in order."""
        about = select(Act.kind).where(Act.serial == serial).order_by(Act.id)
        return self.database.read(lambda session: list(session.scalars(about)))

    def revoke(self, name: str) -> None:
        """A manager ends the device of this name."""

        def revoke(session: Session) -> None:
            found = session.scalars(select(Device.id).where(Device.name == name)).one()
            enrolment.revoke_device(session, OPERATOR, found, now_ms())

        self.database.write(revoke)

    def rename_store(self, store_id: str, name: str) -> None:
        renamed = update(Store).where(Store.id == store_id).values(name=name)
        self.database.write(lambda session: session.execute(renamed))

    def forget_seen(self, name: str) -> None:
        """Makes the device of this name one that was last seen long ago."""
        self.database.write(
            lambda session: session.execute(update(Device).where(Device.name == name).values(last_seen_at=0))
        )

    def handed_in(self) -> list[tuple[str, str]]:
        """The entries in quarantine, in order: what each is, and why it waits."""
        rows = select(Quarantine.entry, Quarantine.reason).order_by(Quarantine.number)
        found = self.database.read(lambda session: session.execute(rows).all())
        return [(loads(entry)["kind"], reason) for entry, reason in found]

    def tablets(self, store_id: str) -> int:
        """How many tablets are enrolled at the store."""
        at_store = select(Device.id).where(Device.store_id == store_id, Device.kind == "tablet")
        return self.database.read(lambda session: len(session.scalars(at_store).all()))


class LiveServer(Backstage):
    """A server in this process."""

    def __init__(self, make_settings: Callable[[str], Settings], port: int = 0) -> None:
        self._make_settings = make_settings
        self.network = Network()
        # It never listens: while the server is away connections are refused, and nobody else gets its port.
        self._address = bound(port)
        self.port = port_of(self._address)
        self.url = f"http://127.0.0.1:{self.port}"
        self._start()

    def go_away(self) -> None:
        """The server ends: connections are refused."""
        for event in self.network.held.values():
            event.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self.database.close()
        self.database.engine.dispose()

    def come_back(self) -> None:
        """It starts again, at the same address over the same database."""
        self._start()

    def stop(self) -> None:
        if self._thread.is_alive():
            self.go_away()
        self._address.close()

    def _start(self) -> None:
        with bound(self.port) as listening:  # the server has its own copy of it
            listening.listen(128)
            self.app: Flask = create_app(self._make_settings(self.url))
            self._server = make_server(
                "127.0.0.1",
                self.port,
                self.network.around(self.app.wsgi_app),
                threaded=True,
                request_handler=Quiet,
                fd=listening.fileno(),
            )
        self.tools = self.app.extensions["redeem"]
        self.database = self.tools.database
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()


def forged(token: str, key: SigningKey) -> str:
    """The same coupon signed by somebody else: right in everything but the key."""
    data = int(token).to_bytes(76)
    signature = key.sign(b"redeem-coupon-v1\0" + data[:12]).signature
    return f"{int.from_bytes(data[:12] + signature):0183d}"
