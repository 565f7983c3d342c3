"""Every route of /clerk and /v1 × whoever else's device, key or id. A route that nobody classified here fails.

A device or a key is of one store, the shop's keys are of the shop. What belongs to another is answered as what is not there.
"""

import re
from collections.abc import Callable, Iterator
from json import loads
from typing import Any

import pytest
from flask import Flask
from nacl.signing import SigningKey
from werkzeug.test import TestResponse

from redeem.accounts.audit import OPERATOR
from redeem.db.models.ledger import Redemption
from redeem.devices import enrolment
from redeem.web.api.operation import operation_of
from tests import factories
from tests.cast import PIN, SOUTH_PIN, SOUTH_TABLET_KEY, TABLET_KEY, Cast
from tests.factories import NOW, all_of
from tests.web.programs import new_attempt
from tests.web.signed import Signing

# Who may call what. Everybody else gets 401, or 403 with a key of the wrong kind.
PUBLIC = {
    "GET clerk.page",
    "GET clerk.manifest",
    "GET clerk.worker",
    "GET clerk.static",
    "GET docs.document",
    "GET docs.interactive",
    "GET docs.errors",
    "GET docs.errors_for_programs",
}
BY_LINK = {"POST clerk.enrol"}
TABLET = {"POST clerk.unlock", "POST clerk.sync", "POST clerk.damage", "POST clerk.bell", "POST clerk.sets"}
TILL = {
    "POST till.verify_coupon",
    "POST till.redeem_coupon",
    "POST till.cancel_attempt",
    "POST till.reverse_redemption",
    "GET till_recovery.see_recovery",
    "POST till_recovery.say_again",
    "POST till_recovery.report",
}
SHOP = {
    "GET batches.get_batch",
    "GET batches.export_coupons",
    "GET batches.export_pictures",
    "GET batches.list_batches",
    "GET coupons.get_coupon",
    "GET coupons.list_coupons",
    "GET coupons.qr_png",
    "GET coupons.qr_svg",
    "GET events.list_events",
    "GET restores.see_status",
    "GET shop.get_campaign",
    "GET partners.get_partner",
    "GET shop.get_redemption",
    "GET shop.get_statement",
    "GET partners.get_store",
    "GET shop.list_campaigns",
    "GET partners.list_partners",
    "GET shop.list_redemptions",
    "GET shop.list_refusals",
    "GET shop.list_statements",
    "GET partners.list_stores",
    "PATCH shop.patch_campaign",
    "PATCH partners.patch_partner",
    "PATCH partners.patch_store",
    "POST batches.create_batch",
    "DELETE webhooks.delete_endpoint",
    "GET webhooks.get_endpoint",
    "GET webhooks.list_attempts",
    "GET webhooks.list_endpoints",
    "PATCH webhooks.patch_endpoint",
    "POST coupons.issue_coupon",
    "POST coupons.move_home",
    "POST coupons.void_coupon",
    "POST orders.refund_order",
    "POST partners.add_partner",
    "POST partners.add_store",
    "POST partners.close_partner",
    "POST partners.close_store",
    "POST partners.reopen_partner",
    "POST partners.reopen_store",
    "POST restores.complete_restore",
    "POST restores.say_coupon_again",
    "POST shop.create_campaign",
    "POST webhooks.add_endpoint",
    "POST webhooks.disable_endpoint",
    "POST webhooks.enable_endpoint",
    "POST webhooks.resend_events",
    "POST webhooks.rotate_secret",
}
# What the shop and tills may call. A till is told of its own store alone.
OF_BOTH = {"GET shop.get_redemption", "GET shop.list_redemptions"}
NOBODYS = {
    "coupon": "cpn_99_99",
    "campaign": "cmp_99",
    "order": "nobodys",
    "partner": "prt_01J00000000000000000000000",
    "store": "sto_01J00000000000000000000000",
    "generation": "99",
    "redemption": "rdm_01J00000000000000000000000",
    "statement": "stm_01J00000000000000000000000",
    "batch": "bat_01J00000000000000000000000",
    "endpoint": "whe_01J00000000000000000000000",
    "attempt": "nobodys",
    "filename": "nothing",
}


def routes_of(app: Flask) -> dict[str, str]:
    """The path of each route, with ids of nothing in it."""
    return {
        f"{method} {rule.endpoint}": re.sub(r"<(?:\w+:)?(\w+)>", lambda found: NOBODYS[found[1]], rule.rule)
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith(("/clerk/", "/v1/"))
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }


def test_every_route_is_classified(app):
    assert sorted(routes_of(app)) == sorted(PUBLIC | BY_LINK | TABLET | TILL | SHOP)


def test_what_takes_a_key_says_so(app):
    """The class of a route is the one that its declaration has."""
    declared = {name: operation_of(app.view_functions[name.split()[1]]) for name in routes_of(app)}
    assert {name for name, each in declared.items() if each and each.till_scope} == OF_BOTH
    assert {name for name, each in declared.items() if each and each.caller == "till"} == TILL
    assert {name for name, each in declared.items() if each and each.caller == "shop"} == SHOP


def call(client: Any, app: Flask, name: str, key: str | None) -> TestResponse:
    headers = {"Idempotency-Key": new_attempt()} | ({"Authorization": f"Bearer {key}"} if key else {})
    method, body = name.split()[0], None if name.startswith("GET") else dict[str, Any]()
    answer: TestResponse = client.open(routes_of(app)[name], method=method, headers=headers, json=body)
    return answer


@pytest.mark.parametrize("name", sorted(TILL | SHOP))
@pytest.mark.parametrize("who", [None, "intruder_key", "intruder_till", "revoked_key", "revoked_till"])
def test_without_a_key_that_works_nobody_is_admitted(app, client, cast, name, who):
    assert call(client, app, name, getattr(cast, who) if who else None).status_code == 401


@pytest.mark.parametrize("name", sorted(TILL | SHOP - OF_BOTH))
def test_a_key_of_the_other_kind_is_not_enough(app, client, cast, name):
    others = ["shop_key", "reader_key"] if name in TILL else ["north_till", "annex_till", "south_till"]
    assert {call(client, app, name, getattr(cast, who)).status_code for who in others} == {403}


@pytest.mark.parametrize("name", sorted(name for name in SHOP if "get_" in name or "qr_" in name))
def test_what_is_not_there_is_not_found(app, client, cast, name):
    assert call(client, app, name, cast.shop_key).status_code == 404


# Tablets.


def intruders(client: Any, cast: Cast) -> Iterator[tuple[str, Signing]]:
    """Whoever signs as a device that they are not."""
    stranger = SigningKey(b"a key that nobody has enrolled 1")
    yield "a stranger as the north's tablet", Signing(client, cast.tablet_id, stranger)
    yield "the south's tablet as the north's", Signing(client, cast.tablet_id, SOUTH_TABLET_KEY)
    yield "the north's tablet as the south's", Signing(client, cast.south_tablet_id, TABLET_KEY)
    yield "the north's tablet as its own till", Signing(client, cast.north_till_id, TABLET_KEY)
    yield "the north's tablet as nobody", Signing(client, "dev_" + "0" * 26, TABLET_KEY)


BODIES: dict[str, dict[str, Any]] = {
    "POST clerk.unlock": {"v": 1, "clerk": "clk", "pin": PIN},
    "POST clerk.sync": {"v": 1, "after": 0, "entries": []},
    "POST clerk.damage": {
        "v": 1,
        "device": "dev_" + "0" * 26,
        "damage": "short",
        "file": "A" * 43,
        "size": 1,
        "start": 0,
    },
    "POST clerk.bell": {"v": 1},
    "POST clerk.sets": {"v": 1, "campaign": 1},
}


@pytest.mark.parametrize("name", sorted(TABLET))
def test_a_call_counts_only_with_the_key_of_the_device_that_it_names(app, client, cast, name):
    path, body = routes_of(app)[name], BODIES[name]
    for who, signing in intruders(client, cast):
        assert signing.post(path, body).status_code == 401, who
    for key in (cast.shop_key, cast.north_till):
        assert call(client, app, name, key).status_code == 401
    right = Signing(client, cast.tablet_id, TABLET_KEY).post(path, body)
    assert right.status_code == (403 if "unlock" in name else 200)


@pytest.mark.parametrize("name", sorted(TABLET))
def test_a_revoked_tablet_hands_its_journal_in_and_nothing_else(app, client, cast, database, name):
    database.write(lambda session: enrolment.revoke_device(session, OPERATOR, cast.tablet_id, NOW))
    answer = Signing(client, cast.tablet_id, TABLET_KEY).post(routes_of(app)[name], BODIES[name])
    if name == "POST clerk.damage":
        assert loads(answer.data) == {"v": 1, "kept": 0, "refused": 0}
        return
    if name != "POST clerk.sync":
        assert answer.status_code == 401
        return
    told = {member for member, value in loads(answer.data).items() if value not in ([], {}, 0, False)}
    assert told == {"v", "time", "generation", "reported", "fault"}
    assert loads(answer.data)["fault"] == "revoked"


def test_a_tablet_learns_nothing_of_a_campaign_of_another_store(client, cast, database):
    """`north_only` is not good at the south's store; a number that no campaign has is answered alike."""
    north, south = (
        Signing(client, device_id, key)
        for device_id, key in ((cast.tablet_id, TABLET_KEY), (cast.south_tablet_id, SOUTH_TABLET_KEY))
    )
    south_only = database.write(lambda s: factories.campaign(s, "South only", stores=[cast.south]).number)
    both, north_only = cast.anywhere, cast.north_only
    answers = {
        (who, number): signing.post("/clerk/sets", {"v": 1, "campaign": number})
        for who, signing in (("north", north), ("south", south))
        for number in (both, north_only, south_only, 99)
    }
    good = {("north", both), ("north", north_only), ("south", both), ("south", south_only)}
    assert {place for place, answer in answers.items() if answer.status_code == 200} == good
    refused = [answer for place, answer in answers.items() if place not in good]
    assert {answer.status_code for answer in refused} == {404}
    assert len({loads(answer.data)["detail"] for answer in refused}) == 1


def test_a_tablet_is_opened_by_the_clerks_of_its_own_store_alone(client, cast):
    for signing, clerk, pin in (
        (Signing(client, cast.tablet_id, TABLET_KEY), cast.south_clerk_id, SOUTH_PIN),
        (Signing(client, cast.south_tablet_id, SOUTH_TABLET_KEY), cast.clerk_id, PIN),
    ):
        assert signing.post("/clerk/unlock", {"v": 1, "clerk": clerk, "pin": pin}).status_code == 403


def test_a_tablet_is_told_of_a_coupon_of_others_only_that_it_is_not_good_here(client, cast, issue):
    theirs = issue(cast.north_only)
    south = Signing(client, cast.south_tablet_id, SOUTH_TABLET_KEY)
    told = south.post("/clerk/sync", BODIES["POST clerk.sync"] | {"verify": theirs.token})
    verdict = loads(told.data)["verdict"]
    assert verdict["code"] == "wrong_store"
    assert "North" not in str(verdict)


# Tills.


@pytest.fixture
def given(north, coupon, database) -> dict[str, str]:
    """A gift of the north's till, by the ids that another till could name."""
    answer = north.redeem(coupon.token, "the north's attempt")
    assert answer.status_code == 201
    return {"redemption": loads(answer.data)["id"], "attempt": "the north's attempt", "token": coupon.token}


ANOTHERS: dict[str, Callable[[Any, dict[str, str]], TestResponse]] = {
    "POST till.reverse_redemption": lambda till, given: till.post(
        f"/redemptions/{given['redemption']}/reverse", {"reason": "mistake"}
    ),
    "POST till.cancel_attempt": lambda till, given: till.post(f"/redemptions/{given['attempt']}/cancel"),
    "POST till.redeem_coupon": lambda till, given: till.redeem(given["token"], given["attempt"]),
    "POST till.verify_coupon": lambda till, given: till.post("/verifications", {"token": given["token"]}),
}
ANOTHERS |= {
    "GET shop.get_redemption": lambda till, given: till.get(f"/redemptions/{given['redemption']}"),
    "GET shop.list_redemptions": lambda till, _given: till.get("/redemptions"),
}
NAMES_NOTHING = {"GET till_recovery.see_recovery", "POST till_recovery.say_again", "POST till_recovery.report"}
ANSWERS = {
    "POST till.reverse_redemption": 404,
    "POST till.cancel_attempt": 200,  # of its own attempt, which never arrived
    "POST till.redeem_coupon": 409,
    "POST till.verify_coupon": 200,
    "GET shop.get_redemption": 404,
    "GET shop.list_redemptions": 200,
}


def test_every_call_of_a_till_is_tried_with_anothers_ids():
    assert sorted(ANOTHERS) == sorted(ANSWERS) == sorted((TILL | OF_BOTH) - NAMES_NOTHING)


@pytest.mark.parametrize("name", sorted(ANOTHERS))
@pytest.mark.parametrize("who", ["annex", "south"])
def test_no_till_does_anything_to_the_gift_of_another_store(request, database, given, name, who):
    """Tills of one store may undo each other's gifts."""
    answer = ANOTHERS[name](request.getfixturevalue(who), given)
    assert answer.status_code == ANSWERS[name]
    assert [each.act_id for each in database.read(lambda session: all_of(session, Redemption))] == [given["redemption"]]
    if who == "south":
        assert "North" not in answer.text
        assert given["redemption"] not in answer.text
