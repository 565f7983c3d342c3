"""Lists in pages: `next` leads from each page to the one after it, and what was there at the start is met once, whatever is added."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from json import loads

import pytest

from tests.databases import on_both_databases
from tests.web.programs import Program


def walk(program: Program, path: str, **query) -> list[str]:
    """The ids on all pages, by way of `next`."""
    page = loads(program.get(path, **query).data)
    found = [each["id"] for each in page["data"]]
    while page["next"]:
        page = loads(program.get(page["next"].removeprefix("/v1")).data)
        found += [each["id"] for each in page["data"]]
    return found


def test_next_leads_to_the_end(shop, issue, cast):
    made = [issue(cast.anywhere).id for _ in range(5)]
    assert walk(shop, "/coupons", limit=2, campaign=f"cmp_{cast.anywhere}") == made[::-1]
    assert walk(shop, "/coupons", limit=2, campaign=f"cmp_{cast.north_only}") == []


def test_next_goes_on_in_the_direction_that_was_asked_for(shop, issue, cast):
    made = [issue(cast.anywhere).id for _ in range(5)]
    first = shop.get("/coupons", limit=2, ending_before=made[0]).json
    assert [each["id"] for each in first["data"]] == [made[2], made[1]]
    second = shop.get(first["next"].removeprefix("/v1")).json
    assert [each["id"] for each in second["data"]] == [made[4], made[3]]
    assert second["next"] is None


def test_next_keeps_the_filter_as_it_was_sent(shop, cast):
    for _ in range(3):
        shop.post("/coupons", {"campaign": f"cmp_{cast.anywhere}", "order_ref": "заказ 7 & 8"})
    shop.post("/coupons", {"campaign": f"cmp_{cast.anywhere}", "order_ref": "another"})
    assert len(walk(shop, "/coupons", limit=1, order_ref="заказ 7 & 8")) == 3


@contextmanager
def meanwhile(*works: Callable[[], object]) -> Iterator[list[int]]:
    """Runs each work again and again, in a thread of its own, until the block ends. The value counts how often."""
    ended, done, failed = threading.Event(), [0] * len(works), []

    def repeat(number: int, work: Callable[[], object]) -> None:
        try:
            while not ended.is_set():
                work()
                done[number] += 1
        except Exception as error:  # noqa: BLE001  (told in the test's own thread)
            failed.append(error)

    threads = [threading.Thread(target=repeat, args=each) for each in enumerate(works)]
    for thread in threads:
        thread.start()
    try:
        yield done
    finally:
        ended.set()
        for thread in threads:
            thread.join()
    assert failed == []


@pytest.mark.slow
@on_both_databases
def test_nothing_is_missed_or_doubled_while_others_write(app, shop, north, south, issue, cast):
    there = [issue(cast.anywhere) for _ in range(30)]
    given = [north.redeem(coupon.token).json["id"] for coupon in there[:15]]
    writers = [Program(app.test_client(), key) for key in (cast.north_till, cast.south_till)]
    new_coupon = {"campaign": f"cmp_{cast.anywhere}"}
    seller = Program(app.test_client(), cast.shop_key)
    sell = partial(seller.post, "/coupons", new_coupon)
    with meanwhile(
        sell, *[partial(redeem_another, till, lambda: issue(cast.anywhere).token) for till in writers]
    ) as done:
        for _ in range(5):
            assert_met_once(walk(shop, "/coupons", limit=3), [coupon.id for coupon in there])
            assert_met_once(walk(shop, "/redemptions", limit=3), sorted(given))
    assert min(done) > 5, "they wrote while the lists were read"


def redeem_another(till: Program, new_token: Callable[[], str]) -> None:
    till.redeem(new_token())


def assert_met_once(seen: list[str], there: list[str]) -> None:
    assert len(set(seen)) == len(seen)
    assert [each for each in seen if each in set(there)] == there[::-1]
