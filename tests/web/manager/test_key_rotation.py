"""Rolling a key: another follows it, and the earlier one goes on as long as was chosen. A retry with the new one is a retry."""

import re

import pytest
from sqlalchemy import update

from redeem.accounts import api_key_format
from redeem.db.models.api import ApiKey
from redeem.db.models.coupons import Coupon
from redeem.web.api.auth import CACHE
from tests.factories import all_of, noted
from tests.web.programs import Program, assert_problem, replayed

HOUR_MS = 3_600_000


def prefix_of(text):
    return api_key_format.parse(text).prefix


def shown(answer):
    found = re.search(r'id="key" value="(r[st]k_[^"]+)"', answer.text)
    assert found, (answer.status_code, answer.text)
    return found[1]


def roll(office, key, hours=24):
    return office("shop_manager").send(f"/manager/keys/{prefix_of(key)}/roll", {"hours": hours})


def roll_till(office, cast, hours=24, role="shop_manager"):
    return office(role).send(f"/manager/devices/{cast.north_till_id}/key", {"hours": hours})


def row(database, key):
    return database.read(lambda db: db.get_one(ApiKey, prefix_of(key)))


def test_both_keys_work_for_a_while(client, office, cast, database):
    new = shown(roll(office, cast.shop_key, hours=1))
    for key in (cast.shop_key, new):
        assert Program(client, key).get("/coupons").status_code == 200
    kept, made = row(database, cast.shop_key), row(database, new)
    assert made.scopes == kept.scopes
    assert made.works_until is None
    assert kept.works_until - made.created_at == HOUR_MS
    page = office("shop_manager").open("/manager/keys").text
    assert "ends " in page
    assert new not in page


def test_the_earlier_one_ends_when_its_time_is_over(app, client, office, cast, database):
    new = shown(roll(office, cast.shop_key))
    database.write(lambda db: db.execute(update(ApiKey).where(ApiKey.works_until.is_not(None)).values(works_until=1)))
    app.extensions[CACHE].clear()
    assert_problem(Program(client, cast.shop_key).get("/coupons"), "unauthenticated")
    assert Program(client, new).get("/coupons").status_code == 200
    assert "Ended" in office("shop_manager").open("/manager/keys").text


@pytest.mark.parametrize("which", ["shop_key", "north_till"])
def test_without_an_overlap_it_ends_at_once(client, office, cast, coupon, which):
    earlier = getattr(cast, which)
    path = "/coupons" if which == "shop_key" else "/redemptions/attempt-1"
    Program(client, earlier).get(path)  # this process knows the key now
    new = shown(roll(office, earlier, 0) if which == "shop_key" else roll_till(office, cast, 0))
    assert Program(client, earlier).get(path).status_code in (401, 404, 405)
    assert_problem(Program(client, earlier).post("/verifications", {"token": coupon.token}), "unauthenticated")
    assert Program(client, new).post("/verifications", {"token": coupon.token}).status_code != 401


def test_a_revoked_key_is_out_at_once(client, office, cast):
    assert Program(client, cast.shop_key).get("/coupons").status_code == 200
    office("shop_manager").send(f"/manager/keys/{prefix_of(cast.shop_key)}/revoke")
    assert_problem(Program(client, cast.shop_key).get("/coupons"), "unauthenticated")


def test_a_revoked_till_is_out_at_once(client, office, cast, coupon):
    till = Program(client, cast.north_till)
    assert till.post("/verifications", {"token": coupon.token}).status_code == 200
    office("shop_manager").send(f"/manager/devices/{cast.north_till_id}/revoke")
    assert_problem(till.post("/verifications", {"token": coupon.token}), "unauthenticated")


def test_a_coupon_asked_for_again_with_the_new_key_is_the_same_coupon(client, office, cast, database):
    """The reply was lost, the key was rolled, the program started again: it sends what it doesn't know to be done."""
    body = {"campaign": f"cmp_{cast.anywhere}", "order_ref": "1001"}
    first = Program(client, cast.shop_key).post("/coupons", body, "order-1001")
    newer = shown(roll(office, cast.shop_key))
    newest = shown(roll(office, newer, 0))
    again = Program(client, newest).post("/coupons", body, "order-1001")
    assert again.data == first.data
    assert replayed(again)
    assert len(database.read(lambda db: all_of(db, Coupon))) == 1


def test_a_till_s_attempt_with_its_new_key_is_the_same_attempt(client, office, cast, coupon):
    first = Program(client, cast.north_till).redeem(coupon.token, "till-4-17")
    new = shown(roll_till(office, cast, role="store_manager"))
    again = Program(client, new).redeem(coupon.token, "till-4-17")
    assert again.data == first.data
    assert replayed(again)


def test_a_second_click_makes_no_second_key(office, cast, database):
    before = len(database.read(lambda db: all_of(db, ApiKey)))
    assert roll(office, cast.shop_key).status_code == 200
    again = roll(office, cast.shop_key)
    assert again.status_code == 422
    assert "Another key follows this one already" in again.text
    assert len(database.read(lambda db: all_of(db, ApiKey))) == before + 1


def test_what_was_rolled_is_written_down_without_a_secret(office, cast, database):
    new = shown(roll_till(office, cast, 1))
    [entry] = database.read(noted)
    prefixes = [prefix_of(cast.north_till), prefix_of(new)]
    assert (entry.what, entry.subject_id, entry.store_id) == ("key_rolled", prefixes[0], cast.north)
    assert entry.details["changed"] == {"prefix": prefixes}
    assert new not in str(entry.details)


@pytest.mark.parametrize("hours", ["", "-1", "169", "1e9", "soon", "9" * 400])
def test_no_other_overlap_than_is_offered(office, cast, database, hours):
    before = len(database.read(lambda db: all_of(db, ApiKey)))
    assert roll(office, cast.shop_key, hours).status_code == 422
    assert len(database.read(lambda db: all_of(db, ApiKey))) == before


@pytest.mark.parametrize("key", ["revoked_key", "north_till", "intruder_key"])
def test_what_is_no_working_key_of_the_shop_is_not_rolled(office, cast, key):
    assert roll(office, getattr(cast, key)).status_code in (404, 422)


def test_each_sees_the_keys_of_their_own_tills(office, cast):
    seen = {role: office(role).open("/manager/keys").text for role in ("partner_manager", "store_manager", "auditor")}
    assert prefix_of(cast.annex_till) in seen["partner_manager"]
    assert prefix_of(cast.annex_till) not in seen["store_manager"]
    for role in ("partner_manager", "store_manager"):
        assert prefix_of(cast.north_till) in seen[role]
        assert prefix_of(cast.south_till) not in seen[role]
        assert prefix_of(cast.shop_key) not in seen[role]
    assert prefix_of(cast.shop_key) in seen["auditor"]
    assert "/roll" not in seen["auditor"]
    assert f"/manager/devices/{cast.north_till_id}/key" not in seen["auditor"]


def test_who_made_a_key_is_told(office, cast):
    office("shop_manager").send("/manager/keys/new", {"name": "web shop 2", "scopes": ["read"]})
    page = office("shop_manager").open("/manager/keys").text
    assert "<span>shop_manager<br>" in page
    assert "on the server" in page


def test_a_tablet_has_no_key_to_roll(office, cast):
    assert office("shop_manager").open(f"/manager/devices/{cast.tablet_id}/key").status_code == 303
