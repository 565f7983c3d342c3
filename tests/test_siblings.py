"""Siblings: a tablet hears which coupons the store's other tablets hold, so that it can say without a network who gives them."""

from base64 import urlsafe_b64decode
from gzip import compress
from json import dumps
from random import Random

import pytest
from nacl.signing import SigningKey
from sqlalchemy import insert, update

from redeem import issuing, siblings, snapshots
from redeem.bitmaps import from_gaps
from redeem.enrolling import revoke_device
from redeem.models import Coupon, Device
from tests.counters import Counters
from tests.databases import on_both_databases
from tests.factories import NOW
from tests.tablets import Tablet

pytestmark = on_both_databases


@pytest.fixture
def counters(database, cast):
    return Counters(database, cast)


def told(reply):
    """device -> (epoch, numbers), of the one campaign that it is about."""
    return {
        device: (said["epoch"], [number for gaps in said["held"].values() for number in numbers(gaps)])
        for device, said in (reply.siblings or {}).items()
    }


def numbers(gaps):
    return from_gaps(urlsafe_b64decode(gaps + "==="))


def number(coupon):
    return coupon.serial & 0xFFFFFFFF


def test_what_another_tablet_of_the_store_holds_is_told_once(counters):
    coupon, epoch = counters.held()
    second = counters.add_tablet()
    assert told(second.sync()) == {counters.tablet.device_id: (epoch, [number(coupon)])}
    assert second.sync(siblings={counters.tablet.device_id: epoch}).siblings is None


def test_a_later_grant_is_told_behind_what_was_heard(counters):
    _, epoch = counters.held()
    later, newer = counters.held()
    second = counters.add_tablet()
    assert told(second.sync(siblings={counters.tablet.device_id: epoch})) == {
        counters.tablet.device_id: (newer, [number(later)])
    }


def test_a_tablet_hears_nothing_of_itself_nor_of_another_store(counters):
    counters.held()
    assert counters.tablet.sync().siblings is None
    assert counters.south.sync().siblings is None


def test_a_tablet_that_may_not_give_any_more_is_not_told_of(counters):
    counters.held()
    second = counters.add_tablet()
    counters.write(lambda session: revoke_device(session, counters.tablet.device_id, NOW))
    reply = second.sync()
    assert reply.siblings is None
    assert reply.snapshot["siblings"] == []


def test_its_name_is_in_the_snapshot(counters):
    second = counters.add_tablet()
    names = {each["id"]: each["name"] for each in counters.tablet.sync().snapshot["siblings"]}
    assert names == {second.device_id: "Second"}


def test_what_is_redeemed_or_void_is_not_told(counters):
    given, _ = counters.held()
    counters.tablet.act("gave-held", coupon=given.token)
    void, _ = counters.held()
    counters.write(lambda session: issuing.void(session, void.serial, "lost", NOW))
    left, epoch = counters.held()
    assert told(counters.add_tablet().sync()) == {counters.tablet.device_id: (epoch, [number(left)])}


def test_a_hold_that_was_given_back_is_heard_of_as_a_change(counters):
    coupon, epoch = counters.held()
    second = counters.add_tablet()
    position = counters.read(lambda session: snapshots.sets(session, counters.cast.anywhere)).position
    counters.tablet.act("release", id=coupon.id, epoch=epoch)
    (by,) = second.sync(position=position).changes["campaigns"].values()
    assert numbers(by["open"]) == [number(coupon)]


def test_it_is_told_in_parts_and_none_is_left_out(counters, monkeypatch):
    coupons = [counters.homed() for _ in range(5)]
    counters.tablet.sync()
    second, found = counters.add_tablet(), []
    heard: dict[str, int] = {}
    monkeypatch.setattr(siblings, "HOLDS_PER_REPLY_MAX", 2)
    while parts := told(second.sync(siblings=heard)):
        heard |= {device: epoch for device, (epoch, _) in parts.items()}
        found += [each for _, several in parts.values() for each in several]
    assert found == [number(coupon) for coupon in coupons]


def test_what_a_large_store_holds_is_small(counters):
    """5,000 coupons at home there, spread over a campaign of a million and over four tablets: each hears of the other three."""
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
