"""Receipts: a ledger that lost what it had made durable learns it from its own signature, and from nothing else. On both databases."""

from dataclasses import asdict, replace

import pytest

from redeem.accounts.audit import OPERATOR
from redeem.devices.enrolment import revoke_device
from redeem.domain.proofs import Proofs
from redeem.ledger.generation import LedgerBehind, current, note_behind
from tests import factories
from tests.databases import on_both_databases
from tests.factories import NOW, PROOFS
from tests.restores import all_report, begin, restore
from tests.tablets import Tablet

pytestmark = on_both_databases


def lock(tablet, times):
    for _ in range(times):
        tablet.act("lock")


@pytest.fixture
def lost(counters, vault):
    """The tablet has receipts of five entries; the backup that was put back, without a restore, has two."""
    lock(counters.tablet, 2)
    vault.back_up()
    lock(counters.tablet, 3)
    vault.put_back()
    return counters.tablet


def test_a_backup_that_was_put_back_without_a_restore_is_noticed_at_the_first_sync(lost):
    with pytest.raises(LedgerBehind) as raised:
        lost.sync(entries=[])
    assert raised.value.generation == 1


def test_entries_that_come_with_the_receipt_do_not_hide_the_loss(lost, counters):
    with pytest.raises(LedgerBehind):
        lost.sync(entries=lost.journal[2:])
    assert counters.device(lost.device_id).last_number == 2


def test_an_old_copy_that_is_known_decides_nothing_new_and_answers_retries(counters, till, tills, vault):
    before, after = counters.coupon(), counters.coupon()
    first = till.redeem(before, "before the backup")
    lock(counters.tablet, 1)
    vault.back_up()
    lock(counters.tablet, 1)
    vault.put_back()
    till.redeem(before, "before the backup")  # a till's retry shows nothing
    assert counters.read(current).behind_generation is None
    with pytest.raises(LedgerBehind) as raised:
        counters.tablet.sync()
    counters.write(lambda session: note_behind(session, raised.value.generation))
    assert counters.read(current).only_holders_give
    assert till.redeem(before, "before the backup").details == first.details
    assert tills["south"].redeem(after).code == "recovering"
    assert counters.south.act("ask", coupon=after.token) == "recovering"
    counters.homed()
    assert counters.tablet.sync(receipt=None).grants == []


def test_a_restore_ends_it_and_the_tablet_sends_again(lost, counters, tills, vault):
    counters.write(lambda session: note_behind(session, 1))
    generation = begin(counters)
    assert (generation, counters.read(current).behind_generation) == (2, None)
    lost.last = 0
    reply = lost.restored(generation)
    all_report(counters, tills, generation)
    assert (reply.last, reply.receipt.generation, reply.receipt.number) == (5, 2, 5)
    assert not counters.read(current).is_recovering
    assert lost.act("lock") == "noted"


def test_a_receipt_from_before_a_restore_shows_nothing(counters, tills, vault):
    """Neither while the ledger recovers nor afterwards, also of a tablet that has sent something else since."""
    lock(counters.tablet, 1)
    vault.back_up()
    lock(counters.tablet, 3)
    old = counters.tablet.receipt
    generation = restore(counters, vault)
    counters.tablet.last = 0
    assert counters.tablet.restored(generation, receipt=old).recovering
    all_report(counters, tills, generation)
    other = Tablet(counters.database, counters.south.device_id, counters.south.key)
    other.write("unlock")
    other.sync(receipt=old)
    assert counters.tablet.sync(receipt=old).last == 4


def test_what_was_lost_after_a_restore_is_noticed_again(counters, tills, vault):
    generation = restore_at_once(counters, tills, vault)
    vault.back_up()
    lock(counters.tablet, 1)
    vault.put_back()
    with pytest.raises(LedgerBehind) as raised:
        counters.tablet.sync()
    assert raised.value.generation == generation


def test_a_receipt_of_a_later_generation_is_of_a_ledger_that_was_put_away(counters, tills, vault):
    """The copy has all entries, and is of the life before the restore."""
    lock(counters.tablet, 2)
    vault.back_up()
    vault.back_up("older")
    generation = restore(counters, vault)
    counters.tablet.restored(generation)
    vault.put_back("older")
    with pytest.raises(LedgerBehind) as raised:
        counters.tablet.sync()
    assert raised.value.generation == generation


def restore_at_once(counters, tills, vault):
    vault.back_up()
    generation = restore(counters, vault)
    all_report(counters, tills, generation)
    lock(counters.tablet, 1)
    return generation


def test_another_entry_in_the_place_of_one_that_was_lost_is_a_loss(lost, counters):
    """The tablet, or a copy of it, has written something else before it showed its receipt."""
    shown = lost.receipt
    lost.journal, lost.receipt = lost.journal[:2], None
    for _ in range(4):
        lost.write("unlock")
    lost.sync()
    with pytest.raises(LedgerBehind):
        lost.sync(receipt=shown)


# What shows nothing.


def test_a_bare_number_stops_nobody(lost, counters):
    reply = lost.sync(entries=[], receipt=None)
    assert (reply.last, counters.read(current).only_holders_give) == (2, False)


@pytest.mark.parametrize(
    "forged", ["by a stranger", "of another entry", "of another device", "of a generation to come"]
)
def test_only_what_the_server_signed_shows_a_loss(lost, counters, forged):
    ours, theirs = lost.receipt, Proofs(["a-secret-of-somebody-else-of-32-or-more"])
    shown = {
        "by a stranger": theirs.receipt(lost.device_id, 1, ours.number, ours.hash, ours.at),
        "of another entry": replace(ours, number=ours.number + 1),
        "of another device": ours,
        "of a generation to come": replace(ours, generation=7),
    }[forged]
    tablet = counters.south if forged == "of another device" else lost
    assert tablet.sync(entries=[], receipt=shown).recovering is False


def test_a_journal_that_the_tablet_shortened_is_not_the_servers_loss(counters, tablet):
    lock(tablet, 3)
    older = tablet.receipt
    lock(tablet, 2)
    tablet.journal = tablet.journal[:3]
    assert tablet.sync(entries=[], receipt=older).last == 5


def test_a_lost_reply_is_no_loss(counters, tablet):
    lock(tablet, 2)
    before = tablet.receipt
    tablet.write("lock")
    tablet.sync()
    tablet.last, tablet.receipt = 2, before
    assert tablet.sync().receipt.number == 3


def test_a_tablet_without_entries_gets_none(tablet):
    assert tablet.sync().receipt is None


def test_a_revoked_tablets_receipt_counts_too(lost, counters):
    """It is our signature, whoever brings it."""
    counters.write(lambda session: revoke_device(session, OPERATOR, lost.device_id, NOW))
    with pytest.raises(LedgerBehind):
        lost.sync(entries=[])


# What the server had by then takes nothing of the limit of gifts at risk.


@pytest.fixture
def risky(counters, cast):
    """Four coupons of a campaign of which a tablet may give two before the server has heard of any."""
    limits = {"policy": "at_risk", "coupons": 2, "value": 10**9, "hours": 1, "bearer": "issuer"}
    number = counters.write(
        lambda session: factories.campaign(session, "Risky", partners=[cast.north_partner], offline=limits).number
    )
    return [counters.write(lambda session: factories.coupon(session, number)) for _ in range(4)]


def codes(reply):
    return [answer["code"] for answer in reply.answers.values()]


def test_a_restored_ledger_is_told_in_one_what_was_given_at_risk_in_two_outages(counters, vault, risky):
    vault.back_up()
    for outage in (risky[:2], risky[2:]):
        for coupon in outage:
            counters.tablet.write("gave-at-risk", coupon=coupon.token)
        assert codes(counters.tablet.sync()) == ["redeemed"] * 2
    restore(counters, vault)
    counters.tablet.last = 0
    assert codes(counters.tablet.restored(2)) == ["redeemed"] * 4


def forged(counters):
    return asdict(
        Proofs(["a-secret-of-somebody-else-of-32-or-more"]).receipt(counters.tablet.device_id, 1, 2, "x", NOW)
    )


@pytest.mark.parametrize(
    "shown",
    [
        pytest.param(lambda _: None, id="none"),
        pytest.param(lambda _: {"number": 2}, id="a bare number"),
        pytest.param(forged, id="one of a stranger's"),
        pytest.param(lambda counters: asdict(PROOFS.receipt(counters.south.device_id, 1, 2, "x", NOW)), id="another's"),
        pytest.param(lambda counters: asdict(counters.tablet.receipt), id="one from before them all"),
    ],
)
def test_a_tablet_that_shows_no_receipt_has_given_them_all_in_one_outage(counters, risky, shown):
    counters.tablet.act("lock")
    for coupon in risky:
        counters.tablet.write("gave-at-risk", coupon=coupon.token, receipt=shown(counters))
    assert codes(counters.tablet.sync()) == ["redeemed"] * 2 + ["contested"] * 2
