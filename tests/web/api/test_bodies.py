"""Bad bodies: each gets a problem and changes nothing."""

import json

import pytest

from redeem.db.models.api import Idempotency
from redeem.db.models.coupons import Coupon
from redeem.db.models.ledger import Act
from tests.factories import all_of
from tests.web.programs import assert_problem, new_attempt

DEEP = "[" * 100_000
NOT_JSON = {
    "nothing": b"",
    "half": b'{"token":',
    "twice the same key": b'{"token":"1","token":"2"}',
    "NaN": b'{"token":NaN}',
    "infinity": b'{"token":1e999}',
    "a control character": b'{"token":"\x00"}',
    "not UTF-8": b'{"token":"\xff"}',
    "UTF-16": '{"token":"1"}'.encode("utf-16"),
    "a lone surrogate": b'{"token":"\\ud800"}',
    "a comment": b'{"token":"1"} // no',
    "two values": b'{"token":"1"}{"token":"2"}',
    "deep nesting": DEEP.encode(),
    "deep nesting in a member": b'{"token":' + DEEP.encode() + b"]" * 100_000 + b"}",
    "nesting just beyond the limit": b'{"token":' + b"[" * 33 + b"]" * 33 + b"}",
}
NOT_OBJECTS = [b"null", b"true", b"7", b'"text"', b"[]", b'{"token":["1"]}', b'{"token":{"a":1}}', b'{"token":true}']


@pytest.fixture
def send(client, north):
    def call(body: bytes, media_type: str = "application/json", path: str = "/v1/redemptions", **headers: str):
        everything = {**north.headers, "Idempotency-Key": new_attempt(), **headers}
        return client.post(path, data=body, content_type=media_type, headers=everything)

    return call


@pytest.fixture(autouse=True)
def nothing_changes(database):
    yield
    kept = [database.read(lambda s, m=model: all_of(s, m)) for model in (Act, Coupon, Idempotency)]
    assert kept == [[], [], []]


@pytest.mark.parametrize("what", NOT_JSON)
def test_what_is_no_json_is_refused(send, what):
    assert_problem(send(NOT_JSON[what]), "bad_json")


@pytest.mark.parametrize("body", NOT_OBJECTS)
def test_json_of_another_shape_is_refused(send, body):
    assert_problem(send(body), "invalid")


@pytest.mark.parametrize(
    "media_type",
    [
        *("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/xml", ""),
        *("application/json; charset=utf-16", "application/jsonx", "text/json", "application/problem+json"),
    ],
)
def test_only_json_that_says_so_is_read(send, media_type):
    assert_problem(send(b'{"token":"1"}', media_type), "unsupported_media_type")


def test_compressed_bodies_are_not_unpacked(send):
    assert_problem(send(b'{"token":"1"}', **{"Content-Encoding": "gzip"}), "unsupported_media_type")


def test_ten_megabytes_are_too_large(send):
    assert_problem(send(b'{"token":"' + b"1" * 10_000_000 + b'"}'), "too_large")


def test_a_megabyte_is_read_and_refused_for_what_it_is(send):
    assert_problem(send(b'{"token":"' + b"1" * 900_000 + b'"}'), "invalid")


def test_many_faults_are_told_without_repeating_the_body(send, client, cast):
    body = json.dumps({"campaign": "<script>secret</script>", "order_ref": 5, "extra": "secret"}).encode()
    shop = {"Authorization": f"Bearer {cast.shop_key}"}
    problem = assert_problem(send(body, path="/v1/coupons", **shop), "invalid")
    assert {error["pointer"] for error in problem["errors"]} == {"/campaign", "/order_ref", "/extra"}
    assert "secret" not in str(problem)


@pytest.mark.parametrize("key", ["", " ", "x" * 256, "ключ", "a\tb", '""'])
def test_a_name_that_can_not_be_one_is_refused(send, key):
    encoded = key.encode().decode("latin-1")
    assert_problem(send(b'{"token":"1"}', **{"Idempotency-Key": encoded}), "idempotency_key_missing")
