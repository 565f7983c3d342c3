"""The address of a website as browsers write it: scheme, host and port."""

import re
from urllib.parse import SplitResult, urlsplit

DEFAULT_PORTS = {"http": 80, "https": 443}
HOST_MAX_CHARACTERS = 253
_HOST = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-))*")
_IP_6 = re.compile(r"[0-9a-f:.]+")


def read_origin(text: str) -> str:
    """Return `https://host` or `https://host:port`: in small letters, an international host in ASCII (xn--…), the usual port left out.

    Raises ValueError, which says what is wrong with the address: browsers and QRs would write another, or none.
    """
    parts = _split(text.strip())
    if parts.scheme not in DEFAULT_PORTS:
        raise ValueError("must start with http:// or https://")
    if parts.username is not None or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError("must end after the host and its port: Redeem has a host of its own, not a path of another's")
    port = _port(parts)
    return f"{parts.scheme}://{_host(parts.hostname or '')}" + ("" if port is None else f":{port}")


def _split(text: str) -> SplitResult:
    try:
        return urlsplit(text)
    except ValueError:
        raise ValueError("is no address: a bracket is missing") from None


def _port(parts: SplitResult) -> int | None:
    """The port, None if it is the scheme's own."""
    try:
        port = parts.port
    except ValueError:
        port = 0
    if port == 0:
        raise ValueError("must have a port from 1 to 65535, or none")
    return None if port == DEFAULT_PORTS[parts.scheme] else port


def _host(name: str) -> str:
    if ":" in name and _IP_6.fullmatch(name):
        return f"[{name}]"
    host = name if name.isascii() else _in_ascii(name)
    if len(host) > HOST_MAX_CHARACTERS or not _HOST.fullmatch(host):
        raise ValueError(
            "must name a host of letters, digits, hyphens and dots: browsers and certificates take no other"
        )
    return host


def _in_ascii(name: str) -> str:
    """The host as it is looked up. Browsers look up ß and its like by a newer rule than Python's: such a name must be written out."""
    try:
        host = name.encode("idna").decode()
        same = host.encode().decode("idna") == name
    except UnicodeError:
        same = False
    if not same:
        raise ValueError("must name its host in ASCII (xn--…): this name is written in more than one way")
    return host
