"""Siblings: a tablet is sent what the store's other tablets hold, so that it can say offline who can give a coupon."""

from base64 import urlsafe_b64decode
from gzip import compress
from json import dumps
from random import Random

import pytest
from nacl.signing import SigningKey
from sqlalchemy import insert, update

from redeem.accounts.audit import OPERATOR
from redeem.coupons import issue
from redeem.db.models.coupons import Campaign, Coupon
from redeem.db.models.devices import Device
from redeem.db.models.partners import Store
from redeem.devices.enrolment import revoke_device
from redeem.holds import siblings
from redeem.recovery import restore
from redeem.sync import changes
from tests import factories
from tests.databases import on_both_databases
from tests.factories import NOW
from tests.gaps import from_gaps
from tests.tablets import Tablet

pytestmark = on_both_databases
ANNEX_KEY = SigningKey(b"the tablet of the annex store 03")


def told(reply):
    """Decode the holds of a reply: device id to (epoch, numbers), for the only campaign in it."""
    return {
        device: (said["epoch"], [number for gaps in said["held"].values() for number in numbers(gaps)])
        for device, said in (reply.siblings or {}).items()
    }


def numbers(gaps):
    return from_gaps(urlsafe_b64decode(gaps + "==="))


def at_home(reply):
    """Decode the homes of a reply: (until, store name to numbers), for the only campaign in it. None if it has no homes."""
    for said in (reply.homes or {}).values():
        return said["until"], {name: numbers(gaps) for name, gaps in said["at"].items()}
    return None


def number(coupon):
    return coupon.serial & 0xFFFFFFFF


def test_the_holds_of_another_tablet_are_sent_once(counters):
    coupon, epoch = counters.held()
    second = counters.add_tablet()
    assert told(second.sync()) == {counters.tablet.device_id: (epoch, [number(coupon)])}
    assert second.sync(siblings={counters.tablet.device_id: epoch}).siblings is None


def test_later_grants_follow_in_the_next_reply(counters):
    _, epoch = counters.held()
    later, newer = counters.held()
    second = counters.add_tablet()
    assert told(second.sync(siblings={counters.tablet.device_id: epoch})) == {
        counters.tablet.device_id: (newer, [number(later)])
    }


def test_holds_of_its_own_and_of_another_store_are_not_sent(counters):
    counters.held()
    assert counters.tablet.sync().siblings is None
    assert counters.south.sync().siblings is None


def test_the_holds_of_a_revoked_tablet_are_not_sent(counters):
    counters.held()
    second = counters.add_tablet()
    counters.write(lambda session: revoke_device(session, OPERATOR, counters.tablet.device_id, NOW))
    reply = second.sync()
    assert reply.siblings is None
    assert reply.snapshot["siblings"] == []


def test_its_name_is_in_the_snapshot(counters):
    second = counters.add_tablet()
    names = {each["id"]: each["name"] for each in counters.tablet.sync().snapshot["siblings"]}
    assert names == {second.device_id: "Second"}


def test_holds_of_redeemed_and_void_coupons_are_not_sent(counters):
    given, _ = counters.held()
    counters.tablet.act("gave-held", coupon=given.token)
    void, _ = counters.held()
    counters.write(lambda session: issue.void(session, void.serial, "lost", NOW))
    left, epoch = counters.held()
    assert told(counters.add_tablet().sync()) == {counters.tablet.device_id: (epoch, [number(left)])}


def test_a_released_hold_is_sent_as_a_change(counters):
    coupon, epoch = counters.held()
    second = counters.add_tablet()
    position = counters.read(lambda session: changes.sets(session, counters.cast.anywhere)).position
    counters.tablet.act("release", id=coupon.id, epoch=epoch)
    (by,) = second.sync(position=position).changes["campaigns"].values()
    assert numbers(by["open"]) == [number(coupon)]


def test_holds_are_sent_in_parts_and_none_is_left_out(counters, monkeypatch):
    coupons = [counters.homed() for _ in range(5)]
    counters.tablet.sync()
    second, found = counters.add_tablet(), []
    heard: dict[str, int] = {}
    monkeypatch.setattr(siblings, "HOLDS_PER_REPLY_MAX", 2)
    while parts := told(second.sync(siblings=heard)):
        heard |= {device: epoch for device, (epoch, _) in parts.items()}
        found += [each for _, several in parts.values() for each in several]
    assert found == [number(coupon) for coupon in coupons]


def test_the_holds_of_a_large_store_are_small(counters):
    """5,000 coupons of a campaign of a million are held by four tablets of a store. Each is sent the holds of the other three."""
    four = [counters.add_tablet(SigningKey(bytes([made] * 32))).device_id for made in range(4)]
    some = counters.coupon()
    counters.write(lambda session: hold_many(session, some.serial, four))
    fourth = Tablet(counters.database, four[3], SigningKey(bytes([3] * 32)))
    reply = fourth.sync()
    assert sum(len(several) for _, several in told(reply).values()) == 3_750
    assert len(compress(dumps(reply.siblings).encode())) < 8_000


def hold_many(session, like, devices):
    like_it = session.get_one(Coupon, like)
    row = {each.key: getattr(like_it, each.key) for each in Coupon.__mapper__.column_attrs}
    spread = sorted(Random(1).sample(range(1_000, 1_000_000), 5_000))
    held = [
        {"serial": like + each, "short_code": f"X{each}", "holder_id": devices[place % 4], "epoch": place + 1}
        for place, each in enumerate(spread)
    ]
    session.execute(insert(Coupon), [row | each for each in held])
    session.execute(update(Device).where(Device.id.in_(devices)).values(newest_epoch=len(spread)))


class Elsewhere:
    """A tablet of the annex that has its sets. Coupons are at home at the north store."""

    def __init__(self, counters):
        self.counters, self.heard = counters, 0
        self.tablet = counters.add_tablet(ANNEX_KEY, counters.cast.annex)
        self.north = counters.read(lambda session: session.get_one(Store, counters.cast.north).name)
        self.position = counters.read(lambda session: changes.sets(session, counters.cast.anywhere)).position

    def hears(self, **said):
        asked = {"position": self.position, "homes": {self.counters.cast.anywhere: self.heard}} | said
        reply = self.tablet.sync(**asked)
        told = at_home(reply)
        if reply.changes:
            self.position = reply.changes["position"]
        self.heard = told[0] if told else self.heard
        return told and told[1]


@pytest.fixture
def elsewhere(counters):
    return Elsewhere(counters)


def test_coupons_at_home_at_another_store_are_sent_once(counters, elsewhere):
    held, _ = counters.held()
    counters.coupon()
    waits = counters.homed()
    assert elsewhere.hears() == {elsewhere.north: [number(held), number(waits)]}
    assert elsewhere.hears() is None
    later = counters.homed()
    assert elsewhere.hears() == {elsewhere.north: [number(later)]}


def test_homes_at_its_own_store_and_at_another_partners_are_not_sent(counters, elsewhere):
    counters.homed()
    for tablet in (counters.tablet, counters.south):
        assert at_home(tablet.sync(position=elsewhere.position, homes={counters.cast.anywhere: 0})) == (1, {})


def test_a_coupon_with_a_new_home_is_sent_again(counters, elsewhere):
    coupon = counters.coupon()
    assert elsewhere.hears() == {}
    move(counters, coupon, counters.cast.north)
    assert elsewhere.hears() == {elsewhere.north: [number(coupon)]}
    move(counters, coupon, None)
    reply = elsewhere.tablet.sync(position=elsewhere.position, homes={counters.cast.anywhere: elsewhere.heard})
    (by,) = reply.changes["campaigns"].values()
    assert (numbers(by["open"]), reply.homes) == ([number(coupon)], None)


def test_a_coupon_that_a_third_store_holds_is_not_sent_as_at_home(counters, elsewhere):
    """The coupon was recalled for the south's tablet, is promised to it, and then held by it. The north store can't give it."""
    coupon, epoch = counters.held()
    assert elsewhere.hears() == {elsewhere.north: [number(coupon)]}
    third = counters.south
    third.sync(verify=coupon.token)
    counters.tablet.act("release", id=coupon.id, epoch=epoch)
    assert elsewhere.hears() is None
    third.sync()
    assert counters.holder(coupon) == third.device_id
    assert elsewhere.hears(homes={counters.cast.anywhere: 0}) == {}


def test_homes_of_given_and_void_coupons_are_not_sent(counters, elsewhere):
    given, _ = counters.held()
    counters.tablet.act("gave-held", coupon=given.token)
    void = counters.homed()
    counters.write(lambda session: issue.void(session, void.serial, "lost", NOW))
    assert elsewhere.hears() == {}


def test_homes_are_sent_in_parts_and_none_is_left_out(counters, elsewhere, monkeypatch):
    coupons = [counters.homed() for _ in range(5)]
    monkeypatch.setattr(siblings, "HOMES_PER_REPLY_MAX", 2)
    found = []
    while part := elsewhere.hears():
        found += part[elsewhere.north]
    assert found == [number(coupon) for coupon in coupons]


def test_only_homes_of_the_newest_coupons_are_sent(counters, elsewhere, monkeypatch):
    coupons = [counters.homed() for _ in range(5)]
    monkeypatch.setattr(siblings, "NEWEST_MAX", 3)
    assert elsewhere.hears() == {elsewhere.north: [number(coupon) for coupon in coupons[2:]]}


def test_no_homes_are_sent_to_a_tablet_without_the_sets_nor_while_the_ledger_recovers(counters, elsewhere):
    counters.homed()
    assert elsewhere.hears(position=None) is None
    counters.write(lambda session: restore.begin(session, NOW, none_enrolled=True))
    life = counters.read(lambda session: changes.sets(session, counters.cast.anywhere)).position
    assert elsewhere.hears(position=life) is None


def test_homes_at_other_stores_are_small(counters, elsewhere):
    """All of the newest coupons are at home at ten stores. One reply has half of them, the next has the rest."""
    stores = [
        counters.write(lambda s, name=f"On the {n}th square": store_of(s, counters.cast, name)) for n in range(10)
    ]
    some = counters.coupon()
    counters.write(lambda session: home_many(session, some.serial, stores))
    reply = elsewhere.tablet.sync(position=elsewhere.position, homes={counters.cast.anywhere: 0})
    until, told_of = at_home(reply)
    assert sum(len(several) for several in told_of.values()) == siblings.HOMES_PER_REPLY_MAX
    assert until == siblings.HOMES_PER_REPLY_MAX + 1
    assert len(compress(dumps(reply.homes).encode())) < 5_000


def move(counters, coupon, store):
    counters.write(lambda session: issue.change_home(session, coupon.serial, store, NOW))


def store_of(session, cast, name):
    return factories.store(session, session.get_one(Store, cast.north).partner_id, name).id


def home_many(session, like, stores):
    like_it = session.get_one(Coupon, like)
    row = {each.key: getattr(like_it, each.key) for each in Coupon.__mapper__.column_attrs}
    chance, many = Random(1), siblings.NEWEST_MAX - 1
    homed = [
        {"serial": like + each, "short_code": f"X{each}", "home_store_id": chance.choice(stores)}
        for each in range(1, many + 1)
    ]
    session.execute(insert(Coupon), [row | each for each in homed])
    session.execute(update(Campaign).values(coupons=many + 1))
