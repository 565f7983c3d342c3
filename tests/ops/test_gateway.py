"""Answers that are streamed: part by part, as they are read, and never an end that is none."""

import gc
import weakref
from typing import Any

import pytest

from redeem.ops.gateway import NO_BODY, Gateway
from redeem.web.streams import Stream


class Scope:
    method, path, query_string, http_version, server, client, scheme, authority = (
        "GET",
        "/",
        "",
        "1.1",
        "",
        "",
        "http",
        "",
    )
    headers: dict[str, str] = {}  # noqa: RUF012


SCOPE: Any = Scope


class Sending:
    def __init__(self):
        self.parts = []

    def send_bytes(self, part):
        return self.parts, part


class Exchange:
    def response_stream(self, status, headers):
        self.head, self.sending = (status, headers), Sending()
        return self.sending


def wait(sent):
    parts, part = sent
    parts.append(part)


def answered(parts, exchange):
    def application(_environ, start):
        start("200 OK", [("Content-Type", "text/csv")])
        return Stream(parts)

    gateway = Gateway(application)
    gateway.answer(SCOPE, exchange, NO_BODY, wait)
    return gateway


def test_each_part_is_sent_before_the_next_is_made():
    exchange, made = Exchange(), []

    def parts():
        for part in (b"a", b"b", b"c"):
            made.append(len(exchange.sending.parts))
            yield part

    answered(parts(), exchange)
    assert exchange.head == (200, [("Content-Type", "text/csv")])
    assert (exchange.sending.parts, made) == ([b"a", b"b", b"c"], [0, 1, 2])


def test_a_stream_that_fails_does_not_end():
    """granian ends an answer when nobody has its transport any more, and its reader would take the half for the whole."""

    def fail():
        yield b"a"
        raise ZeroDivisionError

    exchange: Any = Exchange()
    gateway = Gateway(lambda _environ, start: (start("200 OK", []), Stream(fail()))[1])
    with pytest.raises(ZeroDivisionError):
        gateway.answer(SCOPE, exchange, NO_BODY, wait)
    transport = weakref.ref(exchange.sending)
    del exchange
    gc.collect()
    assert transport() is not None
