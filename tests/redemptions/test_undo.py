"""A shop manager undoes a gift of long ago; and what devices undid after the limit is listed."""

import pytest

from redeem.accounts.roles import Scope
from redeem.db.models.ledger import Conflict, Reversal
from redeem.db.models.managers import AuditEntry
from redeem.db.models.reports import Tally
from redeem.db.paging import Page
from redeem.lib.errors import Invalid, NotFound
from redeem.lib.times import MS_PER_DAY
from redeem.redemptions.late_undos import COUNTED_MS, count_late_undos, list_late_undos
from redeem.redemptions.undo import GiftGone, GiftPending, undo_by_manager
from tests import factories
from tests.books import ends_in_order
from tests.databases import on_both_databases
from tests.factories import NOW, all_of
from tests.ledger.test_exactly_once import side_by_side

MONTH = 30 * MS_PER_DAY
pytestmark = [on_both_databases, ends_in_order]


@pytest.fixture
def undoes(counters, manager_id):
    def undone(coupon, gift, reason="The partner asked for it.", now=NOW + MONTH, by=manager_id):
        counters.write(lambda s: undo_by_manager(s, factories.person(s, by), coupon.serial, gift, reason, now))

    return undone


@pytest.fixture
def given(counters, till):
    """A coupon that a till gave, and the gift's id."""
    coupon = counters.coupon()
    return coupon, till.redeem(coupon).details["redemption"]


def rows(counters, model):
    return counters.read(lambda session: all_of(session, model))


def test_a_gift_of_a_till_is_undone_after_its_limit(counters, till, given, undoes, manager_id):
    coupon, gift = given
    assert till.reverse(gift, now=NOW + MONTH).code == "undo_too_late"
    undoes(coupon, gift)
    (undone,) = rows(counters, Reversal)
    assert (undone.act_id, undone.manager_id, undone.at) == (gift, manager_id, NOW + MONTH)
    assert (undone.reason, undone.late) == ("The partner asked for it.", False)
    (entry,) = rows(counters, AuditEntry)
    assert (entry.what, entry.subject_id, entry.manager_id) == ("gift_undone", gift, manager_id)
    assert entry.details == {"coupon": coupon.id, "reason": "The partner asked for it."}
    assert till.redeem(coupon, now=NOW + MONTH).code == "redeemed"


def test_it_is_counted_on_the_gifts_own_day(counters, given, undoes):
    undoes(*given)
    days = {row.outcome: row.day for row in rows(counters, Tally)}
    assert days["reversed"] == days["redeemed"]


def test_the_second_gift_comes_to_stand(counters, given, undoes):
    coupon, gift = given
    assert counters.south.act("gave-at-risk", coupon=coupon.token) == "conflict"
    undoes(coupon, gift)
    assert counters.standing(coupon).device_id == counters.south.device_id
    (second,) = rows(counters, Conflict)
    assert second.withdrawn_at == NOW + MONTH


def test_a_gift_of_a_tablet_is_undone_too_and_its_own_undo_finds_nothing(counters, tablet, undoes):
    coupon, _ = counters.held()
    given = tablet.write("gave-held", coupon=coupon.token)
    tablet.sync()
    undoes(coupon, counters.standing(coupon).act_id)
    assert counters.standing(coupon) is None
    assert tablet.act("undo", of=given, reason="returned") == "nothing_to_undo"


def test_a_gift_that_may_not_be_out_waits_for_its_tablet(counters, tablet, undoes):
    coupon = counters.coupon()
    tablet.act("ask", coupon=coupon.token)
    with pytest.raises(GiftPending):
        undoes(coupon, counters.standing(coupon).act_id)
    tablet.act("gave", of=1)
    undoes(coupon, counters.standing(coupon).act_id)


def test_sent_again_it_is_one_undo(counters, till, given, undoes):
    coupon, gift = given
    undoes(coupon, gift)
    again = till.redeem(coupon, now=NOW + MONTH).details["redemption"]
    undoes(coupon, gift)
    assert counters.standing(coupon).act_id == again
    assert len(rows(counters, AuditEntry)) == 1


def test_what_a_till_undid_before_is_gone(counters, till, given, undoes):
    coupon, gift = given
    till.reverse(gift)
    with pytest.raises(GiftGone):
        undoes(coupon, gift)
    assert rows(counters, AuditEntry) == []


def test_what_another_manager_undid_before_is_gone(counters, given, undoes):
    other = counters.write(lambda session: factories.manager(session, "shop_manager", "two@example.org", "x").id)
    undoes(*given, by=other)
    with pytest.raises(GiftGone):
        undoes(*given)


def test_of_a_manager_and_a_till_at_once_one_undoes(counters, till, given, undoes):
    coupon, gift = given

    def by_manager():
        try:
            undoes(coupon, gift, now=NOW)
        except GiftGone as error:
            return error.code
        return "reversed"

    office, counter = side_by_side([by_manager, lambda: till.reverse(gift).code])
    assert (office, counter) in (("reversed", "nothing_to_undo"), ("gift_gone", "reversed"))
    assert len(rows(counters, AuditEntry)) == (office == "reversed")


@pytest.mark.parametrize("reason", ["", "  ", "cancelled", "not_handed_over"])
def test_it_needs_a_reason_that_is_none_of_the_reports_own(counters, given, undoes, reason):
    with pytest.raises(Invalid):
        undoes(*given, reason=reason)
    assert rows(counters, Reversal) == []


def test_a_gift_of_another_coupon_is_not_found(counters, given, undoes):
    _, gift = given
    for coupon, act_id in ((counters.coupon(), gift), (given[0], "rdm_none")):
        with pytest.raises(NotFound):
            undoes(coupon, act_id)


# Late undos.


def late(counters, scope=None, device_id=None):
    found = counters.read(lambda s: list_late_undos(s, Page(), scope or Scope(), device_id))
    return [(each.device_name, each.coupon, each.undone_at) for each in found.items]


def test_a_tills_late_cancel_is_listed_and_counted(counters, till, cast):
    coupon, soon = counters.coupon(), counters.coupon()
    till.redeem(coupon, "a")
    till.redeem(soon, "b")
    till.cancel("b", NOW)
    till.cancel("a", NOW + MONTH)
    listed = [("north till", coupon.id, NOW + MONTH)]
    assert late(counters) == late(counters, Scope(cast.north_partner)) == listed
    assert late(counters, device_id=cast.north_till_id) == listed
    assert late(counters, Scope(cast.south_partner)) == late(counters, device_id=cast.south_till_id) == []

    def counted(now, scope=Scope()):  # noqa: B008
        return counters.read(lambda s: count_late_undos(s, now, scope))

    assert counted(NOW + MONTH) == counted(NOW + MONTH + COUNTED_MS - 1) == {cast.north_till_id: 1}
    assert counted(NOW + MONTH + COUNTED_MS) == counted(NOW + MONTH, Scope(cast.south_partner)) == {}


def test_a_managers_undo_is_not_late(counters, given, undoes):
    undoes(*given)
    assert late(counters) == []
