"""The scene of every lie: a liar at the south, with a tablet and a till of its own making, and honest counters at the north beside it."""

from dataclasses import dataclass, field
from functools import partial
from typing import Any

from flask import Flask
from nacl.signing import SigningKey
from sqlalchemy import select

from redeem.accounts.audit import OPERATOR
from redeem.db.engine import Database
from redeem.db.models.devices import Quarantine
from redeem.db.models.ledger import Conflict
from redeem.devices import enrolment
from redeem.holds import holds
from redeem.ledger.signing import load_ring
from redeem.partners import settlement
from redeem.recovery import restore
from redeem.recovery.missing_devices import list_missing, write_off_missing
from redeem.sync import quarantine
from redeem.web.context import now_ms
from redeem.web.urls import enrolment_link
from tests import factories
from tests.cast import SOUTH_TABLET_KEY, TABLET_KEY, Cast
from tests.factories import PROOFS, Issued
from tests.hostile.client import OwnTablet, OwnTill
from tests.vaults import Vault

LIARS_KEY = SigningKey(b"the key of a client of their own")
DAY = 86_400_000
LIMITS = {"policy": "at_risk", "coupons": 3, "value": 10**9, "hours": 1, "bearer": "issuer"}
OWED_FOR_ONE = 36_500  # the value and the fee of tests/factories.py
PHASES = ("in service", "recovering", "recovered")


@dataclass
class Scene:
    """`liar` and `liars_till` are at the south store, `honest` and `till` at the north. `held` are the coupons that `honest` holds."""

    app: Flask
    database: Database
    cast: Cast
    vault: Vault
    manager_id: str
    generation: int = 1
    held: list[Issued] = field(default_factory=list)

    def __post_init__(self) -> None:
        http, both = self.app.test_client(), [self.cast.north_partner, self.cast.south_partner]
        self.risky = self.campaign(partners=both, offline=LIMITS)
        self.held_only = self.campaign(partners=both)
        self.honest = OwnTablet(http, self.cast.tablet_id, TABLET_KEY)
        self.neighbour = OwnTablet(http, self.cast.south_tablet_id, SOUTH_TABLET_KEY)
        self.till, self.liars_till = OwnTill(http, self.cast.north_till), OwnTill(http, self.cast.south_till)
        self.liar = OwnTablet.enrolled(http, self.link(), LIARS_KEY)
        self.spare = self.coupon(self.held_only)
        self.held_by_honest()

    @property
    def now(self) -> int:
        return now_ms()

    def link(self) -> str:
        invited = self.database.write(
            lambda s: enrolment.invite_tablet(s, OPERATOR, self.cast.south, "Their own", self.now, 10).id
        )
        return enrolment_link(self.app.extensions["redeem"], invited).partition("#enrol=")[2]

    def campaign(self, **terms: Any) -> int:
        return self.database.write(lambda session: factories.campaign(session, **terms).number)

    def coupon(self, campaign: int | None = None, at: int | None = None) -> Issued:
        """A coupon that nobody holds, of the campaign that is given at risk if none is named."""
        return self.database.write(lambda s: factories.coupon(s, campaign or self.risky, at or self.now))

    def held_by_honest(self) -> Issued:
        self.held.append(self.granted(self.honest))
        return self.held[-1]

    def granted(self, tablet: OwnTablet, campaign: int | None = None) -> Issued:
        """A new coupon of the campaign of held coupons alone, which the tablet holds."""
        coupon = self.coupon(campaign or self.held_only)
        self.grant(tablet, coupon)
        return coupon

    def grant(self, tablet: OwnTablet, coupon: Issued) -> None:
        self.database.write(lambda session: holds.promise(session, coupon.serial, tablet.device, self.now))
        tablet.sync()
        assert coupon.id in tablet.grants

    def owed(self) -> dict[str, int]:
        """What each partner is owed in all, in minor units."""
        accounts = self.database.read(settlement.list_accounts)
        return {each.partner_name: sum(money.amount for money in each.in_all) for each in accounts}

    def rules(self) -> set[str]:
        """The rules that contested gifts break."""
        return self.database.read(lambda s: set(s.scalars(select(Conflict.rule).where(Conflict.rule.is_not(None)))))

    # A backup, put back.

    def enter(self, phase: str) -> None:
        if phase != PHASES[0]:
            self.put_back()
        if phase == PHASES[2]:
            self.all_report()

    def put_back(self) -> None:
        self.vault.put_back()
        begun = self.database.write(lambda session: restore.begin(session, self.now, none_enrolled=True))
        self.generation = begun.generation

    def all_report(self) -> None:
        """Everybody reports to the restored ledger. The liar names no hold. A manager writes off whoever can't report."""
        self.report(self.honest, claims=[grant.claim for grant in self.honest.grants.values()])
        self.report(self.neighbour)
        self.report(self.liar)
        keys = (self.cast.north_till, self.cast.north_till_two, self.cast.annex_till, self.cast.south_till)
        for till in (OwnTill(self.till.http, key) for key in keys):
            till.post("/recovery/report", attempt=f"report of {self.generation}")
        for missing in self.database.read(lambda session: list_missing(session, self.now)):
            write_off = partial(
                write_off_missing, device_id=missing.device_id, manager_id=self.manager_id, now=self.now
            )
            self.database.write(write_off)

    def report(self, tablet: OwnTablet, **said: Any) -> dict[str, Any]:
        return tablet.sync(**{"generation": self.generation, "end": len(tablet.journal)} | said)

    def is_recovering(self) -> bool:
        return bool(self.honest.sync()["recovering"])

    # The manager, and the honest counters.

    def admit_all(self) -> None:
        """A manager admits whatever waits in quarantine, of whichever device."""
        waiting = self.database.read(lambda s: set(s.scalars(select(Quarantine.device_id))))
        ring = self.database.read(load_ring)
        for device in waiting:
            admit = partial(
                quarantine.admit, device_id=device, manager_id=self.manager_id, ring=ring, proofs=PROOFS, now=self.now
            )
            self.database.write(admit)

    def honest_gives(self) -> int:
        """The honest tablet gives all that it holds, and once nobody is awaited any more the honest till gives the spare coupon. How
        many gifts that is.
        """
        for coupon in self.held:
            assert (
                self.honest.tell("gave-held", coupon=coupon.token, **self.honest.grants[coupon.id].shown) == "redeemed"
            )
        if self.is_recovering():
            self.all_report()
            assert not self.is_recovering()
        assert self.till.redeem(self.spare.token)[0] == 201
        return len(self.held) + 1
