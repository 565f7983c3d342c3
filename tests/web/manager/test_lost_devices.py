"""A lost tablet is written off by a shop manager who was shown what is at risk."""

import pytest

from redeem.db.models.coupons import Coupon
from redeem.db.models.devices import Device
from redeem.holds import holds
from redeem.ledger import generation
from redeem.web.context import now_ms
from tests import factories
from tests.factories import all_of, noted


@pytest.fixture
def held(cast, database):
    """Three coupons that the north tablet holds, 350 roubles each."""

    def work(db):
        coupons = [factories.coupon(db, cast.anywhere, home_store_id=cast.north) for _ in range(3)]
        device, life = db.get_one(Device, cast.tablet_id), generation.current(db)
        holds.grant_promised(db, device, life, now_ms(), 0)
        return coupons

    return database.write(work)


def lost(cast):
    return f"/manager/devices/{cast.tablet_id}/lost"


def holders(database):
    return {coupon.holder_id for coupon in database.read(lambda db: all_of(db, Coupon))}


def changes(database):
    return [(entry.what, entry.details) for entry in database.read(noted)]


def test_what_is_at_risk_is_shown_before_it_is_asked(office, cast, held):
    text = office("shop_manager").open(lost(cast)).text
    assert "Is “North counter” lost for good?" in text
    assert '<span class="stat-value">3</span>' in text
    assert "1,050.00" in text or "1,050" in text


def test_a_tablet_is_written_off_by_its_name_typed(office, cast, database, held):
    answer = office("shop_manager").send(lost(cast), {"confirm": " North  counter "})
    assert answer.status_code == 303
    assert holders(database) == {None}
    [(what, details)] = changes(database)
    assert (what, details["coupons"], details["values"]) == (
        "device_written_off",
        3,
        [{"amount": 105_000, "currency": "RUB"}],
    )
    text = office("shop_manager").open(lost(cast)).text
    assert "“North counter” is written off" in text
    assert '<span class="stat-value">3</span>' in text
    assert "Wrote a device off" in office("auditor").open("/manager/audit").text


@pytest.mark.parametrize("typed", ["", "yes", "north counter"])
def test_nothing_is_written_off_without_the_name(office, cast, database, held, typed):
    answer = office("shop_manager").send(lost(cast), {"confirm": typed})
    assert answer.status_code == 422
    assert "Type the device&#39;s name" in answer.text
    assert holders(database) == {cast.tablet_id}


def test_a_till_holds_nothing_and_is_revoked_instead(office, cast):
    answer = office("shop_manager").open(f"/manager/devices/{cast.north_till_id}/lost")
    assert answer.headers["Location"].endswith("/revoke")


def test_the_list_says_what_is_held_and_what_is_lost(office, cast, database, held):
    manager = office("shop_manager")
    assert '<td class="num" data-label="Reserved">3</td>' in manager.open("/manager/devices").text
    manager.send(lost(cast), {"confirm": "North counter"})
    text = manager.open("/manager/devices").text
    assert '<span class="badge is-no">Written off</span>' in text
    assert "What was at risk" in text
    assert "/lost" not in office("store_manager").open("/manager/devices").text
