"""An open coupon's token and short code stand on no page, in no file and in no answer for those who could use them.

Every GET route of the application is opened as every role and with every key that may not issue, and what comes is searched.
"""

import re
from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from sqlalchemy.orm import Session
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from redeem.accounts import api_key_format, audit, roles
from redeem.accounts.audit import OPERATOR, Change
from redeem.coupons.bulk_void import plan_texts, take_in
from redeem.coupons.reveal import REVEALS_PER_HOUR_MAX
from redeem.db.models.ledger import Conflict
from redeem.db.models.managers import Manager
from redeem.devices import enrolment
from redeem.domain import disclosure
from redeem.domain.disclosure import Audience, Field, Sight
from redeem.domain.short_codes import grouped
from redeem.ledger import signing
from redeem.web.context import now_ms
from tests import factories
from tests.cast import Cast
from tests.counters import Counters
from tests.factories import Issued, all_of, noted
from tests.web import office_factories
from tests.web.office import Office

BELOW_THE_SHOP = ("partner_manager", "store_manager", "auditor")
AT_RISK = {"policy": "at_risk", "coupons": 9, "value": 1_000_000, "hours": 8, "bearer": "issuer"}
NAMES_OF_NOTHING = {"filename": "x", "rest": "x", "sealed": "x", "digits": "1", "name": "x"}


@pytest.fixture
def coupon(database, cast) -> Issued:
    """An open coupon of which everything is recorded that may be: it was given twice and both gifts were undone."""

    def make(session: Session) -> Issued:
        made = factories.campaign(session, "At risk", partners=[cast.north_partner], offline=AT_RISK)
        return factories.coupon(session, made.number, order_ref="A-1001", home_store_id=cast.north)

    issued: Issued = database.write(make)
    return issued


@pytest.fixture
def ids(counters: Counters, cast: Cast, coupon: Issued, manager_id: str) -> dict[str, str]:
    """By argument of a route: of each kind the thing that knows most of the coupon."""
    first, second = counters.tablet, counters.add_tablet()
    for tablet, shown in ((first, {"coupon": coupon.token}), (second, {"typed": coupon.short_code, "id": coupon.id})):
        tablet.write("gave-at-risk", **shown)
        tablet.sync(now=now_ms())
    second.act("undo", of=1, reason="wrong_gift")
    first.act("undo", of=1, reason="wrong_gift")
    first.act("decline", coupon=coupon.token, code="expired")
    assert counters.standing(coupon) is None

    def look(session: Session) -> dict[str, str]:
        (conflict,) = all_of(session, Conflict)
        boss = roles.as_person(session.get_one(Manager, manager_id))
        run_id = plan_texts(session, boss, [coupon.short_code, coupon.token], now_ms())
        while take_in(session, run_id, signing.load_ring(session)):
            pass
        return {
            "conflict_id": conflict.act_id,
            "void_id": run_id,
            "journal_id": office_factories.journal(
                session,
                cast.north,
                {"kind": "gave-held", "typed": coupon.short_code},
                {"kind": "ask", "coupon": coupon.token},
            ),
            "store_id": cast.north,
            "device_id": cast.tablet_id,
            "clerk_id": cast.clerk_id,
            "enrolment_id": enrolment.invite_tablet(session, OPERATOR, cast.north, "New", now_ms(), 10).id,
            "campaign_id": f"cmp_{coupon.serial >> 32}",
            "coupon_id": coupon.id,
            "partner_id": cast.north_partner,
            "statement_id": office_factories.statement(session, cast.north),
            "manager_id": manager_id,
            "invitation_id": "inv_01J00000000000000000000000",
            "prefix": api_key_format.parse(cast.reader_key).prefix,
            "campaign": f"cmp_{coupon.serial >> 32}",
            "coupon": coupon.id,
            "redemption": conflict.act_id,
            "statement": "stm_01J00000000000000000000000",
            "endpoint_id": (endpoint := office_factories.endpoint(session)),
            "endpoint": endpoint,
            "partner": cast.north_partner,
            "store": cast.north,
            "batch": "bat_01J00000000000000000000000",
            **NAMES_OF_NOTHING,
        }

    return counters.write(look)


def rules_of(app: Flask) -> list[Rule]:
    return [rule for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ())]


def path_of(rule: Rule, ids: dict[str, str]) -> str:
    """An argument of a new kind has no id in `ids`, so it fails here."""
    return re.sub(r"<(?:\w+:)?(\w+)>", lambda found: ids[found[1]], rule.rule)


def queries(ids: dict[str, str]) -> list[dict[str, str]]:
    """What makes a page tell of the coupon: its id, its order, its campaign, and what is decided."""
    return [{}, {"q": ids["coupon_id"], "show": "all"}, {"q": "A-1001"}, {"campaign": ids["campaign_id"]}]


def leaks(app: Flask, coupon: Issued, ids: dict[str, str], open_one: Callable[..., TestResponse]) -> Iterator[str]:
    """The endpoints whose answers have the token or the short code in them."""
    secrets = (coupon.token, coupon.short_code, grouped(coupon.short_code))
    for rule in rules_of(app):
        for query in [{}] if rule.arguments else queries(ids):
            answer = open_one(path_of(rule, ids), query_string=query)
            if any(secret.encode() in answer.data for secret in secrets):
                yield rule.endpoint


@pytest.mark.parametrize("role", BELOW_THE_SHOP)
def test_no_page_and_no_file_shows_it_below_the_shop(app, enter, coupon, ids, role):
    assert set(leaks(app, coupon, ids, enter(role).open)) == set()


def test_a_shop_manager_sees_it_only_where_it_was_named_by_a_shop_manager(app, enter, coupon, ids):
    """The result of a bulk void repeats what was typed or uploaded there."""
    assert set(leaks(app, coupon, ids, enter("shop_manager").open)) == {"manager.void_result"}


@pytest.mark.parametrize("key", ["reader_key", "north_till", "annex_till", "south_till"])
def test_no_answer_of_the_api_shows_it_to_a_key_that_may_not_issue(app, client, cast, coupon, ids, key):
    headers = {"Authorization": f"Bearer {getattr(cast, key)}"}
    assert set(leaks(app, coupon, ids, lambda path, **said: client.get(path, headers=headers, **said))) == set()


def test_the_search_finds_what_it_looks_for(app, client, cast, enter, coupon, ids, monkeypatch):
    """With everything shown to everybody, each place that asks `disclose` is found."""
    monkeypatch.setattr(disclosure, "SIGHTS", {audience: (Sight.WHOLE,) * len(Field) for audience in Audience})
    assert set(leaks(app, coupon, ids, enter("partner_manager").open)) == {
        "manager.coupon",
        "manager.simulator",
        "manager.journal",
        "manager.conflict",
    }
    monkeypatch.undo()
    headers = {"Authorization": f"Bearer {cast.shop_key}"}
    found = set(leaks(app, coupon, ids, lambda path, **said: client.get(path, headers=headers, **said)))
    assert found == {"coupons.get_coupon", "coupons.list_coupons"}


# Showing it.


def reveal(office: Office, coupon: Issued):
    return office.send(f"/manager/coupons/{coupon.id}/code")


def seen(database) -> list[tuple[str, str]]:
    entries = database.read(noted)
    return [(each.subject_id, each.what) for each in entries if each.what == "code_revealed"]


def test_a_shop_manager_has_it_shown_and_that_is_recorded(enter, database, coupon):
    office = enter("shop_manager")
    hidden = office.open(f"/manager/coupons/{coupon.id}").text
    assert "Show the code" in hidden
    assert grouped("•" * 8 + coupon.short_code[-4:]) in hidden
    shown = reveal(office, coupon)
    assert (shown.status_code, shown.headers["Cache-Control"]) == (200, "no-store")
    assert grouped(coupon.short_code) in shown.text
    assert seen(database) == [(coupon.id, "code_revealed")]
    assert "Had a coupon&#39;s code shown" in office.open("/manager/audit").text
    assert grouped(coupon.short_code) not in office.open(f"/manager/coupons/{coupon.id}").text


@pytest.mark.parametrize("role", BELOW_THE_SHOP)
def test_nobody_below_the_shop_has_it_shown(enter, database, coupon, role):
    office = enter(role)
    assert "Show the code" not in office.open(f"/manager/coupons/{coupon.id}").text
    assert reveal(office, coupon).status_code == 403
    assert seen(database) == []


def test_a_form_of_another_site_shows_nothing(enter, database, coupon):
    answer = enter("shop_manager").client.post(f"/manager/coupons/{coupon.id}/code")
    assert answer.status_code == 400
    assert seen(database) == []


def test_a_manager_has_few_shown_within_an_hour(enter, database, cast, coupon, manager_id):
    def look_often(session: Session, at: int) -> None:
        for _ in range(REVEALS_PER_HOUR_MAX):
            audit.note(session, manager_id, Change.CODE_REVEALED, coupon.id, at)

    office, now = enter("shop_manager"), now_ms()
    database.write(lambda session: look_often(session, now - 3_601_000))
    assert reveal(office, coupon).status_code == 200
    database.write(lambda session: look_often(session, now))
    refused = reveal(office, coupon)
    assert refused.status_code == 429
    assert grouped(coupon.short_code) not in refused.text
    assert len(seen(database)) == 2 * REVEALS_PER_HOUR_MAX + 1
