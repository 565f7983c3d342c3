"""Answers that are made while they are sent, so that they may be of any length."""

from collections.abc import Iterator
from itertools import chain

from flask import Response


class Stream:
    """The parts of an answer's body. The server sends each when the one before has gone out (see `redeem/ops/gateway.py`)."""

    def __init__(self, parts: Iterator[bytes]) -> None:
        self._parts = parts

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return next(self._parts)


def streamed(parts: Iterator[bytes], mimetype: str, name: str) -> Response:
    """The answer, to be saved under this name."""
    first = next(parts)  # a fault in it is still told as one
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(Stream(chain([first], parts)), mimetype=mimetype, headers=headers, direct_passthrough=True)
