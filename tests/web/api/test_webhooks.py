"""Webhook endpoints by the API: added, changed, rotated, enabled, resent; secrets are shown once; bad inputs get one clear error."""

from json import loads

import pytest

from redeem.db.models.managers import AuditEntry
from redeem.db.models.webhooks import WebhookEndpoint
from redeem.webhooks import attempts, endpoints
from redeem.webhooks.attempts import AttemptLine, Outcome
from tests.factories import all_of
from tests.web.programs import assert_problem, replayed

URL = "https://shop.example/hooks"
NOBODYS = "/webhook-endpoints/whe_01J00000000000000000000000"


@pytest.fixture
def added(shop):
    answer = shop.post("/webhook-endpoints", {"url": URL, "types": ["coupon.redeemed"], "description": "orders"})
    assert answer.status_code == 201
    return loads(answer.data)


def path(added) -> str:
    return f"/webhook-endpoints/{added['id']}"


def test_one_is_added_listed_and_looked_up(shop, reader, added):
    assert added["secret"].startswith("whsec_")
    assert added["public_key"].startswith("whpk_")
    assert (added["url"], added["types"], added["status"]) == (URL, ["coupon.redeemed"], "active")
    without = {name: value for name, value in added.items() if name != "secret"}
    assert loads(reader.get(path(added)).data) == without
    assert loads(reader.get("/webhook-endpoints").data) == {"object": "list", "data": [without], "has_more": False}


def test_a_retry_adds_no_second_one_and_hears_the_secret_again(shop, database):
    first, again = (shop.post("/webhook-endpoints", {"url": URL}, attempt="once") for _ in range(2))
    assert replayed(again)
    assert first.data == again.data
    assert len(database.read(lambda session: all_of(session, WebhookEndpoint))) == 1


def test_no_secret_is_in_the_database_as_it_is(added, database):
    [row] = database.read(lambda session: all_of(session, WebhookEndpoint))
    assert len(row.sealed_secret) == 64 + 40
    assert added["secret"] not in str(vars(row))


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({}, "errors point to"),
        ({"url": ""}, "errors point to"),
        ({"url": 5}, "errors point to"),
        ({"url": URL, "secret": "mine"}, "errors point to"),
        ({"url": "http://shop.example/"}, "https://"),
        ({"url": "https://127.0.0.1/"}, "public address"),
        ({"url": "https://[::ffff:169.254.169.254]/"}, "public address"),
        ({"url": URL, "types": ["coupon.eaten"]}, "errors point to"),
        ({"url": URL, "description": "a" * 121}, "errors point to"),
    ],
)
def test_a_bad_one_is_refused_with_what_to_correct(shop, body, says):
    assert says in assert_problem(shop.post("/webhook-endpoints", body), "invalid")["detail"]


def test_there_are_no_more_than_a_few(shop, monkeypatch):
    monkeypatch.setattr(endpoints, "ENDPOINTS_MAX", 2)
    for _ in range(2):
        shop.post("/webhook-endpoints", {"url": URL})
    assert_problem(shop.post("/webhook-endpoints", {"url": URL}), "too_many_endpoints")


def test_a_change_changes_what_is_given_and_nothing_else(shop, added):
    changed = loads(shop.patch(path(added), {"url": "https://shop.example/other", "types": []}).data)
    assert (changed["url"], changed["types"], changed["description"]) == ("https://shop.example/other", [], "orders")
    assert_problem(shop.patch(path(added), {"url": "https://localhost/"}), "invalid")


def test_a_change_from_something_older_is_refused(shop, added):
    read = shop.get(path(added))
    shop.patch(path(added), {"description": "first"})
    headers = {**shop.headers, "Idempotency-Key": "late", "If-Match": read.headers["ETag"]}
    late = shop.client.patch(f"/v1{path(added)}", headers=headers, json={"description": "late"})
    assert_problem(late, "precondition_failed")
    assert loads(shop.get(path(added)).data)["description"] == "first"


def test_what_was_read_may_be_sent_back(shop, added):
    read = loads(shop.get(path(added)).data)
    assert loads(shop.patch(path(added), read | {"failures": 3, "status": "failing"}).data) == read
    assert_problem(shop.patch(path(added), read | {"public_key": "whpk_another"}), "invalid")


def test_the_status_names_those_that_take_nothing(shop, added, database):
    assert loads(shop.get("/status").data)["webhooks"] == []

    def fail(session):
        row = session.get(WebhookEndpoint, added["id"])
        row.disabled_at, row.disabled_reason = 1_000, "gone"

    database.write(fail)
    [told] = loads(shop.get("/status").data)["webhooks"]
    assert told == {"url": URL, "since": "1970-01-01T00:00:01.000Z", "disabled": True}


def test_a_rotation_shows_another_secret_and_says_how_long_the_earlier_one_goes_on(shop, added):
    rotated = loads(shop.post(f"{path(added)}/rotate", {"hours": 2}).data)
    assert rotated["secret"] != added["secret"]
    assert rotated["public_key"] != added["public_key"]
    assert rotated["previous_secret_until"] is not None
    at_once = loads(shop.post(f"{path(added)}/rotate", {"hours": 0}).data)
    assert at_once["previous_secret_until"] is None
    assert_problem(shop.post(f"{path(added)}/rotate", {"hours": 169}), "invalid")


def test_one_is_disabled_and_enabled(shop, added):
    disabled = loads(shop.post(f"{path(added)}/disable").data)
    assert (disabled["status"], disabled["disabled_reason"]) == ("disabled", "by_hand")
    enabled = loads(shop.post(f"{path(added)}/enable").data)
    assert (enabled["status"], enabled["disabled_reason"]) == ("active", None)


def test_events_are_sent_again_by_id_or_from_one_on(shop, added, issue, cast):
    issue(cast.anywhere)
    event = loads(shop.get("/events").data)["data"][0]["id"]
    for body in ({"event": event}, {"after": event}):
        assert shop.post(f"{path(added)}/resend", body).status_code == 202
    for body in ({}, {"event": event, "after": event}):
        assert_problem(shop.post(f"{path(added)}/resend", body), "invalid")
    for body in ({"event": "evt_nobodys"}, {"after": "evt_nobodys"}):
        assert_problem(shop.post(f"{path(added)}/resend", body), "not_found")
    shop.post(f"{path(added)}/disable")
    assert_problem(shop.post(f"{path(added)}/resend", {"event": event}), "endpoint_disabled")


def test_attempts_are_listed(reader, added):
    assert loads(reader.get(f"{path(added)}/attempts").data) == {"object": "list", "data": [], "has_more": False}
    assert_problem(reader.get(f"{path(added)}/attempts", starting_after="x"), "invalid")


def test_attempts_are_read_page_by_page(reader, added, database):
    for number in (1, 2, 3):
        line = AttemptLine(number, "evt_" + "0" * 26, "coupon.issued", 1_000, Outcome.TAKEN, 200, 5)
        database.write(lambda session, line=line: attempts.keep(session, added["id"], line))
    first = loads(reader.get(f"{path(added)}/attempts", limit=2).data)
    assert ([each["number"] for each in first["data"]], first["has_more"]) == ([3, 2], True)
    rest = loads(reader.get(f"{path(added)}/attempts", starting_after=2).data)
    assert ([each["number"] for each in rest["data"]], rest["has_more"]) == ([1], False)


def test_one_is_deleted(shop, added):
    gone = shop.client.delete(f"/v1{path(added)}", headers={**shop.headers, "Idempotency-Key": "delete"})
    assert gone.status_code == 200
    assert_problem(shop.get(path(added)), "not_found")


CALLS = [("PATCH", ""), ("DELETE", ""), ("POST", "/rotate"), ("POST", "/enable"), ("POST", "/disable")]


@pytest.mark.parametrize(("method", "rest"), CALLS)
def test_of_nobodys_nothing_is_changed(shop, method, rest):
    for place in (NOBODYS, "/webhook-endpoints/nonsense"):
        headers = {**shop.headers, "Idempotency-Key": f"{method} {place}", "If-Match": "*"}
        answer = shop.client.open(f"/v1{place}{rest}", method=method, headers=headers, json={})
        assert_problem(answer, "not_found")


@pytest.mark.parametrize(("method", "rest"), [*CALLS, ("POST", "/resend")])
def test_a_key_that_only_reads_changes_nothing(reader, added, method, rest):
    headers = {**reader.headers, "Idempotency-Key": "reads", "If-Match": "*"}
    answer = reader.client.open(f"/v1{path(added)}{rest}", method=method, headers=headers, json={"event": "evt_1"})
    assert_problem(answer, "insufficient_scope")


def test_each_change_has_its_entry_and_no_secret_is_in_it(shop, added, database):
    shop.patch(path(added), {"description": "news"})
    rotated = loads(shop.post(f"{path(added)}/rotate").data)
    shop.post(f"{path(added)}/disable")
    shop.post(f"{path(added)}/enable")
    entries = [entry for entry in database.read(lambda session: all_of(session, AuditEntry)) if "webhook" in entry.what]
    assert [entry.what for entry in sorted(entries, key=lambda entry: entry.id)] == [
        "webhook_added",
        "webhook_changed",
        "webhook_secret_rotated",
        "webhook_disabled",
        "webhook_enabled",
    ]
    said = str([entry.details for entry in entries])
    assert added["secret"] not in said
    assert rotated["secret"] not in said
