"""Campaigns and signing keys that are younger than the backup come back by what tablets keep of them, and by nobody's word."""

from dataclasses import replace

import pytest
from nacl.signing import SigningKey
from sqlalchemy import select

from redeem.accounts.audit import OPERATOR
from redeem.coupons import campaigns
from redeem.coupons.campaigns import CampaignStopped
from redeem.db.models import coupons as models
from redeem.db.models.coupons import Campaign
from redeem.domain import tokens
from redeem.domain.presented import ShownCoupon
from redeem.domain.proofs import Proofs
from redeem.domain.signing_keys import KeyRing, KeyStatus
from redeem.ledger import sealed_copies, signing
from redeem.ledger.recovery_reports import Report
from redeem.lib.errors import ChangedSinceRead
from redeem.lib.money import Money
from redeem.lib.sealing import Sealer
from redeem.partners import settlement
from redeem.recovery import restore as recovery_restore
from redeem.recovery import tills as recovery_tills
from redeem.recovery.restore import SKIPPED_KEYS
from redeem.sync import quarantine
from redeem.sync.old_journals import OldJournal
from tests import factories
from tests.books import ends_in_order
from tests.counters import serials
from tests.databases import on_both_databases
from tests.factories import NOW, PROOFS, SECRET
from tests.restores import LATER, all_report, restore
from tests.tills import as_given

pytestmark = [on_both_databases, ends_in_order]
MADE = SigningKey(b"a key that signs for one test ..")
STRANGERS = Proofs(["a-secret-that-another-shop-has-of-32-characters"])


def make_campaign(counters, cast, name="New", **changes):
    said = {"partners": [cast.north_partner]} | changes
    return counters.write(lambda session: factories.campaign(session, name, **said)).number


@pytest.fixture
def young(counters, cast, vault):
    """The number of a campaign that the backup lacks. The north's tablet has heard of it."""
    vault.back_up()
    number = make_campaign(counters, cast)
    counters.tablet.sync()
    return number


def put_back(counters, vault, **options):
    generation = restore(counters, vault, **options)
    counters.tablet.last = counters.south.last = 0
    return generation


def campaign(counters, number):
    return counters.read(lambda session: session.get(Campaign, number))


def owed(counters, cast):
    accounts = {each.partner_id: each for each in counters.read(settlement.list_accounts)}
    return accounts[cast.north_partner]


def confirm(counters, number, version=1):
    counters.write(lambda session: campaigns.confirm(session, OPERATOR, number, version, LATER))


def change(counters, number, **changes):
    return counters.write(lambda session: campaigns.patch_campaign(session, OPERATOR, number, LATER, **changes))


def hand_in(counters, generation, copies, **asked):
    return counters.tablet.restored(generation, copies=copies, **asked)


# Campaigns.


def test_coupons_of_a_campaign_that_the_backup_lacks_are_good(counters, tills, vault, young):
    coupon = counters.coupon(campaign=young)
    all_report(counters, tills, put_back(counters, vault))
    assert tills["north"].redeem(coupon).code == "redeemed"


def test_until_it_is_back_nobody_is_told_that_its_coupons_are_unknown(counters, tills, vault, young):
    coupon = counters.coupon(campaign=young)
    generation = put_back(counters, vault)
    assert tills["north"].verify(coupon).verdict == tills["north"].redeem(coupon).code == "recovering"
    counters.tablet.restored(generation, copies=[])
    all_report(counters, tills, generation, but=[counters.tablet])
    assert tills["north"].verify(coupon).verdict == tills["north"].redeem(coupon).code == "unknown_coupon"


def test_what_was_given_of_it_is_booked_and_owed_once_it_is_confirmed(counters, cast, tills, vault, young):
    coupon = counters.coupon(cast.north, young)
    (grant,) = counters.tablet.sync().grants
    assert counters.tablet.act("gave-held", coupon=coupon.token) == "redeemed"
    generation = put_back(counters, vault)
    counters.tablet.restored(generation, claims=[(coupon.serial, grant.epoch)])
    all_report(counters, tills, generation, but=[counters.tablet])
    assert counters.standing(coupon).device_id == counters.tablet.device_id
    assert (owed(counters, cast).owed, owed(counters, cast).unconfirmed) == ((), 1)
    confirm(counters, young)
    assert [each.counts.gifts for each in owed(counters, cast).lines] == [1]
    assert owed(counters, cast).unconfirmed == 0


def test_an_entry_that_the_ledger_can_not_read_waits_for_the_copies(counters, cast, vault, young):
    """The tablet has not heard of the restore when it sends this."""
    coupon = counters.coupon(cast.north, young)
    counters.tablet.sync()
    number = counters.tablet.write("gave-held", coupon=coupon.token)
    generation = restore(counters, vault)
    reply = counters.tablet.sync()
    assert (reply.last, reply.answers) == (0, {})
    reply = counters.tablet.restored(generation, copies=[], more_copies=True, more=True)
    assert reply.last == 0
    assert counters.tablet.restored(generation).answers[number]["code"] == "redeemed"


def test_a_report_to_another_generation_lets_no_entry_through(counters, cast, vault, young):
    coupon = counters.coupon(cast.north, young)
    counters.tablet.sync()
    counters.tablet.write("gave-held", coupon=coupon.token)
    generation = restore(counters, vault)
    assert counters.tablet.restored(generation - 1, copies=[]).last == 0


def test_a_tablet_that_has_no_copy_is_answered_all_the_same(counters, vault, young):
    """What can't be read then is unknown, and the journal goes on behind it."""
    coupon = counters.coupon(campaign=young)
    generation = restore(counters, vault)
    number = counters.south.write("ask", coupon=coupon.token)
    reply = counters.south.restored(generation, copies=[])
    assert reply.answers[number]["code"] == "unknown_coupon"
    assert reply.reported


def test_a_restored_ledger_tells_a_tablet_nothing_before_its_report(counters, vault, young):
    generation = restore(counters, vault)
    assert counters.tablet.sync(known="the etag of before").snapshot is None
    told = counters.tablet.restored(generation, known="the etag of before").snapshot
    assert young in [each["number"] for each in told["campaigns"]]


def test_a_till_says_again_when_the_tablets_have_brought_the_campaign_back(counters, tills, vault, young):
    coupon, till = counters.coupon(campaign=young), tills["north"]
    given = till.redeem(coupon, "one")
    generation = put_back(counters, vault)

    def say_again():
        again = as_given(till, "one", ShownCoupon.of(tokens.read(coupon.token)), given)
        return counters.write(lambda session: recovery_tills.say_again(session, till.actor, again, PROOFS, LATER)).code

    assert till.redeem(coupon, "one").code == "recovering"  # and not kept: it is said again by the same name
    assert say_again() == "recovering"
    for tablet in (counters.tablet, counters.south):
        tablet.restored(generation)
    assert say_again() == "redeemed"


def test_a_till_is_answered_when_no_tablet_can_bring_it_back_any_more(counters, cast, tills, vault):
    vault.back_up()
    coupon, till = counters.coupon(campaign=make_campaign(counters, cast)), tills["north"]
    given = till.redeem(coupon, "one")
    generation = put_back(counters, vault)
    for tablet in (counters.tablet, counters.south):
        tablet.restored(generation)
    again = as_given(till, "one", ShownCoupon.of(tokens.read(coupon.token)), given)
    said = counters.write(lambda session: recovery_tills.say_again(session, till.actor, again, PROOFS, LATER))
    assert said.code == "unknown_coupon"


def test_it_comes_back_by_the_old_journal_of_a_tablet_that_the_backup_lacks(counters, cast, vault, manager_id):
    vault.back_up()
    late = counters.add_tablet(SigningKey(b"a third tablet of somebody here!"))
    young = make_campaign(counters, cast)
    coupon = counters.coupon(campaign=young)
    number = late.write("ask", coupon=coupon.token)
    late.sync()
    late.act("gave", of=number)
    put_back(counters, vault, none_enrolled=False)
    new = counters.add_tablet(late.key)
    new.sync(old=OldJournal(late.device_id, late.journal), copies=late.copies)
    ring = counters.read(signing.load_ring)
    counters.write(lambda s: quarantine.admit(s, late.device_id, manager_id, ring, PROOFS, LATER))
    assert counters.standing(coupon).device_id == new.device_id


def test_none_of_its_numbers_is_given_out_twice(counters, cast, tills, vault, young):
    lost = [counters.coupon(campaign=young).serial for _ in range(3)]
    all_report(counters, tills, put_back(counters, vault, skip_numbers=500))
    change(counters, young, stopped=False)
    assert counters.coupon(campaign=young).serial == (young << 32) + 500 > max(lost)


def test_nor_if_the_backup_of_a_restored_ledger_lacks_it_again(counters, cast, tills, vault, young):
    """The copies are of the first life, and numbers were given out in the second."""
    copies = counters.tablet.copies
    generation = restore(counters, vault, skip_numbers=500)
    vault.back_up("second")
    hand_in(counters, generation, copies)
    change(counters, young, stopped=False)
    lost = counters.coupon(campaign=young)
    vault.put_back("second")
    options = {"skip_numbers": 500, "newest": generation, "none_enrolled": True}
    generation = counters.write(lambda session: recovery_restore.begin(session, LATER, **options)).generation
    hand_in(counters, generation, copies)
    change(counters, young, stopped=False)
    assert counters.coupon(campaign=young).serial > lost.serial


def test_no_new_campaign_gets_its_number(counters, cast, vault, young):
    generation = put_back(counters, vault)
    other = make_campaign(counters, cast, "Other")
    hand_in(counters, generation, counters.tablet.copies)
    assert other > young
    assert campaign(counters, young).name == "New"


def test_it_issues_nothing_until_that_is_allowed(counters, vault, young):
    counters.tablet.restored(put_back(counters, vault))
    with pytest.raises(CampaignStopped):
        counters.coupon(campaign=young)


def test_the_highest_version_counts_whoever_comes_first(counters, cast, vault, young):
    first = counters.tablet.copies
    change(counters, young, name="Newer")
    counters.tablet.sync()
    second = counters.tablet.copies
    for order in ([first, second], [second, first]):
        generation = put_back(counters, vault)
        for copies in order:
            hand_in(counters, generation, copies, more=True)
        assert (campaign(counters, young).name, campaign(counters, young).version) == ("Newer", 2)


def test_a_version_that_comes_after_a_manager_has_looked_is_not_confirmed(counters, vault, young):
    first = counters.tablet.copies
    change(counters, young, name="Newer")
    counters.tablet.sync()
    generation = put_back(counters, vault)
    hand_in(counters, generation, first, more=True)
    hand_in(counters, generation, counters.tablet.copies)
    with pytest.raises(ChangedSinceRead):
        confirm(counters, young, version=1)
    confirm(counters, young, version=2)
    confirm(counters, young, version=2)
    assert campaign(counters, young).restored_at is None


def test_what_is_confirmed_no_copy_changes(counters, vault, young):
    first = counters.tablet.copies
    change(counters, young, name="Newer")
    counters.tablet.sync()
    generation = put_back(counters, vault)
    hand_in(counters, generation, first, more=True)
    confirm(counters, young)
    hand_in(counters, generation, counters.tablet.copies)
    assert campaign(counters, young).name == "New"


def test_a_change_confirms_it_and_may_correct_what_it_is_worth(counters, cast, tills, vault, young):
    coupon = counters.coupon(campaign=young)
    all_report(counters, tills, put_back(counters, vault))
    tills["north"].redeem(coupon)
    change(counters, young, changes={"value": Money(amount=700, currency="RUB")})
    assert campaign(counters, young).restored_at is None
    assert [each.value.amount for each in owed(counters, cast).lines] == [700]


def test_the_shop_confirms_it_by_making_it_again(counters, cast, vault, young):
    lost = counters.coupon(campaign=young)
    counters.tablet.restored(put_back(counters, vault))
    assert make_campaign(counters, cast, value={"amount": 700, "currency": "RUB"}) != young
    assert make_campaign(counters, cast) == young
    assert campaign(counters, young).restored_at is None
    assert counters.coupon(campaign=young).serial > lost.serial
    assert make_campaign(counters, cast) != young


def test_one_that_an_earlier_version_has_sealed_is_made_again_all_the_same(counters, cast, vault, young):
    """Its terms lack what has a default since."""
    terms = campaign(counters, young).terms
    earlier = terms.replace(',"once_per":"none"', "")
    assert earlier != terms
    copy = sealed_copies.seal_campaign(PROOFS, young, campaign(counters, young).name, earlier, 1, NOW)
    hand_in(counters, put_back(counters, vault), [copy])
    assert make_campaign(counters, cast) == young


def test_a_campaign_that_the_backup_has_stays_as_it_is(counters, cast, vault):
    vault.back_up()
    change(counters, cast.anywhere, name="Newer")
    counters.tablet.sync()
    counters.tablet.restored(put_back(counters, vault))
    assert campaign(counters, cast.anywhere).name != "Newer"
    assert campaign(counters, cast.anywhere).restored_at is None


def test_what_another_has_sealed_or_nobody_brings_nothing_back(counters, vault, young):
    forged = sealed_copies.seal_campaign(STRANGERS, young, "Forged", campaign(counters, young).terms, 9, NOW)
    whole = counters.tablet.copies[-1]
    altered = whole[:50] + ("A" if whole[50] != "A" else "B") + whole[51:]
    generation = put_back(counters, vault)
    hand_in(counters, generation, [forged, altered, "", "no copy at all", "é"])
    assert campaign(counters, young) is None


def test_a_ledger_that_was_never_restored_takes_no_copy(counters, cast):
    copy = sealed_copies.seal_campaign(PROOFS, 99, "Ahead", campaign(counters, cast.anywhere).terms, 1, NOW)
    ring = [replace(key, kid=9, public_key=bytes(MADE.verify_key)) for key in counters.read(signing.load_ring)]
    counters.tablet.sync(copies=[copy, sealed_copies.seal_keys(PROOFS, KeyRing(ring))])
    assert campaign(counters, 99) is None
    assert 9 not in keys(counters)


def test_a_number_that_no_restore_has_skipped_is_not_taken(counters, cast, vault):
    vault.back_up()
    generation = restore(counters, vault)
    ahead = sealed_copies.seal_campaign(PROOFS, 5_000, "Ahead", campaign(counters, cast.anywhere).terms, 1, NOW)
    hand_in(counters, generation, [ahead])
    assert campaign(counters, 5_000) is None


# Signing keys.


def rotate(counters):
    return counters.write(lambda session: signing.rotate(session, Sealer([SECRET]), NOW))


def condemn(counters, kid):
    counters.write(lambda session: signing.set_status(session, kid, KeyStatus.COMPROMISED))


def keys(counters):
    return {key.kid: key.status for key in counters.read(signing.load_ring)}


def test_coupons_that_a_new_key_has_signed_are_good(counters, cast, tills, vault):
    vault.back_up()
    kid = rotate(counters)
    coupon, given = counters.coupon(), counters.coupon(cast.north)
    (grant,) = counters.tablet.sync().grants
    assert counters.tablet.act("gave-held", coupon=given.token) == "redeemed"
    generation = put_back(counters, vault)
    counters.tablet.restored(generation, claims=[(given.serial, grant.epoch)])
    all_report(counters, tills, generation, but=[counters.tablet])
    assert counters.standing(given).device_id == counters.tablet.device_id
    assert keys(counters)[kid] is KeyStatus.VERIFY_ONLY
    assert tills["north"].redeem(coupon).code == "redeemed"


def test_a_key_that_comes_back_signs_nothing(counters, vault):
    vault.back_up()
    kid = rotate(counters)
    counters.tablet.sync()
    counters.tablet.restored(put_back(counters, vault))
    signer = counters.read(lambda session: signing.load_signer(session, Sealer([SECRET])))
    assert (kid in signer.private_keys, signer.newest) == (False, kid - 1)
    ring = counters.read(signing.load_ring)
    token = tokens.read(signer.write(kid, 1, 2, 3))
    assert tokens.verify(token, ring).key_id == kid - 1


def test_no_key_number_is_given_out_twice(counters, vault):
    vault.back_up()
    lost = [rotate(counters) for _ in range(SKIPPED_KEYS)]
    restore(counters, vault)
    assert rotate(counters) == max(lost) + 1


def test_a_key_that_was_condemned_never_comes_back(counters, vault):
    vault.back_up()
    kid = rotate(counters)
    counters.tablet.sync()
    before = counters.tablet.copies
    condemn(counters, kid)
    counters.tablet.sync()
    after = counters.tablet.copies
    for order in ([before, after], [after, before]):
        generation = put_back(counters, vault)
        for copies in order:
            hand_in(counters, generation, copies, more=True)
        assert keys(counters)[kid] is KeyStatus.COMPROMISED


def test_a_key_that_was_condemned_since_the_backup_is_condemned_again(counters, vault):
    """It is the only one that signs. Nothing is issued until the operator makes another, and tablets go on."""
    vault.back_up()
    (kid,) = keys(counters)
    condemn(counters, kid)
    rotate(counters)
    counters.tablet.sync()
    counters.tablet.restored(put_back(counters, vault))
    assert keys(counters)[kid] is KeyStatus.COMPROMISED
    assert counters.tablet.sync().last == 0
    assert rotate(counters) > kid + 1


def test_a_key_of_another_does_not_take_the_place_of_a_known_one(counters, vault):
    vault.back_up()
    (kid,) = keys(counters)
    other = counters.read(lambda session: session.get_one(models.SigningKey, kid)).public_key
    made = bytes(MADE.verify_key)
    generation = put_back(counters, vault)
    ring = [replace(key, public_key=made, status=KeyStatus.COMPROMISED) for key in counters.read(signing.load_ring)]
    hand_in(counters, generation, [sealed_copies.seal_keys(PROOFS, KeyRing(ring))])
    rows = counters.read(lambda session: list(session.scalars(select(models.SigningKey))))
    assert [(row.public_key, row.status) for row in rows] == [(other, "active")]


def test_a_report_is_none_before_all_copies_are_here(counters, vault, young):
    generation = put_back(counters, vault)
    first, *rest = counters.tablet.copies
    reply = counters.tablet.sync(report=Report(generation, 0, more=True), copies=[first], more_copies=True)
    assert not reply.reported
    assert hand_in(counters, generation, rest).reported
    assert serials(counters.tablet.sync().grants) == []
