"""A whole day that a backup lacks, and what becomes of it: online, offline, under holds, at risk, moved, released, undone, newly issued.

The gifts are counted as customers have them in their hands, whatever the ledger says.
"""

from collections import Counter

import pytest
from sqlalchemy import select

from redeem.coupons import issue
from redeem.db.models.coupons import Coupon
from redeem.db.models.ledger import Redemption
from redeem.domain.presented import ShownCoupon
from redeem.domain.tokens import read
from redeem.recovery import restore, tills
from tests.books import faults
from tests.counters import Counters
from tests.databases import on_both_databases
from tests.factories import NOW, PROOFS
from tests.tills import as_given, tills_of

pytestmark = on_both_databases
LATER = NOW + 3_600_000


class Day:
    """What happens after the backup. `gifts`: what customers have in hand, by coupon."""

    def __init__(self, counters, tills):
        self.counters, self.tills = counters, tills
        self.north, self.south = counters.tablet, counters.south
        self.gifts: Counter[str] = Counter()
        self.said, self.epochs = [], {}

    def prepare(self):
        """Before the backup: coupons of each kind, and a tablet that knows its holds."""
        issue, home = self.counters.coupon, self.counters.cast.north
        self.asked, self.undone, self.at_till, self.at_risk, self.untouched = (issue() for _ in range(5))
        self.given_held, self.passed_on, self.moved, self.dark, self.kept = (issue(home) for _ in range(5))
        self.note_grants(self.north)

    def happen(self):
        self.give_online(self.asked)
        self.give_online(self.undone)
        self.north.act("undo", of=self.north.journal[-2].number, reason="returned")
        self.gifts[self.undone.id] -= 1
        self.redeem_at_till(self.at_till)
        self.give(self.north, "gave-held", self.given_held)
        self.give(self.south, "gave-at-risk", self.at_risk)
        self.pass_on(self.passed_on)
        self.counters.write(lambda s: issue.change_home(s, self.moved.serial, self.counters.cast.south, NOW))
        self.release(self.moved)
        self.note_grants(self.south)
        self.issue_more()
        self.north.write("gave-held", coupon=self.dark.token)  # told to no server before it died
        self.gifts[self.dark.id] += 1

    def issue_more(self):
        issue = self.counters.coupon
        self.new_at_till, self.new_untouched = issue(), issue()
        self.redeem_at_till(self.new_at_till)
        self.new_held = issue(self.counters.cast.north)
        self.note_grants(self.north)

    def give_online(self, coupon):
        number = self.north.write("ask", coupon=coupon.token)
        assert self.north.sync().answers[number]["code"] == "redeemed"
        self.north.act("gave", of=number)
        self.gifts[coupon.id] += 1

    def give(self, tablet, kind, coupon):
        assert tablet.act(kind, coupon=coupon.token) == "redeemed"
        self.gifts[coupon.id] += 1

    def redeem_at_till(self, coupon):
        name = f"attempt of {coupon.id}"
        answer = self.tills["north"].redeem(coupon, name)
        assert answer.code == "redeemed"
        self.said.append((coupon, name, answer))
        self.gifts[coupon.id] += 1

    def pass_on(self, coupon):
        """The south's clerk asks for what the north holds, gets the hold, and gives."""
        self.south.act("ask", coupon=coupon.token)
        self.south.act("drop", of=self.south.journal[-1].number)
        self.release(coupon)
        self.note_grants(self.south)
        self.give(self.south, "gave-held", coupon)

    def release(self, coupon):
        self.north.act("release", id=coupon.id, epoch=self.epochs[self.north.device_id].pop(coupon.serial))

    def note_grants(self, tablet):
        """As the tablet remembers them, through the server's death too."""
        mine = self.epochs.setdefault(tablet.device_id, {})
        mine |= {grant.serial: grant.epoch for grant in tablet.sync().grants}

    def report(self, tablet, generation):
        claims = list(self.epochs[tablet.device_id].items())
        while not (reply := tablet.restored(generation, claims=claims)).reported:
            assert reply.last < len(tablet.journal)
        return reply

    def say_again(self, till):
        for coupon, name, answer in self.said:
            given = as_given(till, name, ShownCoupon.of(read(coupon.token)), answer)
            self.counters.write(lambda s, given=given: tills.say_again(s, till.actor, given, PROOFS, LATER))

    @property
    def coupons(self):
        return [each for each in vars(self).values() if hasattr(each, "token")]


@pytest.fixture
def day(database, cast):
    return Day(Counters(database, cast), tills_of(database, cast))


@pytest.fixture
def restored(day, vault):
    """The day is over, the server died, and the backup of the morning was put back."""
    day.prepare()
    vault.back_up()
    day.happen()
    vault.put_back()
    day.generation = day.counters.write(lambda session: restore.begin(session, LATER, none_enrolled=True)).generation
    return day


def recover(day):
    """South reports first, so that the north's releases come behind the south's claims; then the north and the tills."""
    day.report(day.south, day.generation)
    day.report(day.north, day.generation)
    day.say_again(day.tills["north"])
    for till in day.tills.values():
        day.counters.write(lambda s, till=till: tills.till_reported(s, till.actor.device_id))


def answer_to(tablet, number):
    """A restored server may lack much of the journal; then its first reply says from where on."""
    while number not in (answers := tablet.sync().answers):
        assert not answers
    return answers[number]["code"]


def try_to_give_again(day):
    """Every coupon is shown at every till and asked for on every tablet. Whatever is given counts."""
    for coupon in day.coupons:
        for place, till in day.tills.items():
            if till.redeem(coupon, f"again {coupon.id} {place}").code == "redeemed":
                day.gifts[coupon.id] += 1
        for tablet in (day.north, day.south):
            number = tablet.write("ask", coupon=coupon.token)
            code = answer_to(tablet, number)
            tablet.write("gave" if code == "redeemed" else "drop", of=number)
            day.gifts[coupon.id] += code == "redeemed"
            tablet.sync()


def test_all_that_was_acknowledged_is_back(restored):
    given = {coupon.id for coupon in restored.coupons if restored.gifts[coupon.id]}
    recover(restored)
    standing = restored.counters.read(lambda session: session.scalars(select(Redemption.serial)).all())
    assert {f"cpn_{serial >> 32}_{serial & 0xFFFFFFFF}" for serial in standing} == given


def test_whoever_held_a_coupon_holds_it(restored):
    recover(restored)
    holder = restored.counters.holder
    assert holder(restored.kept) == restored.north.device_id
    assert holder(restored.moved) == restored.south.device_id
    restored.tills["north"].redeem(restored.new_held)
    assert holder(restored.new_held) == restored.north.device_id


def test_nothing_is_given_twice_afterwards(restored):
    recover(restored)
    try_to_give_again(restored)
    assert max(restored.gifts.values()) == 1
    assert restored.counters.read(faults) == []


def test_nothing_is_given_twice_while_it_recovers(restored):
    try_to_give_again(restored)
    recover(restored)
    assert max(restored.gifts.values()) == 1
    assert restored.counters.read(faults) == []


def test_before_all_have_reported_the_others_are_told_to_wait(restored):
    restored.report(restored.south, restored.generation)
    assert restored.tills["north"].redeem(restored.untouched).code == "recovering"
    assert restored.tills["north"].redeem(restored.at_till).code == "recovering"
    assert restored.south.sync(verify=restored.new_untouched.token).verdict["code"] == "recovering"


def test_no_number_is_given_out_twice(restored):
    lost = {restored.new_at_till.serial, restored.new_untouched.serial, restored.new_held.serial}
    new = {restored.counters.coupon().serial for _ in range(5)}
    assert lost.isdisjoint(new)


def test_what_nobody_touched_is_good_again(restored):
    recover(restored)
    for coupon in (restored.untouched, restored.new_untouched, restored.undone):
        assert restored.tills["south"].redeem(coupon).code == "redeemed"
    assert len(restored.counters.read(lambda session: session.scalars(select(Coupon.serial)).all())) == 12
