"""What every request must be: sent to one of our hosts, of a measured length, without NUL. Each route, on both databases."""

import re
import socket
from io import BytesIO
from itertools import product
from json import dumps, loads

import pytest

from redeem.app import create_app
from redeem.web.problems import KINDS
from tests.cast import TABLET_KEY
from tests.crash.server import Server
from tests.databases import on_both_databases
from tests.web.bodies import ANY_TEXT, at, calls, places, replaced
from tests.web.office import opened
from tests.web.programs import assert_problem, new_attempt
from tests.web.signed import Signing

BROWSER = {"Accept": "text/html"}
ARGUMENT = re.compile("<[^>]+>")
LIMIT = 20_000


@pytest.fixture
def boss(app, cast):
    return opened(app, cast.managers, "shop_manager")


def routes(app):
    return [
        (rule, method) for rule in app.url_map.iter_rules() for method in sorted((rule.methods or set()) - {"OPTIONS"})
    ]


def path_of(rule, value="x"):
    return ARGUMENT.sub(value, rule.rule)


@pytest.fixture
def keys(cast):
    return [{"Authorization": f"Bearer {key}"} for key in (cast.shop_key, cast.north_till)]


# NUL


@on_both_databases
def test_no_path_has_a_nul(app, boss, keys):
    for (rule, method), headers in product(routes(app), keys):
        for value in ("%00", "a%00b"):
            path = path_of(rule, value)
            path = path if "%00" in path else f"{path}{value}"
            answer = boss.client.open(path, method=method, headers=headers | {"Idempotency-Key": new_attempt()})
            assert answer.status_code in (404, 405), f"{method} {path}: {answer.status_code}"


@on_both_databases
def test_no_parameter_has_a_nul(app, boss, keys):
    for (rule, method), headers, query in product(routes(app), keys, ("q=a%00b", "%00=x", "q=x&q=%00", "lang=%00")):
        address = f"{path_of(rule)}?{query}"
        answer = boss.client.open(address, method=method, headers=headers | {"Idempotency-Key": new_attempt()})
        if rule.rule.lower().startswith("/c/"):  # its one answer to whatever is no coupon
            assert answer.status_code in (404, 405, 422)
            continue
        assert answer.status_code == 422, f"{method} {address}: {answer.status_code}"
        if method != "HEAD" and not rule.rule.startswith("/manager"):
            name = "" if query == "%00=x" else query.partition("=")[0]
            assert assert_problem(answer, "invalid")["errors"] == [{"parameter": name, "detail": "has a NUL"}]


@on_both_databases
def test_no_field_of_a_form_has_a_nul(app, boss):
    token = boss.token()
    for rule, method in routes(app):
        if method == "POST" and rule.rule.startswith("/manager"):
            for form in ({"name": "a\0b"}, {"reason": ["x", "\0"]}, {"a\0b": "x"}):
                answer = boss.client.post(path_of(rule), data={"csrf_token": token, **form})
                assert answer.status_code == 422, f"{rule}: {answer.status_code}"
                assert next(iter(form)).replace("\0", "") in answer.text


def test_a_manager_is_told_which_field_in_their_language(boss):
    answer = boss.send("/manager/partners/new?lang=ru", {"name": "a\0b"}, headers=BROWSER)
    assert "Уберите" in answer.text
    assert "name" in answer.text


def test_a_form_in_parts_is_read_for_it_too(boss):
    answer = boss.send("/manager/partners/new", {"name": "a\0b"}, content_type="multipart/form-data")
    assert answer.status_code == 422
    assert "Partner" not in answer.text


@on_both_databases
def test_no_text_of_a_body_has_a_nul(client, cast, coupon):
    for call in calls(cast, coupon).values():
        headers = {"Authorization": f"Bearer {cast.north_till if call.till else cast.shop_key}", "If-Match": "*"}
        for place in places(call.body):
            if not isinstance(at(call.body, place), str) or place[-1] in ANY_TEXT:
                continue
            body = replaced(loads(dumps(call.body)), place, "a\0b")
            answer = client.open(
                call.path, method=call.method, json=body, headers=headers | {"Idempotency-Key": new_attempt()}
            )
            faults = assert_problem(answer, "invalid")["errors"]
            assert faults == [{"pointer": "".join(f"/{step}" for step in place), "detail": "has a NUL"}]


@on_both_databases
def test_a_name_within_a_body_has_none_either(client, cast):
    body = {"campaign": f"cmp_{cast.anywhere}", "metadata": {"a\0b": "x"}}
    headers = {"Authorization": f"Bearer {cast.shop_key}", "Idempotency-Key": new_attempt()}
    faults = assert_problem(client.post("/v1/coupons", json=body, headers=headers), "invalid")["errors"]
    assert faults == [{"pointer": "/metadata", "detail": "has a NUL"}]


@on_both_databases
@pytest.mark.parametrize("name", ["token", "short_code"])
def test_a_till_scans_a_nul_and_hears_that_it_is_no_coupon(north, name):
    code = {"token": "unknown_coupon", "short_code": "bad_short_code"}[name]
    assert_problem(north.post("/redemptions", {name: "a\0b"}, "one"), code)


@on_both_databases
def test_a_tablet_s_texts_have_none(client, cast):
    signing = Signing(client, cast.tablet_id, TABLET_KEY)
    sync = {"v": 1, "after": 0, "entries": []}
    for path, body in (
        ("/clerk/enrol", {"v": 1, "token": "x", "public_key": "a\0"}),
        ("/clerk/unlock", {"v": 1, "clerk": "clk_\0", "pin": "1234"}),
        ("/clerk/unlock", {"v": 1, "clerk": "clk_", "pin": "\0"}),
        ("/clerk/sync", sync | {"known": "\0"}),
        ("/clerk/sync", sync | {"position": "\0"}),
        ("/clerk/sync", sync | {"siblings": {"\0": 1}}),
    ):
        assert_problem(signing.post(path, body), "invalid")
    assert loads(signing.post("/clerk/sync", sync | {"verify": "a\0b"}).data)["verdict"]["code"] == "unknown_coupon"


# Hosts


@pytest.fixture
def served(settings):
    """The client of an application with a name of its own, and two that were added."""
    added = {"base_url": "https://gifts.example:8443", "trusted_hosts": (".old.example", "[fd00::7]")}
    return create_app(settings.model_copy(update=added)).test_client()


OURS = ["gifts.example", "GIFTS.example:8443", "gifts.example.", "old.example", "a.b.old.example:80", "[fd00::7]:8443"]
LOCAL = ["localhost", "127.0.0.1:8000", "[::1]:8000"]
FOREIGN = [
    "evil.example",
    "gifts.example.evil.example",
    "evilold.example",
    "old.example.evil",
    "[fd00::8]",
    "192.0.2.1",
]
NO_HOST = [
    "",
    "gifts.example,evil.example",
    "gifts.example, gifts.example",
    "a b",
    "gifts.example/x",
    "x@gifts.example",
    "é.example",
]


@pytest.mark.parametrize("host", [*OURS, *LOCAL])
def test_it_answers_to_its_names(served, host):
    assert served.get("/healthz", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("headers", [{}, BROWSER])
@pytest.mark.parametrize(
    "path", ["/healthz", "/clerk", "/manager", "/v1/coupons", "/nothing", "/static/css/design.css"]
)
@pytest.mark.parametrize("host", [*FOREIGN, *NO_HOST])
def test_it_answers_to_no_other_name(served, host, path, headers):
    answer = served.get(path, headers=headers, environ_overrides={"HTTP_HOST": host.encode().decode("latin1")})
    assert_problem(answer, "bad_request")
    assert "Location" not in answer.headers
    assert "evil" not in answer.text


def test_an_old_client_need_not_name_it(served):
    old = {"HTTP_HOST": "", "SERVER_PROTOCOL": "HTTP/1.0"}
    assert served.get("/healthz", environ_overrides=old).status_code == 200
    assert served.get("/healthz", environ_overrides=old | {"SERVER_PROTOCOL": "HTTP/1.1"}).status_code == 400


@pytest.mark.parametrize(("path", "to"), [("/clerk", "/clerk/"), ("/manager?days=7", "/manager/?days=7")])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_it_redirects_to_a_path_and_names_no_host(served, path, to, scheme):
    answer = served.get(path, headers={"Host": "old.example"}, environ_overrides={"wsgi.url_scheme": scheme})
    assert (answer.status_code, answer.headers["Location"]) == (308, to)


@pytest.mark.slow
def test_the_server_itself_hands_on_what_was_sent(tmp_path, stage):
    """Duplicates come joined, a host that is missing as an empty one: so granian does it, and so the check has to."""
    server = Server(tmp_path, stage.url)
    server.start()
    try:
        lines = {
            b"Host: localhost": b"200",
            b"Host: localhost\r\nHost: localhost": b"400",
            b"Host: localhost\r\nHost: evil.example": b"400",
            b"Host: evil.example": b"400",
            b"X-Host: localhost": b"400",
            b"Host:": b"400",
        }
        said = {
            line: raw(server.port, b"GET /healthz HTTP/1.1\r\n" + line + b"\r\nConnection: close\r\n\r\n")
            for line in lines
        }
        assert {line: answer.split(b" ")[1] for line, answer in said.items()} == lines
        assert raw(server.port, b"GET /healthz HTTP/1.0\r\n\r\n").split(b" ")[1] == b"200"
        assert b"location: /clerk/\r\n" in raw(server.port, b"GET /clerk HTTP/1.0\r\n\r\n").lower()
        head = (
            b"POST /v1/redemptions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n"
        )
        head += b"Content-Type: application/x-www-form-urlencoded\r\n\r\n"
        sign_in = head.replace(b"/v1/redemptions", b"/manager/sign-in")
        chunk = b"%x\r\n%s\r\n" % (100_000, b"a" * 100_000)
        assert raw(server.port, sign_in + chunk * 11 + b"0\r\n\r\n").split(b" ")[1] == b"413"
    finally:
        server.kill()


def raw(port, data):
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(data)
        return b"".join(iter(lambda: connection.recv(65_536), b""))


# Length


@pytest.fixture
def small(settings, cast):
    """Makes a call of the till, in chunks, to an application that takes LIMIT bytes."""
    app = create_app(settings.model_copy(update={"max_body_bytes": LIMIT}))
    client = app.test_client()
    chunked = {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}

    def send(body, media_type="application/json", key=cast.north_till, path="/v1/redemptions"):
        headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": new_attempt()}
        stream = BytesIO(body)
        answer = client.post(
            path, input_stream=stream, content_type=media_type, headers=headers, environ_overrides=chunked
        )
        return answer, stream

    yield send
    app.extensions["redeem"].database.close()


def test_a_body_in_chunks_is_read_up_to_the_limit(small, coupon):
    right = dumps({"token": coupon.token}).encode()
    assert small(right.ljust(LIMIT))[0].status_code == 201


@pytest.mark.parametrize("over", [1, 100_000])
def test_a_body_in_chunks_over_the_limit_is_too_large(small, coupon, over):
    """That a client which still sends hears of it is the server's part: tests/ops/test_strangers.py."""
    answer, _ = small(dumps({"token": coupon.token}).encode().ljust(LIMIT + over))
    assert_problem(answer, "too_large")
    assert (KINDS["too_large"].status, answer.status_code) == (413, 413)


def test_a_form_in_chunks_is_not_cut_off(small):
    answer, _ = small(b"email=a&password=" + b"b" * LIMIT, "application/x-www-form-urlencoded", path="/manager/sign-in")
    assert answer.status_code == 413


def test_a_body_in_chunks_has_to_be_json(small, cast, coupon):
    answer, _ = small(b'{"reason": "x"}', None, cast.shop_key, f"/v1/coupons/{coupon.id}/void")
    assert_problem(answer, "unsupported_media_type")
