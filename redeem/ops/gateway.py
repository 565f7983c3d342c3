"""Answers a request that has arrived whole by the WSGI application, through granian's RSGI objects."""

import sys
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from io import BytesIO
from typing import Any, BinaryIO, NoReturn, Protocol

from granian.rsgi import Scope
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.wsgi import FileWrapper

from redeem.web.streams import Stream

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
Wait = Callable[[Awaitable[None]], None]
Pairs = list[tuple[str, str]]
JOINED_BY = {"HTTP_COOKIE": ";"}  # the values of a header that came twice; others by a comma
BROKEN_KEPT = 256
OF_THE_BODY = ("HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH", "HTTP_TRANSFER_ENCODING")


class Exchange(Protocol):
    """One request and its answer, as granian has them: the body as it comes, and the ways to answer."""

    def __aiter__(self) -> AsyncIterator[bytes]: ...
    def response_bytes(self, status: int, headers: Pairs, body: bytes, /) -> None: ...
    def response_stream(self, status: int, headers: Pairs, /) -> "Sending": ...
    def response_file(self, status: int, headers: Pairs, file: str, /) -> None: ...


class Sending(Protocol):
    """The body of an answer that is sent in parts."""

    def send_bytes(self, part: bytes, /) -> Awaitable[None]: ...


@dataclass(frozen=True, slots=True)
class Body:
    """What came of a body. `length` is what it was to be: more than `data` has if its sender went away, `data` None if it is too long."""

    data: bytes | None
    length: int


NO_BODY = Body(b"", 0)


class Unread:
    """The input of a request whose body was not kept, because it is longer than it may be."""

    def read(self, _size: int = -1) -> NoReturn:
        raise RequestEntityTooLarge

    readline = read


class FileBody(FileWrapper):
    """A file that the application answers with (`wsgi.file_wrapper`). The server sends it without a thread, as it is read."""

    def __init__(self, file: BinaryIO, chunk_bytes: int = 8192) -> None:
        super().__init__(file, chunk_bytes)
        self.path = file.name


class Gateway:
    """One application. `answer` may be called in several threads at once."""

    def __init__(self, application: Wsgi) -> None:
        self._application = application
        self._broken: deque[Sending] = deque(maxlen=BROKEN_KEPT)
        self._environ = {
            "GATEWAY_INTERFACE": "CGI/1.1",
            "SCRIPT_NAME": "",
            "SERVER_SOFTWARE": "granian",
            "wsgi.errors": sys.stderr,
            "wsgi.file_wrapper": FileBody,
            "wsgi.multiprocess": False,
            "wsgi.multithread": True,
            "wsgi.run_once": False,
            "wsgi.version": (1, 0),
        }

    def answer(self, scope: Scope, exchange: Exchange, body: Body, wait: Wait) -> None:
        """Calls the application and sends its answer. `wait` has the event loop send a part of one that is streamed."""
        head: list[tuple[int, Pairs]] = []

        def start(status: str, headers: Pairs, _error: Any = None) -> None:
            head[:] = [(int(status[:3]), headers)]

        answered = self._application(self.environ_of(scope, body), start)
        try:
            if isinstance(answered, FileBody):
                exchange.response_file(*head[0], answered.path)
            elif isinstance(answered, Stream):
                self.stream(head[0], exchange, answered, wait)
            else:
                data = b"".join(answered)  # before the headers are sent: an error on the way is still told
                exchange.response_bytes(*head[0], data)
        finally:
            if hasattr(answered, "close"):
                answered.close()

    def stream(self, head: tuple[int, Pairs], exchange: Exchange, parts: Stream, wait: Wait) -> None:
        """Sends each part when the one before has gone out, so at most two are in memory, however slowly they are read."""
        transport = exchange.response_stream(*head)
        try:
            for part in parts:
                wait(transport.send_bytes(part))
        except Exception:
            # A stream that ends is taken for whole. This one stays open, so that its reader runs into a timeout, and knows.
            self._broken.append(transport)
            raise

    def environ_of(self, scope: Scope, body: Body) -> dict[str, Any]:
        environ = self._environ.copy()
        environ["REQUEST_METHOD"] = scope.method
        environ["PATH_INFO"] = scope.path.encode().decode("latin-1")  # as WSGI has it: each character is a byte
        environ["QUERY_STRING"] = scope.query_string
        environ["SERVER_PROTOCOL"] = f"HTTP/{scope.http_version}"
        environ["SERVER_NAME"], environ["SERVER_PORT"] = split_address(scope.server)
        environ["REMOTE_ADDR"], _ = split_address(scope.client)
        environ["wsgi.url_scheme"] = scope.scheme
        environ.update(headers_of(scope.headers.items()))
        environ.setdefault("HTTP_HOST", scope.authority or "")
        for name in OF_THE_BODY:
            environ.pop(name, None)
        kind = scope.headers.get("content-type")
        if kind is not None:
            environ["CONTENT_TYPE"] = kind
        environ["CONTENT_LENGTH"] = str(body.length)
        environ["wsgi.input"] = Unread() if body.data is None else BytesIO(body.data)
        return environ


def headers_of(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The headers as WSGI names them. One with `_` in its name is left out: it would pass for the one with `-`."""
    found: dict[str, str] = {}
    for name, value in pairs:
        if "_" not in name:
            key = f"HTTP_{name.upper().replace('-', '_')}"
            found[key] = f"{found[key]}{JOINED_BY.get(key, ',')}{value}" if key in found else value
    return found


def split_address(text: str) -> tuple[str, str]:
    """(host, port) of `127.0.0.1:8000` or `[::1]:8000`."""
    host, _, port = text.rpartition(":")
    return host.strip("[]"), port
