"""A shop manager decides about a contested gift: the shop pays for it, the partner bears it, or it was never given."""

import pytest
from sqlalchemy import select

from redeem.db.models.ledger import Conflict, Reversal
from redeem.db.models.managers import AuditEntry
from redeem.devices.write_off import write_off
from redeem.partners import settlement
from redeem.redemptions.conflicts import DecidedMeanwhile, Withdrawn, decide, get_conflict
from tests import factories
from tests.books import ends_in_order
from tests.databases import on_both_databases
from tests.factories import NOW, all_of
from tests.ledger.test_exactly_once import side_by_side
from tests.redemptions.test_judge import admit

MINUTE = 60_000
GIFT = 36_500  # what the shop owes for one: its value and the fee
pytestmark = [on_both_databases, ends_in_order]


@pytest.fixture
def coupon(counters, cast):
    """A coupon that nobody holds, of a campaign that gives none at risk."""
    return counters.write(lambda session: factories.coupon(session, cast.north_only))


@pytest.fixture
def other_manager_id(counters):
    return counters.write(lambda session: factories.manager(session, "shop_manager", "two@example.org", "x").id)


@pytest.fixture
def decides(counters, manager_id):
    def decided(act_id, decision, note="", now=NOW, seen=None, by=manager_id):
        return counters.write(lambda session: decide(session, by, act_id, decision, note, now, seen))

    return decided


def contested(counters, coupon, tablet=None):
    """The id of a gift that the tablet reports and did not hold."""
    assert (tablet or counters.tablet).act("gave-held", coupon=coupon.token) == "contested"
    (row,) = counters.read(lambda session: all_of(session, Conflict))
    return row.act_id


def account(counters):
    (north, _) = counters.read(settlement.list_accounts)
    return [money.amount for money in north.owed], north.undecided


def audited(counters):
    return counters.read(lambda session: [entry.details for entry in all_of(session, AuditEntry)])


@pytest.mark.parametrize(("decision", "owed"), [("issuer", [GIFT]), ("partner", [0])])
def test_it_is_owed_as_decided_and_stands_all_the_same(counters, till, coupon, decides, decision, owed):
    gift = contested(counters, coupon)
    assert account(counters) == ([], 1)
    found = decides(gift, decision, "seen on camera")
    assert (found.decision, found.rule, found.has_first) == (decision, "not_held", False)
    assert account(counters) == (owed, 0)
    assert till.redeem(coupon).code == "already_redeemed"
    assert audited(counters) == [{"coupon": coupon.id, "bearer": decision, "before": None}]


def test_what_was_never_given_leaves_the_coupon_good(counters, till, coupon, decides, manager_id):
    gift = contested(counters, coupon)
    found = decides(gift, "never_given", "the store was closed", NOW + MINUTE)
    assert (found.decision, found.bearer, found.withdrawn_at) == ("never_given", None, NOW + MINUTE)
    (undone,) = counters.read(lambda session: all_of(session, Reversal))
    assert (undone.act_id, undone.reason, undone.manager_id) == (gift, "never_given", manager_id)
    assert account(counters) == ([], 0)
    assert till.redeem(coupon).code == "redeemed"
    assert audited(counters) == [{"coupon": coupon.id, "bearer": "never_given", "before": None}]


def test_a_coupon_that_is_good_again_is_promised_at_its_home(counters, cast, decides, tablet):
    coupon = counters.write(lambda s: factories.coupon(s, cast.north_only, home_store_id=cast.north))
    decides(contested(counters, coupon), "never_given")
    assert counters.promised(coupon) == tablet.device_id


def test_the_next_gift_of_the_coupon_comes_to_stand(counters, coupon, decides):
    first = contested(counters, coupon)
    second_tablet = counters.add_tablet()
    assert second_tablet.act("gave-held", coupon=coupon.token) == "contested"
    decides(first, "never_given")
    standing = counters.standing(coupon)
    assert standing.device_id == second_tablet.device_id
    second = counters.read(lambda session: get_conflict(session, standing.act_id))
    assert (second.decision, second.has_first) == (None, False)


def test_one_that_does_not_stand_is_withdrawn(counters, decides):
    """Another tablet holds the coupon."""
    coupon, _ = counters.held()
    gift = contested(counters, coupon, counters.south)
    assert decides(gift, "never_given").decision == "never_given"
    assert counters.read(lambda session: all_of(session, Reversal)) == []
    assert counters.tablet.act("gave-held", coupon=coupon.token) == "redeemed"
    assert account(counters) == ([GIFT], 0)


def test_one_that_lost_its_place_is_decided_as_a_second_gift(counters, tablet, decides, manager_id):
    coupon, _ = counters.held()
    tablet.write("gave-held", coupon=coupon.token)
    counters.write(lambda session: write_off(session, tablet.device_id, manager_id, NOW))
    gift = contested(counters, coupon, counters.south)
    tablet.sync()
    admit(counters, tablet, manager_id)
    decides(gift, "never_given")
    assert counters.standing(coupon).device_id == tablet.device_id
    assert account(counters) == ([GIFT], 0)


def test_one_that_was_undone_is_not_decided(counters, coupon, decides):
    gift = contested(counters, coupon)
    counters.tablet.act("undo", of=1, reason="returned")
    for decision in ("issuer", "partner", "never_given"):
        with pytest.raises(Withdrawn):
            decides(gift, decision)
    assert audited(counters) == []


def test_one_that_is_undone_after_it_was_decided_is_not_owed(counters, till, coupon, decides):
    decides(contested(counters, coupon), "issuer")
    counters.tablet.act("undo", of=1, reason="returned")
    assert account(counters) == ([], 0)
    assert till.redeem(coupon).code == "redeemed"


def test_the_same_decision_sent_again_is_one(counters, coupon, decides):
    for decision in ("issuer", "never_given"):
        gift = counters.read(lambda s: s.scalar(select(Conflict.act_id))) or contested(counters, coupon)
        before = counters.read(lambda s: s.scalar(select(Conflict.decided_at)))
        first = decides(gift, decision, seen=before, now=NOW + MINUTE)
        assert decides(gift, decision, seen=before, now=NOW + 2 * MINUTE) == first
    assert [entry["bearer"] for entry in audited(counters)] == ["issuer", "never_given"]


def test_who_has_not_seen_the_decision_before_decides_nothing(counters, coupon, decides, other_manager_id):
    gift = contested(counters, coupon)
    decides(gift, "issuer")
    with pytest.raises(DecidedMeanwhile):
        decides(gift, "partner", by=other_manager_id)
    assert decides(gift, "partner", by=other_manager_id, now=NOW + MINUTE, seen=NOW).decision == "partner"


def test_never_given_is_final(counters, coupon, decides):
    gift = contested(counters, coupon)
    decides(gift, "never_given")
    with pytest.raises(Withdrawn):
        decides(gift, "issuer", seen=NOW)


def test_of_two_managers_at_once_one_decides(counters, coupon, decides, manager_id, other_manager_id):
    gift = contested(counters, coupon)

    def tried(by, decision):
        try:
            return decides(gift, decision, by=by).decision
        except (DecidedMeanwhile, Withdrawn) as error:
            return error.code

    for_shop, never = side_by_side(
        [lambda: tried(manager_id, "issuer"), lambda: tried(other_manager_id, "never_given")]
    )
    assert (for_shop, never) in (("issuer", "changed_meanwhile"), ("conflict_withdrawn", "never_given"))
    assert len(audited(counters)) == 1


def test_a_decision_and_an_undo_at_once_end_alike(counters, coupon, decides):
    gift = contested(counters, coupon)
    counters.tablet.write("undo", of=1, reason="returned")

    def decided():
        try:
            return decides(gift, "never_given").decision
        except Withdrawn as error:
            return error.code

    decision, reply = side_by_side([decided, counters.tablet.sync])
    assert (decision, reply.answers[2]["code"]) in (
        ("never_given", "nothing_to_undo"),
        ("conflict_withdrawn", "reversed"),
    )
    assert len(counters.read(lambda session: all_of(session, Reversal))) == 1
