"""ETag and If-Match: a change of what somebody else has changed meanwhile is refused, and not lost. What was read can be sent back."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from json import loads
from threading import Barrier
from typing import Any

import pytest
from werkzeug.test import TestResponse

from redeem.web.api import edits
from tests.databases import on_both_databases
from tests.factories import noted
from tests.web.programs import assert_problem, new_attempt, replayed

KINDS = ("campaign", "partner", "store")


@dataclass(frozen=True, slots=True)
class Edited:
    """A thing that is edited by API: where, and how it is changed."""

    path: str
    change: Callable[..., TestResponse]
    shop: Any

    def read(self) -> Any:
        return loads(self.shop.get(self.path).data)

    def tag(self) -> str:
        return str(self.shop.get(self.path).headers["ETag"])


@pytest.fixture
def edited(client, shop, cast):
    """What makes an Edited of a kind."""
    paths = {
        "campaign": f"/campaigns/cmp_{cast.anywhere}",
        "partner": f"/partners/{cast.north_partner}",
        "store": f"/stores/{cast.north}",
    }

    def of(kind):
        def change(body, tag=None, attempt=None, client=client):
            headers = {**shop.headers, "Idempotency-Key": attempt or new_attempt()}
            headers |= {} if tag is None else {"If-Match": tag}
            return client.patch(f"/v1{paths[kind]}", json=body, headers=headers)

        return Edited(paths[kind], change, shop)

    return of


@pytest.fixture
def campaign(edited):
    return edited("campaign")


@on_both_databases
def test_the_second_of_two_changes_of_one_version_is_refused(edited):
    for thing in map(edited, KINDS):
        assert thing.tag() == '"1"'
        assert thing.change({"name": "First"}, '"1"').headers["ETag"] == '"2"'
        problem = assert_problem(thing.change({"name": "Second"}, '"1"'), "precondition_failed")
        assert problem["status"] == 412
        assert "Read it again" in problem["detail"]
        assert (thing.read()["name"], thing.read()["version"]) == ("First", 2)


@pytest.mark.parametrize("kind", KINDS)
def test_a_change_that_does_not_say_what_it_was_made_from_is_refused(edited, kind):
    thing = edited(kind)
    problem = assert_problem(thing.change({"name": "First"}), "precondition_required")
    assert (problem["status"], thing.tag()) == (428, '"1"')


def test_a_retry_of_the_first_is_no_second_change(campaign):
    first = campaign.change({"name": "First"}, '"1"', "one")
    again = campaign.change({"name": "First"}, '"1"', "one")
    assert (again.status_code, again.data, again.headers["ETag"], replayed(again)) == (200, first.data, '"2"', True)


def test_what_was_refused_may_be_sent_again_with_the_newer_tag_under_its_key(campaign):
    campaign.change({"name": "First"}, '"1"')
    assert_problem(campaign.change({"name": "Second"}, '"1"', "two"), "precondition_failed")
    assert campaign.change({"name": "Second"}, '"2"', "two").json["name"] == "Second"


def test_a_stop_is_a_change_too(campaign):
    stopped = campaign.change({"stopped": True}, '"1"')
    assert_problem(campaign.change({"stopped": False}, '"1"'), "precondition_failed")
    assert campaign.read()["stopped_at"] is not None
    assert campaign.change({"stopped": False}, stopped.headers["ETag"]).headers["ETag"] == '"1"'


@pytest.mark.parametrize("tag", ['"1"', '"7", "1"', '"7","1"', '"1", "7"', "*", 'W/"7", "1"', "1"])
def test_these_name_the_present_version(campaign, tag):
    assert campaign.change({"name": "New"}, tag).status_code == 200


@pytest.mark.parametrize(
    "tag", ['"2"', '"01"', '""', '"1 "', ",", "", '"1-x"', '"2", "3"', '"\u00e9"'.encode().decode("latin1")]
)
def test_these_name_another(campaign, tag):
    assert_problem(campaign.change({"name": "New"}, tag), "precondition_failed")


def test_a_weak_tag_names_nothing_and_is_told_so(campaign):
    """RFC 9110: If-Match compares strongly. A proxy that compresses makes tags weak."""
    problem = assert_problem(campaign.change({"name": "New"}, 'W/"1"'), "precondition_failed")
    assert "W/" in problem["detail"]


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_as_before_is_no_change(edited, database, kind):
    thing = edited(kind)
    was, log = thing.read(), database.read(noted)
    for body in ({}, {"name": was["name"]}, {"name": None}, {"name": f" {was['name']} "}):
        answer = thing.change(body, '"1"')
        assert (answer.status_code, answer.headers["ETag"], loads(answer.data)) == (200, '"1"', was)
    assert len(database.read(noted)) == len(log)


def test_a_stale_tag_is_told_of_even_where_nothing_would_change(campaign):
    campaign.change({"name": "First"}, '"1"')
    assert_problem(campaign.change({"name": "First"}, '"1"'), "precondition_failed")


@on_both_databases
def test_what_was_read_can_be_sent_back(edited, database):
    for thing in map(edited, KINDS):
        was, log = thing.read(), len(database.read(noted))
        answer = thing.change(was, thing.tag())
        assert (answer.status_code, loads(answer.data), answer.headers["ETag"]) == (200, was, '"1"'), answer.data
        assert len(database.read(noted)) == log
        answer = thing.change(was | {"name": "Another"}, thing.tag())
        assert loads(answer.data) == was | {"name": "Another", "version": 2}


def test_a_stopped_campaign_can_be_sent_back(campaign):
    campaign.change({"stopped": True}, "*")
    assert campaign.change(campaign.read(), campaign.tag()).status_code == 200
    faults = assert_problem(campaign.change({"stopped_at": None}, "*"), "invalid")["errors"]
    assert [fault["pointer"] for fault in faults] == ["/stopped_at"]


def test_a_campaign_can_be_sent_back_while_its_coupons_are_issued(campaign, cast, issue):
    was = campaign.read()
    issue(cast.anywhere)
    assert campaign.change(was, '"1"').json["coupons"] == was["coupons"] + 1
    more = was | {"coupons": was["coupons"] + 2}
    assert assert_problem(campaign.change(more, '"1"'), "invalid")["errors"][0]["pointer"] == "/coupons"


ANOTHER = {
    "id": {
        "campaign": "cmp_99",
        "partner": "prt_01JD8ZQ7T3K5V9W2X4Y6ABCDEF",
        "store": "sto_01JD8ZQ7T3K5V9W2X4Y6ABCDEF",
    },
    "version": 2,
    "created_at": "2020-01-01T00:00:00Z",
    "partner": "prt_01JD8ZQ7T3K5V9W2X4Y6ABCDEF",
    "v": 2,
    "stopped_at": "2020-01-01T00:00:00Z",
}


@pytest.mark.parametrize(
    ("kind", "member"),
    [(kind, member) for kind in KINDS for member in ("id", "version", "created_at")]
    + [("store", "partner"), ("campaign", "v"), ("campaign", "stopped_at")],
)
def test_a_read_only_member_that_is_another_is_named(edited, kind, member):
    thing, value = edited(kind), ANOTHER[member]
    sent = thing.read() | {"name": "New", member: value[kind] if isinstance(value, dict) else value}
    problem = assert_problem(thing.change(sent, "*"), "invalid")
    assert [fault["pointer"] for fault in problem["errors"]] == [f"/{member}"]
    assert thing.tag() == '"1"'


def test_every_member_that_can_be_read_can_be_sent_back(client):
    schemas = client.get("/v1/openapi.json").json["components"]["schemas"]
    for kind in KINDS:
        read, sent = (schemas[name]["properties"].keys() for name in (kind.title(), f"{kind.title()}Patch"))
        assert read <= sent


@on_both_databases
def test_of_changes_at_once_one_is_made(app, edited):
    barrier = Barrier(8)

    def change(number):
        barrier.wait()
        return thing.change({"name": f"Number {number}"}, '"1"', client=app.test_client()).status_code

    for thing in map(edited, KINDS):
        with ThreadPoolExecutor(8) as pool:
            assert sorted(pool.map(change, range(8))) == [200, *[412] * 7]
        assert thing.read()["version"] == 2


def test_the_race_is_lost_where_nothing_is_compared(edited, monkeypatch):
    monkeypatch.setattr(edits, "tag_of", lambda _: "1")
    for thing in map(edited, KINDS):
        assert [thing.change({"name": name}, '"1"').status_code for name in ("First", "Second")] == [200, 200]


def test_nobody_changes_what_is_not_there(shop):
    for path in (
        "partners/prt_01JD8ZQ7T3K5V9W2X4Y6ABCDEF",
        "stores/sto_01JD8ZQ7T3K5V9W2X4Y6ABCDEF",
        "stores/x",
        "partners/%00",
    ):
        assert_problem(shop.get(f"/{path}"), "not_found")
        assert_problem(shop.patch(f"/{path}", {"name": "New"}), "not_found")


def test_the_document_tells_of_it(client):
    document = client.get("/v1/openapi.json").json
    for kind in KINDS:
        item = document["paths"][f"/v1/{kind}s/{{{kind}}}"]
        [required] = [each["required"] for each in item["patch"]["parameters"] if each["name"] == "If-Match"]
        assert required
        assert "If-Match" not in [each["name"] for each in item["get"]["parameters"]]
        assert all("ETag" in each["responses"]["200"]["headers"] for each in (item["get"], item["patch"]))
        assert {"412", "428"} <= item["patch"]["responses"].keys()
