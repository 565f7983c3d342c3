"""Exactly once: of all who race for a coupon one gets it, the others are declined, and each retry gets the first answer.

Negative controls take the guards away one at a time. Then the same checks must find the fault.
"""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import count
from threading import Barrier

import pytest
from sqlalchemy import text

from redeem.coupons import issue
from redeem.coupons.issue import AlreadyRedeemed
from redeem.db.engine import Retry
from redeem.domain.acts import Kind
from redeem.ledger import ledger
from tests import factories
from tests.books import doubles, faults
from tests.crash import clients
from tests.crash.clients import Heard, Race
from tests.crash.server import Server
from tests.databases import on_both_databases
from tests.factories import NOW

COUPONS, CLIENTS = 200, 16
FEWER = 20


def make_coupons(database, cast, many):
    return database.write(lambda session: [factories.coupon(session, cast.anywhere) for _ in range(many)])


@pytest.fixture
def coupon(database, cast):
    return make_coupons(database, cast, 1)[0]


def wrong(heard: list[Heard]) -> list[str]:
    """Return what is wrong with the answers of a race. Each coupon must have one yes, and every other answer `already_redeemed`."""
    yeses = Counter(one.coupon for one in heard if one.code == "redeemed")
    told = [
        f"coupon {coupon} was given {yeses[coupon]} times"
        for coupon in {one.coupon for one in heard}
        if yeses[coupon] != 1
    ]
    return told + [
        f"{one.attempt} heard {one.code}" for one in heard if one.code not in ("redeemed", "already_redeemed")
    ]


def side_by_side(works):
    """Run all of them concurrently, and return their results in order."""
    barrier = Barrier(len(works))

    def run(work):
        barrier.wait()
        return work()

    with ThreadPoolExecutor(len(works)) as pool:
        return [future.result() for future in [pool.submit(run, work) for work in works]]


# 16 clients for each of 200 coupons.


@on_both_databases
def test_of_many_threads_one_gets_the_coupon(database, cast, tills):
    coupons, everybody = make_coupons(database, cast, COUPONS), list(tills.values())
    barrier = Barrier(CLIENTS)

    def client(number):
        till, heard = everybody[number % len(everybody)], []
        for coupon in coupons:
            barrier.wait()
            answer = till.redeem(coupon, f"{number}/{coupon.serial}")
            heard.append(
                Heard(coupon.serial, f"{number}/{coupon.serial}", answer.code, answer.details.get("redemption", ""))
            )
        return heard

    with ThreadPoolExecutor(CLIENTS) as pool:
        heard = [one for each in pool.map(client, range(CLIENTS)) for one in each]
        again = [one for each in pool.map(client, range(CLIENTS)) for one in each]
    assert len(heard) == COUPONS * CLIENTS
    assert wrong(heard) == []
    assert again == heard
    assert database.read(faults) == []


def keys_of(cast):
    return [cast.north_till, cast.north_till_two, cast.annex_till, cast.south_till]


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["postgresql"], indirect=True)
def test_of_many_processes_one_gets_the_coupon(stage, database, cast):
    race = Race(stage.url, keys_of(cast), make_coupons(database, cast, COUPONS), CLIENTS)
    heard = clients.run(race, "one")
    assert len(heard) == COUPONS * CLIENTS
    assert wrong(heard) == []
    assert set(clients.run(replace(race, coupons=race.coupons[:FEWER]), "one")) <= set(heard)
    assert database.read(faults) == []


@pytest.mark.slow
@on_both_databases
def test_of_many_processes_one_gets_the_coupon_over_http(stage, database, cast, tmp_path):
    coupons = make_coupons(database, cast, COUPONS)
    server = Server(tmp_path, stage.url)
    server.start()
    try:
        race = Race(server.port, keys_of(cast), coupons, CLIENTS)
        heard = clients.run(race, "one")
        again = clients.run(replace(race, coupons=coupons[:FEWER]), "one")
    finally:
        server.kill()
    assert len(heard) == COUPONS * CLIENTS
    assert wrong(heard) == []
    assert set(again) <= set(heard)
    assert database.read(faults) == []


# One attempt, sent many times at once.


@on_both_databases
def test_one_attempt_sent_many_times_at_once_is_one_act(database, tills, coupon):
    answers = side_by_side([lambda: tills["north"].redeem(coupon, "a")] * CLIENTS)
    assert {answer.code for answer in answers} == {"redeemed"}
    assert len({answer.details["redemption"] for answer in answers}) == 1
    assert sum(not answer.replayed for answer in answers) == 1
    assert database.read(faults) == []


@on_both_databases
def test_a_decline_sent_many_times_at_once_is_counted_once(database, tills):
    answers = side_by_side([lambda: tills["north"].redeem(None, "a")] * CLIENTS)
    assert {answer.code for answer in answers} == {"unknown_coupon"}
    assert database.read(faults) == []


# An attempt and its cancel, a void, an undo, at the same moment.


@on_both_databases
def test_a_cancel_at_the_same_moment_is_final(database, cast, tills):
    for turn, coupon in enumerate(make_coupons(database, cast, FEWER)):
        name = f"attempt {turn}"
        side_by_side(
            [lambda c=coupon, n=name: tills["north"].redeem(c, n), lambda n=name: tills["north"].cancel(n)] * 2
        )
        assert tills["north"].redeem(coupon, name).code == "attempt_cancelled"
        assert tills["south"].redeem(coupon).code == "redeemed"
    assert database.read(faults) == []


@on_both_databases
def test_a_coupon_is_given_or_void_but_never_both(database, cast, tills):
    def void(coupon):
        try:
            database.write(lambda session: issue.void(session, coupon.serial, "returned", NOW))
        except AlreadyRedeemed:
            return "already_redeemed"
        return "void"

    for coupon in make_coupons(database, cast, FEWER):
        given, voided = side_by_side([lambda c=coupon: tills["north"].redeem(c).code, lambda c=coupon: void(c)])
        assert (given, voided) in (("redeemed", "already_redeemed"), ("void", "void"))
    assert database.read(faults) == []


@on_both_databases
def test_a_gift_that_many_reverse_at_once_is_reversed_once(database, tills, coupon):
    redemption = tills["north"].redeem(coupon).details["redemption"]
    works = [lambda t=till: t.reverse(redemption).code for till in (tills["north"], tills["north two"])] * 4
    assert Counter(side_by_side(works)) == {"reversed": 1, "nothing_to_undo": 7}
    assert database.read(faults) == []


@on_both_databases
def test_counts_are_right_after_many_concurrent_gifts_and_reversals(database, cast, tills):
    coupons = make_coupons(database, cast, 4)

    def customer(number):
        till = list(tills.values())[number % len(tills)]
        for turn in range(15):
            answer = till.redeem(coupons[(number + turn) % len(coupons)])
            if answer.redeemed:
                till.reverse(answer.details["redemption"])

    side_by_side([lambda n=number: customer(n) for number in range(CLIENTS)])
    assert database.read(faults) == []


# Negative controls: each guard is taken away, and the checks above must find the fault.


def without_constraints(session):
    """Replace the table of redemptions with one that has no constraints."""
    session.execute(text("ALTER TABLE redemption RENAME TO guarded"))
    columns = "serial bigint, act_id varchar(40), device_id varchar(40), at bigint, handed_over_at bigint"
    session.execute(text(f"CREATE TABLE redemption ({columns})"))


@on_both_databases
def test_without_the_primary_key_a_double_gift_is_found(database, tills, coupon):
    database.write(without_constraints)
    heard = [Heard(coupon.serial, name, tills[name].redeem(coupon).code) for name in ("north", "south")]
    assert wrong(heard) == [f"coupon {coupon.serial} was given 2 times"]
    assert set(database.read(lambda session: list(doubles(session)))) == {
        f"coupon {coupon.serial} has 2 standing redemptions",
        f"coupon {coupon.serial} was given 2 times",
    }


@on_both_databases
def test_without_the_replay_a_retry_is_refused_its_own_gift(database, tills, coupon, monkeypatch):
    look = ledger.find_coupon_and_act
    first = tills["north"].redeem(coupon, "a")
    monkeypatch.setattr(ledger, "find_coupon_and_act", lambda *where: (look(*where)[0], None))
    monkeypatch.setattr(ledger, "append_act", lambda *_: None)
    again = tills["north"].redeem(coupon, "a")
    assert (first.code, again.code) == ("redeemed", "already_redeemed")
    assert any("tallied 1 times and happened 0 times" in fault for fault in database.read(faults))


@on_both_databases
def test_without_the_names_constraint_the_replay_alone_is_not_enough(database, tills, coupon, monkeypatch):
    """Two concurrent duplicates both look before either is kept. Then the constraint refuses one, and both get the first answer."""
    look, looks = ledger.find_coupon_and_act, count()

    def look_too_early(*where):
        found, kept = look(*where)
        return (found, kept) if next(looks) else (found, None)

    tills["north"].redeem(coupon, "a")
    monkeypatch.setattr(ledger, "find_coupon_and_act", look_too_early)
    assert tills["north"].redeem(coupon, "a").replayed

    looks = count()
    monkeypatch.setattr(ledger, "append_act", lambda *_: None)
    assert tills["north"].redeem(coupon, "a").code == "already_redeemed"


@on_both_databases
def test_without_the_tombstone_a_late_request_burns_the_coupon(database, tills, coupon, monkeypatch):
    keep = ledger.append_act
    monkeypatch.setattr(ledger, "append_act", lambda session, act: act["kind"] == Kind.CANCEL or keep(session, act))
    assert tills["north"].cancel("a").code == "attempt_cancelled"
    assert tills["north"].redeem(coupon, "a").code == "redeemed"


@on_both_databases
def test_a_lost_redemption_would_be_found(database, tills, coupon):
    tills["north"].redeem(coupon)
    database.write(lambda session: session.execute(text("DELETE FROM redemption")))
    assert any("is lost" in fault for fault in database.read(faults))


@on_both_databases
def test_a_wrong_count_would_be_found(database, tills, coupon):
    tills["north"].redeem(coupon)
    database.write(lambda session: session.execute(text("UPDATE tally SET count = count + 1")))
    count, owed = database.read(faults)
    assert count.endswith("was tallied 2 times and happened 1 times")
    assert owed.startswith("North Coffee is told to be owed")


@on_both_databases
def test_an_act_that_is_never_kept_ends_in_an_error_and_not_in_a_gift(database, tills, coupon, monkeypatch):
    def never(session, act):
        raise Retry

    monkeypatch.setattr("redeem.db.engine.PAUSES_SECONDS", (0.0,))
    monkeypatch.setattr(ledger, "append_act", never)
    with pytest.raises(Retry):
        tills["north"].redeem(None, "a")
    assert database.read(faults) == []
