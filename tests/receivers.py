"""Receivers of webhooks: real servers on this computer that answer as a test says, and remember what was sent to them."""

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from json import loads
from typing import Any

from tests.certificates import Files


@dataclass(frozen=True)
class Message:
    """What came: the path, the headers in small letters, and the body byte for byte."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def event(self) -> Any:
        return loads(self.body)


# Answers a request by the handler's means. A number is a status with an empty body.
Answer = int | Callable[[BaseHTTPRequestHandler], None]


@dataclass
class Receiver:
    """A receiver at `url`. `answers` are given one after the other, then `then` for ever. `released` lets those go on that wait for it."""

    port: int = 0
    secure: bool = False
    host: str = "127.0.0.1"
    answers: list[Answer] = field(default_factory=list)
    then: Answer = 200
    messages: list[Message] = field(default_factory=list)
    connections: int = 0
    released: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        return f"{'https' if self.secure else 'http'}://{self.host}:{self.port}/hooks"

    @property
    def ids(self) -> list[str]:
        return [message.id for message in self.messages]

    def next_answer(self) -> Answer:
        with self.lock:
            return self.answers.pop(0) if self.answers else self.then


@contextmanager
def receiving(certificate: Files | None = None, host: str = "127.0.0.1") -> Iterator[Receiver]:
    """A receiver while the block runs; with a certificate, over TLS."""
    receiver = Receiver(secure=certificate is not None, host=host)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            super().setup()
            with receiver.lock:
                receiver.connections += 1

        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            body = self.rfile.read(length)
            if len(body) < length:  # the sender was killed in the middle of it: nothing came
                self.close_connection = True
                return
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer = receiver.next_answer()
            with receiver.lock:
                receiver.messages.append(Message(self.path, headers, body))
            if isinstance(answer, int):
                self.send_response(answer)
                self.send_header("Content-Length", "0")
                self.end_headers()
            else:
                answer(self)

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: Any) -> None:
            """A sender that breaks off is what some tests are about."""

    server = Server(("127.0.0.1", 0), Handler)
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate.certificate, certificate.key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    receiver.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.released.set()
        server.shutdown()
        server.server_close()
        thread.join()
