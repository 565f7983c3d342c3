"""Second and contested gifts: a shop manager decides who bears them, or that one was never given."""

import re

import pytest

from redeem.db.models.ledger import Act, Conflict
from redeem.lib.ids import coupon_id
from tests.factories import all_of, noted
from tests.web import office_factories


@pytest.fixture
def conflict(cast, database):
    made = database.write(lambda db: office_factories.two_gifts(db, cast.anywhere, cast.north_till_id, cast.north))
    return f"/manager/conflicts/{made}"


def changes(database):
    return [(entry.what, entry.details) for entry in database.read(noted)]


def test_two_gifts_stand_side_by_side(office, conflict):
    assert conflict in office("store_manager").open("/manager/conflicts").text
    text = office("store_manager").open(conflict).text
    assert text.count("North, on the square") == 2
    assert "A shop manager decides." in text
    assert 'name="bearer"' not in text


def test_a_shop_manager_decides_who_bears_it(office, database, conflict):
    manager = office("shop_manager")
    assert manager.send(conflict, {"bearer": "partner", "note": "The clerk was told."}).status_code == 303
    [row] = database.read(lambda db: all_of(db, Conflict))
    assert (row.bearer, row.note) == ("partner", "The clerk was told.")
    text = manager.open(conflict).text
    assert "The partner bears it" in text
    assert "The clerk was told." in text
    [(what, details)] = changes(database)
    assert (what, details["before"], details["bearer"]) == ("conflict_decided", "issuer", "partner")
    assert "Nothing is to be decided" in manager.open("/manager/conflicts").text
    assert "The partner bears it" in manager.open("/manager/conflicts?show=all").text


def test_nobody_else_is_a_bearer(office, database, conflict):
    assert office("shop_manager").send(conflict, {"bearer": "the customer"}).status_code == 422
    assert changes(database) == []


def test_what_was_taken_back_is_not_decided(office, database, conflict):
    def withdraw(db):
        [row] = all_of(db, Conflict)
        row.withdrawn_at = 1

    database.write(withdraw)
    answer = office("shop_manager").send(conflict, {"bearer": "partner"})
    assert answer.status_code == 422
    assert "one of the gifts was undone" in answer.text


def test_a_gift_of_another_partner_is_not_described(office, cast, database, conflict):
    def move(db):
        [row] = all_of(db, Conflict)
        first = db.get_one(Act, row.standing_act_id)
        first.store_id, first.device_id = cast.south, cast.south_till_id

    database.write(move)
    for page in ("/manager/conflicts", conflict):
        text = office("store_manager").open(page).text
        assert "South" not in text
        assert "at a store that you can" in text


# Contested gifts.


@pytest.fixture
def contested(cast, database):
    made = database.write(lambda db: office_factories.contested(db, cast.anywhere, cast.north_till_id, cast.north))
    return f"/manager/conflicts/{made}"


def decided_at(text):
    (seen,) = re.findall(r'name="seen" value="([0-9]*)"', text)
    return seen


def test_a_contested_gift_is_shown_with_the_rule_that_it_broke(office, contested):
    for path in ("/manager/conflicts", contested):
        text = office("store_manager").open(path).text
        assert "The coupon had expired on every day on which it can have been given." in text
        assert "at a store that you can" not in text
    assert "First gift" not in text
    assert "Until then it is not owed." in text
    text = office("shop_manager").open(contested).text.replace("\xa0", " ")
    assert "The shop owes the partner RUB 365.00 for it." in text
    assert "The coupon is good again" in text


def test_one_that_was_never_given_is_decided_for_good(office, database, contested):
    manager = office("shop_manager")
    assert manager.send(contested, {"bearer": "never_given", "note": "Closed that day."}).status_code == 303
    for path in (contested, "/manager/conflicts?show=all"):
        assert "ever given" in manager.open(path).text
    assert "Closed that day." in manager.open(contested).text
    assert 'name="bearer"' not in manager.open(contested).text
    assert "Nothing is to be decided" in manager.open("/manager/conflicts").text
    assert manager.send(contested, {"bearer": "issuer"}).status_code == 422


def test_who_has_not_seen_the_decision_is_shown_it(office, database, contested):
    manager = office("shop_manager")
    manager.send(contested, {"bearer": "issuer"})
    answer = manager.send(contested, {"bearer": "partner"})
    assert answer.status_code == 422
    assert "Somebody decided meanwhile." in answer.text
    assert "The shop bears it" in answer.text
    seen = decided_at(answer.text)
    assert manager.send(contested, {"bearer": "partner", "seen": seen}).status_code == 303
    assert len(changes(database)) == 2


@pytest.mark.parametrize("seen", ["x", "-1", "1" * 400])
def test_a_time_that_is_none_decides_nothing(office, database, contested, seen):
    assert office("shop_manager").send(contested, {"bearer": "partner", "seen": seen}).status_code == 422
    assert changes(database) == []


def test_its_coupons_story_tells_it_and_what_was_decided(office, database, contested):
    [row] = database.read(lambda db: all_of(db, Conflict))
    page, manager = f"/manager/coupons/{coupon_id(row.serial)}", office("shop_manager")
    text = manager.open(page).text
    assert "A contested gift. The coupon had expired" in text
    assert "It is not owed · not decided yet." in text
    manager.send(contested, {"bearer": "issuer"})
    assert "The shop bears it · decided by shop_manager." in manager.open(page).text
    manager.send(contested, {"bearer": "never_given", "seen": decided_at(manager.open(contested).text)})
    assert "Never given, as shop_manager decided." in manager.open(page).text


def test_the_statement_says_how_many_are_to_decide(office, contested):
    for role in ("shop_manager", "auditor", "partner_manager"):
        assert "1 gift to decide" in office(role).open("/manager/statements").text
    assert "to decide" not in office("south_manager").open("/manager/statements").text
