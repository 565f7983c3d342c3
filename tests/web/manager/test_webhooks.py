"""Webhooks in the office: who is told, whether it is taken, and what to do if it isn't."""

import re

import pytest

from redeem.accounts.reauthentication import FRESH_MS
from redeem.db.models.webhooks import WebhookEndpoint
from redeem.web.context import now_ms
from redeem.web.manager import reauthentication
from redeem.webhooks import attempts
from redeem.webhooks.attempts import AttemptLine, Outcome
from tests.factories import all_of, noted
from tests.web import office_factories

URL = "https://shop.example/hooks"


@pytest.fixture
def endpoint_id(database):
    return database.write(office_factories.endpoint)


def test_one_is_added_and_its_secret_shown_once(office, database):
    answer = office("shop_manager").send("/manager/webhooks/new", {"url": URL, "types": ["coupon.redeemed"]})
    secret = re.search(r'value="(whsec_[^"]+)"', answer.text)
    assert secret
    assert "whpk_" in answer.text
    [row] = database.read(lambda session: all_of(session, WebhookEndpoint))
    assert (row.url, row.types) == (URL, "coupon.redeemed")
    assert secret[1] not in office("shop_manager").open(f"/manager/webhooks/{row.id}").text
    [entry] = database.read(noted)
    assert (entry.what, entry.subject_id, entry.details) == ("webhook_added", row.id, {"name": URL})


@pytest.mark.parametrize(("language", "says"), [("en", "Give a public address"), ("ru", "Укажите публичный адрес")])
def test_a_bad_address_is_said_and_what_was_typed_is_kept(office, language, says):
    form = {"url": "https://127.0.0.1/", "description": "my receiver"}
    answer = office("shop_manager").send(f"/manager/webhooks/new?lang={language}", form)
    assert answer.status_code == 422
    assert says in answer.text
    assert "my receiver" in answer.text


@pytest.mark.parametrize("rest", ["new", "{}/rotate", "{}/change"])
def test_the_password_is_asked_for_again(office, endpoint_id, database, monkeypatch, rest):
    manager = office("shop_manager")
    later = now_ms() + FRESH_MS + 1
    monkeypatch.setattr(reauthentication, "now_ms", lambda: later)
    before = database.read(lambda session: all_of(session, WebhookEndpoint))
    answer = manager.send(
        f"/manager/webhooks/{rest.format(endpoint_id)}", {"url": "https://other.example/", "hours": 1}
    )
    assert answer.status_code == 401
    after = database.read(lambda session: all_of(session, WebhookEndpoint))
    assert [(each.url, each.sealed_secret) for each in after] == [(each.url, each.sealed_secret) for each in before]


def test_a_new_secret_is_made_and_shown(office, endpoint_id):
    answer = office("shop_manager").send(f"/manager/webhooks/{endpoint_id}/rotate", {"hours": "24"})
    assert re.search(r'value="whsec_[^"]+"', answer.text)
    assert "The earlier secret" in office("shop_manager").open(f"/manager/webhooks/{endpoint_id}").text


def test_the_page_says_why_it_is_disabled_and_enables_it(office, endpoint_id, database):
    def fail(session):
        row = session.get(WebhookEndpoint, endpoint_id)
        row.disabled_at, row.disabled_reason = now_ms(), "failing"
        row.missed_from, row.missed_until = now_ms() - 5_000, now_ms()

    database.write(fail)
    page = office("shop_manager").open(f"/manager/webhooks/{endpoint_id}").text
    assert "It took nothing for three days." in page
    assert "were deleted" in page
    office("shop_manager").send(f"/manager/webhooks/{endpoint_id}/enable")
    page = office("shop_manager").open(f"/manager/webhooks/{endpoint_id}").text
    assert "It took nothing for three days." not in page


def test_attempts_are_listed_and_an_event_is_sent_again(office, endpoint_id, database, shop, issue, cast):
    issue(cast.anywhere)
    event = shop.get("/events").json["data"][0]["id"]
    line = AttemptLine(1, event, "coupon.issued", now_ms(), Outcome.REDIRECTED, 301, 12)
    database.write(lambda session: attempts.keep(session, endpoint_id, line))
    page = office("shop_manager").open(f"/manager/webhooks/{endpoint_id}").text
    assert "It redirects: give its new address" in page
    office("shop_manager").send(f"/manager/webhooks/{endpoint_id}/resend", {"event": event})
    [row] = database.read(lambda session: all_of(session, WebhookEndpoint))
    assert row.resend == [event]
    assert "Send again" not in office("auditor").open(f"/manager/webhooks/{endpoint_id}").text


def test_one_is_changed_disabled_and_deleted(office, endpoint_id, database):
    manager = office("shop_manager")
    manager.send(f"/manager/webhooks/{endpoint_id}/change", {"url": URL + "/2", "types": "coupon.voided"})
    [row] = database.read(lambda session: all_of(session, WebhookEndpoint))
    assert (row.url, row.types) == (URL + "/2", "coupon.voided")
    manager.send(f"/manager/webhooks/{endpoint_id}/disable")
    assert "Somebody disabled it." in manager.open(f"/manager/webhooks/{endpoint_id}").text
    assert "Delete this endpoint?" in manager.open(f"/manager/webhooks/{endpoint_id}/delete").text
    manager.send(f"/manager/webhooks/{endpoint_id}/delete")
    assert database.read(lambda session: all_of(session, WebhookEndpoint)) == []
    assert manager.open(f"/manager/webhooks/{endpoint_id}").status_code == 404


def test_the_list_shows_each_with_its_state(office, endpoint_id):
    assert URL in office("auditor").open("/manager/webhooks").text
    assert "Работает" in office("auditor").open("/manager/webhooks?lang=ru").text
