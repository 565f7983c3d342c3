"""Every call of /v1 that takes a body, sent one that is right but for one thing: a problem each time, and nothing changes."""

import gzip
from json import dumps

import pytest

from redeem.db.base import Base
from tests.databases import on_both_databases
from tests.web.bodies import EMOJI, calls, spoilt
from tests.web.programs import assert_problem, new_attempt

REFUSED = ("bad_json", "invalid")
BOM = b"\xef\xbb\xbf"
ALL = (
    *("create_campaign", "patch_campaign", "issue_coupon", "move_home", "void_coupon", "add_partner", "add_store"),
    *(
        "say_again",
        "redeem_coupon",
        "reverse_redemption",
        "verify_coupon",
        "refund_order",
        "say_coupon_again",
        "patch_partner",
        "patch_store",
        "create_batch",
        "add_endpoint",
        "patch_endpoint",
        "rotate_secret",
        "resend_events",
    ),
)
# Right, and yet some of these can't be done here: the ledger waits for nothing, and there is no such redemption, order or endpoint.
ANSWERS = {"say_again": 409, "reverse_redemption": 404, "create_campaign": 201, "add_partner": 201, "add_store": 201}
ANSWERS |= {"issue_coupon": 201, "redeem_coupon": 201, "refund_order": 404, "create_batch": 202, "add_endpoint": 201}
ANSWERS |= {"patch_endpoint": 404, "rotate_secret": 404, "resend_events": 404}


@pytest.fixture
def known(cast, coupon):
    return calls(cast, coupon)


@pytest.fixture
def send(client, cast):
    """Makes a call with this body, as a new attempt."""

    def make(call, body, media_type="application/json", **headers):
        key = cast.north_till if call.till else cast.shop_key
        headers |= {"Authorization": f"Bearer {key}", "Idempotency-Key": new_attempt(), "If-Match": "*"}
        return client.open(call.path, method=call.method, data=body, content_type=media_type, headers=headers)

    return make


def dump(database):
    """Every row of every table. That a key was used is noted, and may be."""

    def work(session):
        rows = {table.name: session.execute(table.select()).mappings().all() for table in Base.metadata.sorted_tables}
        return {name: sorted(str(dict(row) | {"last_used_at": None}) for row in each) for name, each in rows.items()}

    return database.read(work)


def test_every_call_with_a_body_is_among_them(client, known):
    document = client.get("/v1/openapi.json").json
    operations = [operation for item in document["paths"].values() for operation in item.values()]
    assert {each["operationId"] for each in operations if "requestBody" in each} == set(ALL) == set(known)


@pytest.mark.parametrize("name", ALL)
def test_the_right_body_is_taken(known, send, name):
    """So each other one is refused for the one thing that is wrong with it."""
    call = known[name]
    answer = send(call, dumps(call.body).encode())
    assert answer.status_code == ANSWERS.get(name, 200), answer.text


@on_both_databases
@pytest.mark.parametrize("name", ALL)
def test_one_thing_that_is_wrong_is_enough(known, send, database, name):
    call, before, sent = known[name], dump(database), 0
    for what, body in spoilt(call.body):
        answer = send(call, body)
        assert answer.mimetype == "application/problem+json", f"{what}: {answer.status_code}"
        assert answer.json["code"] in REFUSED, f"{what}: {answer.json}"
        assert_problem(answer, answer.json["code"])
        assert EMOJI not in answer.text
        sent += 1
    assert sent > 10
    assert dump(database) == before


@pytest.mark.parametrize("name", ALL)
def test_what_is_too_large_or_not_sent_as_json_is_not_read(known, send, database, name):
    call, before = known[name], dump(database)
    right = dumps(call.body).encode()
    for media_type in ("text/plain", "application/x-www-form-urlencoded", "application/json; charset=utf-16", ""):
        assert_problem(send(call, right, media_type), "unsupported_media_type")
    assert_problem(send(call, gzip.compress(right), **{"Content-Encoding": "gzip"}), "unsupported_media_type")
    assert_problem(send(call, right[:-1] + b" " * 10_000_000 + right[-1:]), "too_large")
    for body in (b"", right[:-1], right + right, BOM + BOM + right, right.decode().encode("utf-16"), b"\xff"):
        assert_problem(send(call, body), "bad_json")
    assert dump(database) == before


@pytest.mark.parametrize("name", ALL)
def test_the_answer_is_short_whatever_was_sent(known, send, database, name):
    call, before = known[name], dump(database)
    for more in ({EMOJI: 1}, {f"unknown {number}": number for number in range(40_000)}):
        answer = send(call, dumps(call.body | more, ensure_ascii=False).encode())
        problem = assert_problem(answer, "invalid")
        assert 1 <= len(problem["errors"]) <= 100
        assert len(answer.data) < 20_000
    assert dump(database) == before


def test_so_it_is_of_a_query(client, cast):
    key = {"Authorization": f"Bearer {cast.shop_key}"}
    for query in ({f"unknown{number}": 1 for number in range(10_000)}, {EMOJI[:10_000]: 1}, {EMOJI[:10_000]: [1, 2]}):
        answer = client.get("/v1/campaigns", query_string=query, headers=key)
        assert_problem(answer, "invalid")
        assert len(answer.data) < 20_000


@pytest.mark.parametrize("name", ALL)
def test_a_byte_order_mark_is_no_fault(known, send, name):
    """1C's programs send one, and RFC 8259 lets it be ignored."""
    assert send(known[name], BOM + dumps(known[name].body).encode()).status_code == ANSWERS.get(name, 200)
