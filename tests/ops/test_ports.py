"""The ports of tests' servers: what would take one away in between gets none."""

import errno
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests import postgres
from tests.commands import started, until_ready
from tests.ports import HOST, bound, kept_port, port_of

TAKE = "import socket, sys; socket.socket().bind(('127.0.0.1', int(sys.argv[1])))"


def taken_by_another(port: int) -> bool:
    """Whether another process got the port for itself."""
    return (
        subprocess.run([sys.executable, "-c", TAKE, str(port)], stderr=subprocess.DEVNULL, check=False).returncode == 0
    )


def test_nobody_takes_a_kept_port_before_its_server_starts():
    port = kept_port()
    assert not taken_by_another(port)
    with pytest.raises(OSError, match="in use") as refused, socket.socket() as other:
        other.bind((HOST, port))
    assert refused.value.errno == errno.EADDRINUSE


def test_a_port_that_was_only_looked_for_is_taken():
    """The control: a port that is closed until the server starts is anybody's."""
    with bound() as looked_for:
        port = port_of(looked_for)
    assert taken_by_another(port)


def test_two_servers_get_two_ports():
    assert len({kept_port() for _ in range(20)}) == 20


def test_while_no_server_listens_connections_are_refused():
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((HOST, kept_port()), timeout=10)


@pytest.mark.slow
def test_a_server_starts_on_a_kept_port_and_again_when_it_was_killed(tmp_path: Path):
    port = kept_port()
    for _ in range(2):
        with started(tmp_path, "demo", PORT=str(port)) as (process, lines):
            assert until_ready(lines)[-1] == f"ready http://{HOST}:{port}"
            assert not taken_by_another(port)
            process.kill()
            assert lines.get(timeout=30) is None  # the worker has gone as well
        assert not taken_by_another(port)


@pytest.mark.postgres
def test_postgresql_starts_on_a_kept_port(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv(postgres.URL_VARIABLE, raising=False)
    cluster = postgres.start()
    try:
        port = int(cluster.url.rsplit(":", 1)[1].split("/")[0])
        assert not taken_by_another(port)
    finally:
        cluster.stop()
    assert not taken_by_another(port)
