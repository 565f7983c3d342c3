"""Power cuts: the server is killed between every two statements of an act, and under load; the retry comes, and the books are right."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPException
from itertools import count, zip_longest
from threading import Barrier, Semaphore

import pytest
from sqlalchemy import func, select

from redeem.accounts import api_key_format
from redeem.db.models.coupons import Campaign, Coupon
from redeem.ledger import ledger
from tests import factories
from tests.books import faults
from tests.cast import TABLET_KEY
from tests.commands import SECONDS
from tests.crash.acts import ACTS, of_entry
from tests.crash.clients import Heard, HttpTill
from tests.crash.server import Server
from tests.databases import on_both_databases
from tests.factories import Issued
from tests.tablets import Tablet

pytestmark = pytest.mark.slow
CLIENTS, OWN, SHARED = 8, 25, 15


@pytest.fixture
def new_coupon(database, cast):
    return lambda: database.write(lambda session: factories.coupon(session, cast.anywhere))


def at_every_step(database, dying, act, prepare, least_steps):
    """Prepares anew and dies one step later each time, until it comes through. Yields what was prepared after each death or answer.

    The act is done again, as its sender would; the first answer must be what a server that never died would give.
    """
    for step in count(1):
        said, expected = prepare(step)
        heard = dying.do(act, step, **said)
        assert heard in (None, expected)
        assert ACTS[act](database, said)() == expected
        yield said
        if heard:
            break
    assert step > least_steps
    assert database.read(faults) == []


# Between every two statements.


@on_both_databases
def test_a_till_that_redeems(database, cast, dying, tills, new_coupon):
    def prepare(step):
        coupon = new_coupon()
        shown = {"serial": coupon.serial, "token": coupon.token}
        return {"key": cast.north_till, "name": f"attempt {step}", **shown}, "redeemed"

    for said in at_every_step(database, dying, "redeem", prepare, 6):
        found = Issued(said["serial"], "", said["token"], "")
        assert tills["south"].redeem(found).code == "already_redeemed"


@on_both_databases
@pytest.mark.parametrize("redeemed_before", [True, False], ids=["a gift", "nothing yet"])
def test_a_till_that_cancels(database, cast, dying, tills, new_coupon, redeemed_before):
    coupons = {}

    def prepare(step):
        name = f"attempt {step}"
        coupons[name] = new_coupon()
        if redeemed_before:
            tills["north"].redeem(coupons[name], name)
        return {"key": cast.north_till, "name": name}, "attempt_cancelled"

    for said in at_every_step(database, dying, "cancel", prepare, 4):
        assert tills["north"].redeem(coupons[said["name"]], said["name"]).code == "attempt_cancelled"
        assert tills["south"].redeem(coupons[said["name"]]).code == "redeemed"


@on_both_databases
def test_a_till_that_takes_a_gift_back(database, cast, dying, tills, new_coupon):
    coupons = {}

    def prepare(step):
        coupon = new_coupon()
        redemption = tills["north"].redeem(coupon).details["redemption"]
        coupons[redemption] = coupon
        return {"key": cast.north_till, "redemption": redemption, "name": f"undo {step}"}, "reversed"

    for said in at_every_step(database, dying, "reverse", prepare, 6):
        assert tills["south"].redeem(coupons[said["redemption"]]).code == "redeemed"


@on_both_databases
@pytest.mark.parametrize(
    ("before", "kind", "expected", "then"),
    [
        ([], "ask", "redeemed", "already_redeemed"),
        (["ask"], "gave", "noted", "already_redeemed"),
        (["ask"], "drop", "reversed", "redeemed"),
        (["ask", "gave"], "undo", "reversed", "redeemed"),
        ([], "gave-at-risk", "redeemed", "already_redeemed"),
    ],
    ids=["ask", "gave", "drop", "undo", "gave-at-risk"],
)
def test_a_tablet_that_syncs(database, cast, dying, tills, new_coupon, before, kind, expected, then):
    tablet = Tablet(database, cast.tablet_id, TABLET_KEY)
    coupons = []

    def write(kind, coupon, asked):
        about = {"coupon": coupon.token} if kind in ("ask", "gave-at-risk") else {"of": asked}
        return tablet.write(kind, **about)

    def prepare(step):
        coupon, asked = new_coupon(), len(tablet.journal) + 1
        for earlier in before:
            write(earlier, coupon, asked)
        tablet.sync()
        write(kind, coupon, asked)
        coupons.append(coupon)
        return {"device": tablet.device_id, **of_entry(tablet.journal[-1])}, expected

    for _ in at_every_step(database, dying, "sync", prepare, 12):
        tablet.sync()
        assert tills["south"].redeem(coupons[-1]).code == then


@on_both_databases
def test_a_shop_that_issues(database, cast, dying, new_coupon):
    prefix = api_key_format.parse(cast.shop_key).prefix
    first = int(new_coupon().id.rpartition("_")[2])

    def prepare(step):
        said = {"prefix": prefix, "name": f"order {step}", "campaign": cast.anywhere, "key_id": 1}
        return said, f"cpn_{cast.anywhere}_{first + step}"

    for _ in at_every_step(database, dying, "issue", prepare, 8):
        counted, there = database.read(
            lambda session: (
                session.get_one(Campaign, cast.anywhere).coupons,
                session.scalar(select(func.count()).select_from(Coupon)),
            )
        )
        assert counted == there


@on_both_databases
def test_without_the_replay_this_would_be_noticed(database, cast, dying, new_coupon, monkeypatch):
    look, keep = ledger.find_coupon_and_act, ledger.append_act
    monkeypatch.setattr(ledger, "find_coupon_and_act", lambda *where: (look(*where)[0], None))
    monkeypatch.setattr(ledger, "append_act", lambda session, act: act["code"] != "redeemed" or keep(session, act))

    def prepare(step):
        coupon = new_coupon()
        shown = {"serial": coupon.serial, "token": coupon.token}
        return {"key": cast.north_till, "name": f"attempt {step}", **shown}, "redeemed"

    with pytest.raises(AssertionError, match="already_redeemed"):
        list(at_every_step(database, dying, "redeem", prepare, 6))


# Under load.


@on_both_databases
def test_a_server_that_is_killed_under_load(stage, database, cast, tmp_path):
    under_load(stage, database, cast, tmp_path, rounds=3)


@pytest.mark.soak
@on_both_databases
def test_a_server_that_is_killed_again_and_again(stage, database, cast, tmp_path):
    under_load(stage, database, cast, tmp_path, rounds=40)


@dataclass
class Load:
    """Clients that work until the server is killed, and when it is there again send everything once more."""

    port: int
    keys: list[str]
    name: str
    own: list[Issued]
    shared: list[Issued]
    answered: Semaphore = field(default_factory=lambda: Semaphore(0))
    restarted: Barrier = field(default_factory=lambda: Barrier(CLIENTS + 1, timeout=SECONDS))

    def client(self, number: int) -> tuple[list[Heard], list[Heard]]:
        """What was heard until the connection broke, and what of everything afterwards."""
        # Coupons of its own, and some that all the others try as well.
        pairs = zip_longest(self.own[number::CLIENTS], self.shared)
        mine = [coupon for pair in pairs for coupon in pair if coupon]
        before = list(self.until_it_breaks(self.till(number), mine, number))
        self.restarted.wait()  # it is dead
        self.restarted.wait()  # and there again
        till = self.till(number)
        return before, [till.redeem(coupon, f"{self.name}/{number}/{coupon.serial}") for coupon in mine]

    def till(self, number: int) -> HttpTill:
        return HttpTill(self.port, self.keys[number % len(self.keys)])

    def until_it_breaks(self, till: HttpTill, coupons: list[Issued], number: int) -> Iterator[Heard]:
        with suppress(OSError, HTTPException):
            for coupon in coupons:
                yield till.redeem(coupon, f"{self.name}/{number}/{coupon.serial}")
                self.answered.release()


def under_load(stage, database, cast, folder, rounds):
    server = Server(folder, stage.url)
    server.start()
    try:
        for turn in range(rounds):
            one_round(server, database, cast, turn)
    finally:
        server.kill()


def one_round(server, database, cast, turn):
    coupons = database.write(lambda s: [factories.coupon(s, cast.anywhere) for _ in range(CLIENTS * OWN + SHARED)])
    keys = [cast.north_till, cast.north_till_two, cast.annex_till, cast.south_till]
    load = Load(server.port, keys, str(turn), coupons[SHARED:], coupons[:SHARED])
    results = kill_in_the_middle(server, load, after=30 + 17 * (turn % 7))
    assert sum(len(again) - len(before) for before, again in results) > 0
    assert all(again[: len(before)] == before for before, again in results)
    told = [one for _, again in results for one in again]
    yeses = Counter(one.coupon for one in told if one.code == "redeemed")
    assert yeses == Counter({coupon.serial: 1 for coupon in coupons})
    assert {one.code for one in told} == {"redeemed", "already_redeemed"}
    assert database.read(faults) == []


def kill_in_the_middle(server: Server, load: Load, after: int) -> list[tuple[list[Heard], list[Heard]]]:
    """Kills the server when it has given `after` answers, starts it again, and answers what each client heard."""
    with ThreadPoolExecutor(CLIENTS) as pool:
        running = [pool.submit(load.client, number) for number in range(CLIENTS)]
        for _ in range(after):
            assert load.answered.acquire(timeout=SECONDS)
        server.kill()
        load.restarted.wait()
        server.start()
        load.restarted.wait()
        return [future.result() for future in running]
