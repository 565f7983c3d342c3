"""The sweep: coupons at home that nobody holds are promised to a tablet of the store."""

from nacl.signing import SigningKey

from redeem.accounts.audit import OPERATOR
from redeem.coupons import issue
from redeem.devices import enrolment
from redeem.holds import holds, sweep
from tests.cast import SOUTH_TABLET_KEY
from tests.counters import serials
from tests.databases import on_both_databases
from tests.factories import NOW
from tests.tablets import Tablet
from tests.tills import tills_of

pytestmark = on_both_databases
DAY = 86_400_000
LATER_KEY = SigningKey(b"the tablet that came later, 0001")


def fetch(tablet):
    """Sync until nothing new is granted, and return all that was."""
    heard, epoch = [], 0
    while grants := tablet.sync(epoch=epoch).grants:
        heard += serials(grants)
        epoch = grants[-1].epoch
    return heard


def revoke(counters, device_id):
    counters.write(lambda session: enrolment.revoke_device(session, OPERATOR, device_id, NOW))


def test_the_first_tablet_of_a_store_is_granted_what_is_at_home_there(counters, cast):
    coupons = [counters.coupon(cast.annex) for _ in range(5)]
    tablet = counters.add_tablet(LATER_KEY, cast.annex)
    assert fetch(tablet) == [coupon.serial for coupon in coupons]


def test_a_sweep_goes_on_at_the_next_sync_where_it_stopped(counters, cast, monkeypatch):
    monkeypatch.setattr(sweep, "COUPONS_PER_SWEEP_MAX", 2)
    coupons = [counters.coupon(cast.annex) for _ in range(5)]
    tablet = counters.add_tablet(LATER_KEY, cast.annex)
    assert [serials(tablet.sync(epoch=epoch).grants) for epoch in (0, 2**33, 2**33)] == [
        [coupon.serial for coupon in coupons[:2]],
        [],
        [],
    ]
    assert [counters.holder(coupon) for coupon in coupons] == [tablet.device_id] * 5
    assert counters.device(tablet.device_id).sweep_from is None


def test_only_open_coupons_are_granted(counters, cast):
    redeemed, void, free = (counters.coupon(cast.annex) for _ in range(3))
    tills_of(counters.database, cast)["annex"].redeem(redeemed)
    counters.write(lambda session: issue.void(session, void.serial, "returned", NOW))
    assert fetch(counters.add_tablet(LATER_KEY, cast.annex)) == [free.serial]


def test_a_new_tablet_takes_no_holds_from_the_others(counters):
    coupons = [counters.homed() for _ in range(20)]
    mine = fetch(counters.tablet)
    assert len(mine) == len(coupons)
    assert fetch(counters.add_tablet()) == []


def test_coupons_promised_to_a_revoked_tablet_go_to_the_stores_others(counters):
    second = counters.add_tablet()
    coupons = [counters.homed() for _ in range(20)]
    revoke(counters, second.device_id)
    assert sorted(fetch(counters.tablet)) == [coupon.serial for coupon in coupons]


def test_what_a_revoked_tablet_holds_stays_held(counters, cast):
    coupon, _ = counters.held()
    second = counters.add_tablet()
    revoke(counters, counters.tablet.device_id)
    assert fetch(second) == []
    assert tills_of(counters.database, cast)["north"].redeem(coupon).code == "held_elsewhere"


def test_the_tablets_of_a_store_share_its_coupons(counters, cast):
    coupons = [counters.coupon(cast.annex) for _ in range(40)]
    keys = [SigningKey(bytes([place]) * 32) for place in range(1, 4)]
    tablets = [counters.add_tablet(key, cast.annex) for key in keys]
    heard = [fetch(tablet) for tablet in tablets]
    assert sorted(each for share in heard for each in share) == [coupon.serial for coupon in coupons]
    assert all(heard)


def test_another_stores_coupons_are_not_touched(counters, cast):
    counters.homed()
    assert fetch(Tablet(counters.database, cast.south_tablet_id, SOUTH_TABLET_KEY)) == []


def test_the_bell_rings_until_the_sweep_is_over(counters, cast, monkeypatch):
    monkeypatch.setattr(sweep, "COUPONS_PER_SWEEP_MAX", 1)
    for _ in range(3):
        counters.coupon(cast.annex)
    tablet = counters.add_tablet(LATER_KEY, cast.annex)
    heard_all = 2**50

    def rings():
        return counters.read(lambda session: holds.rings(session, tablet.device_id, heard_all, NOW))

    rung = []
    for _ in range(4):
        tablet.sync()
        rung.append(rings())
    assert rung == [True, True, False, False]


# Tablets that were not seen for a day.


def test_coupons_promised_to_an_unused_tablet_go_to_the_others_the_next_day(counters):
    drawer = counters.add_tablet()
    coupons = [counters.homed() for _ in range(20)]
    mine = fetch(counters.tablet)
    assert 0 < len(mine) < len(coupons)
    counters.tablet.sync(now=NOW + DAY)
    later = NOW + DAY + DAY
    counters.tablet.sync(now=later)
    assert {counters.holder(coupon) for coupon in coupons} == {counters.tablet.device_id}
    assert counters.device(drawer.device_id).last_seen_at == NOW


def test_nothing_new_is_promised_to_an_unused_tablet(counters):
    counters.add_tablet()
    later = NOW + DAY + 1
    counters.tablet.sync(now=later)
    coupons = [counters.homed(now=later) for _ in range(20)]
    assert {counters.promised(coupon) for coupon in coupons} == {counters.tablet.device_id}


def test_if_all_tablets_are_unused_one_of_them_is_promised_the_coupon(counters):
    assert counters.promised(counters.homed(now=NOW + 30 * DAY)) == counters.tablet.device_id


def test_an_unused_tablet_keeps_its_holds(counters):
    coupon, _ = counters.held()
    second = counters.add_tablet()
    second.sync(now=NOW + 30 * DAY)
    assert counters.holder(coupon) == counters.tablet.device_id
