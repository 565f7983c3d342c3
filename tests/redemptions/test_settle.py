"""Redeeming: what a till's attempt is answered, and what a retry, a cancel and an undo of it are."""

import pytest

from redeem.domain.acts import AttemptIdReused
from tests import factories
from tests.books import ends_in_order
from tests.databases import on_both_databases
from tests.factories import NOW

pytestmark = [on_both_databases, ends_in_order]
MINUTE = 60_000
DAY = 24 * 60 * MINUTE


def of_campaign(database, cast, **terms):
    """A coupon of a campaign of its own."""

    def make(session):
        campaign = factories.campaign(session, **{"partners": [cast.north_partner]} | terms)
        return factories.coupon(session, campaign.number)

    return database.write(make)


# Once.


def test_it_gives_a_good_coupon(till, coupon):
    answer = till.redeem(coupon)
    assert (answer.code, answer.replayed, answer.details["coupon"]) == ("redeemed", False, coupon.id)
    assert answer.details["redeemed_at"] == "2026-11-21T08:33:20.000Z"


def test_it_gives_it_to_nobody_else(tills, coupon):
    tills["north"].redeem(coupon)
    assert {tills[name].redeem(coupon).code for name in tills} == {"already_redeemed"}


def test_it_gives_each_coupon_on_its_own(database, cast, till):
    coupons = [database.write(lambda session: factories.coupon(session, cast.anywhere)) for _ in range(3)]
    assert [till.redeem(coupon).code for coupon in coupons] == ["redeemed"] * 3


# Replay before rules.


def test_a_retry_gets_its_own_first_answer(till, coupon):
    first, again = till.redeem(coupon, "a"), till.redeem(coupon, "a", NOW + DAY)
    assert (again.code, again.details, again.replayed) == ("redeemed", first.details, True)


def test_a_retry_after_the_last_day_still_gets_its_yes(database, cast, till):
    coupon = of_campaign(database, cast, windows={"redeem": {"until": factories.day(1)}})
    first = till.redeem(coupon, "a")
    assert till.redeem(coupon, "a", NOW + 30 * DAY).details == first.details


def test_a_decline_is_kept_like_any_answer(database, cast, till):
    coupon = of_campaign(database, cast, windows={"redeem": {"from": factories.day(1)}})
    assert till.redeem(coupon, "a").code == "not_yet_valid"
    later = till.redeem(coupon, "a", NOW + DAY)
    assert (later.code, later.replayed) == ("not_yet_valid", True)
    assert till.redeem(coupon, "b", NOW + DAY).code == "redeemed"


def test_a_retry_of_a_yes_outlives_the_void(database, till, coupon):
    """A void after the gift is refused, so the yes stays true."""
    till.redeem(coupon, "a")
    with pytest.raises(Exception, match="given already"):
        database.write(lambda session: factories.void(session, coupon))
    assert till.redeem(coupon, "a").replayed


def test_one_name_is_not_two_requests(database, cast, till, coupon):
    till.redeem(coupon, "a")
    with pytest.raises(AttemptIdReused):
        till.redeem(coupon, "a", fingerprint="another body")


def test_each_till_names_its_own_attempts(tills, coupon):
    assert tills["north"].redeem(coupon, "a").code == "redeemed"
    assert tills["north two"].redeem(coupon, "a", fingerprint="another body").code == "already_redeemed"


def test_an_attempt_with_nothing_of_ours_is_kept_too(till):
    first, again = till.redeem(None, "a"), till.redeem(None, "a")
    assert [first.code, again.code, again.replayed] == ["unknown_coupon", "unknown_coupon", True]


# Why not.


def test_a_void_coupon_is_declined(database, till, coupon):
    database.write(lambda session: factories.void(session, coupon))
    assert till.redeem(coupon).code == till.verify(coupon).verdict == "void"


def test_a_coupon_is_declined_where_it_is_not_good(database, cast, tills):
    coupon = of_campaign(database, cast)
    assert tills["south"].redeem(coupon).code == tills["south"].verify(coupon).verdict == "wrong_store"
    assert tills["annex"].redeem(coupon).code == "redeemed"


def test_days_end_at_midnight_where_the_store_is(database, cast, till):
    coupon = of_campaign(database, cast, windows={"redeem": {"until": factories.day(0)}})
    midnight_in_moscow = 1_795_294_800_000  # 2026-11-21T21:00:00Z
    assert till.verify(coupon, midnight_in_moscow - 1).verdict == "good"
    assert till.redeem(coupon, now=midnight_in_moscow).code == "expired"


def test_what_happened_comes_before_what_was_promised(tills, database, cast):
    coupon = of_campaign(database, cast, windows={"redeem": {"until": factories.day(0)}})
    tills["north"].redeem(coupon)
    assert tills["south"].redeem(coupon, now=NOW + 30 * DAY).code == "already_redeemed"


def test_what_does_not_verify_is_unknown(till):
    assert till.verify(None).verdict == "unknown_coupon"


def test_verifying_changes_nothing(till, coupon):
    assert [till.verify(coupon).verdict for _ in range(3)] == ["good"] * 3
    assert till.redeem(coupon).code == "redeemed"


# Whom it tells what.


def test_the_same_partner_hears_where_and_by_which_till(tills, cast, coupon):
    tills["north"].redeem(coupon)
    told = tills["annex"].redeem(coupon).details
    assert (told["store"]["id"], told["device"]["id"]) == (cast.north, cast.north_till_id)


@pytest.mark.parametrize("asks", ["redeem", "verify"])
def test_another_partner_hears_the_time_alone(tills, coupon, asks):
    tills["north"].redeem(coupon)
    told = getattr(tills["south"], asks)(coupon).details
    assert told["redeemed_at"] == "2026-11-21T08:33:20.000Z"
    assert not {"store", "device", "clerk"} & told.keys()
    assert "north" not in repr(told).lower()


# Cancel.


def test_a_cancelled_attempt_opens_the_coupon(tills, coupon):
    tills["north"].redeem(coupon, "a")
    assert tills["north"].cancel("a").code == "attempt_cancelled"
    assert tills["south"].redeem(coupon).code == "redeemed"


def test_a_late_request_meets_the_tombstone(till, coupon):
    till.cancel("a")
    late = till.redeem(coupon, "a")
    assert (late.code, late.replayed) == ("attempt_cancelled", True)
    assert till.verify(coupon).verdict == "good"


def test_a_retry_after_the_cancel_is_no_yes(till, coupon):
    till.redeem(coupon, "a")
    till.cancel("a")
    assert till.redeem(coupon, "a").code == "attempt_cancelled"


def test_a_cancel_may_come_twice(till, coupon):
    till.redeem(coupon, "a")
    assert [till.cancel("a").replayed, till.cancel("a").replayed] == [True, True]
    assert [till.cancel("b").replayed, till.cancel("b").replayed] == [False, True]


def test_a_cancel_of_a_decline_changes_nothing(till, coupon):
    till.redeem(coupon, "a")
    till.redeem(coupon, "b")
    till.cancel("b")
    assert till.verify(coupon).verdict == "already_redeemed"
    assert till.redeem(coupon, "b").code == "already_redeemed"


def test_a_late_cancel_takes_nobody_elses_gift_back(tills, coupon):
    north, south = tills["north"], tills["south"]
    north.redeem(coupon, "a")
    north.cancel("a")
    south.redeem(coupon, "b")
    north.cancel("a")
    assert south.redeem(coupon, "b").code == "redeemed"
    assert south.verify(coupon).verdict == "already_redeemed"


def test_nobody_cancels_for_another(tills, coupon):
    tills["north"].redeem(coupon, "a")
    tills["north two"].cancel("a")
    assert tills["north"].redeem(coupon, "a").code == "redeemed"


def test_an_undo_is_not_cancelled(till, coupon):
    redemption = till.redeem(coupon, "a").details["redemption"]
    till.reverse(redemption, "r")
    with pytest.raises(AttemptIdReused):
        till.cancel("r")


# Reverse.


@pytest.mark.parametrize("who", ["north", "north two"])
def test_its_store_takes_a_gift_back(tills, coupon, who):
    redemption = tills["north"].redeem(coupon).details["redemption"]
    assert tills[who].reverse(redemption).code == "reversed"
    assert tills["south"].redeem(coupon).code == "redeemed"


@pytest.mark.parametrize("who", ["annex", "south"])
def test_no_other_store_does(tills, coupon, who):
    redemption = tills["north"].redeem(coupon).details["redemption"]
    assert tills[who].reverse(redemption).code == "nothing_to_undo"
    assert tills["north"].verify(coupon).verdict == "already_redeemed"


def test_a_reversal_has_its_time(till, coupon):
    redemption = till.redeem(coupon).details["redemption"]
    assert till.reverse(redemption, now=NOW + 30 * MINUTE + 1).code == "undo_too_late"
    assert till.reverse(redemption, now=NOW + 30 * MINUTE).code == "reversed"


def test_a_gift_is_taken_back_once(till, coupon):
    redemption = till.redeem(coupon).details["redemption"]
    assert [till.reverse(redemption).code for _ in range(2)] == ["reversed", "nothing_to_undo"]


def test_a_reversals_retry_gets_its_first_answer(till, coupon):
    redemption = till.redeem(coupon).details["redemption"]
    till.reverse(redemption, "r")
    till.redeem(coupon)
    again = till.reverse(redemption, "r")
    assert (again.code, again.replayed) == ("reversed", True)
    assert till.verify(coupon).verdict == "already_redeemed"


def test_an_old_redemption_is_not_the_one_that_stands(till, coupon):
    first = till.redeem(coupon).details["redemption"]
    till.reverse(first)
    till.redeem(coupon)
    assert till.reverse(first).code == "nothing_to_undo"
    assert till.verify(coupon).verdict == "already_redeemed"


@pytest.mark.parametrize("name", ["rdm_" + "0" * 26, "", "what's this"])
def test_what_never_was_is_not_taken_back(till, name):
    assert till.reverse(name).code == "nothing_to_undo"


def test_a_yes_that_was_taken_back_is_not_repeated(tills, coupon):
    """The reply was lost, somebody undid it, another till gave the gift: the first till is still trying, and must not give it too."""
    redemption = tills["north"].redeem(coupon, "a").details["redemption"]
    tills["north two"].reverse(redemption)
    tills["north two"].redeem(coupon)
    assert tills["north"].redeem(coupon, "a").code == "attempt_cancelled"


# Every attempt is on record.


def test_the_tally_counts_each_outcome_where_and_when_it_was(tills, database, cast, coupon):
    other = of_campaign(database, cast)
    tills["north"].redeem(coupon, "a")
    tills["north"].redeem(coupon, "a")
    tills["south"].redeem(other)
    tills["south"].redeem(coupon, now=NOW + DAY)
    tills["north"].cancel("a", now=NOW + DAY)
    redemption = tills["annex"].redeem(other, now=NOW + DAY).details["redemption"]
    tills["annex"].reverse(redemption, now=NOW + DAY)
    tills["annex"].redeem(None)
