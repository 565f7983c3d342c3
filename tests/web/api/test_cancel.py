"""POST /v1/redemptions/{attempt}/cancel: final, whichever comes first."""

from urllib.parse import quote

import pytest

from redeem.db.models.ledger import Act, Redemption
from tests.databases import on_both_databases
from tests.factories import all_of
from tests.web.programs import assert_problem


@on_both_databases
def test_a_cancelled_attempt_that_arrives_later_redeems_nothing(north, north_two, coupon):
    assert north.post("/redemptions/late/cancel").json == {"id": "late", "object": "attempt", "status": "cancelled"}
    assert_problem(north.redeem(coupon.token, "late"), "attempt_cancelled")
    assert north_two.redeem(coupon.token).status_code == 201


@on_both_databases
def test_cancelling_an_attempt_that_redeemed_opens_the_coupon_again(north, north_two, coupon):
    assert north.redeem(coupon.token, "early").status_code == 201
    assert north.post("/redemptions/early/cancel").status_code == 200
    assert_problem(north.redeem(coupon.token, "early"), "attempt_cancelled")
    assert north_two.redeem(coupon.token).status_code == 201


def test_cancelling_twice_is_cancelling_once(north, database, coupon):
    north.redeem(coupon.token, "early")
    first, again = (north.post("/redemptions/early/cancel") for _ in range(2))
    assert (first.status_code, first.data) == (again.status_code, again.data)
    assert database.read(lambda session: all_of(session, Redemption)) == []


def test_a_cancelled_redemption_of_another_till_stands(north, south, coupon):
    assert north.redeem(coupon.token, "shared-name").status_code == 201
    assert south.post("/redemptions/shared-name/cancel").status_code == 200
    assert north.verify(coupon.token) == "already_redeemed"


def test_an_attempt_may_be_called_what_it_likes(north, coupon):
    name = "till 4/2026-11-21//17?x=ё".replace("ё", "~")
    assert north.redeem(coupon.token, name).status_code == 201
    assert north.post(f"/redemptions/{quote(name, safe='')}/cancel").json["id"] == name
    assert north.verify(coupon.token) == "good"


def test_what_was_no_attempt_to_redeem_can_not_be_cancelled(north, coupon):
    redemption = north.redeem(coupon.token).json["id"]
    north.post(f"/redemptions/{redemption}/reverse", {"reason": "wrong coffee"}, "the-undo")
    assert_problem(north.post("/redemptions/the-undo/cancel"), "idempotency_key_reused")


def test_a_decline_that_is_cancelled_leaves_the_coupon_as_it_was(north, north_two, coupon, database):
    first = north.redeem(coupon.token).json
    north_two.redeem(coupon.token, "declined")
    assert north_two.post("/redemptions/declined/cancel").status_code == 200
    assert north.verify(coupon.token) == "already_redeemed"
    assert [row.act_id for row in database.read(lambda s: all_of(s, Redemption))] == [first["id"]]


def test_a_name_in_another_alphabet_is_no_attempt(north, database):
    assert_problem(north.post("/redemptions/попытка/cancel"), "not_found")
    assert database.read(lambda s: all_of(s, Act)) == []


@pytest.mark.parametrize("written", ['"att"', " att ", ' "att" ', "att"])
@pytest.mark.parametrize("header", ['"att"', "att"])
@on_both_databases
def test_an_attempt_has_one_name_however_it_is_written(client, north, coupon, written, header):
    assert north.post(f"/redemptions/{quote(written, safe='')}/cancel").json["id"] == "att"
    late = client.post(
        "/v1/redemptions", json={"token": coupon.token}, headers={**north.headers, "Idempotency-Key": header}
    )
    assert_problem(late, "attempt_cancelled")
    assert north.verify(coupon.token) == "good"


@pytest.mark.parametrize("written", ["%22%22", "%20", '"' + "x" * 256 + '"'])
def test_what_can_name_no_attempt_is_not_found(north, database, written):
    assert_problem(north.post(f"/redemptions/{written}/cancel"), "not_found")
    assert database.read(lambda session: all_of(session, Act)) == []


def test_the_longest_name_may_be_quoted(north):
    name = "x" * 255
    assert north.post(f"/redemptions/%22{name}%22/cancel").json["id"] == name
