"""What a partner's own client reports with an enrolled key, and what becomes of it: kept, contested and not owed."""

import pytest
from sqlalchemy import select

from redeem.db.models.devices import Device
from redeem.db.models.ledger import Conflict, Reversal
from redeem.devices.write_off import write_off
from redeem.domain.judgement import REQUEST_AGE_MAX_MS
from redeem.ledger.generation import LedgerBehind
from redeem.ledger.signing import load_ring
from redeem.lib.times import MS_PER_DAY
from redeem.partners import settlement
from redeem.sync import quarantine
from tests import factories
from tests.books import ends_in_order
from tests.databases import on_both_databases
from tests.factories import NOW, PROOFS

DAY = 86_400_000
UNDO_MS = 30 * 60_000  # the limit of the campaigns here
pytestmark = [on_both_databases, ends_in_order]


@pytest.fixture
def held_only(counters, cast):
    """A coupon that nobody holds, of a campaign that gives none at risk."""
    return counters.write(lambda session: factories.coupon(session, cast.north_only))


def rules(counters):
    return counters.read(lambda session: list(session.scalars(select(Conflict.rule).order_by(Conflict.act_id))))


def owed(counters):
    accounts = counters.read(settlement.list_accounts)
    return {account.partner_name: [money.amount for money in account.owed] for account in accounts}


def undecided(counters):
    return sum(account.undecided for account in counters.read(settlement.list_accounts))


def test_a_gift_of_a_coupon_that_the_tablet_does_not_hold_is_contested(counters, tablet, held_only):
    before = owed(counters)
    assert tablet.act("gave-held", coupon=held_only.token) == "contested"
    assert (rules(counters), owed(counters), undecided(counters)) == (["not_held"], before, 1)


def test_it_stands_so_that_the_coupon_is_not_given_again(counters, tablet, till, held_only):
    tablet.act("gave-held", coupon=held_only.token)
    assert till.redeem(held_only).code == "already_redeemed"


def test_it_is_in_nobodys_way_who_holds_the_coupon(counters, tablet):
    coupon, _ = counters.held()
    assert counters.south.act("gave-held", coupon=coupon.token) == "contested"
    assert counters.standing(coupon) is None
    assert tablet.act("gave-held", coupon=coupon.token) == "redeemed"


def test_a_gift_that_breaks_no_rule_takes_its_place(counters, tablet, manager_id):
    """The holder was written off, and comes back with a gift; meanwhile another said that it gave."""
    coupon, _ = counters.held()
    tablet.write("gave-held", coupon=coupon.token)
    counters.write(lambda session: write_off(session, tablet.device_id, manager_id, NOW))
    assert counters.south.act("gave-held", coupon=coupon.token) == "contested"
    liar = counters.standing(coupon).act_id
    tablet.sync()
    admit(counters, tablet, manager_id)
    honest = counters.standing(coupon)
    assert honest.device_id == tablet.device_id
    (row,) = counters.read(lambda session: factories.all_of(session, Conflict))
    assert (row.act_id, row.standing_act_id, row.rule) == (liar, honest.act_id, "not_held")


def admit(counters, tablet, manager_id):
    return counters.write(lambda s: quarantine.admit(s, tablet.device_id, manager_id, load_ring(s), PROOFS, NOW))


def test_a_hold_that_was_released_gives_nothing_any_more(counters, tablet):
    coupon, epoch = counters.held()
    tablet.write("release", id=coupon.id, epoch=epoch)
    tablet.write("gave-held", coupon=coupon.token)
    assert [answer["code"] for answer in tablet.sync().answers.values()] == ["released", "contested"]


def test_a_grant_of_another_tablet_proves_nothing(counters, tablet, held_only):
    epoch = 2**32 + 5
    grant = PROOFS.grant(counters.south.device_id, held_only.serial, epoch)
    assert tablet.act("gave-held", coupon=held_only.token, epoch=epoch, grant=grant) == "contested"


def test_a_coupon_of_other_stores_is_blocked_for_nobody(counters, till, held_only):
    assert counters.south.act("gave-at-risk", coupon=held_only.token) == "contested"
    assert rules(counters) == ["wrong_store"]
    assert till.redeem(held_only).code == "redeemed"


def test_a_void_coupon_that_its_list_showed_is_contested(counters, tablet):
    coupon = counters.coupon()
    counters.write(lambda session: factories.void(session, coupon))
    tablet.act("gave-at-risk", coupon=coupon.token, list=NOW + DAY)
    assert rules(counters) == ["void"]


def test_what_was_voided_after_its_list_counts(counters, tablet):
    coupon = counters.coupon()
    counters.write(lambda session: factories.void(session, coupon))
    assert tablet.act("gave-at-risk", coupon=coupon.token, list=NOW) == "redeemed"


@pytest.mark.parametrize(("days", "code"), [(0, "redeemed"), (1, "redeemed"), (5, "contested")])
def test_a_day_counts_on_which_it_can_have_happened(counters, tablet, cast, days, code):
    """The tablet had nothing left to tell so many days after the coupon's last one; a request may be a day under way."""
    ends = counters.write(
        lambda s: (
            factories.campaign(
                s, "Short", partners=[cast.north_partner], windows={"redeem": {"until": factories.day(0)}}
            ).number
        )
    )
    coupon = counters.write(lambda session: factories.coupon(session, ends, home_store_id=cast.north))
    tablet.sync()
    tablet.sync(now=NOW + days * DAY)
    number = tablet.write("gave-held", coupon=coupon.token)
    assert tablet.sync(now=NOW + 40 * DAY).answers[number]["code"] == code


def test_of_ten_at_risk_where_three_are_allowed_seven_are_contested(counters, tablet, cast):
    limits = {"policy": "at_risk", "coupons": 3, "value": 10**9, "hours": 1, "bearer": "issuer"}
    risky = counters.write(
        lambda s: factories.campaign(s, "Risky", partners=[cast.north_partner], offline=limits).number
    )
    coupons = [counters.write(lambda session: factories.coupon(session, risky)) for _ in range(10)]
    for coupon in coupons:
        tablet.write("gave-at-risk", coupon=coupon.token)
    codes = [answer["code"] for answer in tablet.sync().answers.values()]
    assert codes == ["redeemed"] * 3 + ["contested"] * 7


def test_an_undo_makes_room_within_the_limit(counters, tablet, cast):
    limits = {"policy": "at_risk", "coupons": 1, "value": 10**9, "hours": 1, "bearer": "issuer"}
    risky = counters.write(
        lambda s: factories.campaign(s, "Risky", partners=[cast.north_partner], offline=limits).number
    )
    one, other = (counters.write(lambda session: factories.coupon(session, risky)) for _ in range(2))
    given = tablet.write("gave-at-risk", coupon=one.token)
    tablet.write("undo", of=given, reason="wrong size")
    tablet.write("gave-at-risk", coupon=other.token)
    assert [answer["code"] for answer in tablet.sync().answers.values()] == ["redeemed", "reversed", "redeemed"]


def is_late(counters):
    (row,) = counters.read(lambda session: factories.all_of(session, Reversal))
    return bool(row.late)


@pytest.mark.parametrize(("after", "late"), [(UNDO_MS, False), (UNDO_MS + 1, True)])
def test_an_undo_after_the_limit_counts_and_is_listed_as_late(counters, tablet, after, late):
    coupon, _ = counters.held()
    given = tablet.write("gave-held", coupon=coupon.token)
    tablet.write("undo", of=given, reason="wrong size", at=NOW + after)
    tablet.sync()
    assert (counters.standing(coupon), is_late(counters)) == (None, late)


@pytest.mark.parametrize("kind", ["held", "asked"])
def test_a_clock_that_was_turned_back_hides_no_late_undo(counters, tablet, kind):
    """The server had heard of the gift, and weeks later that there was nothing to tell: the undo is younger. It counts all the same."""
    number, coupon = given_on(counters, tablet, kind)
    tablet.sync(now=NOW + 90 * MS_PER_DAY)
    undo = tablet.write("undo", of=number, reason="wrong size", at=NOW + 60_000)
    assert tablet.sync(now=NOW + 90 * MS_PER_DAY + 20_000).answers[undo]["code"] == "reversed"
    assert (counters.standing(coupon), is_late(counters)) == (None, True)


@pytest.mark.parametrize("kind", ["held", "asked"])
def test_an_undo_that_was_long_without_a_network_is_not_late(counters, tablet, kind):
    """The tablet may have written it at once, and told it when it was back."""
    number, coupon = given_on(counters, tablet, kind)
    tablet.sync(now=NOW + MS_PER_DAY)  # a request may be under way for a day
    tablet.write("undo", of=number, reason="wrong size", at=NOW + 60_000)
    tablet.sync(now=NOW + 90 * MS_PER_DAY)
    assert (counters.standing(coupon), is_late(counters)) == (None, False)


def given_on(counters, tablet, kind):
    """The number of the gift, which is told, and its coupon."""
    if kind == "held":
        coupon, _ = counters.held()
        number = tablet.write("gave-held", coupon=coupon.token)
    else:
        coupon = counters.coupon()
        number = tablet.write("ask", coupon=coupon.token)
        tablet.sync()
        tablet.write("gave", of=number)
    tablet.sync()
    return number, coupon


@pytest.mark.parametrize(("after", "late"), [(UNDO_MS, False), (UNDO_MS + 1, True)])
def test_a_tills_cancel_after_the_limit_is_listed_as_late(counters, till, held_only, after, late):
    till.redeem(held_only, "a")
    till.cancel("a", now=NOW + after)
    assert (counters.standing(held_only), is_late(counters)) == (None, late)


def test_what_its_list_showed_as_given_is_no_second_gift(counters, tablet, till):
    coupon = counters.coupon()
    till.redeem(coupon)
    before = owed(counters)
    assert tablet.act("gave-at-risk", coupon=coupon.token, list=NOW + DAY) == "contested"
    assert (rules(counters), owed(counters)) == (["listed"], before)


def test_one_tablet_that_says_the_same_gift_many_times_is_owed_once(counters, tablet):
    coupon, _ = counters.held()
    tablet.act("gave-held", coupon=coupon.token)
    before = owed(counters)
    for _ in range(5):
        tablet.write("gave-held", coupon=coupon.token)
    assert {answer["code"] for answer in tablet.sync().answers.values()} <= {"conflict", "contested"}
    assert owed(counters) == before


def test_a_second_gift_under_held_only_waits_for_a_decision(counters, tablet, manager_id, cast):
    coupon = counters.write(lambda s: factories.coupon(s, cast.north_only, home_store_id=cast.north))
    tablet.sync()
    tablet.write("gave-held", coupon=coupon.token)
    counters.write(lambda session: write_off(session, tablet.device_id, manager_id, NOW))
    other = counters.add_tablet()
    other.sync()
    number = other.write("ask", coupon=coupon.token)
    assert other.sync().answers[number]["code"] == "redeemed"
    other.act("gave", of=number)
    before = owed(counters)
    tablet.sync()
    assert admit(counters, tablet, manager_id).outcomes == {"conflict": 1}
    assert (owed(counters), undecided(counters)) == (before, 1)


def test_a_contested_gift_that_is_taken_back_opens_the_coupon(counters, tablet, till, held_only):
    given = tablet.write("gave-held", coupon=held_only.token)
    tablet.write("undo", of=given, reason="not_handed_over")
    assert [answer["code"] for answer in tablet.sync().answers.values()] == ["contested", "reversed"]
    assert till.redeem(held_only).code == "redeemed"
    assert undecided(counters) == 0


def test_a_grant_of_a_generation_to_come_stops_an_old_copy(counters, tablet, held_only):
    epoch = 5 * 2**32 + 1
    grant = PROOFS.grant(tablet.device_id, held_only.serial, epoch)
    tablet.write("gave-held", coupon=held_only.token, epoch=epoch, grant=grant)
    with pytest.raises(LedgerBehind) as raised:
        tablet.sync()
    assert raised.value.generation == 5


def test_nobodys_bare_word_stops_the_shop(counters, tablet, held_only):
    assert tablet.act("gave-held", coupon=held_only.token, epoch=5 * 2**32 + 1) == "contested"


@pytest.mark.parametrize("epoch", [10**30, -1, 2**53, 1.5, "7", None, True])
def test_an_epoch_that_is_none_is_read_as_none(tablet, held_only, epoch):
    assert tablet.act("gave-held", coupon=held_only.token, epoch=epoch) == "contested"
    assert tablet.act("release", id=held_only.id, epoch=epoch) == "released"


def test_a_full_request_leaves_something_to_tell(counters, tablet):
    def told():
        return counters.read(lambda session: session.get(Device, tablet.device_id).told_at)

    for _ in range(250):
        tablet.write("lock")
    tablet.sync(tablet.journal[:200])
    assert told() is None
    tablet.sync(now=NOW + REQUEST_AGE_MAX_MS)
    assert told() == NOW + REQUEST_AGE_MAX_MS
