"""`flask listen`: what happens on a server reaches a program on a laptop, signed."""

import threading
from collections.abc import Iterator

import pytest
from flask import Flask
from standardwebhooks import Webhook
from werkzeug.serving import make_server

from redeem.lib.errors import Unauthenticated
from redeem.ops.commands.listen import Listener, NoEvents
from redeem.webhooks.signatures import Secret, read_secret
from tests import factories
from tests.ports import kept_port
from tests.receivers import Receiver, receiving

SECRET = Secret.new().text


@pytest.fixture
def served(app: Flask) -> Iterator[str]:
    """The address of a server of the application."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


def listener(server: str, key: str, receiver: Receiver) -> Listener:
    return Listener(server, key, receiver.url, read_secret(SECRET))


def test_what_happens_from_now_on_reaches_the_program(served, database, cast, receiver, till):
    said: list[str] = []
    coupon = database.write(lambda s: factories.coupon(s, cast.anywhere))
    listening = listener(served, cast.reader_key, receiver)
    listening.skip()
    till.redeem(coupon)
    listening.step(said.append)
    listening.step(said.append)
    [message] = receiver.messages
    assert Webhook(SECRET).verify(message.body, message.headers)["type"] == "coupon.redeemed"
    [line] = said
    assert line.startswith(f"{message.id}  coupon.redeemed")
    assert " 200 " in line


def test_what_is_not_taken_is_said_and_left(served, database, cast, receiver):
    said: list[str] = []
    for _ in range(2):
        database.write(lambda s: factories.coupon(s, cast.anywhere))
    receiver.answers = [500]
    listener(served, cast.reader_key, receiver).step(said.append)
    assert [line.split()[2] for line in said] == ["500", "200"]


def test_a_key_that_is_not_valid_is_said(served, cast, receiver):
    for key in (cast.revoked_key, cast.north_till):
        with pytest.raises(Unauthenticated, match="scope read"):
            listener(served, key, receiver).step(print)


def test_a_server_that_does_not_answer_is_said(cast, receiver):
    with pytest.raises(NoEvents, match="does not answer"):
        listener(f"http://127.0.0.1:{kept_port()}", cast.shop_key, receiver).skip()


def test_the_command_says_what_is_missing(app):
    result = app.test_cli_runner().invoke(args=["listen"])
    assert result.exit_code == 2
    assert "--forward-to" in result.output
