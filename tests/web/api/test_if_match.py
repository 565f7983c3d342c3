"""If-Match: a change of a campaign that somebody else has changed meanwhile is refused, and not lost."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from redeem.coupons import campaigns
from tests.databases import on_both_databases
from tests.web.programs import assert_problem, new_attempt, replayed


@pytest.fixture
def path(cast):
    return f"/campaigns/cmp_{cast.anywhere}"


@pytest.fixture
def patch(client, shop, path):
    def sent(body, tag=None, attempt=None, client=client):
        headers = {**shop.headers, "Idempotency-Key": attempt or new_attempt()} | (
            {} if tag is None else {"If-Match": tag}
        )
        return client.patch(f"/v1{path}", json=body, headers=headers)

    return sent


@on_both_databases
def test_the_second_of_two_changes_of_one_version_is_refused(shop, path, patch):
    assert shop.get(path).headers["ETag"] == '"1"'
    assert patch({"name": "First"}, '"1"').headers["ETag"] == '"2"'
    problem = assert_problem(patch({"name": "Second"}, '"1"'), "precondition_failed")
    assert problem["status"] == 412
    assert (shop.get(path).json["name"], shop.get(path).json["version"]) == ("First", 2)


def test_a_retry_of_the_first_is_no_second_change(patch):
    first = patch({"name": "First"}, '"1"', "one")
    again = patch({"name": "First"}, '"1"', "one")
    assert (again.status_code, again.data, again.headers["ETag"], replayed(again)) == (200, first.data, '"2"', True)


def test_what_was_refused_may_be_sent_again_with_the_newer_tag_under_its_key(patch):
    patch({"name": "First"}, '"1"')
    assert_problem(patch({"name": "Second"}, '"1"', "two"), "precondition_failed")
    assert patch({"name": "Second"}, '"2"', "two").json["name"] == "Second"


def test_a_stop_is_a_change_too(shop, path, patch):
    stopped = patch({"stopped": True}, '"1"')
    assert_problem(patch({"stopped": False}, '"1"'), "precondition_failed")
    assert shop.get(path).json["stopped_at"] is not None
    assert patch({"stopped": False}, stopped.headers["ETag"]).headers["ETag"] == '"1"'


@pytest.mark.parametrize("tag", ['"1"', 'W/"1"', '"7", "1"', "*", "1"])
def test_these_name_the_present_version(patch, tag):
    assert patch({"name": "New"}, tag).status_code == 200


@pytest.mark.parametrize("tag", ['"2"', '"01"', '""', '"1 "', ",", '"1-x"', '"\u00e9"'.encode().decode("latin1")])
def test_these_name_another(patch, tag):
    assert_problem(patch({"name": "New"}, tag), "precondition_failed")


def test_without_a_tag_the_last_change_wins(patch):
    assert [patch({"name": name}).status_code for name in ("First", "Second")] == [200, 200]


@on_both_databases
def test_of_changes_at_once_one_is_made(app, shop, path, patch):
    barrier = Barrier(8)

    def change(number):
        barrier.wait()
        return patch({"name": f"Number {number}"}, '"1"', client=app.test_client()).status_code

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(change, range(8))) == [200, *[412] * 7]
    assert shop.get(path).json["version"] == 2


def test_the_race_is_lost_where_nothing_is_compared(patch, monkeypatch):
    monkeypatch.setattr(campaigns, "tag", lambda *_: "1")
    assert [patch({"name": name}, '"1"').status_code for name in ("First", "Second")] == [200, 200]


def test_the_document_tells_of_it(client):
    document = client.get("/v1/openapi.json").json
    item = document["paths"]["/v1/campaigns/{campaign}"]
    assert "If-Match" in [each["name"] for each in item["patch"]["parameters"]]
    assert "If-Match" not in [each["name"] for each in item["get"]["parameters"]]
    assert [each["responses"]["200"]["headers"].keys() for each in (item["get"], item["patch"])] == [{"ETag"}, {"ETag"}]
