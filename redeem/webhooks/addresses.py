"""Where a webhook may be sent: to public addresses alone.

An endpoint's URL comes from outside, and the server sends to it from inside: without this check a URL such as http://169.254.169.254/
would have the server ask its own cloud for passwords. `is_global` of Python is not enough: it lets multicast through, and the forms of
IPv6 in which private addresses of IPv4 are written.
"""

import re
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import SplitResult, urlsplit

from redeem.lib.errors import Invalid
from redeem.lib.origins import DEFAULT_PORTS, read_origin

URL_MAX_CHARACTERS = 2_000
_PRINTABLE = re.compile("[!-~]*")

# No version of Python has to know these: what is not of the public internet, and what leads on to something else.
REFUSED_4 = [
    ip_network(block)
    for block in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",
        "100.64.0.0/10",  # carriers' own, and some clouds' metadata
        "127.0.0.0/8",
        "168.63.129.16/32",  # a cloud's own service at a public address
        "169.254.0.0/16",  # link-local: clouds' metadata
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",  # relays of 6to4
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",  # multicast, reserved, broadcast
    )
]
GLOBAL_6 = ip_network("2000::/3")
REFUSED_6 = [
    ip_network(block)
    for block in (
        "2001::/23",  # Teredo and other protocols' own
        "2001:db8::/32",
        "2002::/16",  # 6to4: any IPv4 address may be in it
        "3fff::/20",
        "5f00::/16",
    )
]
NAT64 = ip_network("64:ff9b::/96")  # how a network of IPv6 alone reaches public IPv4: the last 32 bits decide
LAST_32_BITS = 2**32 - 1


class Reach(StrEnum):
    """Whereto webhooks are sent. `ANY` is for a laptop and for a closed network: the setting says so."""

    PUBLIC = "public"
    ANY = "any"


def is_public(text: str) -> bool:
    """Return whether this IP address is one of the public internet, and no other form of one that is not."""
    try:
        address = ip_address(text)
    except ValueError:
        return False
    return is_public_4(address) if isinstance(address, IPv4Address) else is_public_6(address)


def is_public_4(address: IPv4Address) -> bool:
    return address.is_global and not any(address in block for block in REFUSED_4)


def is_public_6(address: IPv6Address) -> bool:
    if address.scope_id is not None:
        return False
    if address.ipv4_mapped:
        return is_public_4(address.ipv4_mapped)
    if address in NAT64:
        return is_public_4(IPv4Address(int(address) & LAST_32_BITS))
    return address in GLOBAL_6 and address.is_global and not any(address in block for block in REFUSED_6)


def check_url(text: str, reach: Reach) -> str:
    """Return the URL of an endpoint, its host as it is looked up. Raises Invalid, which says what to correct.

    This is for whoever types it. What the name leads to is checked each time that something is sent there.
    """
    parts = _split(text)
    if parts.scheme != "https" and not (parts.scheme == "http" and reach == Reach.ANY):
        raise Invalid("Give an address that begins with https://: what is sent must not be read or altered on its way.")
    if parts.username is not None or parts.fragment:
        raise Invalid("Leave names, passwords and the part after # out of the address.")
    host = _origin(parts)
    literal = (parts.hostname or "").rstrip(".")
    if reach != Reach.ANY and (is_name_of_this_computer(literal) or (is_literal(literal) and not is_public(literal))):
        raise Invalid("Give a public address: this one is of this computer or of a private network.")
    path = parts.path or "/"
    return f"{host}{path}?{parts.query}" if parts.query else host + path


def port_of(url: str) -> int:
    parts = urlsplit(url)
    return parts.port or DEFAULT_PORTS[parts.scheme]


def is_literal(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def is_name_of_this_computer(host: str) -> bool:
    return host == "localhost" or host.endswith((".localhost", ".local", ".internal"))


def _split(text: str) -> SplitResult:
    if len(text) > URL_MAX_CHARACTERS:
        raise Invalid("Give an address of at most 2000 characters.")
    try:
        parts = urlsplit(text)
    except ValueError:
        raise Invalid("Give a whole address, such as https://shop.example/hooks/redeem.") from None
    if not _PRINTABLE.fullmatch(parts.path + parts.query):
        raise Invalid("Write the path of the address in ASCII, anything else as %XX.")
    return parts


def _origin(parts: SplitResult) -> str:
    try:
        return read_origin(f"{parts.scheme}://{parts.netloc}")
    except ValueError:
        raise Invalid("Correct the host or the port of the address.") from None
