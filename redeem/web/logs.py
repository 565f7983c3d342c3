"""The log: one JSON line for each request on standard error, with the route, who asked from where, the status and the time taken.

The route's template is logged in place of the path, so no token, key, code or coupon gets into the log.
"""

import logging
import re
import sys
import time
from secrets import token_hex

import structlog
from flask import Flask, Response, current_app, g, request

from redeem.config import Settings

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,80}", re.ASCII)
UNLOGGED = ("static", "health.alive")
NS_PER_MS = 1_000_000
LOG = "redeem.log"


class Stream:
    """Writes to what sys.stderr is at the moment. One write for each line, so that the lines of several threads don't mix."""

    @staticmethod
    def msg(line: str) -> None:
        sys.stderr.write(line + "\n")

    debug = info = warning = error = critical = msg


def attach(app: Flask, settings: Settings) -> None:
    configure(settings.log_level)
    app.extensions[LOG] = (
        structlog.get_logger().bind()
    )  # bound once: to bind it for each line costs as much as the line
    app.before_request(begin)
    app.after_request(end)


def configure(level: str) -> None:
    """Has structlog write straight to the stream: the standard library's logging costs more than the line."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=lambda *_: Stream,
    )


def begin() -> None:
    """Notes when the request began, and its id: the one in X-Request-Id if it is well formed, so that a partner can trace a call."""
    offered = request.headers.get("X-Request-Id")
    g.request_id = offered if offered and REQUEST_ID.fullmatch(offered) else new_request_id()
    g.begun_ns = time.perf_counter_ns()


def new_request_id() -> str:
    return f"req_{token_hex(12)}"


def end(response: Response) -> Response:
    request_id, begun_ns = g.get("request_id", ""), g.get("begun_ns", 0)
    response.headers["X-Request-Id"] = request_id
    if request.endpoint not in UNLOGGED:
        current_app.extensions[LOG].info(
            "request",
            request_id=request_id,
            method=request.method,
            route=request.url_rule.rule if request.url_rule else None,
            status=response.status_code,
            ms=(time.perf_counter_ns() - begun_ns) / NS_PER_MS,
            caller=g.get("caller_prefix"),
            manager=g.signed_in.person.id if g.get("signed_in") else None,
            source=request.remote_addr,
        )
    return response
