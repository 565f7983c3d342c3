"""Quarantine: what can't be taken is kept, shown to a manager, and admitted or left; nothing is lost and nothing is invented."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from json import dumps, loads
from threading import Barrier

import pytest
from nacl.signing import SigningKey
from sqlalchemy import delete, select

from redeem.accounts.audit import OPERATOR
from redeem.accounts.roles import Scope
from redeem.db.models.devices import Forgotten, Quarantine
from redeem.db.models.ledger import Act, Conflict
from redeem.db.models.managers import AuditEntry, Manager
from redeem.devices import enrolment, forgotten, write_off
from redeem.devices.forgotten import Proof
from redeem.ledger import signing
from redeem.lib.errors import NotFound, TooMany
from redeem.sync import old_journals, quarantine
from redeem.sync.old_journals import OldJournal
from redeem.sync.quarantine import Admission
from redeem.sync.tablet import ENTRIES_PER_SYNC_MAX
from tests.books import ends_in_order
from tests.databases import on_both_databases
from tests.factories import NOW, PROOFS
from tests.tablets import Tablet

pytestmark = [on_both_databases, ends_in_order]
UNKNOWN = "dev_" + "0" * 26
FORGERS = SigningKey(b"the key of somebody who forges 1")


def revoke(counters, tablet):
    counters.write(lambda session: enrolment.revoke_device(session, OPERATOR, tablet.device_id, NOW))


def lose(counters, tablet):
    manager = counters.read(lambda session: session.scalars(select(Manager.id)).first())
    counters.write(lambda session: write_off.write_off(session, tablet.device_id, manager, NOW))


def admit(counters, device_id, manager_id, up_to=None):
    return counters.write(
        lambda s: quarantine.admit(s, device_id, manager_id, signing.load_ring(s), PROOFS, NOW, up_to=up_to)
    )


def lines(counters, device_id, after=0):
    return counters.read(lambda session: quarantine.list_entries(session, device_id, after))


def acts(counters):
    return counters.read(lambda session: list(session.scalars(select(Act).order_by(Act.at, Act.id))))


def rewritten(tablet, entry, **changes):
    """The entry with other words, signed by the same key."""
    return tablet.signed(dumps(loads(entry.text) | changes))


def test_a_revoked_tablets_entries_are_kept_and_not_taken(counters, tablet):
    coupon, _ = counters.held()
    tablet.write("gave-held", coupon=coupon.token)
    revoke(counters, tablet)
    first, again = tablet.sync(), tablet.sync()
    assert [(reply.fault, reply.last, reply.quarantined) for reply in (first, again)] == [("revoked", 0, 1)] * 2
    assert counters.standing(coupon) is None


def test_a_long_journal_is_handed_in_part_by_part(counters, tablet):
    """The reply says up to where the entries are here, taken or kept."""
    for _ in range(5):
        tablet.write("lock")
    tablet.sync(tablet.journal[:1])
    revoke(counters, tablet)
    replies = [tablet.sync(tablet.journal[start : start + 2]) for start in (1, 3)]
    assert [(reply.last, reply.kept, reply.quarantined) for reply in replies] == [(1, 3, 2), (1, 5, 4)]


def test_what_stands_behind_a_gap_is_not_kept_before_the_gap_is_filled(counters, tablet):
    """The server was restored: the tablet goes on from where it was before."""
    for _ in range(4):
        tablet.write("lock")
    tablet.sync(tablet.journal[:1])
    revoke(counters, tablet)
    replies = [tablet.sync(tablet.journal[start:]) for start in (2, 1)]
    assert [(reply.fault, reply.last, reply.kept, reply.quarantined) for reply in replies] == [
        ("revoked", 1, 1, 0),
        ("revoked", 1, 4, 3),
    ]


def test_a_broken_journal_is_kept_part_by_part_as_well(counters, tablet):
    for _ in range(5):
        tablet.write("lock")
    torn = [rewritten(tablet, tablet.journal[0], prev="B" * 43), *tablet.journal[1:]]
    replies = [tablet.sync(torn[start : start + 2]) for start in (0, 2, 4)]
    assert [(reply.fault, reply.last, reply.kept) for reply in replies] == [
        ("broken_journal", 0, 2),
        ("broken_journal", 0, 4),
        ("broken_journal", 0, 5),
    ]


def test_a_tablet_that_floods_us_is_told_to_stop(counters, tablet, monkeypatch):
    monkeypatch.setattr(quarantine, "ENTRIES_PER_DEVICE_MAX", 1)
    revoke(counters, tablet)
    for _ in range(3):
        tablet.write("lock")
    assert [tablet.sync().quarantined for _ in range(2)] == [3, 3]  # what is here already may come again
    tablet.write("lock")
    with pytest.raises(TooMany):
        tablet.sync()


# What the manager sees.


def test_managers_see_whose_entries_wait(counters, tablet, cast):
    tablet.write("lock")
    tablet.write("lock")
    revoke(counters, tablet)
    tablet.sync()
    (waiting,) = counters.read(quarantine.list_waiting)
    assert (waiting.device_name, waiting.store_id, waiting.entries) == ("North counter", cast.north, 2)
    assert (waiting.first_number, waiting.last_number) == (1, 2)


def test_managers_see_their_own_stores_alone(counters, tablet, cast):
    tablet.write("lock")
    revoke(counters, tablet)
    tablet.sync()
    for scope, seen in ((Scope(cast.north_partner), 1), (Scope(cast.south_partner), 0)):
        assert len(counters.read(lambda s, scope=scope: quarantine.list_waiting(s, scope))) == seen
    with pytest.raises(NotFound):
        counters.read(lambda s: quarantine.list_entries(s, tablet.device_id, scope=Scope(cast.south_partner)))


def test_of_a_tablet_with_nothing_in_quarantine_there_is_nothing_to_see(counters, tablet):
    with pytest.raises(NotFound):
        lines(counters, tablet.device_id)


def test_each_entry_shows_whether_it_is_signed_and_follows(counters, tablet):
    for kind in ("lock", "unlock", "lock", "unlock"):
        tablet.write(kind)
    tablet.sync(tablet.journal[:1])
    revoke(counters, tablet)
    forged = replace(tablet.journal[1], text=tablet.journal[1].text.replace("unlock", "refuse"))
    tablet.sync([forged, *tablet.journal[2:]])
    found = lines(counters, tablet.device_id)
    assert [(line.entry.number, line.is_signed, line.follows) for line in found] == [
        (2, False, True),
        (3, True, False),
        (4, True, True),
    ]
    assert [line.reason for line in found] == ["revoked"] * 3


# Admitting.


def test_admitted_entries_are_settled_in_order_under_their_own_numbers(counters, tablet, manager_id):
    coupon, _ = counters.held()
    tablet.write("gave-held", coupon=coupon.token)
    tablet.write("undo", of=1, reason="wrong size")
    tablet.write("gave-held", coupon=coupon.token)
    revoke(counters, tablet)
    tablet.sync()
    admission = admit(counters, tablet.device_id, manager_id)
    assert (admission.outcomes, admission.waiting) == ({"redeemed": 2, "reversed": 1}, 0)
    assert sorted(act.name for act in acts(counters)) == ["1", "2", "3"]
    assert counters.standing(coupon).device_id == tablet.device_id


def test_a_gift_that_was_given_again_meanwhile_is_a_conflict(counters, tablet, till, manager_id):
    coupon, _ = counters.held()
    tablet.write("gave-held", coupon=coupon.token)
    counters.write(lambda session: write_off.write_off(session, tablet.device_id, manager_id, NOW))
    till.redeem(coupon)
    tablet.sync()
    assert admit(counters, tablet.device_id, manager_id).outcomes == {"conflict": 1}
    assert counters.read(lambda session: session.scalars(select(Conflict.serial)).all()) == [coupon.serial]


def test_a_gift_on_a_yes_that_nobody_can_show_is_contested(counters, tablet, till, manager_id):
    """The ask never came before the tablet was revoked, so nobody said yes to it. The gift may be out all the same."""
    coupon = counters.coupon()
    tablet.write("ask", coupon=coupon.token)
    tablet.write("gave", of=1)
    revoke(counters, tablet)
    till.redeem(coupon)
    tablet.sync()
    assert admit(counters, tablet.device_id, manager_id).outcomes == {"already_redeemed": 1, "contested": 1}


def test_the_journal_goes_on_behind_what_was_admitted(counters, tablet, manager_id):
    for _ in range(3):
        tablet.write("lock")
    revoke(counters, tablet)
    tablet.sync()
    admit(counters, tablet.device_id, manager_id)
    assert tablet.sync().last == 3


def test_a_release_that_is_admitted_frees_the_coupon(counters, tablet, till, manager_id):
    coupon, epoch = counters.held()
    revoke(counters, tablet)
    tablet.write("release", id=coupon.id, epoch=epoch)
    tablet.sync()
    assert till.redeem(coupon).code == "held_elsewhere"
    admit(counters, tablet.device_id, manager_id)
    assert till.redeem(coupon).code == "redeemed"


def test_what_its_device_has_not_signed_is_not_settled(counters, tablet, manager_id):
    coupon, _ = counters.held()
    tablet.write("gave-held", coupon=coupon.token)
    revoke(counters, tablet)
    tablet.sync([replace(tablet.journal[0], signature=bytes(64))])
    assert admit(counters, tablet.device_id, manager_id).outcomes == {"not_signed": 1}
    assert counters.standing(coupon) is None


def test_a_rewritten_entry_is_settled_under_a_name_of_its_own(counters, tablet, manager_id):
    first, second = counters.coupon(), counters.coupon()
    tablet.act("ask", coupon=first.token)
    other = rewritten(tablet, tablet.journal[0], coupon=second.token)
    assert tablet.sync([other]).fault == "broken_journal"
    assert admit(counters, tablet.device_id, manager_id).outcomes == {"attempt_cancelled": 1}
    assert sorted(act.name for act in acts(counters)) == ["1", f"1/{other.hash[:8]}"]


def test_an_entry_about_a_rewritten_one_finds_it(counters, tablet, manager_id):
    first, second = counters.coupon(), counters.coupon()
    tablet.act("ask", coupon=first.token)
    other = rewritten(tablet, tablet.journal[0], coupon=second.token)
    gave = tablet.signed(dumps({"v": 1, "n": 2, "prev": other.hash, "at": NOW, "kind": "gave", "of": 1}))
    tablet.sync([other, gave])
    admit(counters, tablet.device_id, manager_id)
    assert counters.standing(second).handed_over_at == NOW
    assert counters.standing(first).handed_over_at is None


def test_a_token_of_nobody_is_admitted_and_settles_nothing(counters, tablet, manager_id):
    tablet.write("gave-held", coupon="0" * 183)
    revoke(counters, tablet)
    tablet.sync()
    assert admit(counters, tablet.device_id, manager_id).outcomes == {"unknown_coupon": 1}


@pytest.mark.parametrize("one_by_one", [True, False])
def test_an_entry_is_never_admitted_before_those_it_rests_on(counters, tablet, manager_id, one_by_one):
    given, held = counters.coupon(), counters.coupon()
    tablet.write("ask", coupon=given.token)
    tablet.write("gave", of=1)
    tablet.write("gave-at-risk", coupon=held.token)
    tablet.write("undo", of=3)
    tablet.write("lock")
    revoke(counters, tablet)
    tablet.sync()
    for entry in tablet.journal[:4] if one_by_one else tablet.journal[3:4]:
        admit(counters, tablet.device_id, manager_id, entry.hash)
    assert counters.standing(given).handed_over_at == NOW
    assert counters.standing(held) is None
    assert [line.outcome for line in lines(counters, tablet.device_id)] == [
        "attempt_cancelled",
        "contested",
        "redeemed",
        "reversed",
        None,
    ]


def test_what_another_journal_says_under_the_same_number_is_not_admitted_with_it(counters, tablet, manager_id):
    tablet.act("lock")
    coupons = counters.coupon(), counters.coupon()
    first, other = (rewritten(tablet, tablet.journal[0], kind="gave-at-risk", coupon=each.token) for each in coupons)
    for entry in (first, other):
        tablet.sync([entry])
    admit(counters, tablet.device_id, manager_id, other.hash)
    assert [counters.standing(each) is not None for each in coupons] == [False, True]
    assert admit(counters, tablet.device_id, manager_id, other.hash).outcomes == {}
    assert admit(counters, tablet.device_id, manager_id, "no such entry").outcomes == {}


def test_admitting_goes_on_in_parts(counters, tablet, manager_id, monkeypatch):
    monkeypatch.setattr(quarantine, "ADMITTED_PER_STEP", 2)
    for _ in range(3):
        tablet.write("lock")
    revoke(counters, tablet)
    tablet.sync()
    assert [admit(counters, tablet.device_id, manager_id).waiting for _ in range(3)] == [1, 0, 0]


def kept_journal(counters, tablet, entries):
    """So many entries of a tablet that is revoked; every tenth gives a coupon, and the one behind it takes that back."""
    for number in range(1, entries + 1):
        if number % 10 == 1:
            tablet.write("gave-at-risk", coupon=counters.coupon().token)
        elif number % 10 == 2:
            tablet.write("undo", of=number - 1)
        else:
            tablet.write("lock")
    revoke(counters, tablet)
    for start in range(0, entries, ENTRIES_PER_SYNC_MAX):
        tablet.sync(tablet.journal[start : start + ENTRIES_PER_SYNC_MAX])


def decided(counters):
    """The numbers of the entries that are admitted, and whether these are the first of all that were kept."""
    rows = counters.read(lambda db: db.execute(select(Quarantine.number, Quarantine.decision)).all())
    admitted = sorted(number for number, decision in rows if decision)
    return len(admitted), admitted == sorted(number for number, _ in rows)[: len(admitted)]


def test_a_thousand_are_admitted_in_steps_and_an_interruption_leaves_the_first(counters, tablet, manager_id):
    kept_journal(counters, tablet, 1_000)
    last = tablet.journal[949]

    def cut_off(session):
        ring = signing.load_ring(session)
        quarantine.admit(session, tablet.device_id, manager_id, ring, PROOFS, NOW, up_to=last.hash)
        raise KeyError("the power failed")

    seen: list[int] = []
    while not seen or seen[-1] > 0:
        with pytest.raises(KeyError):
            counters.write(cut_off)
        done = admit(counters, tablet.device_id, manager_id, last.hash)
        assert decided(counters) == (950 - done.waiting, True)
        seen.append(done.waiting)
    assert seen == [750, 550, 350, 150, 0]
    assert len(acts(counters)) == 950
    assert {act.code for act in acts(counters)} == {"redeemed", "reversed", "noted"}
    told = counters.read(lambda db: [entry.details for entry in db.scalars(select(AuditEntry).order_by(AuditEntry.id))])
    assert sorted(each["numbers"] for each in told) == [[1, 200], [201, 400], [401, 600], [601, 800], [801, 950]]
    assert sum(sum(each["outcomes"].values()) for each in told) == 950


def test_managers_who_admit_at_once_settle_each_entry_once_and_in_order(counters, tablet, manager_id, monkeypatch):
    monkeypatch.setattr(quarantine, "ADMITTED_PER_STEP", 7)
    kept_journal(counters, tablet, 100)
    together = Barrier(4)

    def admit_all(_):
        together.wait()
        found = 0
        while done := admit(counters, tablet.device_id, manager_id).entries:
            found += done
        return found

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(admit_all, range(4))) == 100
    assert sorted(int(act.name) for act in acts(counters)) == list(range(1, 101))
    assert {act.code for act in acts(counters)} == {"redeemed", "reversed", "noted"}
    assert counters.device(tablet.device_id).last_number == 100  # which only grows by the entry that is next
    told = counters.read(lambda db: [entry.details["numbers"] for entry in db.scalars(select(AuditEntry))])
    assert sorted(told) == [[first, min(first + 6, 100)] for first in range(1, 101, 7)]


def test_what_is_left_meanwhile_is_not_admitted(counters, tablet, manager_id, monkeypatch):
    monkeypatch.setattr(quarantine, "ADMITTED_PER_STEP", 4)
    kept_journal(counters, tablet, 10)
    admit(counters, tablet.device_id, manager_id)
    assert counters.write(lambda s: quarantine.leave(s, tablet.device_id, manager_id, NOW)) == 6
    assert admit(counters, tablet.device_id, manager_id) == Admission({}, 0)
    assert decided(counters) == (10, True)
    assert len(acts(counters)) == 4


def test_what_came_of_each_entry_is_shown_and_recorded(counters, tablet, manager_id):
    tablet.write("lock")
    revoke(counters, tablet)
    tablet.sync()
    admit(counters, tablet.device_id, manager_id)
    (line,) = lines(counters, tablet.device_id)
    assert (line.decision, line.outcome, line.decided_at) == ("admitted", "noted", NOW)
    (entry,) = counters.read(lambda session: list(session.scalars(select(AuditEntry))))
    assert (entry.what, entry.subject_id, entry.details) == (
        "entries_admitted",
        tablet.device_id,
        {"numbers": [1, 1], "outcomes": {"noted": 1}},
    )


# Leaving.


def test_what_is_left_stays_as_it_is_and_waits_no_more(counters, tablet, manager_id):
    coupon, _ = counters.held()
    tablet.write("gave-held", coupon=coupon.token)
    revoke(counters, tablet)
    tablet.sync()
    left = counters.write(lambda s: quarantine.leave(s, tablet.device_id, manager_id, NOW))
    assert (left, tablet.sync().quarantined, counters.standing(coupon)) == (1, 0, None)
    assert counters.read(quarantine.list_waiting) == []
    assert [line.decision for line in lines(counters, tablet.device_id)] == ["left"]
    (entry,) = counters.read(lambda session: list(session.scalars(select(AuditEntry))))
    assert (entry.what, entry.details) == ("entries_left", {"entries": 1})


# The journal of a tablet that lost its key, handed in by what it has become.


def test_it_is_checked_with_the_old_key_and_taken_as_the_old_tablets(counters, tablet, manager_id):
    coupon, _ = counters.held()
    tablet.write("gave-held", coupon=coupon.token)
    new = counters.add_tablet()
    reply = new.sync(old=OldJournal(tablet.device_id, tablet.journal))
    assert (reply.old_kept, reply.quarantined) == (1, 1)
    assert [line.is_signed for line in lines(counters, tablet.device_id)] == [True]
    assert admit(counters, tablet.device_id, manager_id).outcomes == {"redeemed": 1}
    assert counters.standing(coupon).device_id == tablet.device_id


def handed_in(counters, sender, device_id, journal, proof=None):
    """What the reply says of a journal that this tablet hands in as another's: what is here of it, and what was refused."""
    reply = sender.sync(old=OldJournal(device_id, journal, proof))
    return reply.old_kept, reply.old_refused


def everything_kept(counters):
    return counters.read(lambda session: session.scalars(select(Quarantine.device_id)).all())


def forger_of(counters, device_id, key=FORGERS):
    return Tablet(counters.database, device_id, key)


def test_nothing_is_kept_of_a_journal_that_another_wrote(counters, tablet):
    coupon, _ = counters.held()
    forger = forger_of(counters, tablet.device_id)
    forger.write("gave-held", coupon=coupon.token)
    assert handed_in(counters, counters.south, tablet.device_id, forger.journal) == (0, 1)
    own = forger_of(counters, tablet.device_id, counters.south.key)
    own.write("gave-held", coupon=coupon.token)
    assert handed_in(counters, counters.south, tablet.device_id, own.journal) == (0, 1)
    assert everything_kept(counters) == []


def test_of_a_journal_with_foreign_entries_the_signed_ones_are_kept(counters, tablet):
    for _ in range(3):
        tablet.write("lock")
    torn = replace(tablet.journal[1], signature=bytes(64))
    assert handed_in(counters, counters.south, tablet.device_id, [tablet.journal[0], torn, tablet.journal[2]]) == (3, 1)
    assert [line.entry.number for line in lines(counters, tablet.device_id)] == [1, 3]


@pytest.mark.parametrize("number", [2, 5, 9_000_000_000, 2**53 - 1])
def test_no_number_that_another_says_mutes_a_tablet_or_opens_a_gap(counters, tablet, number):
    """The forged entry would stand before what the tablet writes next, or far behind."""
    tablet.act("lock")
    for key in (FORGERS, counters.south.key):
        text = dumps({"v": 1, "n": number, "prev": "A" * 43, "at": NOW, "kind": "lock"})
        forged = forger_of(counters, tablet.device_id, key).signed(text)
        counters.south.sync(old=OldJournal(tablet.device_id, [forged]))
    for _ in range(5):
        tablet.write("lock")
    assert tablet.sync(tablet.journal[3:]).fault is None
    reply = tablet.sync()
    assert (reply.last, reply.fault, reply.kept, reply.quarantined) == (6, None, None, 0)
    revoke(counters, tablet)
    tablet.write("lock")
    assert (tablet.sync().kept, tablet.sync().fault) == (7, "revoked")


@pytest.mark.parametrize("how", [revoke, lose])
def test_a_tablet_out_of_service_hands_in_no_journal_but_its_own(counters, tablet, how):
    for each in (tablet, counters.south):
        each.write("lock")
    how(counters, tablet)
    reply = tablet.sync(old=OldJournal(counters.south.device_id, counters.south.journal))
    assert (reply.fault, reply.old_kept, reply.old_refused) == ("revoked", 0, 1)
    assert everything_kept(counters) == [tablet.device_id]


def test_a_tablet_does_not_hand_in_its_own_journal_as_an_old_one(counters, tablet):
    tablet.write("lock")
    assert handed_in(counters, tablet, tablet.device_id, tablet.journal) == (0, 1)
    assert everything_kept(counters) == []


def test_a_till_has_no_journal_to_hand_in(counters, tablet, cast):
    forger = forger_of(counters, cast.north_till_id)
    forger.write("lock")
    assert handed_in(counters, tablet, cast.north_till_id, forger.journal) == (0, 1)


def test_what_is_handed_in_is_bounded_by_its_bytes(counters, tablet, monkeypatch):
    """The rows of one sender, for whomever; what comes again is not counted again."""
    tablet.write("refusal", reason="x" * 4_000)
    tablet.write("refusal", reason="y" * 4_000)
    monkeypatch.setattr(quarantine, "BYTES_PER_SENDER_MAX", 6_000)
    for _ in range(3):
        assert handed_in(counters, counters.south, tablet.device_id, tablet.journal[:1]) == (1, None)
    with pytest.raises(TooMany):
        handed_in(counters, counters.south, tablet.device_id, tablet.journal[1:])
    assert len(everything_kept(counters)) == 1
    assert 4_000 < counters.device(counters.south.device_id).quarantined_bytes < 6_000
    tablet.write("refusal", reason="z" * 4_000)
    revoke(counters, tablet)
    with pytest.raises(TooMany):
        tablet.sync()


def test_a_tablet_hands_in_few_journals(counters, tablet, monkeypatch):
    """Without a proof, a device that the ledger lacks is believed to be the sender, which kept its key."""
    monkeypatch.setattr(old_journals, "JOURNALS_PER_SENDER_MAX", 2)
    names = [f"dev_{number:026d}" for number in range(3)]
    before = [Tablet(counters.database, name, tablet.key) for name in names]
    for each in before:
        each.write("lock")
    for each in (*before[:2], *before[:2]):
        assert handed_in(counters, tablet, each.device_id, each.journal) == (1, None)
    with pytest.raises(TooMany):
        handed_in(counters, tablet, names[2], before[2].journal)
    assert sorted(everything_kept(counters)) == names[:2]


def test_whoever_only_claims_to_be_a_lost_tablet_hides_nothing_of_it(counters, tablet, cast, manager_id):
    """Its numbers are higher, and it came first. The one with the proof is the author all the same."""
    coupon = counters.coupon()
    lost = Tablet(counters.database, UNKNOWN, FORGERS)
    lost.write("gave-at-risk", coupon=coupon.token)
    proof = Proof(UNKNOWN, bytes(FORGERS.verify_key), cast.north, "Late")
    counters.write(lambda session: forgotten.note(session, proof, 1, NOW))
    counters.write(lambda session: session.execute(delete(Forgotten)))
    text = dumps({"v": 1, "n": 9_000_000_000, "prev": "A" * 43, "at": NOW, "kind": "lock"})
    claim = Tablet(counters.database, UNKNOWN, counters.south.key).signed(text)
    assert handed_in(counters, counters.south, UNKNOWN, [claim]) == (9_000_000_000, None)
    counters.write(lambda session: forgotten.note(session, proof, 1, NOW))
    assert [each.device_id for each in counters.read(lambda s: forgotten.list_callers(s, NOW))] == [UNKNOWN]
    assert handed_in(counters, tablet, UNKNOWN, lost.journal, proof) == (1, None)
    assert counters.read(lambda s: forgotten.list_callers(s, NOW)) == []
    assert admit(counters, UNKNOWN, manager_id).outcomes == {"redeemed": 1, "not_signed": 1}
    assert counters.standing(coupon).store_id == cast.north
    second = forger_of(counters, UNKNOWN, counters.south.key).signed(text.replace("lock", "unlock"))
    assert handed_in(counters, counters.south, UNKNOWN, [second]) == (9_000_000_000, 1)


def test_waiting_journals_are_told_in_pages(counters, tablet, monkeypatch):
    monkeypatch.setattr(quarantine, "JOURNALS_PER_PAGE_MAX", 2)
    for number in range(5):
        before = Tablet(counters.database, f"dev_{number:026d}", tablet.key)
        before.write("lock")
        tablet.sync(now=NOW + number // 2, old=OldJournal(before.device_id, before.journal))
    seen, after = [], None
    for more in (True, True, False):
        page = counters.read(lambda s, after=after: quarantine.page_of_waiting(s, Scope(), after))
        assert page.has_more is more
        seen += [each.device_id for each in page.items]
        after = page.items[-1].place
    assert seen == [each.device_id for each in counters.read(quarantine.list_waiting)]
    assert len(seen) == 5


def test_the_journal_of_a_tablet_that_a_restored_ledger_does_not_know(counters, tablet, manager_id):
    """It was enrolled after the backup, and anew after the restore, with the same key: its acts are the new one's."""
    coupon = counters.coupon()
    before = Tablet(counters.database, UNKNOWN, tablet.key)
    before.write("ask", coupon=coupon.token)
    before.write("gave", of=1)
    tablet.sync(old=OldJournal(UNKNOWN, before.journal))
    (waiting,) = counters.read(quarantine.list_waiting)
    assert (waiting.device_id, waiting.device_name, waiting.handed_in_by_id) == (UNKNOWN, None, tablet.device_id)
    assert admit(counters, UNKNOWN, manager_id).outcomes == {"attempt_cancelled": 1, "contested": 1}
    assert counters.standing(coupon).handed_over_at == NOW
    assert tablet.act("lock") == "noted"


def test_nothing_in_quarantine_is_ever_lost(counters, tablet, manager_id):
    tablet.write("lock")
    revoke(counters, tablet)
    tablet.sync()
    admit(counters, tablet.device_id, manager_id)
    kept = counters.read(lambda session: [row.entry for row in session.scalars(select(Quarantine))])
    assert kept == [tablet.journal[0].text]
