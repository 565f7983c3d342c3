"""Changes on PostgreSQL, which commits side by side: what was noted first may be committed last."""

from base64 import urlsafe_b64decode

import pytest
from sqlalchemy.orm import Session

from redeem.ledger import ledger
from redeem.sync import changes
from tests.counters import Counters
from tests.gaps import from_gaps
from tests.tills import tills_of

pytestmark = pytest.mark.parametrize("stage", ["postgresql"], indirect=True)


def numbers(reply):
    """Those of the one campaign that the changes are about, whatever became of them."""
    told = [gaps for by in reply.changes["campaigns"].values() for gaps in by.values()]
    return {number for gaps in told for number in from_gaps(urlsafe_b64decode(gaps + "=="))}


def test_a_change_that_was_noted_first_and_committed_last_is_not_missed(database, cast):
    counters, till = Counters(database, cast), tills_of(database, cast)["north"]
    first, second = counters.coupon(), counters.coupon()
    position = database.read(lambda session: changes.sets(session, cast.anywhere)).position
    with Session(database.engine) as slow, slow.begin():
        ledger.note_change(slow, first.serial)
        till.redeem(second)
        heard = counters.tablet.sync(position=position)
    assert numbers(heard) == {1}
    assert heard.changes
    assert 0 in numbers(counters.tablet.sync(position=heard.changes["position"]))


def test_the_sets_do_not_miss_it_either(database, cast):
    counters = Counters(database, cast)
    coupon = counters.coupon()
    with Session(database.engine) as slow, slow.begin():
        ledger.note_change(slow, coupon.serial)
        position = database.read(lambda session: changes.sets(session, cast.anywhere)).position
    assert numbers(counters.tablet.sync(position=position)) == {0}
