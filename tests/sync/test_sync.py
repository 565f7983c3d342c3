"""Syncing: a tablet's journal is taken in order, each entry once, and each is answered as the first time."""

from dataclasses import replace
from json import dumps, loads

import pytest
from nacl.signing import SigningKey
from sqlalchemy import select

from redeem.accounts.throttle import FREE_FAILURES
from redeem.db.models.devices import Device, Quarantine
from redeem.db.models.ledger import Act
from redeem.domain.journal import FIRST_HASH
from redeem.domain.proofs import Proofs
from redeem.ledger import signing
from redeem.lib.errors import Unauthenticated
from redeem.lib.sealing import Sealer
from redeem.sync.old_journals import OldJournal
from redeem.sync.sync import Request, sync
from tests import factories
from tests.books import ends_in_order
from tests.cast import TABLET_KEY
from tests.databases import on_both_databases
from tests.factories import NOW, SECRET
from tests.tablets import Tablet
from tests.tills import tills_of

pytestmark = [on_both_databases, ends_in_order]
MINUTE = 60_000


def kept(database):
    return database.read(lambda session: list(session.scalars(select(Act).order_by(Act.at, Act.name))))


def quarantined(database):
    return database.read(lambda session: [row.number for row in session.scalars(select(Quarantine))])


# In order, each once.


def test_each_entry_is_answered_under_its_number(tablet, coupon):
    tablet.write("ask", coupon=coupon.token)
    tablet.write("gave", of=1)
    reply = tablet.sync()
    assert (reply.last, reply.answers[1]["code"], reply.answers[2]) == (
        2,
        "redeemed",
        {"code": "noted", "stands": True},
    )


def test_what_is_sent_again_is_answered_as_the_first_time(tablet, coupon):
    tablet.write("ask", coupon=coupon.token)
    first = tablet.sync()
    again = tablet.sync(tablet.journal, now=NOW + MINUTE)
    assert (again.last, again.answers) == (1, first.answers)


def test_a_lost_reply_costs_nothing(tablet, coupon):
    tablet.write("ask", coupon=coupon.token)
    first = tablet.sync()
    tablet.write("gave", of=1)
    both = tablet.sync(tablet.journal)
    assert both.answers == {1: first.answers[1], 2: {"code": "noted", "stands": True}}


def test_a_yes_is_repeated_even_when_it_was_dropped_since(tablet, coupon):
    """The tablet itself knows that it dropped the ask, and does not give on a late yes."""
    tablet.write("ask", coupon=coupon.token)
    tablet.write("drop", of=1)
    tablet.sync()
    assert [answer["code"] for answer in tablet.sync(tablet.journal).answers.values()] == ["redeemed", "reversed"]


def test_entries_behind_a_gap_wait(tablet, coupon):
    for _ in range(3):
        tablet.write("ask", coupon=coupon.token)
    reply = tablet.sync(tablet.journal[1:])
    assert (reply.last, reply.answers) == (0, {})
    assert [answer["code"] for answer in tablet.sync().answers.values()] == ["redeemed", *["already_redeemed"] * 2]


def test_an_entry_taken_is_kept_word_for_word(database, tablet, coupon):
    tablet.write("ask", coupon=coupon.token, said="и так тоже")
    tablet.sync()
    (act,) = kept(database)
    assert (act.entry, act.signature) == (tablet.journal[0].text, tablet.journal[0].signature)


# A journal that was tampered with.


def edited(entry, **changes):
    """The entry with other words under its old signature."""
    return replace(entry, text=dumps(loads(entry.text) | changes))


def test_an_edited_entry_is_not_taken(database, tablet, coupon):
    tablet.write("ask", coupon=coupon.token)
    reply = tablet.sync([edited(tablet.journal[0], at=NOW + 1)])
    assert (reply.last, reply.answers, reply.fault) == (0, {}, "broken_journal")
    assert quarantined(database) == [1]


def test_an_entry_edited_after_it_was_taken_is_noticed(tablet, coupon):
    tablet.write("ask", coupon=coupon.token)
    tablet.sync()
    reply = tablet.sync([edited(tablet.journal[0], at=NOW + 1)])
    assert (reply.last, reply.answers, reply.fault) == (1, {}, "broken_journal")


def test_an_entry_under_another_key_is_not_taken(database, cast, tablet, coupon):
    stranger = Tablet(database, cast.tablet_id, SigningKey(b"some other key that nobody knows"))
    stranger.write("ask", coupon=coupon.token)
    assert stranger.sync().fault == "broken_journal"


def test_another_tablets_entry_is_not_taken(tablet, south, coupon):
    south.write("ask", coupon=coupon.token)
    assert tablet.sync(south.journal).fault == "broken_journal"
    assert south.sync().answers[1]["code"] == "redeemed"


def test_an_entry_spliced_in_is_not_taken(tablet, coupon):
    tablet.write("ask", coupon=coupon.token)
    tablet.sync()
    text = dumps({"v": 1, "n": 2, "prev": FIRST_HASH, "at": NOW, "kind": "undo", "of": 1})
    assert tablet.sync([tablet.signed(text)]).fault == "broken_journal"


def test_what_came_before_a_broken_entry_is_taken(database, tablet, coupon):
    tablet.write("ask", coupon=coupon.token)
    tablet.write("gave", of=1)
    tablet.write("lock")
    reply = tablet.sync([tablet.journal[0], edited(tablet.journal[1], of=7), tablet.journal[2]])
    assert (reply.last, list(reply.answers), reply.fault) == (1, [1], "broken_journal")
    assert sorted(quarantined(database)) == [2, 3]
    assert tablet.sync(tablet.journal[1:]).last == 3


def test_a_journal_of_no_device_is_refused(database, cast, coupon):
    for unknown in ("dev_" + "0" * 26, cast.north_till_id, "", "dev'"):
        with pytest.raises(Unauthenticated):
            Tablet(database, unknown, TABLET_KEY).sync()


def test_an_old_journal_of_nobody_is_no_stumbling_block(database, tablet, coupon):
    """A tablet hands the journal in of a device that the ledger lacks. It was that one, and has kept its key."""
    other = Tablet(database, "dev_" + "0" * 26, tablet.key)
    other.write("ask", coupon=coupon.token)
    assert tablet.sync(old=OldJournal(other.device_id, other.journal)).quarantined == 1


# What the kinds of entries mean.


def test_an_ask_is_no_gift_until_the_gave(database, tablet, coupon):
    tablet.act("ask", coupon=coupon.token)
    assert [act.code for act in kept(database)] == ["redeemed"]
    assert tablet.act("drop", of=1) == "reversed"


def test_a_dropped_ask_opens_the_coupon(tablet, till, coupon):
    tablet.act("ask", coupon=coupon.token)
    tablet.act("drop", of=1)
    assert till.redeem(coupon).code == "redeemed"


def test_a_gave_behind_a_drop_means_nothing(tablet, till, coupon):
    tablet.act("ask", coupon=coupon.token)
    tablet.write("drop", of=1)
    tablet.write("gave", of=1)
    assert tablet.sync().answers[3] == {"code": "noted", "stands": False}
    assert till.redeem(coupon).code == "redeemed"


def test_a_drop_behind_a_gave_means_nothing(tablet, till, coupon):
    tablet.act("ask", coupon=coupon.token)
    tablet.act("gave", of=1)
    assert tablet.act("drop", of=1) == "nothing_to_undo"
    assert till.redeem(coupon).code == "already_redeemed"


def test_a_gave_without_a_yes_is_contested_and_never_in_the_way(tablet, till, coupon):
    """No sound tablet writes it. It says that a gift is out, so it is kept, once however often it is said."""
    till.redeem(coupon)
    tablet.act("ask", coupon=coupon.token)
    assert [tablet.act("gave", of=1) for _ in range(2)] == ["contested"] * 2
    assert tablet.act("undo", of=1) == "reversed"
    assert till.verify(coupon).verdict == "already_redeemed"


def test_a_drop_of_a_decline_takes_nobody_elses_gift_back(tablet, till, coupon):
    till.redeem(coupon)
    assert tablet.act("ask", coupon=coupon.token) == "already_redeemed"
    assert tablet.act("drop", of=1) == "nothing_to_undo"
    assert till.verify(coupon).verdict == "already_redeemed"


def test_an_undo_opens_the_coupon_at_any_time(tablet, till, coupon):
    """The tablet kept the limit when it wrote; what it wrote has happened."""
    tablet.act("ask", coupon=coupon.token)
    tablet.act("gave", of=1)
    tablet.write("undo", of=1, reason="returned")
    assert tablet.sync(now=NOW + 365 * 24 * 60 * MINUTE).answers[3]["code"] == "reversed"
    assert till.redeem(coupon).code == "redeemed"


@pytest.mark.parametrize("of", [2, 9, 0, -1, True, "1", None, 10**40])
def test_what_is_about_nothing_changes_nothing(tablet, till, coupon, of):
    tablet.act("ask", coupon=coupon.token)
    assert tablet.act("undo", of=of) == "nothing_to_undo"
    assert till.verify(coupon).verdict == "already_redeemed"


@pytest.mark.parametrize("kind", ["redeem", "reverse", "cancel", "hologram", "GAVE"])
def test_what_no_tablet_may_say_is_kept_and_means_nothing(database, tablet, till, coupon, kind):
    tablet.act("ask", coupon=coupon.token)
    tablet.act("gave", of=1)
    assert tablet.act(kind, coupon=coupon.token, of=1) == "noted"
    assert till.verify(coupon).verdict == "already_redeemed"
    assert kept(database)[-1].kind == kind


@pytest.mark.parametrize("token", ["", "12", "0" * 183, None, 5])
def test_an_ask_with_no_token_of_ours_is_declined_and_kept(database, tablet, token):
    assert tablet.act("ask", coupon=token) == "unknown_coupon"
    assert [act.serial for act in kept(database)] == [None]


def test_a_refusal_is_kept_with_the_clerk_who_said_it(database, cast, tablet, coupon):
    assert tablet.act("refusal", coupon=coupon.token, reason="out_of_stock", clerk=cast.clerk_id) == "noted"
    assert [(act.kind, act.clerk_id) for act in kept(database)] == [("refusal", cast.clerk_id)]


def test_a_made_up_reason_is_counted_as_other(tablet, coupon):
    tablet.act("refusal", coupon=coupon.token, reason="because")
    tablet.act("decline", coupon=coupon.token, code="hologram")
    tablet.act("decline", coupon=coupon.token, code="expired")


def test_another_stores_clerk_is_nobody_here(database, cast, tablet, coupon):
    tablet.act("ask", coupon=coupon.token, clerk=cast.south_clerk_id)
    assert [act.clerk_id for act in kept(database)] == [None]


def test_no_text_that_an_entry_may_hold_stops_the_journal(tablet, coupon):
    odd = "\0\x1f\u2028\U0001f381 '\"\\%s :name"
    tablet.act("ask", coupon=coupon.token)
    tablet.act("gave", of=1)
    assert tablet.act("undo", of=1, reason=odd, clerk=odd) == "reversed"
    assert tablet.act("refusal", coupon=odd, reason=odd, typed=odd) == "noted"


def test_the_same_store_hears_which_clerk_it_was(database, cast, tablet, till, coupon):
    tablet.act("ask", coupon=coupon.token, clerk=cast.clerk_id)
    assert till.verify(coupon).details["clerk"] == {"id": cast.clerk_id, "name": "Anna"}
    annex = tills_of(database, cast)["annex"].verify(coupon).details
    assert "clerk" not in annex
    assert annex["device"]["name"] == "North counter"


# Verifying on the way.


def test_it_verifies_a_scanned_coupon(tablet, coupon):
    verdict = tablet.sync(verify=coupon.token).verdict
    assert (verdict["code"], verdict["coupon"], "token" in verdict) == ("good", coupon.id, False)


def test_a_typed_code_is_answered_with_the_token(tablet, coupon):
    typed = coupon.short_code.lower()
    verdict = tablet.sync(verify=f"{typed[:4]}-{typed[4:8]}-{typed[8:]}").verdict
    assert (verdict["code"], verdict["token"]) == ("good", coupon.token)


@pytest.mark.parametrize("text", ["0" * 183, "0000-0000-0000", "hello", "\0", "7" * 400])
def test_what_is_not_ours_is_unknown(tablet, text):
    assert tablet.sync(verify=text).verdict == {"code": "unknown_coupon"}


def test_a_tablet_that_guesses_codes_is_told_to_wait_and_nothing_else_stops(database, tablet, south, coupon):
    for _ in range(FREE_FAILURES):
        assert tablet.sync(verify="0000-0000-0000").verdict == {"code": "unknown_coupon"}
    tablet.write("ask", coupon=coupon.token)
    reply = tablet.sync(verify=coupon.short_code)
    assert reply.verdict == {"code": "too_many", "retry_after": 15}
    assert reply.answers[1]["code"] == "redeemed"
    assert tablet.sync(verify=coupon.token).verdict["code"] == "already_redeemed"
    assert south.sync(verify=coupon.short_code).verdict["code"] == "already_redeemed"
    assert tablet.sync(verify=coupon.short_code, now=NOW + 15_000).verdict["code"] == "already_redeemed"


@pytest.mark.parametrize("kind", ["ask", "gave-held", "gave-at-risk"])
def test_a_journal_of_guesses_is_taken_slowly(counters, tablet, coupon, kind):
    """What a tablet signs is taken in order, so the wrong codes beyond the free ones wait, and so does what is behind them."""
    for _ in range(FREE_FAILURES + 2):
        tablet.write(kind, typed="000000000000", id=coupon.id)
    tablet.write("ask", coupon=coupon.token)
    replies = [tablet.sync(now=NOW + seconds * 1_000) for seconds in (0, 1, 15, 16, 45)]
    assert [reply.last for reply in replies] == [5, 5, 6, 6, 8]
    assert [reply.fault for reply in replies] == [None] * 5
    assert counters.standing(coupon) is not None


def test_right_codes_and_declines_are_never_slow(counters, tablet):
    for _ in range(2 * FREE_FAILURES):
        tablet.write("decline", typed="000000000000", code="expired")
        tablet.write("gave-at-risk", typed=counters.coupon().short_code)
    assert tablet.sync().last == 4 * FREE_FAILURES


def test_a_decline_does_not_say_whether_a_code_is_right(counters, tablet, coupon):
    tablet.act("decline", typed=coupon.short_code, code="expired")
    assert [act.serial for act in kept(counters.database)] == [None]


def test_a_verdict_is_given_behind_the_entries(tablet, coupon):
    tablet.write("ask", coupon=coupon.token)
    assert tablet.sync(verify=coupon.token).verdict["code"] == "already_redeemed"


# The snapshot.


def test_the_snapshot_comes_until_it_is_known(tablet):
    snapshot = tablet.sync().snapshot
    assert tablet.sync(known=snapshot["etag"]).snapshot is None
    again = tablet.sync(known="something else").snapshot
    assert again | {"copies": ()} == snapshot | {"copies": ()}  # a copy is sealed anew each time


def test_a_new_secret_seals_the_copies_of_a_tablet_anew(database, tablet):
    known, newer = tablet.sync().snapshot["etag"], "a-newer-secret-of-32-or-more-characters"

    def ask(session):
        ring, request = signing.load_ring(session), Request(known=known)
        return sync(
            session,
            tablet.device_id,
            request,
            ring,
            lambda: signing.load_signer(session, Sealer([SECRET])),
            Proofs([SECRET, newer]),
            NOW,
        )

    for copy in database.write(ask).snapshot["copies"]:
        assert Proofs([newer]).open_copy(copy) is not None


def test_a_change_of_a_campaign_makes_a_new_snapshot(database, cast, tablet):
    before = tablet.sync().snapshot
    database.write(lambda session: factories.campaign(session, "Another", partners=[cast.north_partner]))
    after = tablet.sync(known=before["etag"]).snapshot
    assert len(after["campaigns"]) == len(before["campaigns"]) + 1


def test_a_tablet_hears_of_its_own_store_alone(tablet, south, cast):
    told = repr(south.sync().snapshot)
    assert cast.north not in told
    assert cast.clerk_id not in told
    assert "North" not in told.replace("North Coffee", "")
    assert {c["number"] for c in south.sync().snapshot["campaigns"]} == {cast.anywhere}


def test_the_server_notes_when_a_tablet_was_seen(database, cast, tablet):
    assert tablet.sync(now=NOW + 6_000).time == NOW + 6_000
    assert database.read(lambda session: session.get(Device, cast.tablet_id)).last_seen_at == NOW + 6_000
