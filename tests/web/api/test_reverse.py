"""POST /v1/redemptions/{id}/reverse: a till takes back what its own store redeemed, for a while."""

import pytest

from redeem.db.models.ledger import Reversal
from tests import factories
from tests.databases import on_both_databases
from tests.factories import all_of
from tests.web.programs import assert_problem, replayed

WHY = {"reason": "wrong coffee"}


@on_both_databases
def test_the_coupon_is_good_again_and_the_reason_is_kept(north, shop, coupon):
    redemption = north.redeem(coupon.token).json["id"]
    response = north.post(f"/redemptions/{redemption}/reverse", WHY)
    told = {"id": redemption, "object": "reversal", "coupon": coupon.id, "reason": "wrong coffee"}
    assert (response.status_code, response.json) == (200, told)
    assert north.verify(coupon.token) == "good"
    assert shop.get(f"/redemptions/{redemption}").json["reversal"]["reason"] == "wrong coffee"


def test_a_retry_gets_the_same_answer(north, coupon):
    redemption = north.redeem(coupon.token).json["id"]
    first, again = (north.post(f"/redemptions/{redemption}/reverse", WHY, "undo-1") for _ in range(2))
    assert (again.status_code, again.data) == (first.status_code, first.data)
    assert replayed(again)


def test_the_other_till_of_the_store_may_do_it(north, north_two, coupon):
    redemption = north.redeem(coupon.token).json["id"]
    assert north_two.post(f"/redemptions/{redemption}/reverse", WHY).status_code == 200


def test_other_stores_hear_what_they_hear_of_an_unknown_id(north, annex, south, coupon):
    redemption = north.redeem(coupon.token).json["id"]
    unknown = "rdm_01JD8ZQ7T3K5V9W2X4Y6ABCDEF"
    answers = [
        till.post(f"/redemptions/{one}/reverse", WHY) for till in (annex, south) for one in (redemption, unknown)
    ]
    problems = [assert_problem(answer, "nothing_to_undo") for answer in answers]
    assert len({str(problem | {"request_id": ""}) for problem in problems}) == 1
    assert north.verify(coupon.token) == "already_redeemed"


@pytest.mark.parametrize("nonsense", ["rdm_", "cpn_1_1", "..", "rdm_01JD8ZQ7T3K5V9W2X4Y6ABCDEF%0A"])
def test_what_is_no_id_is_an_unknown_one(north, nonsense):
    assert_problem(north.post(f"/redemptions/{nonsense}/reverse", WHY), "nothing_to_undo")


def test_twice_is_once(north, database, coupon):
    redemption = north.redeem(coupon.token).json["id"]
    north.post(f"/redemptions/{redemption}/reverse", WHY)
    assert_problem(north.post(f"/redemptions/{redemption}/reverse", WHY), "nothing_to_undo")
    assert len(database.read(lambda s: all_of(s, Reversal))) == 1


def test_after_the_limit_it_is_too_late(north, database, issue, cast):
    number = database.write(lambda s: factories.campaign(s, partners=[cast.north_partner], undo_minutes=0)).number
    given = issue(number)
    redemption = north.redeem(given.token).json["id"]
    factories.age(database, redemption)
    assert_problem(north.post(f"/redemptions/{redemption}/reverse", WHY), "undo_too_late", undo_minutes=0)
    assert north.verify(given.token) == "already_redeemed"


def test_the_old_attempt_gets_no_second_yes_after_the_reversal(north, coupon):
    first = north.redeem(coupon.token, "attempt").json
    north.post(f"/redemptions/{first['id']}/reverse", WHY)
    assert_problem(north.redeem(coupon.token, "attempt"), "attempt_cancelled")
    assert north.verify(coupon.token) == "good"


@pytest.mark.parametrize(
    "body", [{}, {"reason": ""}, {"reason": "  "}, {"reason": "x" * 201}, {"reason": 1}, {"why": "x"}]
)
def test_it_needs_a_reason(north, coupon, body):
    redemption = north.redeem(coupon.token).json["id"]
    assert_problem(north.post(f"/redemptions/{redemption}/reverse", body), "invalid")
    assert north.verify(coupon.token) == "already_redeemed"
