"""News that arrive: each event at least once, under one id, in order for each coupon, whatever the receiver and the workers do."""

import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from http.server import BaseHTTPRequestHandler

import pytest
from standardwebhooks import Webhook
from standardwebhooks import webhooks as library

from redeem.accounts.audit import OPERATOR
from redeem.db.engine import Database
from redeem.db.models.events import Event
from redeem.events import log
from redeem.lib.times import MS_PER_DAY, MS_PER_MINUTE
from redeem.ops import webhook_worker
from redeem.webhooks import attempts, endpoints, schedule, turns
from redeem.webhooks.attempts import Outcome
from redeem.webhooks.endpoints import DisabledReason, State
from redeem.webhooks.signatures import sign
from tests import factories
from tests.cast import Cast
from tests.databases import on_both_databases
from tests.factories import NOW, Issued, all_of
from tests.hooks import SEALER, SOON_SECONDS, Hooks, hooked
from tests.restores import restore

MS_PER_HOUR = 60 * MS_PER_MINUTE


@pytest.fixture
def hooks(database: Database, cast: Cast) -> Iterator[Hooks]:
    with hooked(database) as made:
        yield made


@pytest.fixture
def issue(database: Database, cast: Cast) -> Callable[[], Issued]:
    return lambda: database.write(lambda session: factories.coupon(session, cast.anywhere))


def ids_of_all(database: Database) -> list[str]:
    return [event.id for event in sorted(database.read(lambda s: all_of(s, Event)), key=lambda event: event.seq)]


def first_time(ids: list[str]) -> list[str]:
    """What a receiver takes who takes each id once."""
    return list(dict.fromkeys(ids))


def by_coupon(hooks: Hooks) -> dict[str, list[str]]:
    """The types that the receiver took of each coupon, in the order in which they came."""
    taken: dict[str, list[str]] = {}
    seen: set[str] = set()
    for message in hooks.receiver.messages:
        if message.id not in seen:
            seen.add(message.id)
            taken.setdefault(message.event["data"]["coupon"], []).append(message.event["type"])
    return taken


# What is sent.


@on_both_databases
def test_an_event_is_sent_as_the_api_tells_it_and_the_library_verifies_it(hooks, issue, till, monkeypatch):
    coupon = issue()
    till.redeem(coupon)
    hooks.send_all()
    monkeypatch.setattr(library, "datetime", Still(hooks.clock.now))
    told = [Webhook(hooks.shown.secret).verify(message.body, message.headers) for message in hooks.receiver.messages]
    assert [event["type"] for event in told] == ["coupon.issued", "coupon.redeemed"]
    assert {event["data"]["coupon"] for event in told} == {coupon.id}
    assert [event["id"] for event in told] == hooks.receiver.ids == ids_of_all(hooks.database)
    assert hooks.endpoint.state == State.ACTIVE
    assert hooks.endpoint.last_success_at == hooks.clock.now


class Still:
    """A clock for the library, which compares a message's time with its own."""

    def __init__(self, now: int) -> None:
        self._now = now

    def now(self, tz):
        return datetime.fromtimestamp(self._now / 1000, tz)

    def __getattr__(self, name):
        return getattr(datetime, name)


def test_what_happened_before_the_endpoint_was_made_is_not_sent(database, issue):
    issue()
    with hooked(database) as hooks:
        later = issue()
        hooks.send_all()
    assert [message.event["data"]["coupon"] for message in hooks.receiver.messages] == [later.id]


def test_only_the_types_that_are_wanted_are_sent(database, issue, till):
    with hooked(database, ("coupon.redeemed",)) as hooks:
        coupons = [issue() for _ in range(3)]
        till.redeem(coupons[1])
        hooks.send_all()
        assert [message.event["type"] for message in hooks.receiver.messages] == ["coupon.redeemed"]
        issue()
        assert not hooks.worker().step()  # it goes on behind what nobody wants
        assert hooks.database.read(lambda session: turns.due(session, hooks.clock())) == []


def test_what_is_told_is_not_told_again(hooks, issue):
    issue()
    hooks.send_all()
    hooks.send_all()
    issue()
    hooks.send_all()
    assert hooks.receiver.ids == ids_of_all(hooks.database)


@on_both_databases
def test_the_events_of_a_coupon_come_in_their_order_and_those_of_all_once(hooks, issue, till):
    coupons = [issue() for _ in range(60)]
    for coupon in coupons:
        given = till.redeem(coupon)
        till.reverse(given.details["redemption"])
        till.redeem(coupon)
    hooks.send_all()
    assert sorted(hooks.receiver.ids) == sorted(ids_of_all(hooks.database))
    orders = set(map(tuple, by_coupon(hooks).values()))
    assert orders == {("coupon.issued", "coupon.redeemed", "redemption.reversed", "coupon.redeemed")}


# A receiver that fails.


BAD = [(500, Outcome.REFUSED), (301, Outcome.REDIRECTED), (404, Outcome.REFUSED)]


@pytest.mark.parametrize(("status", "outcome"), BAD)
def test_what_is_not_taken_is_sent_again_later_with_the_same_id(hooks, issue, status: int, outcome: Outcome):
    issue()
    hooks.receiver.answers = [status]
    hooks.send_all()
    assert hooks.endpoint.state == State.FAILING
    assert [(each.outcome, each.status) for each in hooks.attempts] == [(outcome, status)]
    hooks.send_all()
    assert len(hooks.receiver.messages) == 1  # not yet
    hooks.clock.now += schedule.LONGEST_PAUSE_MS
    hooks.send_all()
    assert len(hooks.receiver.messages) == 2
    assert len(set(hooks.receiver.ids)) == 1
    assert (hooks.endpoint.state, hooks.endpoint.failures) == (State.ACTIVE, 0)


def test_a_receiver_that_answers_too_late_has_failed(hooks, issue):
    def late(handler: BaseHTTPRequestHandler) -> None:
        hooks.receiver.released.wait()

    issue()
    hooks.receiver.answers, hooks.seconds = [late], SOON_SECONDS
    hooks.send_all()
    assert [each.outcome for each in hooks.attempts] == [Outcome.TOO_LATE]
    assert hooks.endpoint.state == State.FAILING


def test_one_that_fails_is_asked_with_one_event_before_all_the_others(hooks, issue):
    for _ in range(20):
        issue()
    hooks.receiver.then = 500
    hooks.send_all()
    asked = len(hooks.receiver.messages)
    assert asked <= turns.LANES
    hooks.clock.now += schedule.LONGEST_PAUSE_MS
    hooks.send_all()
    assert len(hooks.receiver.messages) == asked + 1


def test_of_all_that_were_sent_only_what_was_not_taken_is_sent_again(hooks, issue):
    for _ in range(20):
        issue()
    hooks.receiver.answers = [200] * 5 + [500]
    hooks.send_all()
    hooks.clock.now += schedule.LONGEST_PAUSE_MS
    hooks.send_all()
    assert set(hooks.receiver.ids) == set(ids_of_all(hooks.database))
    assert len(hooks.receiver.ids) == 20 + 1


def test_gone_disables_at_once(hooks, issue):
    issue()
    hooks.receiver.answers = [410]
    hooks.send_all()
    endpoint = hooks.endpoint
    assert (endpoint.state, endpoint.disabled_reason) == (State.DISABLED, DisabledReason.GONE)
    hooks.clock.now += MS_PER_DAY
    hooks.send_all()
    assert len(hooks.receiver.messages) == 1


@on_both_databases
def test_a_receiver_that_is_down_for_three_days_misses_nothing(hooks, issue, till):
    """The server goes on; the endpoint costs no row but its attempts; then all comes, in order."""
    hooks.receiver.then = 503
    hour = 0
    while hooks.endpoint.state != State.DISABLED:
        coupon = issue()
        till.redeem(coupon)
        hooks.send_all()
        hooks.clock.now += MS_PER_HOUR
        hour += 1
    endpoint = hooks.endpoint
    assert endpoint.disabled_reason == DisabledReason.FAILING
    assert 72 <= hour <= 72 + 8
    assert len(hooks.attempts) < 40 * turns.LANES
    hooks.receiver.messages.clear()
    hooks.receiver.then = 200
    hooks.send_all()
    assert hooks.receiver.messages == []
    hooks.endpoints_do(endpoints.enable, sealer=SEALER)
    hooks.send_all()
    assert sorted(hooks.receiver.ids) == sorted(ids_of_all(hooks.database))
    assert set(map(tuple, by_coupon(hooks).values())) == {("coupon.issued", "coupon.redeemed")}
    assert hooks.endpoint.missed is None


def test_a_server_that_was_itself_down_for_three_days_judges_nobody(hooks, issue):
    issue()
    hooks.receiver.answers = [500, 500]
    hooks.send_all()
    hooks.clock.now += 4 * MS_PER_DAY
    hooks.send_all()
    assert hooks.endpoint.state == State.FAILING


def test_what_was_deleted_before_it_could_be_sent_is_said(hooks, issue):
    issue()
    hooks.send_all()
    told_until = hooks.endpoint.told_until
    hooks.endpoints_do(endpoints.disable, sealer=SEALER)
    for _ in range(3):
        issue()
    hooks.database.write(lambda s: log.delete_old(s, NOW + 1))
    hooks.endpoints_do(endpoints.enable, sealer=SEALER)
    hooks.send_all()
    kept = ids_of_all(hooks.database)
    assert len(kept) == 1
    assert hooks.receiver.ids[1:] == kept
    assert hooks.endpoint.missed == (told_until, NOW)


def test_a_clock_that_was_wrong_holds_nothing_up(hooks, issue):
    """The lease and the next try of an hour in the year after are not waited for."""
    issue()
    hooks.receiver.answers = [500]
    hooks.clock.now += 365 * MS_PER_DAY
    turn = take(hooks)
    hooks.clock.now -= 365 * MS_PER_DAY
    hooks.send_all()
    assert len(hooks.receiver.messages) == 1
    assert turn is not None
    hooks.clock.now -= MS_PER_DAY
    hooks.send_all()
    assert hooks.endpoint.state == State.ACTIVE


# Several workers, and such as die.


def take(hooks: Hooks, name: str = "lea_another") -> turns.Turn | None:
    now = hooks.clock()
    return hooks.database.write(lambda s: turns.take(s, hooks.id, name, SEALER, now))


@on_both_databases
def test_several_workers_share_and_send_each_event_once(hooks, issue):
    for _ in range(60):
        issue()
    workers = 4
    barrier = threading.Barrier(workers)

    def work() -> None:
        worker = hooks.worker()
        barrier.wait()
        while hooks.database.read(lambda s: turns.has_news(s, endpoint_row(s, hooks), hooks.clock())):
            worker.step()

    threads = [threading.Thread(target=work) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(hooks.receiver.ids) == sorted(ids_of_all(hooks.database))


def endpoint_row(session, hooks: Hooks):
    return endpoints.found(session, hooks.id)


def test_without_the_lease_two_workers_send_each_event_twice(hooks, issue, monkeypatch):
    """The control."""
    issue()
    monkeypatch.setattr(turns, "is_free", lambda *_: True)
    first, second = take(hooks, "lea_1"), take(hooks, "lea_2")
    for turn in (first, second):
        assert turn
        webhook_worker.Sending(turn, hooks.database, hooks.sender, hooks.clock).run()
    assert len(hooks.receiver.ids) == 2


def test_a_worker_that_dies_before_its_note_sends_again_with_the_same_id(hooks, issue, till):
    """It has sent, and is gone before it noted that. Another goes on once the lease has ended."""
    coupon = issue()
    till.redeem(coupon)

    turn = take(hooks)
    assert turn
    [lane] = turn.lanes
    with hooks.sender(turn.url) as sender:
        news = lane[0]
        sender.post(webhook_worker.body_of(news), sign(news.id, hooks.clock(), b"", turn.secrets))
    hooks.send_all()
    assert len(hooks.receiver.ids) == 1  # somebody may still have the lease
    hooks.clock.now += turns.LEASE_MS
    hooks.send_all()
    assert len(hooks.receiver.ids) == 3
    assert first_time(hooks.receiver.ids) == ids_of_all(hooks.database)


def test_a_worker_that_comes_back_late_notes_nothing(hooks, issue):
    issue()
    late = take(hooks)
    assert late
    hooks.clock.now += turns.LEASE_MS
    hooks.send_all()
    news = late.lanes[0][0]
    taken = attempts.Attempt(Outcome.TAKEN, 200, 1)
    assert not hooks.database.write(lambda s: turns.note(s, late, news, taken, hooks.clock()))
    before = hooks.endpoint
    hooks.database.write(lambda s: turns.end(s, late, attempts.Attempt(Outcome.GONE, 410, 1), hooks.clock(), 0.5))
    assert hooks.endpoint == before


# What a manager or a program does.


def test_one_event_is_sent_again_with_its_id(hooks, issue):
    issue()
    issue()
    hooks.send_all()
    again = hooks.receiver.ids[0]
    hooks.endpoints_do(endpoints.resend, again)
    hooks.send_all()
    assert hooks.receiver.ids[2:] == [again]
    hooks.send_all()
    assert len(hooks.receiver.ids) == 3


def test_one_that_is_sent_again_is_tried_once_and_disturbs_nothing(hooks, issue):
    issue()
    hooks.send_all()
    hooks.endpoints_do(endpoints.resend, hooks.receiver.ids[0])
    hooks.receiver.answers = [500]
    hooks.send_all()
    assert [each.outcome for each in hooks.attempts] == [Outcome.TAKEN, Outcome.REFUSED]
    assert hooks.endpoint.state == State.ACTIVE
    assert not hooks.worker().step()


def test_all_after_one_event_are_sent_again_in_order(hooks, issue):
    for _ in range(5):
        issue()
    hooks.send_all()
    ids = ids_of_all(hooks.database)
    hooks.receiver.messages.clear()
    hooks.endpoints_do(endpoints.resend_after, ids[1])
    hooks.send_all()
    assert sorted(hooks.receiver.ids) == sorted(ids[2:])


def test_a_turn_that_is_under_way_does_not_undo_what_was_asked(hooks, issue):
    """`resend_after` while a worker is at it: the worker's own end must not move the endpoint on."""
    for _ in range(3):
        issue()
    hooks.send_all()
    issue()
    ids = ids_of_all(hooks.database)
    turn = take(hooks)
    assert turn
    hooks.endpoints_do(endpoints.resend_after, ids[0])
    assert webhook_worker.Sending(turn, hooks.database, hooks.sender, hooks.clock).run() is None
    hooks.database.write(lambda s: turns.end(s, turn, None, hooks.clock(), 0.5))
    hooks.receiver.messages.clear()
    hooks.send_all()
    assert sorted(hooks.receiver.ids) == sorted(ids[1:])


def test_while_a_secret_rotates_both_verify_and_then_only_the_new_one(hooks, issue, monkeypatch):
    old = hooks.shown.secret
    new = rotated(hooks)
    for verifies in ({old, new}, {new}):
        issue()
        hooks.receiver.messages.clear()
        hooks.send_all()
        monkeypatch.setattr(library, "datetime", Still(hooks.clock.now))
        [message] = hooks.receiver.messages
        assert {secret for secret in (old, new) if is_verified(secret, message)} == verifies
        hooks.clock.now += 24 * MS_PER_HOUR


def rotated(hooks: Hooks) -> str:
    now = hooks.clock()
    shown = hooks.database.write(
        lambda s: endpoints.rotate(s, OPERATOR, hooks.id, 24 * MS_PER_HOUR, now, sealer=SEALER)
    )
    return shown.secret


def is_verified(secret: str, message) -> bool:
    try:
        Webhook(secret).verify(message.body, message.headers)
    except library.WebhookVerificationError:
        return False
    return True


def test_only_the_newest_attempts_are_kept(hooks, issue, monkeypatch):
    monkeypatch.setattr(attempts, "KEPT_MAX", 5)
    for _ in range(12):
        issue()
    hooks.send_all()
    assert [each.number for each in hooks.attempts] == [8, 9, 10, 11, 12]


@on_both_databases
def test_after_a_restore_all_that_followed_the_backup_comes_with_the_same_ids(hooks, issue, counters, vault):
    issue()
    hooks.send_all()
    vault.back_up()
    issue()
    hooks.send_all()
    assert len(hooks.receiver.ids) == 2
    restore(counters, vault)
    issue()
    hooks.send_all()
    assert set(ids_of_all(hooks.database)) <= set(hooks.receiver.ids)
