"""What is sent, whereto, and what becomes of it: against real receivers, good and bad ones."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
import urllib3

from redeem.ops.webhook_sender import ANSWER_BYTES_MAX, Sender, look_up
from redeem.webhooks.addresses import Reach, is_public
from redeem.webhooks.attempts import Attempt, Outcome
from tests.certificates import Files, of_its_own
from tests.ports import kept_port
from tests.receivers import Receiver, receiving

SOON = 0.3  # seconds, for what is to come too late
# Of the public internet by its form, and nobody's: nothing that is sent there arrives.
NOBODYS = "2e00::1"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


def send(url: str, seconds: float = 10, **options: Any) -> Attempt:
    with Sender(url, Reach.ANY, seconds, **options) as sender:
        return sender.post(b'{"id": "evt_1"}', {"webhook-id": "evt_1"})


def test_it_posts_the_body_byte_for_byte_with_the_headers(receiver):
    attempt = send(receiver.url + "?shop=1")
    [message] = receiver.messages
    assert (attempt.outcome, attempt.status) == (Outcome.TAKEN, 200)
    assert (message.path, message.body) == ("/hooks?shop=1", b'{"id": "evt_1"}')
    assert message.headers["webhook-id"] == "evt_1"
    assert message.headers["content-type"] == "application/json"
    assert message.headers["host"] == f"127.0.0.1:{receiver.port}"
    assert message.headers["user-agent"].startswith("Redeem/")


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, Outcome.TAKEN),
        (204, Outcome.TAKEN),
        (299, Outcome.TAKEN),
        (304, Outcome.REDIRECTED),
        (400, Outcome.REFUSED),
        (404, Outcome.REFUSED),
        (410, Outcome.GONE),
        (429, Outcome.REFUSED),
        (500, Outcome.REFUSED),
        (503, Outcome.REFUSED),
    ],
)
def test_only_2xx_says_that_it_was_taken(receiver, status: int, outcome: Outcome):
    receiver.then = status
    attempt = send(receiver.url)
    assert (attempt.outcome, attempt.status) == (outcome, status)


def test_a_redirect_is_not_followed(receiver):
    def redirect(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(301)
        handler.send_header("Location", f"http://127.0.0.1:{receiver.port}/elsewhere")
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    receiver.answers = [redirect]
    attempt = send(receiver.url)
    assert (attempt.outcome, attempt.status) == (Outcome.REDIRECTED, 301)
    assert [message.path for message in receiver.messages] == ["/hooks"]


def test_who_answers_200_after_the_time_has_failed(receiver):
    def late(handler: BaseHTTPRequestHandler) -> None:
        receiver.released.wait()
        handler.send_response(200)
        handler.end_headers()

    receiver.answers = [late]
    attempt = send(receiver.url, SOON)
    assert (attempt.outcome, attempt.status) == (Outcome.TOO_LATE, None)
    assert SOON * 1000 <= attempt.ms < 3000


def drip(handler: BaseHTTPRequestHandler, start: bytes) -> None:
    """Sends a byte at a time, each within any time limit that is for one read."""
    with suppress(OSError):
        handler.wfile.write(start)
        while not handler.server.__dict__.get("over") and not threading.Event().wait(0.02):
            handler.wfile.write(b"a")
            handler.wfile.flush()


def test_headers_that_never_end_are_too_late(receiver):
    receiver.answers = [lambda handler: drip(handler, b"HTTP/1.1 200 OK\r\nX-Slow: ")]
    attempt = send(receiver.url, SOON)
    assert (attempt.outcome, attempt.status) == (Outcome.TOO_LATE, None)
    assert attempt.ms < 3000


def test_of_a_body_that_never_ends_no_more_is_read_and_its_status_counts(receiver):
    receiver.answers = [lambda handler: drip(handler, b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")]
    attempt = send(receiver.url, SOON)
    assert (attempt.outcome, attempt.status) == (Outcome.TAKEN, 200)
    assert attempt.ms < 3000


def test_of_a_long_body_only_the_beginning_is_read(receiver):
    sent: list[int] = []

    def flood(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(500)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        with suppress(OSError):
            while True:
                handler.wfile.write(b"1000\r\n" + b"a" * 0x1000 + b"\r\n")
                sent.append(0x1000)

    receiver.answers = [flood]
    assert send(receiver.url, 5).outcome == Outcome.REFUSED
    assert sum(sent) < 10_000_000 + ANSWER_BYTES_MAX


@pytest.mark.parametrize(
    "answer", [b"", b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 abc\r\n\r\n", b"HTTP/1.1 200 OK\r\nX: " + b"a" * 70_000]
)
def test_what_is_no_answer_of_http_is_broken_off(receiver, answer: bytes):
    def garbage(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(answer)
        handler.close_connection = True

    receiver.answers = [garbage]
    attempt = send(receiver.url)
    assert (attempt.outcome, attempt.status) == (Outcome.BROKEN_OFF, None)


def test_where_nobody_listens_it_is_unreachable():
    attempt = send(f"http://127.0.0.1:{kept_port()}/")
    assert (attempt.outcome, attempt.status) == (Outcome.UNREACHABLE, None)


def test_a_name_that_does_not_exist_is_said():
    assert send("http://nobody.invalid/").outcome == Outcome.NO_SUCH_NAME


def test_a_look_up_that_hangs_is_too_late():
    forever = threading.Event()

    def hang(*_: object) -> list[str]:
        forever.wait()
        return []

    assert send("http://shop.example/", SOON, lookup=hang).outcome == Outcome.TOO_LATE
    forever.set()


def test_one_connection_carries_many_messages(receiver):
    with Sender(receiver.url, Reach.ANY) as sender:
        for number in range(5):
            assert sender.post(b"{}", {"webhook-id": str(number)}).outcome == Outcome.TAKEN
    assert receiver.ids == ["0", "1", "2", "3", "4"]
    assert receiver.connections == 1


def test_after_a_failure_it_begins_a_new_connection(receiver):
    def hang_up(handler: BaseHTTPRequestHandler) -> None:
        handler.close_connection = True

    receiver.answers = [200, hang_up, 200]
    with Sender(receiver.url, Reach.ANY) as sender:
        outcomes = [sender.post(b"{}", {}).outcome for _ in range(3)]
    assert outcomes == [Outcome.TAKEN, Outcome.BROKEN_OFF, Outcome.TAKEN]


# Private addresses.


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "::1", "169.254.169.254", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "10.0.0.1"]
)
def test_a_name_that_leads_to_a_private_address_is_not_sent_to(receiver, address: str):
    url = f"http://shop.example:{receiver.port}/hooks"
    with Sender(url, lookup=lambda *_: [address]) as sender:
        assert sender.post(b"{}", {}).outcome == Outcome.NOT_PUBLIC
    assert receiver.connections == 0


def test_one_private_address_among_public_ones_refuses_them_all(receiver):
    with Sender(f"http://shop.example:{receiver.port}/hooks", lookup=lambda *_: [NOBODYS, "127.0.0.1"]) as sender:
        assert sender.post(b"{}", {}).outcome == Outcome.NOT_PUBLIC
    assert receiver.connections == 0


@pytest.mark.parametrize("host", ["127.0.0.1", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "localhost"])
def test_no_spelling_of_this_computer_is_sent_to(receiver, host: str):
    with Sender(f"http://{host}:{receiver.port}/hooks") as sender:
        assert sender.post(b"{}", {}).outcome in (Outcome.NOT_PUBLIC, Outcome.NO_SUCH_NAME)
    assert receiver.connections == 0


@pytest.fixture
def rebinding(monkeypatch: pytest.MonkeyPatch, receiver: Receiver) -> list[str]:
    """The system's look-ups of `shop.example`: a public address once, and from then on the receiver's, which stands for 169.254.169.254."""
    looked_up: list[str] = []
    real = socket.getaddrinfo

    def turn(host: Any, port: Any, *args: Any, **options: Any) -> Any:
        if host != "shop.example":
            return real(host, port, *args, **options)
        looked_up.append(host)
        return real(NOBODYS if len(looked_up) == 1 else "127.0.0.1", port, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", turn)
    return looked_up


def test_a_name_that_turns_to_a_private_address_after_the_check_leads_nowhere(receiver, rebinding: list[str]):
    with Sender(f"http://shop.example:{receiver.port}/hooks", seconds=SOON) as sender:
        assert sender.post(b"{}", {}).outcome in (Outcome.UNREACHABLE, Outcome.TOO_LATE)
    assert rebinding == ["shop.example"]
    assert receiver.connections == 0


def test_without_the_pinned_address_it_would_arrive(receiver, rebinding: list[str]):
    """The control: a client that checks the name and then connects by the name."""
    assert all(map(is_public, look_up("shop.example", receiver.port)))
    urllib3.request("POST", f"http://shop.example:{receiver.port}/hooks", body=b"{}", retries=False)
    assert receiver.connections == 1


# TLS.


@pytest.fixture
def certificate(tmp_path: Path) -> Files:
    return of_its_own(tmp_path, "shop.example", 30)


def trusting(certificate: Files) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=certificate.certificate)


HERE: Callable[..., list[str]] = lambda *_: ["127.0.0.1"]  # noqa: E731


def test_the_certificate_is_verified_against_the_name_though_the_address_is_pinned(certificate: Files):
    with receiving(certificate, "shop.example") as receiver:
        attempt = send(receiver.url, lookup=HERE, certificates=trusting(certificate))
        assert attempt.outcome == Outcome.TAKEN
        assert receiver.messages[0].headers["host"] == f"shop.example:{receiver.port}"
        other = receiver.url.replace("shop.example", "other.example")
        assert send(other, lookup=HERE, certificates=trusting(certificate)).outcome == Outcome.BAD_CERTIFICATE
        assert len(receiver.messages) == 1


def test_a_certificate_that_nobody_signed_is_refused(certificate: Files):
    with receiving(certificate, "shop.example") as receiver:
        assert send(receiver.url, lookup=HERE).outcome == Outcome.BAD_CERTIFICATE
        assert receiver.messages == []


def test_an_expired_certificate_is_refused(tmp_path: Path):
    expired = of_its_own(tmp_path, "shop.example", -1)
    with receiving(expired, "shop.example") as receiver:
        attempt = send(receiver.url, lookup=HERE, certificates=trusting(expired))
        assert attempt.outcome == Outcome.BAD_CERTIFICATE


def test_a_handshake_that_never_ends_is_too_late():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        attempt = send(f"https://127.0.0.1:{silent.getsockname()[1]}/", SOON)
    assert attempt.outcome == Outcome.TOO_LATE
    assert attempt.ms < 3000


def test_a_receiver_without_tls_is_said(receiver):
    assert send(receiver.url.replace("http:", "https:")).outcome in (Outcome.BAD_CERTIFICATE, Outcome.BROKEN_OFF)
