"""One coupon for each order, or for each line of one: whoever asks, and whatever became of the coupon."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy import text, update

from redeem.accounts.audit import OPERATOR
from redeem.coupons import campaigns, issue
from redeem.coupons.campaigns import CampaignInUse
from redeem.coupons.issue import Mint, NewCoupon
from redeem.coupons.order_keys import OrderKeys, once_key
from redeem.db.models.coupons import Campaign, Coupon
from redeem.domain.terms import OncePer
from redeem.lib.errors import BadKey, Invalid
from tests import factories
from tests.databases import on_both_databases, on_postgresql
from tests.factories import MOSCOW, NOW, SECRET, all_of

NEWER_SECRET = "another-secret-that-only-tests-have-of-32"
A, B = "A-1", "B-2"


@pytest.fixture
def by_order(database, cast):
    return database.write(lambda s: factories.campaign(s, stores=[cast.north], once_per="order")).number


@pytest.fixture
def by_line(database, cast):
    return database.write(lambda s: factories.campaign(s, stores=[cast.north], once_per="line")).number


@pytest.fixture
def ask(database):
    """Asks for a coupon of a campaign, and returns the answer."""

    def ask(campaign, order_ref=A, line=None, mint=None, now=NOW):
        new = NewCoupon(campaign, order_ref, line)
        return database.write(lambda session: issue.issue(session, new, mint or factories.mint(), now))

    return ask


def serials(*issued):
    return [each.coupon.serial & 0xFFFFFFFF for each in issued]


@on_both_databases
def test_an_order_that_asks_again_gets_the_coupon_that_is_there(database, by_order, ask):
    first, again, other = ask(by_order, A), ask(by_order, A), ask(by_order, B)
    assert [each.existing for each in (first, again, other)] == [False, True, False]
    assert again.coupon == first.coupon
    assert serials(first, again, other) == [0, 0, 1]
    assert database.read(lambda s: s.get_one(Campaign, by_order)).coupons == 2


@on_both_databases
def test_each_line_of_an_order_has_its_own_coupon(by_line, ask):
    said = [(A, "1"), (A, "2"), (B, "1"), (A, "1")]
    assert serials(*[ask(by_line, order, line) for order, line in said]) == [0, 1, 2, 0]


def test_the_lines_of_an_order_share_its_coupon_if_there_is_one_for_each_order(by_order, ask):
    assert serials(ask(by_order, A, "1"), ask(by_order, A, "2")) == [0, 0]


def test_another_campaign_gives_the_order_another_coupon(database, cast, by_order, ask):
    other = database.write(lambda s: factories.campaign(s, stores=[cast.north], once_per="order")).number
    assert not ask(by_order, A).existing
    assert not ask(other, A).existing


def test_without_once_per_an_order_gets_as_many_as_it_asks_for(cast, ask):
    assert serials(ask(cast.anywhere, A), ask(cast.anywhere, A)) == [0, 1]


@pytest.mark.parametrize(
    ("order_ref", "line", "pointers"),
    [(None, "1", ["/order_ref"]), (None, None, ["/order_ref", "/line"]), (A, None, ["/line"])],
)
def test_the_order_and_the_line_must_be_named(by_line, ask, order_ref, line, pointers):
    with pytest.raises(Invalid) as refused:
        ask(by_line, order_ref, line)
    assert [each["pointer"] for each in refused.value.extra["errors"]] == pointers


def test_an_order_must_be_named(by_order, ask):
    with pytest.raises(Invalid):
        ask(by_order, None)


@pytest.mark.parametrize("end", ["stopped", "too late"])
def test_the_coupon_that_is_there_is_answered_when_nothing_is_issued_any_more(database, cast, ask, end):
    windows = {"issue": {"until": factories.day(1)}}
    number = database.write(
        lambda s: factories.campaign(s, stores=[cast.north], once_per="order", windows=windows)
    ).number
    first = ask(number)
    if end == "stopped":
        database.write(lambda s: campaigns.patch_campaign(s, OPERATOR, number, NOW, stopped=True))
    later = ask(number, now=NOW + 3 * 86_400_000)
    assert (later.existing, later.coupon) == (True, first.coupon)


@on_both_databases
def test_many_at_once_are_one_for_each_order_too(database, by_order, ask):
    there = ask(by_order, B)
    wanted = [NewCoupon(by_order, order) for order in (A, B, "C-3", A)]
    issued = database.write(lambda s: issue.issue_many(s, by_order, wanted, factories.mint(), NOW))
    assert [each.existing for each in issued] == [False, True, False, True]
    assert serials(*issued) == [1, 0, 2, 1]
    assert issued[1].coupon == there.coupon


def test_many_at_once_are_all_issued_or_none(database, by_order):
    wanted = [NewCoupon(by_order, A), NewCoupon(by_order, B, home_store_id="sto_" + "0" * 26)]
    with pytest.raises(Invalid):
        database.write(lambda s: issue.issue_many(s, by_order, wanted, factories.mint(), NOW))
    assert database.read(lambda s: all_of(s, Coupon)) == []
    assert database.read(lambda s: s.get_one(Campaign, by_order)).coupons == 0


# Two at once.


@on_both_databases
def test_of_eight_that_ask_for_one_order_at_once_all_get_the_same_coupon(database, by_order, ask):
    together = Barrier(8)

    def one(_):
        together.wait()
        return ask(by_order, A)

    with ThreadPoolExecutor(8) as pool:
        issued = list(pool.map(one, range(8)))
    assert {each.coupon.serial for each in issued} == {by_order << 32}
    assert sorted(each.existing for each in issued) == [False, *[True] * 7]
    assert database.read(lambda s: s.get_one(Campaign, by_order)).coupons == 1


@pytest.fixture
def both_have_looked(monkeypatch, by_order, ask):
    """Has the first two that look for a coupon wait for each other: both have found none, and neither has issued one."""
    ask(by_order, B)  # so that the secret is there
    together, seen = Barrier(2), []
    look = issue.with_once_keys

    def looked(session, keys):
        found = look(session, keys)
        seen.append(1)
        if len(seen) <= 2:
            together.wait(10)
        return found

    monkeypatch.setattr(issue, "with_once_keys", looked)
    return seen


def issue_twice(ask, campaign):
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda _: ask(campaign, A), range(2)))


@on_postgresql
def test_two_that_have_both_found_none_get_one_coupon(by_order, ask, both_have_looked):
    issued = issue_twice(ask, by_order)
    assert serials(*issued) == [1, 1]
    assert sorted(each.existing for each in issued) == [False, True]
    assert len(both_have_looked) == 3


@on_postgresql
def test_it_is_the_unique_key_that_decides(database, by_order, ask, both_have_looked):
    """The control: without the index, two coupons."""
    database.write(lambda s: s.execute(text("DROP INDEX ix_coupon_once_key")))
    assert sorted(serials(*issue_twice(ask, by_order))) == [1, 2]


@on_both_databases
def test_the_first_two_orders_of_all_agree_on_the_secret(database, by_order, ask):
    """The secret is made with the first of them."""
    together = Barrier(2)

    def one(order):
        together.wait()
        return ask(by_order, order)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(one, (A, B)))
    assert serials(ask(by_order, A)) == serials(ask(by_order, A))
    assert ask(by_order, A).existing
    assert ask(by_order, B).existing


# What becomes of the coupon.


def test_an_order_whose_coupon_was_voided_gets_no_second_one(counters, by_order, ask):
    first = ask(by_order)
    counters.write(lambda s: issue.void(s, first.coupon.serial, "returned", NOW))
    again = ask(by_order)
    assert (again.existing, again.coupon.serial) == (True, first.coupon.serial)
    assert again.coupon.voided_at == NOW


def test_nor_while_the_void_waits_for_the_tablet_that_holds_it(counters, by_order, ask):
    first = ask(by_order)
    counters.tablet.sync()
    counters.write(lambda s: issue.void(s, first.coupon.serial, "returned", NOW))
    again = ask(by_order)
    assert (again.existing, again.coupon.voided_at, again.coupon.void_requested_at) == (True, None, NOW)


def test_nor_after_the_gift(tills, database, by_order, ask):
    first = ask(by_order)
    coupon = database.read(lambda s: factories.token_of(s, first.coupon.serial, first.coupon.last_day))
    tills["north"].redeem(factories.Issued(first.coupon.serial, first.coupon.id, coupon, first.coupon.short_code))
    again = ask(by_order)
    assert again.existing
    assert again.coupon.redeemed_at is not None


@on_both_databases
def test_nor_when_the_orders_reference_was_erased(database, by_order, ask):
    first = ask(by_order)
    erased = update(Coupon).where(Coupon.serial == first.coupon.serial).values(order_ref=None, line=None, details={})
    database.write(lambda s: s.execute(erased))
    again = ask(by_order)
    assert (again.existing, again.coupon.serial, again.coupon.order_ref) == (True, first.coupon.serial, None)


# The key.


def test_the_key_stays_the_same_when_the_secret_keys_rotate(by_order, ask):
    first = ask(by_order)
    rotated = Mint(1, MOSCOW, OrderKeys([SECRET, NEWER_SECRET]))
    assert ask(by_order, mint=rotated).coupon == first.coupon


def test_without_the_secret_key_that_sealed_it_nothing_is_issued(database, by_order, ask):
    ask(by_order)
    with pytest.raises(BadKey):
        ask(by_order, B, mint=Mint(1, MOSCOW, OrderKeys([NEWER_SECRET])))
    assert len(database.read(lambda s: all_of(s, Coupon))) == 1


def test_the_key_tells_nothing_of_the_order_and_differs_for_each_order():
    said: list[tuple[int, OncePer, str, str | None]] = [
        (1, "order", A, None),
        (2, "order", A, None),
        (1, "line", A, "1"),
        (1, "line", "A", "-11"),
        (1, "line", "A-1\n", "1"),
    ]
    keys = {once_key(b"secret", *each) for each in said}
    assert len(keys) == len(said)
    assert once_key(b"another", *said[0]) not in keys


# Changing it.


@pytest.mark.parametrize(("before", "after"), [("none", "order"), ("order", "none"), ("order", "line")])
def test_once_per_can_change_only_until_the_first_coupon(database, cast, ask, before, after):
    number = database.write(lambda s: factories.campaign(s, stores=[cast.north], once_per=before)).number

    def change(once_per):
        return database.write(
            lambda s: campaigns.patch_campaign(s, OPERATOR, number, NOW, changes={"once_per": once_per})
        )

    change(after)
    change(before)
    ask(number)
    with pytest.raises(CampaignInUse) as refused:
        change(after)
    assert refused.value.extra["errors"][0]["pointer"] == "/once_per"
    change(before)
