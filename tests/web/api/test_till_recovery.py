"""/v1/recovery: after a restore a till says again what it was answered, and that this was all."""

import pytest
from sqlalchemy import update

from redeem.db.models.coupons import Coupon, SigningKey
from redeem.db.models.ledger import Act, Conflict, Deployment, Redemption, Reversal
from redeem.db.models.reports import Tally
from redeem.recovery import restore
from tests import factories
from tests.databases import on_both_databases
from tests.factories import NOW
from tests.web.programs import assert_problem, replayed

HISTORY = (Redemption, Reversal, Tally, Act)


def forget(session):
    """The ledger as a backup had it, before anything was redeemed."""
    for model in HISTORY:
        for row in factories.all_of(session, model):
            session.delete(row)
        session.flush()


def lose(database, *more):
    """What was redeemed is forgotten, and these coupons are. Recovery begins."""

    def work(session):
        forget(session)
        for coupon in more:
            session.delete(session.get_one(Coupon, coupon.serial))
        session.flush()
        restore.begin(session, NOW, none_enrolled=True)

    database.write(work)


def say_again(till, answer, attempt, **sent):
    return till.post("/recovery/redemptions", {"request": sent, "answer": answer}, attempt)


@on_both_databases
def test_what_is_said_again_is_answered_as_it_was(north, database, coupon):
    first = north.redeem(coupon.token, "one")
    lose(database)
    again = say_again(north, first.json, "one", token=coupon.token)
    assert (again.status_code, again.json["id"], again.json["coupon"]) == (201, first.json["id"], coupon.id)
    retried = north.redeem(coupon.token, "one")
    assert (retried.data, replayed(retried)) == (again.data, True)


def test_a_code_that_was_typed_is_said_again_with_the_coupon_of_its_answer(north, database, coupon):
    first = north.post("/redemptions", {"short_code": coupon.short_code}, "one")
    lose(database, coupon)
    assert_problem(north.post("/redemptions", {"short_code": coupon.short_code}, "one"), "recovering")
    assert say_again(north, first.json, "one", short_code=coupon.short_code).status_code == 201
    assert north.verify(coupon.token) == "already_redeemed"


def test_a_code_is_no_proof_of_another_coupon(north, database, coupon, issue, cast):
    first, other = north.redeem(coupon.token, "one").json, issue(cast.anywhere)
    lose(database)
    assert_problem(
        say_again(north, first | {"coupon": other.id}, "one", short_code=coupon.short_code), "unknown_coupon"
    )


def test_what_does_not_verify_is_unknown(north, database, coupon):
    first = north.redeem(coupon.token, "one").json
    lose(database)
    assert_problem(say_again(north, first, "one", token="0" * 183), "unknown_coupon")


def test_two_who_gave_it_are_both_on_record(north, south, database, coupon):
    first = north.redeem(coupon.token, "one").json
    database.write(forget)
    second = south.redeem(coupon.token, "two").json
    lose(database)
    assert say_again(north, first, "one", token=coupon.token).status_code == 201
    assert_problem(say_again(south, second, "two", token=coupon.token), "conflict", coupon=coupon.id)


def test_what_a_till_says_without_the_proof_of_its_answer_is_contested(north, south, database, coupon):
    first = north.redeem(coupon.token, "one").json
    lose(database)
    assert_problem(say_again(south, first, "two", token=coupon.token), "contested", coupon=coupon.id, rule="no_yes")
    assert say_again(north, first, "one", token=coupon.token).status_code == 201  # what is proved makes it the second
    (contested,) = database.read(lambda s: factories.all_of(s, Conflict))
    assert (contested.rule, contested.bearer, contested.standing_act_id) == ("no_yes", None, first["id"])


@on_both_databases
def test_a_second_gift_that_came_back_is_taken_back_as_well(north, south, database, coupon):
    first = north.redeem(coupon.token, "one").json
    database.write(forget)
    own = south.redeem(coupon.token, "two").json
    lose(database)
    say_again(north, first, "one", token=coupon.token)
    assert_problem(say_again(south, own, "two", token=coupon.token), "conflict", coupon=coupon.id)
    address, why = f"/redemptions/{own['id']}/reverse", {"reason": "wrong size"}
    assert_problem(north.post(address, why, "not north's"), "nothing_to_undo")
    assert south.post(address, why, "back").json["coupon"] == coupon.id
    assert database.read(lambda s: [each.withdrawn_at is None for each in factories.all_of(s, Conflict)]) == [False]


def test_a_till_sees_that_it_is_waited_for_and_says_when_it_is_done(north, north_two, database, coupon):
    assert north.get("/recovery").json == {"object": "recovery", "recovering": False, "awaited": False, "since": None}
    lose(database)
    waiting = north.get("/recovery").json
    assert (waiting["recovering"], waiting["awaited"], waiting["since"]) == (True, True, "2026-11-21T08:33:20.000Z")
    assert north.post("/recovery/report").json["awaited"] is False
    assert (north.get("/recovery").json["awaited"], north_two.get("/recovery").json["awaited"]) == (False, True)


@on_both_databases
def test_while_the_ledger_waits_nothing_is_decided(north, database, coupon):
    """A till that took this for a no would burn the coupon, if its request came a second time, and late."""
    lose(database)
    waits = north.redeem(coupon.token, "one")
    assert_problem(waits, "recovering", coupon=coupon.id)
    assert (waits.status_code, waits.headers["Retry-After"]) == (503, "60")
    assert_problem(north.redeem(coupon.token, "two"), "recovering")
    assert north.post("/redemptions/two/cancel").status_code == 200
    database.write(lambda session: session.execute(update(Deployment).values(recovering_since=None)))
    assert_problem(north.redeem(coupon.token, "two"), "attempt_cancelled")
    assert north.redeem(coupon.token, "one").status_code == 201


def test_nothing_is_said_again_after_that_was_all(north, database, coupon):
    first = north.redeem(coupon.token, "one").json
    lose(database)
    north.post("/recovery/report")
    assert_problem(say_again(north, first, "one", token=coupon.token), "not_recovering")
    assert_problem(north.post("/recovery/report"), "not_recovering")


@on_both_databases
def test_a_report_whose_answer_was_lost_is_answered_again_under_its_key(north, north_two, database, coupon):
    north.redeem(coupon.token, "one")
    lose(database)
    first, again = (north.post("/recovery/report", attempt="report") for _ in range(2))
    assert (first.status_code, again.status_code, again.data) == (200, 200, first.data)
    assert (replayed(first), replayed(again)) == (False, True)
    assert_problem(north.post("/recovery/report", attempt="report-2"), "not_recovering")
    assert not replayed(north_two.post("/recovery/report", attempt="report"))  # another till has names of its own


def test_on_a_ledger_that_was_never_restored_there_is_nothing_to_say(north, coupon):
    first = north.redeem(coupon.token, "one").json
    assert_problem(say_again(north, first, "two", token=coupon.token), "not_recovering")


@pytest.mark.parametrize(
    "answer", [{}, {"id": "rdm_1"}, {"id": "rdm_" + "0" * 26, "coupon": "cpn_1_0", "redeemed_at": "yesterday"}]
)
def test_an_answer_that_is_none_is_refused(north, database, coupon, answer):
    lose(database)
    assert_problem(say_again(north, answer, "one", token=coupon.token), "invalid")


def test_a_shop_has_nothing_to_say_here(shop):
    assert_problem(shop.get("/recovery"), "insufficient_scope")


def test_a_coupon_may_be_said_again_as_it_was_not_written_before(north, database, coupon):
    first = north.redeem(f"https://gift.example/c/{coupon.token}", "one").json
    database.write(lambda session: restore.begin(session, NOW, none_enrolled=True))
    again = say_again(north, first, "one", token=coupon.token)
    assert (again.status_code, again.json["id"], replayed(again)) == (201, first["id"], True)


def test_what_a_key_signed_that_a_tablet_may_bring_back_is_to_be_said_later(north, database, coupon):
    first = north.redeem(coupon.token, "one").json
    lose(database, coupon)
    database.write(lambda session: session.execute(update(SigningKey).values(kid=9)))
    assert_problem(say_again(north, first, "one", token=coupon.token), "recovering")
    database.write(lambda session: session.execute(update(SigningKey).values(kid=1)))
    assert say_again(north, first, "one", token=coupon.token).status_code == 201
