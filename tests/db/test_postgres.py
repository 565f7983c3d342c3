"""The temporary PostgreSQL server that other tests use."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from redeem.lib.files import ROOT
from tests import postgres


def setting(url: str, name: str) -> str:
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT current_setting(%s)", [name]).fetchone()
    assert row
    return str(row[0])


def test_it_says_done_when_it_is_and_has_room_for_many_clients(postgres_url):
    assert setting(postgres_url, "synchronous_commit") == "on"
    assert int(setting(postgres_url, "max_connections")) >= 200


def test_each_database_is_its_own(postgres_cluster):
    one, two = postgres_cluster.new_database("own"), postgres_cluster.new_database("own")
    with psycopg.connect(one) as connection:
        connection.execute("CREATE TABLE gift (id int)")
    with psycopg.connect(two) as connection:
        assert connection.execute("SELECT to_regclass('gift')").fetchone() == (None,)
    postgres_cluster.drop_database(one)
    postgres_cluster.drop_database(two)


def test_a_template_is_filled_once_and_copied_each_time(postgres_cluster):
    filled = []

    def fill(url: str) -> None:
        filled.append(url)
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE gift (id int)")

    urls = [postgres_cluster.copy_of("filled", fill) for _ in range(2)]
    assert len(filled) == 1
    for url in urls:
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT to_regclass('gift')::text").fetchone() == ("gift",)
        postgres_cluster.drop_database(url)


def test_a_missing_server_is_a_clear_error(monkeypatch):
    monkeypatch.delenv(postgres.URL_VARIABLE, raising=False)
    monkeypatch.setattr(Path, "glob", lambda *_: [])
    monkeypatch.setenv("PATH", "")
    with pytest.raises(postgres.PostgresMissingError, match="scripts/system-packages test"):
        postgres.start()


def wait_until_gone(path: Path) -> None:
    deadline = time.monotonic() + 20
    while path.exists():
        assert time.monotonic() < deadline, f"{path} is still there"


@pytest.mark.postgres
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's death")
def test_a_killed_run_leaves_no_server_behind(monkeypatch):
    environment = {key: value for key, value in os.environ.items() if key != postgres.URL_VARIABLE}
    root = ROOT
    runner = subprocess.Popen(
        [sys.executable, "-m", "tests.postgres"],
        cwd=root,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with runner:
        assert runner.stdout
        url = runner.stdout.readline().strip()
        directory = Path(setting(url, "data_directory"))
        assert setting(url, "fsync") == "on", "one that benchmarks measure"
        runner.send_signal(signal.SIGKILL)
    wait_until_gone(directory / "postmaster.pid")  # the last thing that the server removes
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url, connect_timeout=2)
    shutil.rmtree(directory)
