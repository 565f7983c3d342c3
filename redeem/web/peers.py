"""Whose request it is behind a proxy: the address that throttles and the log go by.

A proxy adds the address that it was asked from at the end of X-Forwarded-For. So the header is read from its end, as long as the peer is
a trusted proxy; what stands further left was written by a stranger. From anybody else the header counts for nothing.
"""

import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Any

from flask import Flask
from structlog import get_logger

from redeem.config import Settings
from redeem.lib.files import write_private

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
FORWARDED_FOR = "HTTP_X_FORWARDED_FOR"
HOPS_MAX = 10
# This machine and its network. Anybody on the internet can send the header, and is no proxy for it.
NEIGHBOURS = [
    ip_network(text)
    for text in ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fc00::/7", "fe80::/10")
]
NOTED_EVERY_SECONDS = 3600.0
NOTE_FILE = "untrusted-proxy.json"
log = get_logger()


@dataclass(frozen=True, slots=True)
class Untrusted:
    """A neighbour that passes requests on and is not a trusted proxy, as the doctor is told of it. `at` is in seconds since 1970."""

    peer: str
    at: int

    @property
    def address(self) -> Address:
        return ip_address(self.peer)


def attach(app: Flask, settings: Settings) -> None:
    app.wsgi_app = Peers(app.wsgi_app, settings.trusted_proxies, settings.instance_path.resolve() / NOTE_FILE)  # type: ignore[method-assign]


class Peers:
    """The middleware. It replaces REMOTE_ADDR by the address that the trusted proxies name.

    `note` is the file in which a neighbour is noted that seems to be a proxy and is not trusted.
    """

    def __init__(self, inner: Callable[..., Iterable[bytes]], trusted: Sequence[Network], note: Path) -> None:
        self._inner, self._trusted, self._note = inner, trusted, note
        self._noted_at: float | None = None

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        passed_on = environ.pop(FORWARDED_FOR, None)
        if passed_on is not None:
            peer = read_address(environ.get("REMOTE_ADDR", ""))
            environ["REMOTE_ADDR"] = str(source_of(peer, passed_on, self._trusted) or "")
            if peer and is_within(peer, NEIGHBOURS) and not is_within(peer, self._trusted):
                self._note_untrusted(peer)
        return self._inner(environ, start_response)

    def _note_untrusted(self, peer: Address) -> None:
        now = time.monotonic()
        if self._noted_at is None or now - self._noted_at > NOTED_EVERY_SECONDS:
            self._noted_at = now
            try:
                write_private(self._note, json.dumps(asdict(Untrusted(str(peer), int(time.time())))).encode())
            except OSError as error:  # the request itself needs no disk
                log.error("fault", exc_info=error)


def source_of(peer: Address | None, passed_on: str, trusted: Sequence[Network]) -> Address | None:
    """The address that the request came from: the first from the right that is no trusted proxy."""
    hops = [text.strip() for text in passed_on.split(",")[-HOPS_MAX:]]
    while peer and hops and is_within(peer, trusted):
        before = read_address(hops.pop())
        if before is None:
            break  # no proxy writes that: it is the last one that we know
        peer = before
    return peer


def read_address(text: str) -> Address | None:
    """`192.0.2.1`, `192.0.2.1:443`, `2001:db8::1` or `[2001:db8::1]:443`. None if it is none of them. An IPv4 address in IPv6 is one."""
    host = text.rpartition(":")[0] if text.count(":") == 1 or "]:" in text else text
    try:
        address = ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def is_within(address: Address, networks: Sequence[Network]) -> bool:
    return any(address in network for network in networks)


def last_untrusted(instance: Path) -> Untrusted | None:
    try:
        return Untrusted(**json.loads((instance / NOTE_FILE).read_text()))
    except FileNotFoundError:
        return None
