"""A server that generated clients call, and its document in a file."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from werkzeug.serving import make_server

from redeem.web.api.openapi import openapi_document
from tests.cast import Cast
from tests.ports import HOST, bound, port_of


@pytest.fixture
def document(app: Flask, tmp_path: Path) -> Path:
    path = tmp_path / "openapi.json"
    path.write_text(json.dumps(openapi_document(app)))
    return path


@pytest.fixture
def address(app: Flask) -> Iterator[str]:
    """Where the application is served, in threads of its own."""
    port = port_of(bound())
    server = make_server(HOST, port, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://localhost:{port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def told(address: str, cast: Cast) -> list[str]:
    """What a scenario is told: where the server is, the shop's key, a till's key, and that till's partner."""
    return [address, cast.shop_key, cast.north_till, cast.north_partner]
