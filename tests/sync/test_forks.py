"""Two forks of one journal in quarantine: a tablet was copied, or its disk put back. An entry is about those before it in its own fork."""

import pytest

from redeem.accounts.audit import OPERATOR
from redeem.devices import enrolment
from redeem.ledger.signing import load_ring
from redeem.sync import quarantine
from tests.books import ends_in_order
from tests.databases import on_both_databases
from tests.factories import NOW, PROOFS
from tests.tablets import Tablet

pytestmark = [on_both_databases, ends_in_order]


def fork(counters, tablet):
    """A copy of the tablet, as it is now. Both are revoked, so what they say comes to quarantine."""
    counters.write(lambda session: enrolment.revoke_device(session, OPERATOR, tablet.device_id, NOW))
    return Tablet(counters.database, tablet.device_id, tablet.key, list(tablet.journal))


def admit(counters, tablet, manager_id):
    def step(session):
        return quarantine.admit(session, tablet.device_id, manager_id, load_ring(session), PROOFS, NOW)

    while counters.write(step).waiting:
        pass


@pytest.mark.parametrize("copy_is_first", [False, True])
def test_what_was_given_and_what_was_not_is_each_of_its_own_fork(counters, tablet, manager_id, copy_is_first):
    dropped, given = counters.coupon(), counters.coupon()
    copy = fork(counters, tablet)
    tablet.write("drop", of=tablet.write("ask", coupon=dropped.token))
    copy.write("gave", of=copy.write("ask", coupon=given.token))
    for each in (copy, tablet) if copy_is_first else (tablet, copy):
        each.sync(each.journal)
    admit(counters, tablet, manager_id)
    assert counters.standing(given)
    assert counters.standing(dropped) is None


def test_an_undo_finds_the_gift_of_its_fork_behind_other_entries(counters, tablet, manager_id):
    kept, undone = counters.coupon(), counters.coupon()
    copy = fork(counters, tablet)
    for each, coupon in ((tablet, kept), (copy, undone)):
        each.write("gave", of=each.write("ask", coupon=coupon.token))
        each.write("done", of=1)
    copy.write("undo", of=1, reason="other")
    tablet.sync()
    copy.sync(copy.journal)
    admit(counters, tablet, manager_id)
    assert counters.standing(kept)
    assert counters.standing(undone) is None


def test_a_fork_may_be_about_what_was_taken_before_it(counters, tablet, manager_id):
    coupon = counters.coupon()
    number = tablet.write("ask", coupon=coupon.token)
    tablet.sync()
    copy = fork(counters, tablet)
    tablet.write("lock")
    copy.write("unlock")
    copy.write("gave", of=number)
    tablet.sync()
    copy.sync(copy.journal)
    admit(counters, tablet, manager_id)
    assert counters.standing(coupon).handed_over_at


def test_what_was_taken_is_not_what_a_fork_has_under_its_number(counters, tablet, manager_id):
    coupon, other = counters.coupon(), counters.coupon()
    copy = Tablet(counters.database, tablet.device_id, tablet.key)
    number = tablet.write("ask", coupon=coupon.token)
    tablet.sync()
    fork(counters, tablet)
    copy.write("ask", coupon=other.token)
    tablet.write("gave", of=number)
    copy.sync(copy.journal)
    tablet.sync()
    admit(counters, tablet, manager_id)
    assert counters.standing(coupon).handed_over_at
    assert counters.standing(other) is None


def test_what_is_about_an_entry_that_is_not_here_is_about_no_other(counters, tablet, manager_id):
    used, lost = counters.coupon(), counters.coupon()
    copy = fork(counters, tablet)
    tablet.write("ask", coupon=used.token)
    copy.write("gave", of=copy.write("ask", coupon=lost.token))
    tablet.sync()
    copy.sync(copy.journal[1:])
    admit(counters, tablet, manager_id)
    assert counters.standing(used) is None
