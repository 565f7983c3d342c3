"""Filters of lists: by status, by time of issue, by time of change. Coupons of the fixture were issued long ago, and changed just now."""

import time
from collections.abc import Callable
from json import loads
from typing import Any, get_args

import pytest
from sqlalchemy import update

from redeem.db.models.coupons import Coupon, SigningKey
from redeem.domain.status import Status
from redeem.lib.times import MS_PER_MINUTE, rfc3339
from tests.databases import on_both_databases
from tests.web.api.test_campaigns import plain
from tests.web.programs import Program


def ids(program: Program, path: str, **query) -> set[str]:
    return {each["id"] for each in told(program, path, limit=100, **query)["data"]}


def told(program: Program, path: str, **query) -> Any:
    return loads(program.get(path, **query).data)


@pytest.fixture
def of_each_kind(shop, north, issue, cast, database) -> dict[str, str]:
    """The ids of coupons, by what has become of them."""
    made = {name: issue(cast.anywhere) for name in ("issued", "redeemed", "undone", "void", "expired")}
    north.redeem(made["redeemed"].token)
    undone = north.redeem(made["undone"].token).json
    north.post(f"/redemptions/{undone['id']}/reverse", {"reason": "by mistake"})
    shop.post(f"/coupons/{made['void'].id}/void", {})
    database.write(
        lambda s: s.execute(update(Coupon).where(Coupon.serial == made["expired"].serial).values(last_day=1))
    )
    return {name: coupon.id for name, coupon in made.items()}


@on_both_databases
def test_coupons_are_filtered_by_the_status_that_they_show(shop, of_each_kind, database):
    assert_filtered_by_status(shop)
    assert ids(shop, "/coupons", status="issued") == {of_each_kind["issued"], of_each_kind["undone"]}
    assert ids(shop, "/coupons", status="expired") == {of_each_kind["expired"]}
    database.write(lambda s: s.execute(update(SigningKey).values(status="compromised")))
    assert_filtered_by_status(shop)
    assert of_each_kind["issued"] in ids(shop, "/coupons", status="compromised")


def assert_filtered_by_status(shop: Program) -> None:
    shown = {each["id"]: each["status"] for each in told(shop, "/coupons", limit=100)["data"]}
    for status in get_args(Status):
        assert ids(shop, "/coupons", status=status) == {each for each, known in shown.items() if known == status}, (
            status
        )


@on_both_databases
def test_coupons_are_filtered_by_when_they_were_issued(shop, cast, of_each_kind):
    began = rfc3339(now())
    new = shop.post("/coupons", {"campaign": f"cmp_{cast.anywhere}"}).json
    assert ids(shop, "/coupons", since=began) == {new["id"]}
    assert ids(shop, "/coupons", until=began) == set(of_each_kind.values())
    assert ids(shop, "/coupons", since=new["issued_at"], until=new["issued_at"]) == set()


@on_both_databases
def test_coupons_are_filtered_by_when_they_changed(shop, north, issue, cast, of_each_kind):
    long_ago, soon = rfc3339(now() - MS_PER_MINUTE), rfc3339(now() + MS_PER_MINUTE)
    changed = {of_each_kind[name] for name in ("redeemed", "undone", "void")}
    assert ids(shop, "/coupons", updated_since=long_ago) == changed
    assert ids(shop, "/coupons", updated_since=soon) == set()
    shop.post(f"/coupons/{of_each_kind['issued']}/home", {"store": cast.north})
    assert ids(shop, "/coupons", updated_since=long_ago) == changed | {of_each_kind["issued"]}


@on_both_databases
def test_a_redemption_that_was_undone_since_is_found(shop, north, issue, cast):
    first, second = (north.redeem(issue(cast.anywhere).token).json["id"] for _ in range(2))
    wait_for(lambda: rfc3339(now()) > told(shop, f"/redemptions/{second}")["redeemed_at"])
    since = rfc3339(now())
    assert ids(shop, "/redemptions", updated_since=since) == set()
    north.post(f"/redemptions/{first}/reverse", {"reason": "by mistake"})
    assert ids(shop, "/redemptions", updated_since=since) == {first}
    assert ids(shop, "/redemptions", updated_since=since, status="standing") == set()


def test_next_keeps_these_filters(shop, of_each_kind, cast):
    shop.post("/campaigns", plain(cast))
    page = shop.get("/coupons", limit=1, status="issued", updated_since="2020-01-01T00:00:00+03:00").json
    second = shop.get(page["next"].removeprefix("/v1")).json
    assert {page["data"][0]["id"], second["data"][0]["id"]} == {of_each_kind["issued"], of_each_kind["undone"]}


def now() -> int:
    return time.time_ns() // 1_000_000


def wait_for(happened: Callable[[], bool]) -> None:
    while not happened():
        time.sleep(0.001)
