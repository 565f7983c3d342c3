"""Send a message to an endpoint: by POST, to an address that was checked, within a time, and reading no more of the answer than needed.

- The name is looked up once, every address that it leads to is checked, and the connection is opened to one of these. So a name that leads
  elsewhere a moment later changes nothing.
- The certificate is verified against the name. `SSL_CERT_FILE` adds authorities, as it does for every program that uses OpenSSL.
- No redirect is followed: what an endpoint answers with 301 has failed, and says so.
- The time is for all of it together, also for a receiver that answers byte by byte.
"""

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Self
from urllib.parse import urlsplit

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from redeem.lib.version import VERSION
from redeem.webhooks.addresses import Reach, is_public, port_of
from redeem.webhooks.attempts import Attempt, Outcome, outcome_of

SECONDS = 10.0
ANSWER_BYTES_MAX = 4_096
ADDRESSES_MAX = 4  # of one name, that are tried
HEADERS = {
    "Content-Type": "application/json",
    "User-Agent": f"Redeem/{VERSION}",
    "Accept-Encoding": "identity",
}

# From a name and a port to addresses, as the system looks names up. Raises OSError.
Lookup = Callable[[str, int], list[str]]


class Failed(Exception):
    """Nothing was answered. `outcome` says why."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.value)
        self.outcome = outcome


def look_up(host: str, port: int) -> list[str]:
    """Return the addresses of a name, as the system orders them. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(each[4][0]) for each in found))


class Deadline:
    """The moment at which all must be done. `watch` has a connection broken off then, whatever it waits for."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds
        self._lock = threading.Lock()
        self._watched: socket.socket | None = None
        self.passed = False
        self._timer = threading.Timer(seconds, self._break_off)
        self._timer.daemon = True
        self._timer.start()

    @property
    def seconds_left(self) -> float:
        """How long is left: at least a moment, because 0 would be for ever."""
        return max(0.001, self._end - time.monotonic())

    def watch(self, opened: socket.socket) -> None:
        with self._lock:
            self._watched = opened
        if self.passed:
            self._break_off()

    def cancel(self) -> None:
        self._timer.cancel()
        with self._lock:
            self._watched = None

    def _break_off(self) -> None:
        with self._lock:
            self.passed = True
            if self._watched is not None:
                with suppress(OSError):
                    self._watched.shutdown(socket.SHUT_RDWR)


class Pinned:
    """Opens connections to addresses that were checked, whatever the name leads to by then. For a class of urllib3's connections.

    `held` is a second handle of the connection, by which it can be broken off while another thread waits for it.
    """

    addresses: tuple[str, ...]
    held: socket.socket | None = None
    port: int
    deadline: Deadline

    def _new_conn(self) -> socket.socket:
        opened = self._open()
        self.let_go()
        self.held = opened.dup()
        self.deadline.watch(self.held)
        return opened

    def _open(self) -> socket.socket:
        failure: OSError | None = None
        for address in self.addresses:
            try:
                return socket.create_connection((address, self.port), self.deadline.seconds_left)
            except OSError as error:
                failure = error
        raise Failed(Outcome.TOO_LATE if isinstance(failure, TimeoutError) else Outcome.UNREACHABLE)

    def let_go(self) -> None:
        if self.held is not None:
            self.held.close()
            self.held = None


class PlainConnection(Pinned, HTTPConnection):
    """Over http."""


class SecureConnection(Pinned, HTTPSConnection):
    """Over https."""


class Sender:
    """Sends messages to one URL, over one connection as long as the receiver keeps it open. Close it soon: the address is looked up once.

    `certificates` are those that are trusted, None for the system's.
    """

    def __init__(
        self,
        url: str,
        reach: Reach = Reach.PUBLIC,
        seconds: float = SECONDS,
        lookup: Lookup = look_up,
        certificates: ssl.SSLContext | None = None,
    ) -> None:
        self.url, self._reach, self._seconds, self._lookup = url, reach, seconds, lookup
        self._certificates = certificates
        self._connection: PlainConnection | SecureConnection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection.let_go()
            self._connection = None

    def post(self, body: bytes, headers: dict[str, str]) -> Attempt:
        """Send a message, and return what became of it. Raises nothing that the receiver or the network could cause."""
        begun, deadline = time.monotonic(), Deadline(self._seconds)
        try:
            status = self._post(body, headers, deadline)
            outcome = outcome_of(status)
        except Failed as failure:
            status, outcome = None, failure.outcome
        except ssl.SSLError as error:
            status, outcome = (
                None,
                Outcome.BAD_CERTIFICATE if not isinstance(error, ssl.SSLEOFError) else Outcome.BROKEN_OFF,
            )
        except (OSError, HTTPError, http.client.HTTPException, ValueError) as error:
            status, outcome = None, Outcome.TOO_LATE if is_timeout(error) else Outcome.BROKEN_OFF
        finally:
            deadline.cancel()
        if status is None:
            self.close()
        if deadline.passed and status is None:
            outcome = Outcome.TOO_LATE
        return Attempt(outcome, status, round((time.monotonic() - begun) * 1000))

    def _post(self, body: bytes, headers: dict[str, str], deadline: Deadline) -> int:
        if self._connection is not None and not is_open(self._connection):
            self.close()
        connection = self._connection = self._connection or self._connect(deadline)
        connection.deadline = deadline
        if connection.held is not None:
            deadline.watch(connection.held)
        parts = urlsplit(self.url)
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        connection.request("POST", target, body, HEADERS | headers, preload_content=False, decode_content=False)
        answer = connection.getresponse()
        if deadline.passed:  # headers that were broken off in the middle look like whole ones
            raise Failed(Outcome.TOO_LATE)
        self._read_on(answer)
        return answer.status

    def _read_on(self, answer: Any) -> None:
        """Read the answer's body, so that the connection can be used again. If it is long, slow or broken, close it."""
        try:
            read = answer.read(ANSWER_BYTES_MAX)
        except (OSError, HTTPError, http.client.HTTPException):
            return self.close()
        return self.close() if len(read) == ANSWER_BYTES_MAX else None

    def _connect(self, deadline: Deadline) -> PlainConnection | SecureConnection:
        parts = urlsplit(self.url)
        host, port = parts.hostname or "", port_of(self.url)
        addresses = self._checked(host, port, deadline)
        connection: PlainConnection | SecureConnection
        if parts.scheme == "https":
            context = self._certificates or ssl.create_default_context()
            connection = SecureConnection(host, port, timeout=deadline.seconds_left, ssl_context=context)
        else:
            connection = PlainConnection(host, port, timeout=deadline.seconds_left)
        connection.addresses, connection.deadline = addresses, deadline
        return connection

    def _checked(self, host: str, port: int, deadline: Deadline) -> tuple[str, ...]:
        """The addresses of the name. One that is not public is enough to refuse them all."""
        addresses = within(lambda: self._lookup(host, port), deadline)
        if self._reach != Reach.ANY and not all(map(is_public, addresses)):
            raise Failed(Outcome.NOT_PUBLIC)
        return tuple(addresses[:ADDRESSES_MAX])


def within(look: Callable[[], list[str]], deadline: Deadline) -> list[str]:
    """Return what `look` finds before the deadline. The system's look-up has no time limit, so a thread waits for it."""
    found: list[list[str]] = []

    def run() -> None:
        with suppress(OSError, UnicodeError):
            found.append(look())

    thread = threading.Thread(target=run, name="webhook-look-up", daemon=True)
    thread.start()
    thread.join(deadline.seconds_left)
    if thread.is_alive():
        raise Failed(Outcome.TOO_LATE)
    if not found or not found[0]:
        raise Failed(Outcome.NO_SUCH_NAME)
    return found[0]


def is_open(connection: HTTPConnection) -> bool:
    """Return whether a connection that was used before can be used again."""
    return connection.is_connected


def is_timeout(error: BaseException) -> bool:
    return isinstance(error, TimeoutError) or isinstance(error.__cause__, TimeoutError)
