"""Ports for the servers of tests: nobody else gets them between two starts, nor before the first.

To look for a free port, to close it and to start a server on it is a race: meanwhile another process may be given the port. Here a socket
stays bound to it and never listens. The system then gives the port to nobody who asks for any, and refuses it to whoever asks for this
one alone. A server that shares its address (SO_REUSEADDR, as granian and PostgreSQL do) listens beside it; while none does, connections
are refused.
"""

import socket

HOST = "127.0.0.1"
_kept: list[socket.socket] = []


def kept_port() -> int:
    """A port that is this process's own until it ends."""
    _kept.append(bound())
    return port_of(_kept[-1])


def bound(port: int = 0) -> socket.socket:
    """A socket at this port, or with 0 at a free one, beside others of this kind."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    made.bind((HOST, port))
    return made


def port_of(kept: socket.socket) -> int:
    port: int = kept.getsockname()[1]
    return port
