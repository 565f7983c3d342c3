"""Random acts of two tablets and a till on a few coupons, checked against a small model.

At most one redemption of a coupon stands, a retry gets the first answer, and statements are for the gifts that stand.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session

from redeem.accounts.roles import Scope
from redeem.db.engine import Database, engine_options
from redeem.db.models.ledger import Redemption
from redeem.db.models.managers import Manager
from redeem.domain.acts import AttemptIdReused
from redeem.partners import settlement
from redeem.partners.settlement import Account
from tests import factories
from tests.books import faults
from tests.cast import SOUTH_TABLET_KEY, TABLET_KEY
from tests.databases import Stage, copy_postgres, copy_sqlite
from tests.factories import NOW, Issued
from tests.tablets import Tablet
from tests.tills import till_of

COUPONS = 3
NAMES = ("a", "b", "c", "d")
coupons = st.integers(0, COUPONS - 1)
tablets = st.sampled_from(["north", "south"])
Key = tuple[str, str]  # who, and the name of the act
Opened = tuple[Stage, Callable[[], None]]


@dataclass
class Model:
    """The model. `standing` maps a coupon to the act that redeemed it, `first` maps an act to its first answer."""

    standing: dict[int, Key] = field(default_factory=dict)
    handed_over: set[Key] = field(default_factory=set)
    first: dict[Key, str] = field(default_factory=dict)
    taken_back: set[Key] = field(default_factory=set)

    def redeem(self, coupon: int, act: Key, *, handed_over: bool) -> str:
        if coupon in self.standing:
            return "already_redeemed"
        self.standing[coupon] = act
        if handed_over:
            self.handed_over.add(act)
        return "redeemed"

    def take_back(self, act: Key, *, only_if_handed_over: bool | None = None) -> str:
        coupon = next((coupon for coupon, other in self.standing.items() if other == act), None)
        if coupon is None or only_if_handed_over is (act not in self.handed_over):
            return "nothing_to_undo"
        del self.standing[coupon]
        self.taken_back.add(act)
        return "reversed"

    def enter(self, who: str, number: int, kind: str, about: int) -> str:
        """Take a tablet's entry for the first time. `about` is a coupon for an ask, else an entry's number."""
        act = (who, str(about))
        if kind == "ask":
            return self.redeem(about, (who, str(number)), handed_over=False)
        if kind == "gave":
            self.handed_over.add(act) if act in self.standing.values() else None
            return "noted"
        return self.take_back(act, only_if_handed_over=False if kind == "drop" else None)


class Ledger(RuleBasedStateMachine):
    """Hypothesis chooses acts. The real ledger and the model take them, and must agree."""

    stage: Stage

    @initialize()
    def begin(self) -> None:
        self.stage, self.leave = self.open_stage()
        url = self.stage.url.replace("postgresql://", "postgresql+psycopg://")
        self.database = Database(create_engine(url, **engine_options(url)))
        cast = self.stage.cast
        self.till = till_of(self.database, cast.north_till)
        self.tablets = {
            "north": Tablet(self.database, cast.tablet_id, TABLET_KEY),
            "south": Tablet(self.database, cast.south_tablet_id, SOUTH_TABLET_KEY),
        }
        self.coupons: list[Issued] = [
            self.database.write(lambda session: factories.coupon(session, cast.anywhere)) for _ in range(COUPONS)
        ]
        self.model = Model()
        self.ids: dict[Key, str] = {}
        self.tried: dict[str, int] = {}
        self.statements: dict[str, Account] = {}
        self.meant: dict[str, list[tuple[str, int]]] = {"north": [], "south": []}

    open_stage: Callable[[], Opened]

    # The till.

    @rule(name=st.sampled_from(NAMES), coupon=coupons)
    def till_redeems(self, name: str, coupon: int) -> None:
        act = ("till", name)
        try:
            answer = self.till.redeem(self.coupons[coupon], name, fingerprint=f"coupon {coupon}")
        except AttemptIdReused:
            assert self.tried[name] != coupon
            return
        assert answer.replayed == (act in self.model.first)
        if act not in self.model.first:
            self.tried[name] = coupon
            self.model.first[act] = self.model.redeem(coupon, act, handed_over=True)
            self.ids[act] = answer.details.get("redemption", "")
        assert answer.code == ("attempt_cancelled" if act in self.model.taken_back else self.model.first[act])

    @rule(name=st.sampled_from(NAMES))
    def till_cancels(self, name: str) -> None:
        act = ("till", name)
        assert self.till.cancel(name).code == "attempt_cancelled"
        if act not in self.model.first:
            self.model.first[act] = "attempt_cancelled"
            self.model.taken_back.add(act)
        elif self.model.first[act] == "redeemed":
            self.model.take_back(act)

    @rule(pick=st.integers(0, 99))
    def till_reverses(self, pick: int) -> None:
        """Reverse any redemption that the till knows: its own, or one of its store's tablet."""
        known = [act for act in self.ids if self.ids[act]]
        if known:
            act = known[pick % len(known)]
            expected = "nothing_to_undo"
            if act[0] in ("till", "north"):
                expected = self.model.take_back(act, only_if_handed_over=True)
            assert self.till.reverse(self.ids[act]).code == expected

    # The tablets.

    @rule(who=tablets, coupon=coupons)
    def tablet_asks(self, who: str, coupon: int) -> None:
        self.write(who, "ask", coupon, coupon=self.coupons[coupon].token)

    @rule(who=tablets, kind=st.sampled_from(["gave", "drop", "undo"]), back=st.integers(0, 4))
    def tablet_goes_on(self, who: str, kind: str, back: int) -> None:
        """Write an entry about any of the tablet's last entries, in any order, which is more than a real tablet would write.

        Only `gave` is restricted: it follows a yes. After a no the ledger would believe it, and book it.
        """
        of = len(self.meant[who]) - back
        if kind == "gave" and self.is_ask(who, of) and self.model.first.get((who, str(of))) != "redeemed":
            return
        self.write(who, kind, of, of=of)

    def is_ask(self, who: str, number: int) -> bool:
        return 1 <= number <= len(self.meant[who]) and self.meant[who][number - 1][0] == "ask"

    def write(self, who: str, kind: str, about: int, **fields: Any) -> None:
        self.tablets[who].write(kind, **fields)
        self.meant[who].append((kind, about))

    @rule(who=tablets, begin=st.integers(0, 6), more=st.integers(0, 6))
    def tablet_syncs(self, who: str, begin: int, more: int) -> None:
        """Send any part of the journal: entries that the server has are repeated, or some are left out, or only some arrive."""
        tablet = self.tablets[who]
        sent = tablet.journal[max(0, tablet.last - begin) :][: begin + more]
        had = tablet.last
        reply = tablet.sync(sent)
        for number in range(had + 1, reply.last + 1):
            kind, about = self.meant[who][number - 1]
            self.model.first[who, str(number)] = self.model.enter(who, number, kind, about)
            self.ids[who, str(number)] = reply.answers[number].get("redemption", "")
        assert reply.last == max(had, sent[-1].number if sent else 0)
        assert {n: answer["code"] for n, answer in reply.answers.items()} == {
            entry.number: self.model.first[who, str(entry.number)] for entry in sent
        }

    # The shop.

    @rule()
    def shop_closes_statements(self) -> None:
        """Close each partner's statement. It has exactly what no earlier one has, and never changes afterwards."""
        for partner in (self.stage.cast.north_partner, self.stage.cast.south_partner):
            self.database.write(partial(self.close, partner=partner), one_moment=True)

    def close(self, session: Session, partner: str) -> None:
        manager = session.scalars(select(Manager.id)).first()
        (account,) = settlement.list_accounts(session, Scope(partner))
        closed = settlement.close(session, partner, account.number, str(manager), NOW)
        assert bool(closed) == bool(account.lines)
        if closed:
            self.statements[closed] = settlement.get_statement(session, closed)
            assert self.statements[closed].in_all == account.in_all

    # What must always hold.

    @invariant()
    def the_same_gifts_stand(self) -> None:
        if not hasattr(self, "database"):
            return
        standing = self.database.read(lambda session: set(session.scalars(select(Redemption.serial))))
        assert standing == {self.coupons[coupon].serial for coupon in self.model.standing}

    def teardown(self) -> None:
        if hasattr(self, "database"):
            assert self.database.read(faults) == []
            unchanged = {
                name: self.database.read(partial(settlement.get_statement, statement_id=name))
                for name in self.statements
            }
            assert unchanged == self.statements
            self.database.close()
            self.database.engine.dispose()
            self.leave()


EXAMPLES = settings(
    max_examples=12,
    stateful_step_count=30,
    deadline=None,
    derandomize=True,  # the same acts in every run; `make soak` tries others
    suppress_health_check=list(HealthCheck),
)


def machine(open_stage: Callable[[], Opened]) -> type[Ledger]:
    return type("Ledger", (Ledger,), {"open_stage": staticmethod(open_stage)})


@pytest.fixture
def open_stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Opened]:
    """Return a function that opens a new database for each example, and returns it with a function to drop it."""
    if request.param == "sqlite":
        original, cast = request.getfixturevalue("sqlite_original")
        return lambda: (copy_sqlite(original, cast, tmp_path_factory.mktemp("model")), lambda: None)
    cluster, filled = request.getfixturevalue("postgres_cluster"), request.getfixturevalue("postgres_original")

    def open_one() -> Opened:
        stage = copy_postgres(filled, cluster.copy_of)
        return stage, lambda: cluster.drop_database(stage.url)

    return open_one


on_each = pytest.mark.parametrize("open_stage", ["sqlite", "postgresql"], indirect=True)


@on_each
def test_the_ledger_does_as_the_model(open_stage: Callable[[], Opened]) -> None:
    run_state_machine_as_test(machine(open_stage), settings=EXAMPLES)


@pytest.mark.soak
@on_each
def test_the_ledger_does_as_the_model_in_long_random_runs(open_stage: Callable[[], Opened]) -> None:
    long = settings(EXAMPLES, max_examples=600, stateful_step_count=60, derandomize=False)
    run_state_machine_as_test(machine(open_stage), settings=long)
