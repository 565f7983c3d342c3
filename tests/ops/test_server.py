"""Serving: the settings fit the database, a taken port is told, and `ready` means that it answers."""

import json
import os
import signal
import socket
import stat
import sys
import urllib.request
from pathlib import Path

import pytest
from flask import Flask

from bench.machine import stat_of
from redeem.config import Settings, load_settings
from redeem.lib.errors import Invalid
from redeem.ops import server
from redeem.ops.server import TakenPort
from tests.commands import SECONDS, command, finished, started, until_ready
from tests.factories import SECRET
from tests.ports import kept_port


def test_sqlite_is_served_by_one_worker(settings: Settings):
    assert server.plan(settings, "127.0.0.1", 8000).workers == 1
    with pytest.raises(Invalid, match="one worker"):
        server.plan(settings, "127.0.0.1", 8000, workers=2)


def test_postgresql_is_served_by_several():
    settings = load_settings(secret_keys=SECRET, database_url="postgresql://localhost/redeem")
    assert server.plan(settings, "127.0.0.1", 8000).workers > 1


def test_a_taken_port_is_told_before_anything_starts():
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(TakenPort, match="in use"):
        server.refuse_taken_port("127.0.0.1", taken.getsockname()[1])


@pytest.mark.slow
def test_workers_keep_to_one_core_each_and_not_to_the_same():
    where = "import os, sys; from redeem.ops import server; server.keep_to_one_core(int(sys.argv[1])); print(os.sched_getaffinity(0))"
    kept = [finished([sys.executable, "-c", where, str(number)], dict(os.environ)).stdout for number in range(2)]
    cores = [f"{{{core}}}\n" for core in os.sched_getaffinity(0)]
    assert set(kept) <= set(cores)
    assert len(set(kept)) == min(2, len(cores))


def test_it_serves_no_database_without_tables(app: Flask):
    result = app.test_cli_runner().invoke(args=["serve", "--port", str(kept_port())])
    assert result.exit_code == 1
    assert "db upgrade" in result.output


@pytest.mark.slow
def test_the_demo_comes_from_nothing_stops_and_is_served_again(tmp_path: Path):
    port = kept_port()
    with started(tmp_path, "demo", PORT=str(port)) as (process, lines):
        said = until_ready(lines)
        assert [line for line in said if line.startswith("ready")] == [f"ready http://127.0.0.1:{port}"]
        assert ask(f"http://127.0.0.1:{port}/healthz") == 200
        assert ask(f"http://127.0.0.1:{port}/readyz") == 200
        assert json.loads((tmp_path / "demo.json").read_text())["base_url"] == f"http://127.0.0.1:{port}"
        second = command(tmp_path, "demo", PORT=str(port))
        assert second.returncode == 1
        assert second.stderr.strip() == f"Error: Can't listen on 127.0.0.1, port {port}: Address already in use."
        process.send_signal(signal.SIGTERM)
        assert process.wait(SECONDS) == 0
    assert stat.S_IMODE((tmp_path / "redeem.env").stat().st_mode) == 0o600
    assert command(tmp_path, "doctor").returncode == 0
    with started(tmp_path, "serve", "--port", str(port)) as (process, lines):
        assert until_ready(lines) == [f"ready http://127.0.0.1:{port}"]
        assert ask(f"http://127.0.0.1:{port}/readyz") == 200
        assert min(len(os.sched_getaffinity(child)) for child in children(process.pid)) == 1


@pytest.mark.slow
def test_a_killed_server_leaves_no_worker_behind(tmp_path: Path):
    port = kept_port()
    with started(tmp_path, "demo", PORT=str(port)) as (process, lines):
        until_ready(lines)
        process.kill()
        # The worker has the same standard output, so its end comes only when the worker has gone as well.
        assert lines.get(timeout=SECONDS / 3) is None
    server.refuse_taken_port("127.0.0.1", port)


def children(pid: int) -> list[int]:
    processes = (each for each in Path("/proc").iterdir() if each.name.isdigit())
    return [int(each.name) for each in processes if stat_of(each)[1:2] == [str(pid)]]


def ask(url: str) -> int:
    with urllib.request.urlopen(url, timeout=10) as answer:
        code: int = answer.status
        return code
