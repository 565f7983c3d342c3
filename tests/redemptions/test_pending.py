"""A tablet was told to give, its reply was lost, and it is gone: a shop manager decides whether the gift was given."""

import pytest
from nacl.signing import SigningKey
from sqlalchemy import select

from redeem.accounts.audit import OPERATOR
from redeem.coupons import issue
from redeem.db.models.ledger import Conflict
from redeem.devices import enrolment
from redeem.devices.write_off import write_off
from redeem.ledger.signing import load_ring
from redeem.lib.errors import Conflict as Contradiction
from redeem.partners import settlement
from redeem.redemptions.pending import SILENT_MS, decide_pending, list_pending, list_said
from redeem.redemptions.undo import GiftGone, GiftPending
from redeem.sync import quarantine
from redeem.sync.old_journals import OldJournal
from tests import factories
from tests.books import ends_in_order
from tests.databases import on_both_databases
from tests.factories import NOW, PROOFS

pytestmark = [on_both_databases, ends_in_order]
LATER = NOW + SILENT_MS + 1
KEY3 = SigningKey(b"a third tablet of somebody here!")


@pytest.fixture
def asked(counters, tablet):
    """A coupon that the tablet was told to give. Of the reply nobody knows whether it came."""
    coupon = counters.coupon()
    tablet.write("ask", coupon=coupon.token)
    tablet.sync()
    return coupon


@pytest.fixture
def decide(counters, manager_id):
    def decide(coupon, *, given, act_id=None, now=NOW):
        gift = act_id or counters.standing(coupon).act_id

        def work(session):
            decide_pending(session, factories.person(session, manager_id), coupon.serial, gift, now, given=given)

        counters.write(work)
        return gift

    return decide


def lose(counters, tablet, manager_id):
    counters.write(lambda s: write_off(s, tablet.device_id, manager_id, NOW))


def owed(counters):
    return sum(sum(money.amount for money in account.owed) for account in counters.read(settlement.list_accounts))


def pending(counters, now=NOW):
    return [gift.serial for gift in counters.read(lambda s: list_pending(s, now))]


def rules(counters):
    return counters.read(lambda s: list(s.scalars(select(Conflict.rule).where(Conflict.withdrawn_at.is_(None)))))


def admit(counters, device_id, manager_id):
    return counters.write(lambda s: quarantine.admit(s, device_id, manager_id, load_ring(s), PROOFS, NOW))


def test_what_was_never_given_leaves_the_coupon_good(counters, tablet, till, asked, decide, manager_id):
    lose(counters, tablet, manager_id)
    assert (pending(counters), till.redeem(asked).code) == ([asked.serial], "already_redeemed")
    decide(asked, given=False)
    assert (pending(counters), owed(counters)) == ([], 0)
    assert till.redeem(asked).code == "redeemed"


def test_or_the_shop_can_void_it(counters, tablet, asked, decide, manager_id):
    lose(counters, tablet, manager_id)
    with pytest.raises(Contradiction):
        counters.write(lambda s: issue.void(s, asked.serial, "", NOW))
    decide(asked, given=False)
    assert counters.write(lambda s: issue.void(s, asked.serial, "", NOW)).voided_at is not None


def test_what_was_given_stands_and_is_owed_from_then_on(counters, tablet, asked, decide, manager_id):
    lose(counters, tablet, manager_id)
    assert owed(counters) == 0
    decide(asked, given=True)
    assert owed(counters) > 0
    assert counters.standing(asked).handed_over_at is not None


def test_nothing_decides_it_by_itself(counters, cast, tablet, asked, manager_id):
    """Neither the write-off nor the admission of the old journal."""
    counters.write(lambda s: enrolment.revoke_device(s, OPERATOR, tablet.device_id, NOW))
    counters.add_tablet(KEY3).sync(old=OldJournal(tablet.device_id, tablet.journal))
    admit(counters, tablet.device_id, manager_id)
    lose(counters, tablet, manager_id)
    assert (pending(counters), counters.standing(asked).handed_over_at) == ([asked.serial], None)


@pytest.mark.parametrize("how", ["revoked", "enrolled anew", "silent"])
def test_it_is_decided_once_its_tablet_is_gone(counters, tablet, asked, decide, how):
    assert pending(counters) == []
    with pytest.raises(GiftPending):
        decide(asked, given=False)
    now = LATER if how == "silent" else NOW
    if how == "revoked":
        counters.write(lambda s: enrolment.revoke_device(s, OPERATOR, tablet.device_id, NOW))
    elif how == "enrolled anew":
        counters.add_tablet(KEY3).sync(old=OldJournal(tablet.device_id, tablet.journal))
    assert pending(counters, now) == [asked.serial]
    decide(asked, given=False, now=now)
    assert counters.standing(asked) is None


@pytest.fixture
def anew(counters, tablet, asked):
    """What the tablet is now that was told to give: another device, which has handed its old journal in."""
    made = counters.add_tablet(KEY3)
    made.sync(old=OldJournal(tablet.device_id, tablet.journal))
    return made


def say(new, of, *, handed_over=True, former=None, number=1, **more):
    """Has `new` say what became of a gift of `of`, of which it shows the proof of enrolment unless `former` says otherwise."""
    new.write("said", device=of.device_id, entry=number, handed_over=handed_over, **more)
    (answer,) = new.sync(former={of.device_id} if former is None else former).answers.values()
    return answer["code"]


def said(counters, coupon):
    by_gift = counters.read(lambda s: list_said(s, [coupon.serial]))
    return {gift: [(each.device_id, each.handed_over) for each in lines] for gift, lines in by_gift.items()}


@pytest.mark.parametrize("handed_over", [True, False])
def test_what_the_tablet_says_that_was_enrolled_anew_is_shown_and_decides_nothing(
    counters, tablet, till, asked, anew, decide, handed_over
):
    gift = counters.standing(asked).act_id
    assert say(anew, tablet, handed_over=handed_over) == "noted"
    assert said(counters, asked) == {gift: [(anew.device_id, handed_over)]}
    assert (pending(counters), owed(counters)) == ([asked.serial], 0)
    assert (counters.standing(asked).handed_over_at, till.redeem(asked).code) == (None, "already_redeemed")
    decide(asked, given=not handed_over)
    assert (counters.standing(asked) is None, owed(counters) > 0) == (handed_over, not handed_over)


def test_a_lost_reply_says_it_once_and_the_first_word_stands(counters, tablet, asked, anew):
    gift = counters.standing(asked).act_id
    say(anew, tablet, handed_over=False)
    anew.sync(anew.journal, former={tablet.device_id})
    say(anew, tablet, handed_over=True)
    assert said(counters, asked) == {gift: [(anew.device_id, False)]}


def test_of_another_devices_gift_nobody_has_anything_to_say(counters, tablet, asked, anew):
    """Without the proof, with the proof of another device, of an entry that is no ask, and of what is no answer."""
    south = counters.south
    assert say(south, tablet, former=()) == "noted"
    assert say(south, tablet, former={anew.device_id}) == "noted"
    assert say(south, tablet, former={"dev_" + "0" * 26}, coupon=asked.token) == "noted"
    assert say(anew, tablet, number=2) == "noted"
    assert say(anew, tablet, handed_over="yes") == "noted"
    assert say(anew, tablet, handed_over=None) == "noted"
    assert say(tablet, tablet) == "noted"
    assert said(counters, asked) == {}


def test_of_an_ask_that_was_declined_nothing_is_shown(counters, tablet, till, manager_id):
    coupon = counters.coupon()
    till.redeem(coupon)
    tablet.write("ask", coupon=coupon.token)
    tablet.sync()
    anew = counters.add_tablet(KEY3)
    say(anew, tablet)
    assert said(counters, coupon) == {}


def test_what_a_manager_admits_later_shows_nothing_by_itself(counters, tablet, asked, anew, manager_id):
    counters.write(lambda s: enrolment.revoke_device(s, OPERATOR, anew.device_id, NOW))
    anew.write("said", device=tablet.device_id, entry=1, handed_over=True)
    anew.sync(former={tablet.device_id})
    admit(counters, anew.device_id, manager_id)
    assert said(counters, asked) == {}


def test_a_tablet_that_comes_back_is_not_told_the_yes_again(counters, tablet, asked, decide):
    decide(asked, given=False, now=LATER)
    tablet.last = 0
    answer = tablet.sync(now=LATER).answers[1]
    assert (answer["code"], "yes" in answer) == ("attempt_cancelled", False)


@pytest.mark.parametrize("elsewhere", [True, False])
def test_if_it_had_given_after_all_that_is_contested(counters, tablet, till, asked, decide, elsewhere):
    """The coupon that a manager has said is good stays good. A shop manager decides about the report, too."""
    decide(asked, given=False, now=LATER)
    if elsewhere:
        till.redeem(asked)
    before = owed(counters)
    tablet.write("gave", of=1)
    assert tablet.sync(now=LATER).answers[2]["code"] == "contested"
    assert (rules(counters), owed(counters)) == (["never_given"], before)
    assert elsewhere or till.redeem(asked).code == "redeemed"


def test_out_of_quarantine_too(counters, tablet, asked, decide, manager_id):
    lose(counters, tablet, manager_id)
    decide(asked, given=False)
    tablet.write("gave", of=1)
    tablet.sync()
    admit(counters, tablet.device_id, manager_id)
    assert rules(counters) == ["never_given"]


def test_an_undo_of_that_leaves_nothing_to_decide(counters, tablet, asked, decide):
    decide(asked, given=False, now=LATER)
    tablet.write("gave", of=1)
    tablet.write("undo", of=1, reason="not_handed_over")
    answers = tablet.sync(now=LATER).answers
    assert [answers[n]["code"] for n in (2, 3)] == ["contested", "reversed"]
    assert rules(counters) == []


def test_a_report_that_agrees_changes_nothing(counters, tablet, asked, decide):
    decide(asked, given=True, now=LATER)
    before = owed(counters)
    tablet.write("gave", of=1)
    assert tablet.sync(now=LATER).answers[2]["code"] == "noted"
    assert (owed(counters), rules(counters)) == (before, [])


def test_sent_again_it_does_nothing_and_the_opposite_comes_too_late(counters, tablet, asked, decide, manager_id):
    lose(counters, tablet, manager_id)
    gift = decide(asked, given=False)
    decide(asked, given=False, act_id=gift)
    with pytest.raises(GiftGone):
        decide(asked, given=True, act_id=gift)
    assert len([each for each in counters.read(factories.noted) if each.what == "pending_decided"]) == 1


def test_what_the_tablet_has_said_meanwhile_is_not_overruled(counters, tablet, asked, decide, manager_id):
    tablet.write("gave", of=1)
    tablet.sync()
    lose(counters, tablet, manager_id)
    with pytest.raises(GiftGone):
        decide(asked, given=False)
    decide(asked, given=True)
