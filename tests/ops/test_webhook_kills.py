"""kill -9 of a worker at any moment: each event is taken once by its id, and in order for each coupon."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import update

from redeem.config import Settings
from redeem.db.engine import Database
from redeem.db.models.webhooks import WebhookEndpoint
from redeem.web.context import now_ms
from redeem.webhooks import turns
from tests import factories
from tests.cast import Cast
from tests.commands import SECONDS, started, until_ready
from tests.factories import SECRET
from tests.hooks import Hooks, hooked
from tests.tills import Till


@pytest.fixture
def hooks(database: Database, cast: Cast) -> Iterator[Hooks]:
    with hooked(database) as made:
        made.clock.now = now_ms()
        yield made


def environment(settings: Settings) -> dict[str, str]:
    return {
        "REDEEM_SECRET_KEYS": SECRET,
        "REDEEM_DATABASE_URL": settings.database_url,
        "REDEEM_WEBHOOKS_ANYWHERE": "true",
    }


def until_taken(hooks: Hooks, count: int) -> None:
    end = time.monotonic() + SECONDS
    while len(hooks.receiver.messages) < count and time.monotonic() < end:
        time.sleep(0.002)
    assert len(hooks.receiver.messages) >= count


def expire(hooks: Hooks) -> None:
    """Half a minute passes: nobody is there who could prolong the lease."""
    hooks.database.write(lambda s: s.execute(update(WebhookEndpoint).values(lease_until=0)))


@pytest.mark.slow
@pytest.mark.parametrize("kills", [3, pytest.param(50, marks=pytest.mark.soak)])
def test_each_event_is_taken_once_by_its_id_whenever_a_worker_is_killed(
    hooks: Hooks, settings: Settings, cast: Cast, till: Till, tmp_path: Path, kills: int
):
    coupons = [hooks.database.write(lambda s: factories.coupon(s, cast.anywhere)) for _ in range(kills * 15)]
    for coupon in coupons:
        till.redeem(coupon)
    for kill in range(kills):
        with started(tmp_path, "worker", **environment(settings)) as (process, lines):
            until_ready(lines)
            until_taken(hooks, kill * 25 + 7)
            os.kill(process.pid, signal.SIGKILL)
        expire(hooks)
    before = len(hooks.receiver.messages)
    hooks.clock.now = now_ms()
    hooks.send_all()
    assert len(hooks.receiver.messages) > before
    ids = hooks.receiver.ids
    assert len(set(ids)) == 2 * len(coupons)
    assert len(ids) - len(set(ids)) <= kills * turns.LANES
    order: dict[str, list[str]] = {}
    seen: set[str] = set()
    for message in hooks.receiver.messages:
        if message.id not in seen:
            seen.add(message.id)
            order.setdefault(message.event["data"]["coupon"], []).append(message.event["type"])
    assert set(map(tuple, order.values())) == {("coupon.issued", "coupon.redeemed")}
