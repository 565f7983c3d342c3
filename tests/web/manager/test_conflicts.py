"""Second gifts: a shop manager decides who bears the second gift of a coupon."""

import pytest

from redeem.db.models.ledger import Act, Conflict
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
