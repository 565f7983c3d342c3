"""Restoring a backup, which is always too old: tablets and tills refill the ledger, and nothing is given twice meanwhile or after."""

from dataclasses import replace

import pytest
from nacl.signing import SigningKey
from sqlalchemy import select

from redeem.accounts.audit import OPERATOR
from redeem.accounts.roles import Scope
from redeem.coupons import issue
from redeem.db.models.coupons import Campaign, Coupon
from redeem.db.models.devices import Claim, Enrolment
from redeem.db.models.managers import AuditEntry
from redeem.devices import enrolment
from redeem.devices import write_off as device_write_off
from redeem.domain import tokens
from redeem.domain.presented import ShownCoupon
from redeem.ledger import recovery_reports, signing
from redeem.lib.errors import NotFound
from redeem.lib.sealing import Sealer
from redeem.recovery import tills as recovery_tills
from redeem.recovery.missing_devices import NotRecovering, list_missing, write_off_missing
from redeem.sync import quarantine
from tests import factories
from tests.books import ends_in_order
from tests.counters import serials
from tests.databases import on_both_databases
from tests.factories import NOW, PROOFS, SECRET
from tests.restores import LATER, all_report, begin, restore
from tests.tills import as_given

pytestmark = [on_both_databases, ends_in_order]


def missing(counters, scope=None):
    found = counters.read(lambda session: list_missing(session, LATER, *([scope] if scope else [])))
    return [each.device_id for each in found]


def write_off(counters, device_id, manager_id):
    counters.write(lambda session: write_off_missing(session, device_id, manager_id, LATER))


def say_again(counters, till, coupon, answer, attempt):
    seen = ShownCoupon.of(tokens.read(coupon.token))
    given = as_given(till, attempt, seen, answer)
    return counters.write(lambda session: recovery_tills.say_again(session, till.actor, given, PROOFS, LATER))


# The first thing after a backup was put back.


def test_numbers_are_skipped_so_that_none_is_given_out_twice(counters, vault, cast):
    counters.coupon()
    vault.back_up()
    lost = counters.coupon()
    restore(counters, vault, skip_numbers=500)
    new = counters.coupon()
    assert (lost.serial & 0xFFFFFFFF, new.serial & 0xFFFFFFFF) == (1, 501)
    campaign = counters.read(lambda session: session.get_one(Campaign, cast.anywhere))
    assert campaign.coupons - campaign.skipped == 2


def test_a_backup_put_back_twice_gives_out_no_number_of_the_life_between(counters, vault):
    vault.back_up()
    first = restore(counters, vault, skip_numbers=500)
    lost = counters.coupon()
    assert restore(counters, vault, skip_numbers=500, newest=first) == first + 1
    assert counters.coupon().serial > lost.serial


def test_no_number_is_skipped_beyond_the_last_one(counters, cast):
    def fill(session):
        session.get_one(Campaign, cast.anywhere).coupons = 2**32 - 3

    counters.write(fill)
    begin(counters)
    campaign = counters.read(lambda session: session.get_one(Campaign, cast.anywhere))
    assert (campaign.coupons, campaign.skipped) == (2**32, 3)


def test_a_campaign_made_after_the_backup_gets_its_number_back_never(counters, cast, vault):
    """Tokens with its number are out: in another campaign they would be good for another gift."""

    def make(session):
        return factories.campaign(session, partners=[cast.north_partner]).number

    vault.back_up()
    lost = counters.write(make)
    restore(counters, vault)
    assert counters.write(make) > lost
    assert counters.write(make) > lost + 1


def test_links_that_were_used_since_the_backup_open_nothing(counters, cast, vault):
    link = counters.write(lambda s: enrolment.invite_tablet(s, OPERATOR, cast.north, "Third", NOW, 60))
    vault.back_up()
    restore(counters, vault)
    assert counters.read(lambda session: session.get_one(Enrolment, link.id)).expires_at == LATER


def test_epochs_of_a_new_life_are_above_all_of_the_old_one(counters, tills, vault):
    vault.back_up()
    old = [counters.held()[1] for _ in range(5)]
    all_report(counters, tills, restore(counters, vault))
    assert counters.held()[1] > max(old)


# Who has to report.


def test_everybody_is_missing_at_first(counters, cast):
    begin(counters)
    assert set(missing(counters)) == {
        *(cast.tablet_id, cast.south_tablet_id),
        *(cast.north_till_id, cast.north_till_two_id, cast.annex_till_id, cast.south_till_id),
    }


def test_a_ledger_that_was_never_restored_waits_for_nobody(counters):
    assert missing(counters) == []


def test_managers_see_who_of_their_own_is_missing(counters, cast):
    begin(counters)
    assert missing(counters, Scope(cast.south_partner)) == [cast.south_tablet_id, cast.south_till_id]


def test_who_was_out_of_service_at_the_backup_is_not_waited_for(counters, cast):
    counters.write(lambda session: enrolment.revoke_device(session, OPERATOR, cast.south_tablet_id, NOW))
    begin(counters)
    assert cast.south_tablet_id not in missing(counters)


def test_a_tablet_that_is_revoked_meanwhile_is_still_waited_for(counters, cast):
    """It may have given what it held after the backup: that is for a manager to decide."""
    begin(counters)
    counters.write(lambda session: enrolment.revoke_device(session, OPERATOR, cast.south_tablet_id, NOW))
    assert cast.south_tablet_id in missing(counters)


def test_whoever_is_enrolled_meanwhile_has_nothing_to_report(counters):
    begin(counters)
    assert counters.add_tablet().device_id not in missing(counters)


def test_a_sync_alone_is_no_report(counters, cast):
    begin(counters)
    assert not counters.tablet.sync().reported
    assert cast.tablet_id in missing(counters)


def test_a_report_on_another_life_is_none(counters, cast):
    """A late message from before the restore."""
    begin(counters)
    assert not counters.tablet.restored(1).reported


def test_a_report_counts_once_the_journal_is_here_to_its_end(counters):
    generation = begin(counters)
    counters.tablet.write("lock")
    counters.tablet.write("unlock")
    report = recovery_reports.Report(generation, 2)
    assert not counters.tablet.sync(counters.tablet.journal[:1], report=report).reported
    assert counters.tablet.sync(report=report).reported


def test_many_claims_come_in_parts(counters, vault):
    vault.back_up()
    (one, first), (other, second) = counters.held(), counters.held()
    generation = restore(counters, vault)
    assert not counters.tablet.restored(generation, more=True, claims=[(one.serial, first)]).reported
    assert counters.tablet.restored(generation, claims=[(other.serial, second)]).reported
    assert len(counters.read(lambda session: session.scalars(select(Claim)).all())) == 2


def test_recovery_ends_with_the_last_report(counters, tills):
    generation = begin(counters)
    all_report(counters, tills, generation, but=[counters.south])
    assert counters.tablet.sync().recovering
    assert not counters.south.restored(generation).recovering
    assert not counters.tablet.sync().recovering


def test_a_till_that_nobody_waits_for_has_nothing_to_report(counters, tills):
    with pytest.raises(NotRecovering):
        counters.write(lambda session: recovery_tills.till_reported(session, tills["north"].actor.device_id))


# Writing off.


def test_a_tablet_that_is_written_off_is_lost(counters, cast, manager_id):
    counters.held()
    begin(counters)
    write_off(counters, cast.tablet_id, manager_id)
    assert cast.tablet_id not in missing(counters)
    assert counters.device(cast.tablet_id).lost_at == LATER


def test_a_till_that_is_written_off_works_on(counters, cast, manager_id, tills):
    begin(counters)
    write_off(counters, cast.north_till_id, manager_id)
    assert cast.north_till_id not in missing(counters)
    (entry,) = counters.read(lambda session: list(session.scalars(select(AuditEntry))))
    assert (entry.what, entry.subject_id, entry.details["recent"]) == ("device_written_off", cast.north_till_id, 0)


def test_the_last_one_written_off_ends_recovery(counters, cast, manager_id):
    begin(counters)
    for device_id in missing(counters):
        write_off(counters, device_id, manager_id)
    assert counters.read(lambda session: list_missing(session, LATER)) == []
    with pytest.raises(NotRecovering):
        write_off(counters, cast.north_till_id, manager_id)


def test_nobody_is_written_off_who_has_reported(counters, cast, manager_id):
    counters.tablet.restored(begin(counters))
    with pytest.raises(NotFound):
        write_off(counters, cast.tablet_id, manager_id)


def test_what_a_missing_tablet_held_is_at_risk(counters, cast):
    for _ in range(2):
        counters.held()
    begin(counters)
    found = {each.device_id: each for each in counters.read(lambda s: list_missing(s, LATER))}
    assert found[cast.tablet_id].risk.coupons == 2
    assert found[cast.north_till_id].risk is None


def test_what_its_store_gave_lately_measures_a_missing_till(counters, cast, tills):
    for name in ("north", "north", "south"):
        tills[name].redeem(counters.coupon())
    begin(counters)
    found = {each.device_id: each.recent for each in counters.read(lambda s: list_missing(s, LATER))}
    assert found[cast.north_till_id] == found[cast.north_till_two_id] == found[cast.tablet_id] == 2
    assert (found[cast.south_till_id], found[cast.annex_till_id]) == (1, 0)


# While it recovers.


def test_only_who_holds_a_coupon_gives_it(counters, tills, vault):
    free, (held, _) = counters.coupon(), counters.held()
    vault.back_up()
    restore(counters, vault)
    assert tills["north"].redeem(free).code == "recovering"
    assert tills["north"].verify(free).verdict == "recovering"
    assert counters.south.act("ask", coupon=free.token) == "recovering"
    assert counters.south.sync(verify=free.token).verdict["code"] == "recovering"
    assert counters.tablet.act("gave-held", coupon=held.token) == "redeemed"


def test_a_till_that_asked_meanwhile_may_ask_again_by_the_same_name(counters, tills):
    coupon = counters.coupon()
    generation = begin(counters)
    assert tills["north"].redeem(coupon, "one").code == "recovering"
    all_report(counters, tills, generation)
    assert tills["north"].redeem(coupon, "one").code == "redeemed"


def test_no_hold_is_asked_back_that_could_be_given_to_nobody(counters, tills):
    coupon, _ = counters.held()
    begin(counters)
    assert tills["south"].redeem(coupon).code == "held_elsewhere"
    assert counters.south.sync(verify=coupon.token).verdict["code"] == "held_elsewhere"
    assert counters.tablet.sync().recalls == []


def test_nothing_is_granted_before_all_have_reported(counters, tills):
    generation = begin(counters)
    coupon = counters.homed()
    counters.tablet.restored(generation)
    assert counters.tablet.sync().grants == []
    all_report(counters, tills, generation, but=[counters.tablet])
    assert serials(counters.tablet.sync().grants) == [coupon.serial]


def test_what_is_at_home_and_nobodys_after_a_restore_finds_its_tablet(counters, tills, cast):
    coupon = counters.coupon(cast.annex)
    later = counters.add_tablet(SigningKey(b"the tablet that came later, 0001"), cast.annex)
    generation = begin(counters)
    later.restored(generation)
    all_report(counters, tills, generation)
    assert serials(later.sync().grants) == [coupon.serial]


def claim(counters, coupon, generation, epoch, proof=None):
    report = recovery_reports.Report(generation, 0, [recovery_reports.Hold(coupon.serial, epoch, proof)])
    return counters.south.sync(report=report)


@pytest.mark.parametrize("epoch", [2 * 2**32 + 1, 3 * 2**32 - 1], ids=["first", "last"])
def test_no_claim_without_a_grant_is_of_the_present_generation(counters, epoch):
    """The next grant of the coupon gets a greater epoch: behind the last one begins a generation which the ledger has not reached."""
    coupon = counters.coupon()
    claim(counters, coupon, begin(counters), epoch)
    assert counters.holder(coupon) is None


def test_a_claim_without_a_grant_leaves_room_for_the_grants_to_come(counters, tills, manager_id):
    coupon = counters.homed()
    generation = begin(counters)
    claim(counters, coupon, generation, 2 * 2**32 - 1)
    assert counters.holder(coupon) == counters.south.device_id
    all_report(counters, tills, generation)
    counters.write(lambda session: device_write_off.write_off(session, counters.south.device_id, manager_id, LATER))
    (grant,) = counters.tablet.sync().grants
    assert 2 * 2**32 < grant.epoch < 3 * 2**32
    assert counters.tablet.act("gave-held", coupon=coupon.token) == "redeemed"


def test_a_grant_gives_nothing_once_a_newer_one_is_known(counters, vault):
    """The backup lacks the release between the two."""
    coupon, epoch = counters.held()
    vault.back_up()
    generation = restore(counters, vault)
    newer = epoch + 1
    claim(counters, coupon, generation, newer, PROOFS.grant(counters.south.device_id, coupon.serial, newer))
    assert counters.tablet.act("gave-held", coupon=coupon.token) == "contested"
    number = counters.south.write(
        "gave-held",
        coupon=coupon.token,
        epoch=newer,
        grant=PROOFS.grant(counters.south.device_id, coupon.serial, newer),
    )
    assert counters.south.sync().answers[number]["code"] == "redeemed"


def test_an_epoch_that_is_claimed_without_a_grant_ends_no_hold(counters, tablet):
    coupon = counters.coupon()
    begin(counters)
    claim(counters, coupon, 2, 2 * 2**32 - 1)
    epoch = 2**32 + 7
    grant = PROOFS.grant(tablet.device_id, coupon.serial, epoch)
    assert tablet.act("gave-held", coupon=coupon.token, epoch=epoch, grant=grant) == "redeemed"


# What comes back.


def test_a_gift_given_on_a_yes_since_the_backup_stands_again(counters, tills, vault):
    coupon = counters.coupon()
    vault.back_up()
    counters.tablet.act("ask", coupon=coupon.token)
    counters.tablet.act("gave", of=1)
    counters.tablet.last = 0
    all_report(counters, tills, restore(counters, vault))
    assert counters.standing(coupon).device_id == counters.tablet.device_id
    assert tills["north"].redeem(coupon).code == "already_redeemed"


def test_its_undo_is_found_as_well(counters, tills, vault):
    coupon = counters.coupon()
    vault.back_up()
    counters.tablet.act("ask", coupon=coupon.token)
    counters.tablet.act("gave", of=1)
    counters.tablet.act("undo", of=1, reason="returned")
    counters.tablet.last = 0
    all_report(counters, tills, restore(counters, vault))
    assert tills["north"].redeem(coupon).code == "redeemed"


def test_a_yes_that_no_gift_came_of_burns_nothing(counters, tills, vault):
    coupon = counters.coupon()
    vault.back_up()
    counters.tablet.act("ask", coupon=coupon.token)
    counters.tablet.act("drop", of=1)
    counters.tablet.last = 0
    all_report(counters, tills, restore(counters, vault))
    assert tills["north"].redeem(coupon).code == "redeemed"


def test_a_hold_that_moved_since_the_backup_is_with_whom_it_moved_to(counters, tills, vault):
    """The old holder reports last, and its release comes behind the new one's claim."""
    coupon, first = counters.held()
    vault.back_up()
    counters.south.act("ask", coupon=coupon.token)
    counters.tablet.act("release", id=coupon.id, epoch=first)
    (second,) = counters.south.sync().grants
    counters.tablet.last = counters.south.last = 0
    generation = restore(counters, vault)
    counters.south.restored(generation, claims=[(coupon.serial, second.epoch)])
    assert counters.holder(coupon) == counters.south.device_id
    all_report(counters, tills, generation, but=[counters.south])
    assert counters.holder(coupon) == counters.south.device_id


def granted_to_south_when_north_was_written_off(counters, vault, manager_id):
    """All of that since the backup: after the restore both tablets believe that they hold the coupon. Answers it and both epochs."""
    coupon, first = counters.held()
    vault.back_up()
    counters.write(lambda session: device_write_off.write_off(session, counters.tablet.device_id, manager_id, NOW))
    counters.write(lambda session: issue.change_home(session, coupon.serial, counters.cast.south, NOW))
    (second,) = counters.south.sync().grants
    return coupon, (coupon.serial, first), (coupon.serial, second.epoch)


def test_a_hold_that_was_written_off_since_the_backup_is_given_back(counters, vault, manager_id):
    coupon, old, new = granted_to_south_when_north_was_written_off(counters, vault, manager_id)
    generation = restore(counters, vault)
    counters.south.restored(generation, claims=[new])
    reply = counters.tablet.restored(generation, claims=[old])
    assert [(recall.serial, recall.epoch) for recall in reply.recalls] == [old]
    assert not reply.reported
    counters.tablet.write("release", id=coupon.id, epoch=old[1])
    assert counters.tablet.restored(generation).reported
    assert counters.holder(coupon) == counters.south.device_id


def test_who_reported_a_hold_before_its_newer_holder_is_asked_once_more(counters, vault, manager_id):
    coupon, old, new = granted_to_south_when_north_was_written_off(counters, vault, manager_id)
    generation = restore(counters, vault)
    assert counters.tablet.restored(generation, claims=[old]).reported
    counters.south.restored(generation, claims=[new])
    assert counters.tablet.device_id in missing(counters)
    assert [recall.epoch for recall in counters.tablet.restored(generation, claims=[old]).recalls] == [old[1]]
    assert counters.holder(coupon) == counters.south.device_id


def test_a_hold_that_ended_since_the_backup_frees_the_coupon(counters, tills, vault):
    coupon, epoch = counters.held()
    vault.back_up()
    tills["south"].redeem(coupon)
    counters.tablet.act("release", id=coupon.id, epoch=epoch)
    counters.tablet.last = 0
    all_report(counters, tills, restore(counters, vault))
    assert tills["south"].redeem(coupon).code == "redeemed"


def test_a_till_says_again_what_it_was_answered(counters, tills, vault):
    coupon = counters.coupon()
    vault.back_up()
    given = tills["north"].redeem(coupon, "one")
    generation = restore(counters, vault)
    assert tills["north"].redeem(coupon, "one").code == "recovering"
    again = say_again(counters, tills["north"], coupon, given, "one")
    assert again.details["redemption"] == given.details["redemption"]
    all_report(counters, tills, generation)
    replayed = tills["north"].redeem(coupon, "one")
    assert (replayed.code, replayed.replayed) == ("redeemed", True)
    assert tills["north"].reverse(given.details["redemption"]).code == "reversed"


def test_a_reversal_that_a_backup_lacks_is_not_too_late(counters, tills, vault):
    coupon, north = counters.coupon(), tills["north"]
    redemption = north.redeem(coupon, "one").details["redemption"]
    vault.back_up()
    assert north.reverse(redemption, "back").code == "reversed"
    generation, next_day = restore(counters, vault), NOW + 24 * 3_600_000
    assert north.reverse(redemption, "back", now=next_day).code == "reversed"
    all_report(counters, tills, generation)
    again = north.redeem(coupon, "two", now=next_day).details["redemption"]
    assert north.reverse(again, now=next_day + 24 * 3_600_000).code == "undo_too_late"


def test_what_a_till_says_twice_counts_once(counters, tills, vault):
    coupon = counters.coupon()
    vault.back_up()
    given = tills["north"].redeem(coupon, "one")
    restore(counters, vault)
    answers = [say_again(counters, tills["north"], coupon, given, "one") for _ in range(2)]
    assert [(answer.code, answer.replayed) for answer in answers] == [("redeemed", False), ("redeemed", True)]


def test_two_who_say_that_they_gave_it_are_a_conflict(counters, tills, vault):
    coupon = counters.coupon()
    vault.back_up()
    given = tills["north"].redeem(coupon, "one")
    restore(counters, vault)
    counters.south.act("gave-at-risk", coupon=coupon.token)
    assert say_again(counters, tills["north"], coupon, given, "one").code == "conflict"


def test_a_made_up_redemption_id_is_not_taken(counters, tills, vault):
    first, second = counters.coupon(), counters.coupon()
    vault.back_up()
    given = tills["north"].redeem(first, "one")
    restore(counters, vault)
    say_again(counters, tills["north"], first, given, "one")
    claimed = replace(as_given(tills["north two"], "two", ShownCoupon.of(tokens.read(second.token)), given), proof=None)
    again = counters.write(lambda s: recovery_tills.say_again(s, tills["north two"].actor, claimed, PROOFS, LATER))
    assert again.code == "contested"
    assert counters.standing(first).act_id == given.details["redemption"] != counters.standing(second).act_id


def test_nothing_is_said_again_to_a_ledger_that_waits_for_nothing(counters, tills):
    coupon = counters.coupon()
    given = tills["north"].redeem(coupon, "one")
    with pytest.raises(NotRecovering):
        say_again(counters, tills["north"], coupon, given, "two")


# Coupons that were issued after the backup.


def test_a_lost_coupon_is_adopted_when_it_is_shown(counters, tills, vault, cast):
    vault.back_up()
    lost = counters.coupon()
    all_report(counters, tills, restore(counters, vault))
    assert tills["north"].verify(lost).verdict == "good"
    assert tills["north"].redeem(lost).code == "redeemed"
    assert tills["south"].redeem(lost).code == "already_redeemed"
    campaign = counters.read(lambda session: session.get_one(Campaign, cast.anywhere))
    assert campaign.coupons - campaign.skipped == 1


def test_a_gift_of_a_lost_coupon_comes_back_with_it(counters, tills, vault):
    vault.back_up()
    lost = counters.coupon()
    counters.tablet.act("ask", coupon=lost.token)
    counters.tablet.act("gave", of=1)
    counters.tablet.last = 0
    all_report(counters, tills, restore(counters, vault))
    assert counters.standing(lost).device_id == counters.tablet.device_id


def test_a_till_says_a_lost_coupon_again(counters, tills, vault):
    vault.back_up()
    lost = counters.coupon()
    given = tills["north"].redeem(lost, "one")
    restore(counters, vault)
    assert say_again(counters, tills["north"], lost, given, "one").code == "redeemed"


def test_a_lost_coupon_that_a_tablet_holds_is_held_when_it_is_adopted(counters, tills, vault):
    vault.back_up()
    lost, epoch = counters.held()
    generation = restore(counters, vault)
    counters.tablet.restored(generation, claims=[(lost.serial, epoch)])
    all_report(counters, tills, generation, but=[counters.tablet])
    assert tills["north"].verify(lost).verdict == "held_elsewhere"
    assert tills["north"].redeem(lost).code == "held_elsewhere"
    assert serials(counters.tablet.sync().recalls) == [lost.serial]
    assert counters.read(lambda session: session.scalars(select(Claim)).all()) == []


def test_a_tablet_that_forgot_a_hold_of_a_lost_coupon_is_told_again(counters, vault):
    vault.back_up()
    lost, epoch = counters.held()
    generation = restore(counters, vault)
    counters.tablet.restored(generation, claims=[(lost.serial, epoch)])
    assert [(grant.serial, grant.epoch) for grant in counters.tablet.sync(epoch=0).grants] == [(lost.serial, epoch)]
    assert counters.south.sync(epoch=0).grants == []


def test_a_lost_coupon_given_by_its_short_code_is_known_by_the_id_beside_it(counters, tills, vault):
    vault.back_up()
    lost, _ = counters.held()
    counters.tablet.act("gave-held", typed=lost.short_code, id=lost.id)
    counters.tablet.last = 0
    all_report(counters, tills, restore(counters, vault))
    assert tills["north"].redeem(lost).code == "already_redeemed"


def test_a_lost_coupon_given_by_its_short_code_is_booked_as_well_when_that_is_admitted_later(
    counters, tills, vault, manager_id
):
    """Recovery is over by then; that the id beside the code is believed, a manager has decided."""
    vault.back_up()
    lost, _ = counters.held()
    counters.tablet.write("gave-held", typed=lost.short_code, id=lost.id)
    generation = restore(counters, vault)
    write_off(counters, counters.tablet.device_id, manager_id)
    all_report(counters, tills, generation, but=[counters.tablet])
    assert counters.tablet.sync().fault == "revoked"
    device_id = counters.tablet.device_id
    ring = counters.read(signing.load_ring)
    done = counters.write(lambda session: quarantine.admit(session, device_id, manager_id, ring, PROOFS, LATER))
    assert done.outcomes == {"redeemed": 1}
    assert tills["north"].redeem(lost).code == "already_redeemed"


@pytest.mark.parametrize("adopted", [False, True])
def test_a_lost_coupon_given_by_its_short_code_after_recovery_is_booked_if_its_giver_holds_it(
    counters, tills, vault, adopted
):
    """By its token alone it was adopted with another code."""
    vault.back_up()
    lost, epoch = counters.held()
    generation = restore(counters, vault)
    counters.tablet.restored(generation, claims=[(lost.serial, epoch)])
    all_report(counters, tills, generation, but=[counters.tablet])
    if adopted:
        assert tills["north"].redeem(lost).code == "held_elsewhere"
    assert counters.south.act("gave-held", typed=lost.short_code, id=lost.id) == "unknown_coupon"
    assert counters.tablet.act("gave-held", typed=lost.short_code, id=lost.id) == "redeemed"
    assert tills["north"].redeem(lost).code == "already_redeemed"


def test_a_ledger_that_was_never_restored_knows_all_its_codes(counters):
    coupon, _ = counters.held()
    assert counters.tablet.act("gave-held", typed="000000000000", id=coupon.id) == "unknown_coupon"


@pytest.mark.parametrize("recovering", [True, False])
def test_a_code_that_the_restored_ledger_knows_is_the_only_right_one(counters, tills, vault, recovering):
    coupon, epoch = counters.held()
    vault.back_up()
    generation = restore(counters, vault)
    if not recovering:
        counters.tablet.restored(generation, claims=[(coupon.serial, epoch)])
        all_report(counters, tills, generation, but=[counters.tablet])
    assert counters.tablet.act("gave-held", typed="000000000000", id=coupon.id) == "unknown_coupon"
    assert counters.standing(coupon) is None
    assert counters.tablet.act("gave-held", typed=coupon.short_code, id=coupon.id) == "redeemed"


def test_an_id_alone_makes_no_coupon(counters, vault):
    vault.back_up()
    lost, epoch = counters.held()
    restore(counters, vault)
    assert counters.tablet.act("release", id=lost.id, epoch=epoch) == "released"
    assert counters.tablet.act("gave-held", id=lost.id) == "unknown_coupon"
    assert counters.read(lambda session: session.get(Coupon, lost.serial)) is None


def test_a_token_without_a_row_is_unknown_to_a_ledger_that_was_never_restored(counters, tills):
    coupon = counters.coupon()
    counters.write(lambda session: session.delete(session.get_one(Coupon, coupon.serial)))
    assert tills["north"].redeem(coupon).code == "unknown_coupon"
    assert tills["north"].verify(coupon).verdict == "unknown_coupon"


def test_a_number_that_no_campaign_has_reached_is_unknown(counters, tills, vault, cast):
    """Somebody has the private key, and mints ahead of us."""

    def mint(session):
        signer = signing.load_signer(session, Sealer([SECRET]))
        return signer.write(signer.newest, cast.anywhere, 1_000, 9_000)

    vault.back_up()
    restore(counters, vault, skip_numbers=1_000)
    ahead = factories.Issued(cast.anywhere << 32 | 1_000, "cpn", counters.write(mint), "")
    assert tills["north"].verify(ahead).verdict == "unknown_coupon"
