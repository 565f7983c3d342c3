"""Orders after a restore: the shop says its coupons again, and until it has done so no order gets a second one."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from redeem.accounts.audit import OPERATOR, Change
from redeem.coupons import issue
from redeem.coupons.issue import AwaitsShop, NewCoupon
from redeem.db.models.coupons import Coupon
from redeem.domain.signing_keys import KeyStatus
from redeem.ledger import generation, signing
from redeem.ledger.generation import LedgerBehind, note_behind
from redeem.lib.errors import BadToken, Invalid
from redeem.lib.ids import coupon_id
from redeem.recovery import shop
from redeem.recovery.shop import AnotherOrder, IssuedBefore, NotKnownYet, OrderHasCoupon, RestoredAgain
from tests import factories
from tests.books import ends_in_order
from tests.databases import on_both_databases
from tests.factories import ORDER_KEYS, noted
from tests.restores import LATER, all_report, begin, restore

pytestmark = [on_both_databases, ends_in_order]
A, B = "A-1", "B-2"


@pytest.fixture
def by_order(counters, cast):
    number = counters.write(lambda s: factories.campaign(s, partners=[cast.north_partner], once_per="order")).number
    counters.write(lambda s: factories.coupon(s, number, order_ref="before all"))
    return number


def ask(counters, campaign, order_ref=A):
    new = NewCoupon(campaign, order_ref)
    return counters.write(lambda s: issue.issue(s, new, factories.mint(), LATER))


def order(counters, campaign, order_ref=A):
    """Issues for an order, and returns the coupon as the shop got it."""
    return counters.write(lambda s: factories.coupon(s, campaign, order_ref=order_ref))


def say(counters, coupon, order_ref=A, generation=2, **more):
    said = IssuedBefore(coupon.token, coupon.short_code, order_ref, **more)
    return counters.write(lambda s: shop.say_again(s, generation, said, ORDER_KEYS, LATER))


def complete(counters, generation=2):
    return counters.write(lambda s: shop.complete(s, OPERATOR, generation, LATER))


def void(counters, coupon):
    counters.write(lambda s: issue.void(s, coupon.serial, "returned", LATER))


def test_nothing_is_issued_until_the_shop_has_said_all_again(counters, vault, by_order, cast):
    before = order(counters, by_order, B)
    vault.back_up()
    coupon = order(counters, by_order)
    restore(counters, vault)
    with pytest.raises(AwaitsShop):
        ask(counters, by_order)
    assert ask(counters, by_order, B).coupon.serial == before.serial, "what the backup has is answered"
    assert not ask(counters, cast.anywhere).existing, "other campaigns go on"
    say(counters, coupon)
    assert complete(counters).awaits_shop is False
    again = ask(counters, by_order)
    assert (again.existing, again.coupon.serial) == (True, coupon.serial)
    assert not ask(counters, by_order, "C-3").existing


def test_without_that_an_order_would_get_two_good_coupons(counters, vault, by_order):
    """The control: a shop that says too early that all was said again."""
    vault.back_up()
    coupon = order(counters, by_order)
    restore(counters, vault)
    complete(counters)
    second = ask(counters, by_order)
    assert not second.existing
    assert second.coupon.serial != coupon.serial


def test_the_reports_of_all_devices_do_not_speak_for_the_shop(counters, tills, vault, by_order):
    vault.back_up()
    generation_now = restore(counters, vault)
    all_report(counters, tills, generation_now)
    life = counters.read(generation.current)
    assert (life.is_recovering, life.awaits_shop) == (False, True)
    with pytest.raises(AwaitsShop):
        ask(counters, by_order)


def test_a_coupon_that_is_said_again_is_the_one_that_was_issued(counters, tills, vault, by_order):
    vault.back_up()
    coupon = order(counters, by_order)
    issued = counters.view(coupon)
    generation_now = restore(counters, vault)
    told = say(counters, coupon, metadata={"channel": "web"})
    assert (told.serial, told.key_id, told.last_day, told.short_code) == (
        issued.serial,
        issued.key_id,
        issued.last_day,
        issued.short_code,
    )
    assert (told.order_ref, told.metadata) == (A, {"channel": "web"})
    assert say(counters, coupon) == told, "said twice, it is the same"
    all_report(counters, tills, generation_now)
    assert tills["north"].redeem(coupon).code == "redeemed"


def test_one_that_a_counter_has_shown_first_gets_its_order_all_the_same(counters, tills, vault, by_order):
    vault.back_up()
    coupon = order(counters, by_order)
    generation_now = restore(counters, vault)
    all_report(counters, tills, generation_now)
    assert tills["north"].redeem(coupon).code == "redeemed"
    say(counters, coupon)
    complete(counters)
    again = ask(counters, by_order)
    assert (again.existing, again.coupon.redeemed_at is not None) == (True, True)


def test_the_void_of_a_coupon_is_said_again_after_it(counters, vault, by_order):
    vault.back_up()
    coupon = order(counters, by_order)
    void(counters, coupon)
    restore(counters, vault)
    say(counters, coupon)
    void(counters, coupon)
    complete(counters)
    again = ask(counters, by_order)
    assert (again.existing, again.coupon.voided_at is not None) == (True, True)


def test_a_coupon_that_is_here_keeps_its_order(counters, vault, by_order):
    coupon = order(counters, by_order)
    vault.back_up()
    restore(counters, vault)
    assert say(counters, coupon).order_ref == A
    with pytest.raises(AnotherOrder):
        say(counters, coupon, B)
    with pytest.raises(AnotherOrder):
        say(counters, coupon, A, line="1")


def test_of_two_good_coupons_of_an_order_one_is_voided_first(counters, vault, by_order):
    vault.back_up()
    coupon = order(counters, by_order)
    restore(counters, vault)
    complete(counters)
    second = ask(counters, by_order).coupon
    with pytest.raises(OrderHasCoupon) as refused:
        say(counters, coupon)
    assert refused.value.extra["coupon"] == second.id
    assert counters.read(lambda s: s.get(Coupon, coupon.serial)) is None
    void(counters, second)
    say(counters, coupon)
    assert ask(counters, by_order).coupon.serial == coupon.serial


def test_nothing_is_taken_back_that_was_not_issued(counters, vault, by_order, cast):
    vault.back_up()
    coupon = order(counters, by_order)
    restore(counters, vault)
    number = int(coupon.token)
    for text in (str(number + 1), "1", "https://shop.example/c/nothing", coupon.id):
        with pytest.raises(BadToken):
            counters.write(lambda s, text=text: shop.say_again(s, 2, IssuedBefore(text), ORDER_KEYS, LATER))
    beyond = counters.write(lambda s: factories.token_of(s, (by_order << 32) + 20_000))
    with pytest.raises(BadToken):
        counters.write(lambda s: shop.say_again(s, 2, IssuedBefore(beyond), ORDER_KEYS, LATER))
    assert counters.read(lambda s: len(factories.all_of(s, Coupon))) == 1


def test_a_ledger_that_was_never_restored_takes_nothing_back(counters, by_order):
    forged = counters.write(lambda s: factories.token_of(s, (by_order << 32) + 7))
    with pytest.raises(BadToken):
        counters.write(lambda s: shop.say_again(s, 1, IssuedBefore(forged), ORDER_KEYS, LATER))


def test_a_compromised_key_proves_no_lost_coupon(counters, vault, by_order):
    vault.back_up()
    coupon = order(counters, by_order)
    restore(counters, vault)
    counters.write(lambda s: signing.set_status(s, 1, KeyStatus.COMPROMISED, LATER))
    with pytest.raises(BadToken):
        say(counters, coupon)


def test_a_short_code_of_another_coupon_is_not_taken(counters, vault, by_order):
    other = order(counters, by_order, B)
    vault.back_up()
    coupon = order(counters, by_order)
    restore(counters, vault)
    said = IssuedBefore(coupon.token, other.short_code, A)
    with pytest.raises(Invalid):
        counters.write(lambda s: shop.say_again(s, 2, said, ORDER_KEYS, LATER))
    assert counters.read(lambda s: s.get(Coupon, coupon.serial)) is None


def test_the_order_must_be_named_where_each_gets_one(counters, vault, cast):
    by_line = counters.write(lambda s: factories.campaign(s, partners=[cast.north_partner], once_per="line")).number
    vault.back_up()
    coupon = counters.write(lambda s: factories.coupon(s, by_line, order_ref=A, line="1"))
    restore(counters, vault)
    with pytest.raises(Invalid):
        say(counters, coupon)
    assert say(counters, coupon, line="1").line == "1"


def test_what_a_tablet_may_still_bring_back_is_said_again_later(counters, vault, cast):
    """The campaign is younger than the backup: a tablet has a sealed copy of it."""
    vault.back_up()
    young = counters.write(lambda s: factories.campaign(s, partners=[cast.north_partner], once_per="order")).number
    coupon = order(counters, young)
    restore(counters, vault)
    with pytest.raises(NotKnownYet):
        say(counters, coupon)


def test_the_shop_speaks_of_the_present_generation(counters, vault, by_order):
    vault.back_up()
    coupon = order(counters, by_order)
    restore(counters, vault)
    begin(counters)
    for generation_said in (1, 2, 4):
        with pytest.raises(RestoredAgain):
            say(counters, coupon, generation=generation_said)
        with pytest.raises(RestoredAgain):
            complete(counters, generation_said)
    assert complete(counters, 3).awaits_shop is False


def test_another_restore_waits_for_the_shop_again(counters, vault, by_order):
    vault.back_up()
    restore(counters, vault)
    complete(counters)
    begin(counters)
    assert counters.read(generation.current).awaits_shop


def test_the_shops_word_is_kept_once(counters, vault, by_order):
    vault.back_up()
    restore(counters, vault)
    manager = counters.write(lambda s: factories.manager(s, "shop_manager", "boss@example.org", "none").id)
    for _ in range(2):
        counters.write(lambda s: shop.complete(s, factories.person(s, manager), 2, LATER))
    kept = [entry for entry in counters.read(noted) if entry.what == Change.ORDERS_COMPLETE]
    assert [entry.subject_id for entry in kept] == ["generation 2"]


def test_an_old_copy_issues_nothing_for_an_order(counters, by_order):
    counters.write(lambda s: note_behind(s, 2))
    with pytest.raises(LedgerBehind):
        ask(counters, by_order)
    assert ask(counters, by_order, "before all").existing


def test_a_backup_of_before_the_first_order_gets_another_secret(counters, cast, vault):
    """The secret of the once keys is younger than the backup: it is lost with all coupons that it named."""
    number = counters.write(lambda s: factories.campaign(s, partners=[cast.north_partner], once_per="order")).number
    vault.back_up()
    coupon = order(counters, number)
    restore(counters, vault)
    say(counters, coupon)
    complete(counters)
    assert ask(counters, number).coupon.serial == coupon.serial


def test_two_coupons_of_an_order_that_are_said_at_once_do_not_both_get_it(counters, vault, by_order):
    """Of two lives of the ledger: the shop has a coupon of each for one order."""
    vault.back_up()
    first = order(counters, by_order)
    restore(counters, vault)
    complete(counters)
    coupons = [first, order(counters, by_order)]
    restore(counters, vault, newest=2)
    together = Barrier(2)

    def one(coupon):
        together.wait()
        try:
            return say(counters, coupon, generation=3).serial
        except OrderHasCoupon as refused:
            return refused.extra["coupon"]

    with ThreadPoolExecutor(2) as pool:
        told = list(pool.map(one, coupons))
    kept = next(each for each in told if isinstance(each, int))
    assert coupon_id(kept) in told
    complete(counters, 3)
    assert ask(counters, by_order).coupon.serial == kept
