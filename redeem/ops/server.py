"""Runs the server (granian) with settings that fit the database, and reports when it answers."""

import copy
import http.client
import multiprocessing
import os
import resource
import signal
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from flask import Flask
from granian.constants import HTTPModes, Interfaces, SSLProtocols
from granian.http import HTTP1Settings
from granian.log import LOGGING_CONFIG, LogLevels
from granian.rsgi import Scope
from granian.server import Server
from werkzeug.utils import import_string

from redeem.config import Settings
from redeem.lib import passwords
from redeem.lib.errors import Conflict, Invalid
from redeem.ops import daily_sums, tls, worker
from redeem.ops.gateway import Gateway
from redeem.ops.intake import Intake
from redeem.ops.tls import Pair
from redeem.web import problems, proofs

TARGET = "wsgi:app"
EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104  (used only if the operator names it)
# Python runs one thread at a time; the others wait for the disk or the database. The more threads wait for SQLite's writer, the
# more transactions go into one commit.
SQLITE_THREADS = 48
# More threads contend with each other: 16 served a quarter fewer redemptions, at twice the p99.
POSTGRES_THREADS = 6
POSTGRES_WORKERS = 2
# Connections cost little until their request is whole. A stranger can open them all; each of those that send nothing ends in HEAD_SECONDS.
CONNECTIONS_MAX, BACKLOG = 4_096, 4_096
OTHER_FILES = 512
HEAD_SECONDS = 15  # for a request's line and headers, and between two requests of a connection
HEAD_MAX_BYTES = 32_768
HASHING_SHARE = 3  # a third of the threads at most hash passwords and PINs, or wait to: the others redeem
ANSWER_SECONDS = 60
POLL_SECONDS = 0.05
STOP_SECONDS = 10


class TakenPort(Conflict):
    """Another program listens on the port."""

    code = "port_taken"


@dataclass(frozen=True, slots=True)
class Plan:
    """How to serve: the address, the number of processes and of threads in each, and the certificate, if any."""

    host: str
    port: int
    workers: int
    threads: int
    tls: Pair | None = None

    def url(self, base_url: str) -> str:
        """The address to open: the host and port, or `base_url` if the host stands for every network."""
        return base_url if self.host in EVERYWHERE else url_of(self.host, self.port, secure=self.tls is not None)


def url_of(host: str, port: int, *, secure: bool) -> str:
    name = f"[{host}]" if ":" in host else host
    return f"{'https' if secure else 'http'}://{name}:{port}"


def plan(settings: Settings, host: str, port: int, workers: int | None = None, threads: int | None = None) -> Plan:
    """The plan that fits the database. SQLite gets one process: several writers starve each other. Raises Invalid, BadCertificate."""
    pair = tls.pair_of(settings)
    if pair:
        tls.server_context(pair)
    if not settings.database_url.startswith("sqlite"):
        return Plan(host, port, workers or POSTGRES_WORKERS, threads or POSTGRES_THREADS, pair)
    if workers not in (None, 1):
        raise Invalid("SQLite is served by one worker. For more, use PostgreSQL.")
    return Plan(host, port, 1, threads or SQLITE_THREADS, pair)


def refuse_taken_port(host: str, port: int) -> None:
    """Raises TakenPort if another program has the port: granian would share the port with it."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise TakenPort(f"Can't listen on {host}, port {port}: {error.strerror}.") from error


def serve(chosen: Plan, base_url: str, on_ready: Callable[[], None]) -> None:
    """Serves until the process gets a signal to stop. Calls `on_ready` once, when /healthz answers."""
    # Each worker is a new interpreter, so it inherits nothing that this process has opened or read.
    multiprocessing.set_start_method("spawn", force=True)
    allow_open_files()
    os.environ.pop("FLASK_RUN_FROM_CLI", None)  # with bad settings a server must stop: see `unconfigured` in cli.py
    server = NumberingServer(
        TARGET,
        address=chosen.host,
        port=chosen.port,
        interface=Interfaces.RSGI,
        workers=chosen.workers,
        backlog=BACKLOG,
        backpressure=CONNECTIONS_MAX // chosen.workers,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=HEAD_SECONDS * 1000, max_buffer_size=HEAD_MAX_BYTES),
        websockets=False,
        ssl_cert=chosen.tls and chosen.tls.certificate,
        ssl_key=chosen.tls and chosen.tls.key,
        ssl_protocol_min=SSLProtocols.tls12,  # older tablets have no newer version
        log_level=LogLevels.error,
        log_dictconfig=logging_to_stderr(),
        respawn_failed_workers=True,
        workers_kill_timeout=STOP_SECONDS,
    )
    host = urlsplit(base_url).netloc
    waiter = threading.Thread(target=wait_until_ready, args=(chosen, host, on_ready), daemon=True)
    server.on_startup(waiter.start)
    server.serve(target_loader=partial(load, chosen.threads), wrap_loader=True)


def allow_open_files() -> None:
    """Lets this process and its workers have all their connections open. Many systems allow 1,024 files unless they are asked."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTIONS_MAX + OTHER_FILES
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted if most == resource.RLIM_INFINITY else min(wanted, most), most))


class NumberingServer(Server):  # type: ignore[misc,valid-type]  # granian chooses the class when it is loaded
    """Passes each worker's number, from 0, to its loader. A worker that replaces another has the same number."""

    def _spawn_worker(self, idx: int, target: Any, callback_loader: Callable[..., Any]) -> Any:
        return super()._spawn_worker(idx, target, partial(callback_loader, idx))


def load(threads: int, target: str, number: int) -> Intake:
    """Loads the application in a worker. The worker ends if the main process is killed, so that the port becomes free.

    The first worker adds closed days up beside its requests, and does the jobs.
    """
    keep_to_one_core(number)
    threading.Thread(target=end_with_parent, daemon=True).start()
    app = import_string(target)
    if number == 0:
        daily_sums.start(app)
        if app.extensions["redeem"].settings.worker:
            worker.start(app)
    passwords.limit_hashing(max(2, threads // HASHING_SHARE))
    return intake_of(app, threads)


def intake_of(app: Flask, threads: int) -> Intake:
    settings = app.extensions["redeem"].settings

    def keep(scope: Scope) -> int:
        return proofs.kept_bytes(settings, scope.path, scope.headers)

    return Intake(Gateway(app), threads, keep, partial(problems.too_slow, settings.base_url))


def keep_to_one_core(number: int) -> None:
    """Binds this worker and its threads to one core. Each worker has another core.

    Python runs one thread at a time. If the threads are spread over cores, one that begins to wait wakes another on another core:
    up to 17 switches for each redemption instead of 3, and half as much processor time again. SCHED_BATCH for the same reason: a
    thread that was woken does not interrupt the running one.
    """
    if not hasattr(os, "sched_setaffinity"):
        return  # macOS has no such call
    cores = sorted(os.sched_getaffinity(0))
    first = os.getppid()  # so that several servers on one machine begin at different cores
    with suppress(PermissionError):  # some sandboxes forbid it: then it is only slower
        os.sched_setaffinity(0, {cores[(first + number) % len(cores)]})
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)


def wait_until_ready(chosen: Plan, host: str, on_ready: Callable[[], None]) -> None:
    end = time.monotonic() + ANSWER_SECONDS
    while time.monotonic() < end:
        if answers(chosen, host):
            return on_ready()
        time.sleep(POLL_SECONDS)
    return None


def answers(chosen: Plan, host: str) -> bool:
    """Whether the server answers /healthz. `host` is sent as the Host header: the server may refuse other names."""
    connection = connection_to(chosen)
    try:
        connection.connect()
        if chosen.tls and not tls.is_ours(chosen.tls, connection.sock):
            return False
        connection.request("GET", "/healthz", headers={"Host": host})
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def connection_to(chosen: Plan) -> http.client.HTTPConnection:
    if chosen.tls is None:
        return http.client.HTTPConnection(chosen.host, chosen.port, timeout=5)
    return http.client.HTTPSConnection(chosen.host, chosen.port, timeout=5, context=tls.unverified_context())


def logging_to_stderr() -> dict[str, Any]:
    config: dict[str, Any] = copy.deepcopy(LOGGING_CONFIG)
    for handler in config["handlers"].values():
        handler["stream"] = "ext://sys.stderr"
    return config
