"""The conflict desk: two gifts of one coupon, each with its evidence, and who bears the second."""

import pytest
from sqlalchemy import select

from redeem.accounts.roles import WHOLE, Scope
from redeem.db.models.ledger import Act
from redeem.db.models.managers import AuditEntry
from redeem.db.paging import Page
from redeem.lib.errors import NotFound
from redeem.lib.money import Money
from redeem.redemptions import conflicts as redemption_conflicts
from tests.databases import on_both_databases
from tests.factories import NOW
from tests.tills import tills_of

pytestmark = on_both_databases
MINUTE = 60_000


def give_twice(counters):
    """By the north's tablet, and three minutes later by the south's."""
    coupon = counters.coupon()
    counters.tablet.act("gave-at-risk", coupon=coupon.token, clerk=counters.cast.clerk_id)
    counters.south.write("gave-at-risk", coupon=coupon.token)
    counters.south.sync(now=NOW + 3 * MINUTE)
    return coupon


def conflicts(counters, scope=WHOLE, **wanted):
    return counters.read(lambda session: redemption_conflicts.list_conflicts(session, Page(), scope, **wanted)).items


def decide(counters, manager_id, act_id, bearer="partner", note="seen on camera", now=NOW, seen=None):
    return counters.write(
        lambda session: redemption_conflicts.decide(session, manager_id, act_id, bearer, note, now, seen)
    )


def test_both_gifts_are_shown_with_their_evidence(counters, cast):
    coupon = give_twice(counters)
    (found,) = conflicts(counters)
    first, second = found.first, found.second
    assert (found.coupon, found.value, found.bearer) == (coupon.id, Money(amount=35_000, currency="RUB"), "issuer")
    assert (first.store_id, first.device_name, first.clerk_name) == (cast.north, "North counter", "Anna")
    assert (second.store_id, second.partner_name, second.clerk_name) == (cast.south, "South Bakery", None)
    assert (first.at, first.device_at, second.at) == (NOW, NOW, NOW + 3 * MINUTE)
    assert (first.stands, second.stands) == (True, False)
    assert (second.entry, second.is_signed) == (counters.south.journal[0].text, True)


def test_an_entry_that_somebody_altered_in_the_database_is_found_out(counters):
    give_twice(counters)
    (found,) = conflicts(counters)

    def alter(session):
        act = session.get_one(Act, found.second.act_id)
        act.entry = act.entry.replace("gave-at-risk", "gave-held")

    counters.write(alter)
    (found,) = conflicts(counters)
    assert (found.first.is_signed, found.second.is_signed) == (True, False)


def test_a_till_has_no_journal_to_show(counters, database, cast):
    coupon = counters.coupon()
    tills_of(database, cast)["north"].redeem(coupon)
    counters.south.act("gave-at-risk", coupon=coupon.token)
    (found,) = conflicts(counters)
    assert (found.first.kind, found.first.entry, found.first.is_signed) == ("redeem", None, None)


def test_a_decision_is_kept_and_recorded(counters, manager_id):
    coupon = give_twice(counters)
    (found,) = conflicts(counters, undecided_only=True)
    decided = decide(counters, manager_id, found.id)
    assert (decided.bearer, decided.decided_at, decided.decided_by, decided.note) == (
        "partner",
        NOW,
        "shop_manager",
        "seen on camera",
    )
    assert conflicts(counters, undecided_only=True) == []
    (entry,) = counters.read(lambda session: list(session.scalars(select(AuditEntry))))
    assert (entry.what, entry.subject_id) == ("conflict_decided", found.id)
    assert entry.details == {"coupon": coupon.id, "bearer": "partner", "before": "issuer"}


def test_it_may_be_decided_anew_and_both_are_recorded(counters, manager_id):
    give_twice(counters)
    (found,) = conflicts(counters)
    decide(counters, manager_id, found.id)
    assert decide(counters, manager_id, found.id, "issuer", now=NOW + MINUTE, seen=NOW).bearer == "issuer"
    assert len(counters.read(lambda session: list(session.scalars(select(AuditEntry))))) == 2


def test_when_one_gift_was_taken_back_nothing_is_left_to_decide(counters, manager_id):
    give_twice(counters)
    counters.tablet.act("undo", of=1, reason="returned")
    (found,) = conflicts(counters)
    assert (found.withdrawn_at, found.first.reversed_at, found.second.stands) == (NOW, NOW, True)
    assert conflicts(counters, undecided_only=True) == []
    with pytest.raises(redemption_conflicts.Withdrawn):
        decide(counters, manager_id, found.id)


def test_each_partner_sees_the_evidence_of_its_own_gift_alone(counters, cast):
    give_twice(counters)
    (found,) = conflicts(counters, Scope(cast.south_partner))
    assert (found.first, found.second.store_id) == (None, cast.south)


def test_who_gave_neither_sees_nothing(counters, cast):
    give_twice(counters)
    scope = Scope(cast.north_partner, cast.annex)
    assert conflicts(counters, scope) == []
    with pytest.raises(NotFound):
        counters.read(lambda session: redemption_conflicts.get_conflict(session, "rdm_none", scope))


def test_nothing_is_decided_about_nothing(counters, manager_id):
    with pytest.raises(NotFound):
        decide(counters, manager_id, "rdm_none")
