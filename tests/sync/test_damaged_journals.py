"""A tablet whose journal is damaged hands it in: the file byte for byte, and what can be read of it. What it held stays held."""

from dataclasses import replace

import pytest
from nacl.signing import SigningKey
from sqlalchemy import select

from redeem.accounts.roles import WHOLE, Scope
from redeem.db.models.devices import DamagedPart, Quarantine
from redeem.db.models.managers import Manager
from redeem.devices import write_off
from redeem.ledger import signing
from redeem.lib.errors import TooMany
from redeem.sync import damaged_journals, quarantine
from redeem.sync.damaged_journals import Damage, Part
from tests.books import ends_in_order
from tests.databases import on_both_databases
from tests.factories import NOW, PROOFS
from tests.tablets import Tablet

pytestmark = [on_both_databases, ends_in_order]
FILE = "a" * 43
BYTES = bytes(range(200))


def part(tablet, start=0, end=None, entries=(), **changes):
    made = Part(tablet.device_id, Damage.UNREADABLE, FILE, len(BYTES), start, BYTES[start:end], tuple(entries))
    return replace(made, **changes)


def hand_in(counters, sender, said, now=NOW):
    """As the tablet's calls do: of its own journal the tablet is revoked first."""
    if said.device_id == sender.device_id:
        counters.write(lambda session: damaged_journals.stop(session, sender.device_id, now))
    return counters.write(lambda session: damaged_journals.hand_in(session, sender.device_id, said, now))


def listed(counters, scope=WHOLE):
    return counters.read(lambda session: damaged_journals.list_damaged(session, scope))


def risks(counters):
    return counters.read(lambda session: damaged_journals.list_damaged_at_risk(session, WHOLE, NOW)[1])


def waiting(counters, device_id):
    rows = counters.read(
        lambda session: session.scalars(
            select(Quarantine).where(Quarantine.device_id == device_id).order_by(Quarantine.number)
        ).all()
    )
    return [(row.number, row.reason) for row in rows]


def test_the_file_is_kept_byte_for_byte_and_a_part_that_comes_again_does_no_harm(counters, tablet):
    ways = [(0, 0), (0, 80), (0, 80), (160, 200), (80, 200), (200, 200)]
    kept = [hand_in(counters, tablet, part(tablet, start, end)).kept for start, end in ways]
    assert kept == [0, 80, 80, 80, 200, 200]
    rows = counters.read(lambda session: session.scalars(select(DamagedPart).order_by(DamagedPart.start)).all())
    assert b"".join(row.bytes for row in rows) == BYTES
    assert counters.device(tablet.device_id).quarantined_bytes == len(BYTES)


def test_an_emptied_journal_is_told_too(counters, tablet):
    for _ in range(2):
        assert hand_in(counters, tablet, part(tablet, size=0, bytes=b"", damage=Damage.SHORT)).kept == 0
    (told,) = listed(counters)
    assert (told.device_id, told.damage, told.kept, told.size) == (tablet.device_id, "short", 0, 0)


def test_what_it_held_stays_held_and_managers_are_told_its_value(counters, tablet):
    coupon, _ = counters.held()
    hand_in(counters, tablet, part(tablet))
    assert counters.holder(coupon) == tablet.device_id
    assert counters.device(tablet.device_id).revoked_at == NOW
    told = risks(counters)[tablet.device_id]
    assert told.coupons == 1
    assert [value.amount > 0 for value in told.values] == [True]
    manager = counters.read(lambda session: session.scalars(select(Manager.id)).first())
    counters.write(lambda session: write_off.write_off(session, tablet.device_id, manager, NOW))
    assert risks(counters) == {}
    assert listed(counters)[0].lost_at == NOW


def test_it_is_granted_nothing_more_and_its_entries_wait(counters, tablet):
    tablet.write("lock")
    hand_in(counters, tablet, part(tablet, 0, 0))
    counters.homed()
    reply = tablet.sync()
    assert (reply.fault, list(reply.grants), reply.last) == ("revoked", [], 0)


def test_entries_behind_the_damage_are_kept_and_those_that_are_here_are_not_kept_again(counters, tablet):
    for _ in range(5):
        tablet.write("lock")
    tablet.sync(tablet.journal[:2])
    readable = [tablet.journal[0], tablet.journal[1], tablet.journal[3], tablet.journal[4]]  # the third is damaged
    received = hand_in(counters, tablet, part(tablet, entries=readable))
    assert received.refused == 0
    assert waiting(counters, tablet.device_id) == [(4, "damaged"), (5, "damaged")]


def test_entries_of_the_device_that_it_was_before_are_not_taken_for_its_own(counters, tablet):
    before = Tablet(counters.database, tablet.device_id, SigningKey(b"the key of somebody who forges 1"))
    before.write("lock")
    received = hand_in(counters, tablet, part(tablet, entries=before.journal))
    assert (received.kept, received.refused) == (len(BYTES), 1)
    assert waiting(counters, tablet.device_id) == []


def test_what_is_admitted_of_it_is_booked(counters, tablet):
    coupon, _ = counters.held()
    tablet.write("lock")
    tablet.write("gave-held", coupon=coupon.token)
    hand_in(counters, tablet, part(tablet, entries=tablet.journal[1:]))
    assert counters.standing(coupon) is None
    manager = counters.read(lambda session: session.scalars(select(Manager.id)).first())
    ring, proofs = counters.read(signing.load_ring), PROOFS
    counters.write(lambda session: quarantine.admit(session, tablet.device_id, manager, ring, proofs, NOW))
    assert counters.standing(coupon) is not None


def test_of_another_device_only_what_it_has_signed_is_kept_and_it_is_not_revoked(counters, tablet):
    tablet.write("lock")
    other = counters.south
    forger = Tablet(counters.database, tablet.device_id, SigningKey(b"the key of somebody who forges 1"))
    forger.write("lock")
    received = hand_in(counters, other, part(tablet, entries=[*tablet.journal, *forger.journal]))
    assert (received.kept, received.refused) == (len(BYTES), 1)
    assert waiting(counters, tablet.device_id) == [(1, "key_lost")]
    assert counters.device(tablet.device_id).revoked_at is None
    (told,) = listed(counters)
    assert (told.device_id, told.handed_in_by_id) == (tablet.device_id, other.device_id)


def test_a_device_out_of_service_hands_in_no_other_s_file(counters, tablet):
    other = counters.south
    hand_in(counters, other, part(other))
    assert hand_in(counters, other, part(tablet)).kept == 0
    assert [told.device_id for told in listed(counters)] == [other.device_id]


def test_a_sender_has_a_limit_and_is_stopped_all_the_same(counters, tablet, monkeypatch):
    monkeypatch.setattr(quarantine, "BYTES_PER_SENDER_MAX", 100)
    assert hand_in(counters, tablet, part(tablet, 0, 80)).kept == 80
    with pytest.raises(TooMany):
        hand_in(counters, tablet, part(tablet, 80))
    assert listed(counters)[0].kept == 80
    assert counters.device(tablet.device_id).revoked_at == NOW


def test_a_manager_sees_those_of_their_scope(counters, tablet):
    hand_in(counters, tablet, part(tablet))
    south = counters.device(counters.south.device_id).store_id
    assert listed(counters, Scope(store_id=south)) == []
    assert len(listed(counters, Scope(store_id=counters.device(tablet.device_id).store_id))) == 1
