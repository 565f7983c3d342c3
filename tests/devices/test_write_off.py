"""A lost device: a manager sees what is at risk, decides, and the decision is recorded."""

import pytest
from sqlalchemy import select

from redeem.accounts.roles import Scope
from redeem.coupons import issue
from redeem.db.models.managers import AuditEntry
from redeem.devices import write_off as device_write_off
from redeem.lib.errors import NotFound
from redeem.lib.money import Money
from tests import factories
from tests.counters import serials
from tests.databases import on_both_databases
from tests.factories import NOW

pytestmark = on_both_databases
DAY = 86_400_000


def risk(counters, tablet, now=NOW):
    return counters.read(lambda session: device_write_off.what_is_at_risk(session, tablet.device_id, now))


def write_off(counters, tablet, manager_id, now=NOW):
    return counters.write(lambda session: device_write_off.write_off(session, tablet.device_id, manager_id, now))


def test_at_risk_is_what_it_holds_and_may_have_given(counters, tablet):
    for _ in range(3):
        counters.held()
    assert risk(counters, tablet) == device_write_off.AtRisk(3, (Money(amount=105_000, currency="RUB"),), 0)


def test_what_it_has_given_and_said_is_no_risk(counters, tablet):
    coupon, _ = counters.held()
    tablet.act("gave-held", coupon=coupon.token)
    assert risk(counters, tablet) == device_write_off.AtRisk(0, (), 0)


def test_what_it_was_only_promised_is_no_risk(counters, tablet):
    counters.homed()
    assert risk(counters, tablet).coupons == 0


def test_a_void_that_waits_for_it_is_a_risk(counters, tablet):
    coupon, _ = counters.held()
    counters.write(lambda session: issue.void(session, coupon.serial, "returned", NOW))
    assert risk(counters, tablet).coupons == 1


def test_what_has_expired_is_no_risk(counters, tablet, cast):
    windows = {"redeem": {"from": None, "until": factories.day(1)}}
    made = counters.write(lambda s: factories.campaign(s, partners=[cast.north_partner], windows=windows))
    counters.coupon(cast.north, made.number)
    tablet.sync()
    assert [risk(counters, tablet, NOW + days * DAY).coupons for days in (1, 2)] == [1, 0]


def test_each_currency_is_added_up_by_itself(counters, tablet, cast):
    euro = {"amount": 500, "currency": "EUR"}
    made = counters.write(lambda s: factories.campaign(s, partners=[cast.north_partner], value=euro, handling_fee=euro))
    counters.coupon(cast.north, made.number)
    counters.coupon(cast.north, made.number)
    counters.held()
    values = risk(counters, tablet).values
    assert values == (Money(amount=1_000, currency="EUR"), Money(amount=35_000, currency="RUB"))


def test_a_yes_that_it_never_spoke_of_is_unconfirmed(counters, tablet):
    tablet.act("ask", coupon=counters.coupon().token)
    assert risk(counters, tablet).unconfirmed == 1


def test_the_risks_of_many_are_those_of_each_alone(counters, tablet, cast):
    """The day may be over at one store and not yet at another."""
    windows = {"redeem": {"from": None, "until": factories.day(1)}}
    partners = [cast.north_partner, cast.south_partner]
    made = counters.write(lambda s: factories.campaign(s, partners=partners, windows=windows))
    for store, at in ((cast.north, tablet), (cast.south, counters.south)):
        for campaign in (made.number, cast.anywhere):
            counters.coupon(store, campaign)
        at.sync()
    counters.south.act("ask", coupon=counters.coupon().token)
    zones = {tablet.device_id: "Pacific/Kiritimati", counters.south.device_id: "Pacific/Pago_Pago", "dev_nobody": "UTC"}
    at_noon = NOW + DAY + 4 * 3_600_000  # of tomorrow, in UTC; in Kiritimati that is the day after
    assert counters.read(lambda db: device_write_off.risks(db, zones, at_noon)) == {
        tablet.device_id: device_write_off.AtRisk(1, (Money(amount=35_000, currency="RUB"),), 0),
        counters.south.device_id: device_write_off.AtRisk(2, (Money(amount=70_000, currency="RUB"),), 1),
        "dev_nobody": device_write_off.AtRisk(0, (), 0),
    }
    assert counters.read(lambda db: device_write_off.risks(db, {}, NOW)) == {}


def test_its_holds_end_and_others_of_the_store_get_them_with_newer_epochs(counters, tablet, manager_id):
    coupon, epoch = counters.held()
    second = counters.add_tablet()
    write_off(counters, tablet, manager_id)
    (grant,) = second.sync().grants
    assert (grant.serial, grant.epoch > epoch) == (coupon.serial, True)


def test_what_it_held_anybody_may_give_at_once(counters, tablet, till, manager_id):
    coupon, _ = counters.held()
    write_off(counters, tablet, manager_id)
    assert till.redeem(coupon).code == "redeemed"


def test_what_was_at_home_elsewhere_is_held_there(counters, tablet, manager_id):
    coupon = counters.coupon(counters.cast.south)
    (grant,) = counters.south.sync().grants
    tablet.act("ask", coupon=coupon.token)
    counters.south.act("release", id=coupon.id, epoch=grant.epoch)
    assert serials(tablet.sync().grants) == [coupon.serial]
    write_off(counters, tablet, manager_id)
    assert serials(counters.south.sync(epoch=grant.epoch).grants) == [coupon.serial]


def test_a_void_that_waited_for_it_happens(counters, tablet, manager_id):
    coupon, _ = counters.held()
    counters.write(lambda session: issue.void(session, coupon.serial, "returned", NOW))
    write_off(counters, tablet, manager_id)
    assert counters.view(coupon).voided_at == NOW


def test_the_decision_is_recorded_with_what_it_risked(counters, tablet, manager_id):
    counters.held()
    write_off(counters, tablet, manager_id)
    (entry,) = counters.read(lambda session: list(session.scalars(select(AuditEntry))))
    assert (entry.what, entry.manager_id, entry.subject_id) == ("device_written_off", manager_id, tablet.device_id)
    assert entry.details == {
        "name": "North counter",
        "coupons": 1,
        "values": [{"amount": 35_000, "currency": "RUB"}],
        "unconfirmed": 0,
    }


def test_deciding_twice_changes_nothing(counters, tablet, manager_id):
    write_off(counters, tablet, manager_id)
    write_off(counters, tablet, manager_id, NOW + DAY)
    assert counters.device(tablet.device_id).lost_at == NOW
    assert len(counters.read(lambda session: list(session.scalars(select(AuditEntry))))) == 1


def test_nothing_is_promised_to_it_any_more(counters, tablet, manager_id):
    write_off(counters, tablet, manager_id)
    assert counters.promised(counters.homed()) is None


def test_a_till_holds_nothing_and_is_no_tablet_to_write_off(counters, cast, manager_id):
    with pytest.raises(NotFound):
        counters.write(lambda session: device_write_off.write_off(session, cast.north_till_id, manager_id, NOW))


def test_another_partners_tablet_is_not_there(counters, cast, manager_id):
    scope = Scope(partner_id=cast.north_partner)
    with pytest.raises(NotFound):
        counters.write(lambda s: device_write_off.write_off(s, cast.south_tablet_id, manager_id, NOW, scope))


def test_when_it_turns_up_its_journal_is_kept_and_not_taken(counters, tablet, till, manager_id):
    coupon, _ = counters.held()
    tablet.write("gave-held", coupon=coupon.token)
    write_off(counters, tablet, manager_id)
    till.redeem(coupon)
    reply = tablet.sync()
    assert (reply.fault, reply.last, reply.quarantined, reply.kept) == ("revoked", 0, 1, 1)
    assert counters.standing(coupon).device_id == till.actor.device_id
