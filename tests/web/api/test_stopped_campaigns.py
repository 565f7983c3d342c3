"""A campaign that is stopped issues nothing until it goes on; nobody who holds a coupon notices."""

import pytest

from redeem.accounts import roles
from redeem.coupons import campaign_editor
from redeem.db.models.coupons import Campaign
from redeem.domain.terms import parse_terms
from redeem.lib.times import rfc3339
from tests import factories
from tests.databases import on_both_databases
from tests.factories import NOW, noted
from tests.web.programs import assert_problem, replayed


@pytest.fixture
def address(cast):
    return f"/campaigns/cmp_{cast.anywhere}"


@pytest.fixture
def page(address):
    return f"/manager{address}"


@pytest.fixture
def row(database, cast):
    return lambda: database.read(lambda db: db.get(Campaign, cast.anywhere))


@pytest.fixture
def issue_one(shop, cast):
    return lambda attempt=None: shop.post("/coupons", {"campaign": f"cmp_{cast.anywhere}"}, attempt)


def audit_of(database):
    return database.read(lambda db: [(each.what, each.details) for each in noted(db)])


# By the API.


@on_both_databases
def test_the_shop_stops_a_campaign_and_lets_it_go_on(shop, address, issue_one):
    before = shop.get(address).json
    stopped = shop.patch(address, {"stopped": True}).json
    assert stopped["stopped_at"]
    assert stopped == before | {"stopped_at": stopped["stopped_at"]}
    assert "stopped` false" in assert_problem(issue_one(), "campaign_stopped")["detail"]
    assert shop.patch(address, {"stopped": False}).json == before
    assert issue_one().status_code == 201


def test_a_refused_call_uses_up_neither_a_number_nor_its_key(shop, address, issue_one):
    shop.patch(address, {"stopped": True})
    assert_problem(issue_one("order 7"), "campaign_stopped")
    shop.patch(address, {"stopped": False})
    assert issue_one("order 7").json["id"].endswith("_0")


def test_a_retry_of_what_was_issued_is_answered_with_it(shop, address, issue_one):
    first = issue_one("order 7")
    shop.patch(address, {"stopped": True})
    again = issue_one("order 7")
    assert (again.data, replayed(again)) == (first.data, True)


def test_a_coupon_that_is_out_stays_good(shop, north, client, address, coupon):
    shop.patch(address, {"stopped": True})
    assert north.verify(coupon.token) == "good"
    assert client.get(f"/c/{coupon.token}").status_code == 200
    assert north.redeem(coupon.token).status_code == 201


def test_the_other_campaigns_go_on(shop, address, cast):
    shop.patch(address, {"stopped": True})
    assert shop.post("/coupons", {"campaign": f"cmp_{cast.north_only}"}).status_code == 201


def test_stopping_twice_keeps_since_when_it_is(shop, address):
    first = shop.patch(address, {"stopped": True}).json
    assert shop.patch(address, {"stopped": True}).json == first


def test_a_late_retry_of_the_stop_stops_nothing(shop, address, issue_one):
    first = shop.patch(address, {"stopped": True}, "stop")
    shop.patch(address, {"stopped": False})
    again = shop.patch(address, {"stopped": True}, "stop")
    assert (again.data, replayed(again)) == (first.data, True)
    assert issue_one().status_code == 201


def test_what_is_changed_beside_it_is_changed_and_refused_with_it(shop, address, coupon):
    assert_problem(shop.patch(address, {"stopped": True, "funding": "partner"}), "campaign_in_use")
    assert shop.get(address).json["stopped_at"] is None
    told = shop.patch(address, {"stopped": True, "name": "Not yet"}).json
    assert (told["name"], told["version"], bool(told["stopped_at"])) == ("Not yet", 2, True)
    assert shop.patch(address, {"name": "Still not"}).json["stopped_at"] == told["stopped_at"]


@pytest.mark.parametrize("word", ["true", 1, 0, "", [], {}])
def test_only_yes_or_no_is_an_answer(shop, address, row, word):
    problem = assert_problem(shop.patch(address, {"stopped": word}), "invalid")
    assert [error["pointer"] for error in problem["errors"]] == ["/stopped"]
    assert row().stopped_at is None


def test_no_campaign_is_made_stopped(shop, cast):
    said = {
        "name": "Winter",
        "offer": {"en": {"title": "A croissant"}},
        "partners": [cast.south_partner],
        "value": {"amount": 1, "currency": "EUR"},
        "handling_fee": {"amount": 0, "currency": "EUR"},
        "funding": "issuer",
    }
    assert_problem(shop.post("/campaigns", said | {"stopped": True}), "invalid")
    assert shop.post("/campaigns", said).json["stopped_at"] is None


def test_only_a_key_that_manages_may(reader, north, shop, address, row):
    assert_problem(reader.patch(address, {"stopped": True}), "insufficient_scope")
    assert_problem(north.patch(address, {"stopped": True}), "insufficient_scope")
    assert_problem(shop.patch("/campaigns/cmp_99", {"stopped": True}), "not_found")
    assert row().stopped_at is None


def test_tablets_are_not_told_all_campaigns_again(shop, address, row):
    shop.patch(address, {"stopped": True})
    assert row().version == 1


# In the office.


@on_both_databases
def test_a_manager_stops_it_and_lets_it_go_on(office, database, page, row, issue_one):
    manager = office("shop_manager")
    answer = manager.send(f"{page}/stop")
    assert (answer.status_code, answer.headers["Location"]) == (303, page)
    since = row().stopped_at
    shown = manager.open(page).text
    assert "nothing new is issued" in shown
    assert "Stop issuing" not in shown
    assert ">Stopped<" in manager.open("/manager/campaigns").text
    assert_problem(issue_one(), "campaign_stopped")
    manager.send(f"{page}/go-on", {"stopped_at": str(since)})
    assert row().stopped_at is None
    assert "Stop issuing" in manager.open(page).text
    assert issue_one().status_code == 201
    assert audit_of(database) == [
        ("campaign_stopped", {"name": "Autumn gifts", "changed": {"stopped_at": ["", rfc3339(since)]}}),
        ("campaign_went_on", {"name": "Autumn gifts", "changed": {"stopped_at": [rfc3339(since), ""]}}),
    ]
    log = manager.open("/manager/audit").text
    assert "Stopped since" in log
    assert f"<del>{rfc3339(since)}</del> → <ins>–</ins>" in log


def test_a_double_click_stops_once(office, database, page, row):
    manager = office("shop_manager")
    manager.send(f"{page}/stop")
    since = row().stopped_at
    assert manager.send(f"{page}/stop").status_code == 303
    for _ in range(2):
        assert manager.send(f"{page}/go-on", {"stopped_at": str(since)}).status_code == 303
    assert [what for what, _ in audit_of(database)] == ["campaign_stopped", "campaign_went_on"]


@pytest.mark.parametrize("seen", ["1", "", "soon", "9" * 5000, "-1", "٣", "🎁" * 40_000])
def test_a_page_that_is_too_old_ends_no_later_stop(office, database, page, row, seen):
    manager = office("shop_manager")
    manager.send(f"{page}/stop")
    answer = manager.send(f"{page}/go-on", {"stopped_at": seen})
    assert answer.status_code == 422
    assert "stopped this campaign again" in answer.text
    assert row().stopped_at
    assert len(audit_of(database)) == 1


def test_a_form_without_its_token_stops_nothing(office, page, row):
    assert office("shop_manager").client.post(f"{page}/stop").status_code == 400
    foreign = office("shop_manager").send(f"{page}/stop", headers={"Origin": "https://evil.example"})
    assert foreign.status_code == 403
    assert row().stopped_at is None


def test_whoever_only_reads_sees_it_and_can_change_nothing(office, page, row):
    office("shop_manager").send(f"{page}/stop")
    since = row().stopped_at
    for role in ("auditor", "partner_manager", "store_manager", "south_manager"):
        shown = office(role).open(page).text
        assert "nothing new is issued" in shown
        assert "Go on issuing" not in shown
        assert office(role).send(f"{page}/go-on", {"stopped_at": str(since)}).status_code == 403
    assert row().stopped_at == since


def test_who_writes_meanwhile_loses_nothing(office, database, page, row, cast):
    """A stop is no edit: what somebody began to write before it is saved, and the campaign stays stopped."""
    before = row()
    office("shop_manager").send(f"{page}/stop")

    def save(db):
        boss = roles.find_manager(db, cast.managers["shop_manager"])
        assert boss
        who = roles.as_person(boss)
        campaign_editor.change_campaign(db, who, before.number, before.version, "Late", parse_terms(before.terms), NOW)

    database.write(save)
    assert (row().name, row().version, bool(row().stopped_at)) == ("Late", 2, True)


@pytest.mark.parametrize("word", ['=HYPERLINK("https://evil.example","free")', "<script>alert(1)</script>"])
def test_hostile_names_stay_names(office, database, cast, word):
    number = database.write(lambda db: factories.campaign(db, word, partners=[cast.north_partner])).number
    manager = office("shop_manager")
    manager.send(f"/manager/campaigns/cmp_{number}/stop")
    assert "<script>alert" not in manager.open("/manager/campaigns").text + manager.open("/manager/audit").text
    assert "\n=HYPERLINK" not in manager.open("/manager/audit.csv").text
