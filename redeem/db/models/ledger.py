"""Every table and every constraint. Here a promise is made true; the code elsewhere only explains it.

Times are UTC in whole milliseconds since 1970 (`*_at`). Days are days since 2020-01-01 at the store. Money is minor units.
A coupon's `serial` is `campaign << 32 | number`, computed from its token: no look-up stands between a scan and its row.
"""

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    LargeBinary,
    SmallInteger,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from redeem.db.base import Base as Base  # whoever asks here for the base gets it with every table
from redeem.db.base import Id, Words, partial
from redeem.db.models.coupons import BulkVoid as BulkVoid
from redeem.db.models.coupons import BulkVoidLine as BulkVoidLine
from redeem.db.models.devices import Forgotten as Forgotten
from redeem.db.models.managers import AuditEntry as AuditEntry
from redeem.db.models.managers import Invitation as Invitation
from redeem.db.models.managers import Manager as Manager
from redeem.db.models.managers import ManagerSession as ManagerSession
from redeem.db.models.managers import Throttle as Throttle
from redeem.db.models.partners import Statement as Statement
from redeem.db.models.partners import StatementLine as StatementLine


class Act(Base):
    """What a device did, once, in its own words: an entry of a tablet's journal, or an attempt of a till.

    `name` is the journal number or the attempt's id, so the same act never counts twice; `answer` is the first answer, repeated
    to every retry. `fingerprint` tells another act under the same name from a retry. `entry` and `signature` are the evidence.
    """

    __tablename__ = "act"
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    device_id: Mapped[str] = mapped_column(ForeignKey("device.id"))
    name: Mapped[str] = mapped_column(String(255))
    kind: Mapped[str] = mapped_column(String(20))
    store_id: Mapped[str] = mapped_column(ForeignKey("store.id"))
    clerk_id: Mapped[str | None] = mapped_column(ForeignKey("clerk.id"))
    serial: Mapped[int | None] = mapped_column(ForeignKey("coupon.serial"))
    code: Mapped[str] = mapped_column(String(30))
    answer: Mapped[str] = mapped_column(Text)
    fingerprint: Mapped[str] = mapped_column(String(43))
    at: Mapped[int]
    device_at: Mapped[int | None]
    entry: Mapped[str | None] = mapped_column(Text)
    signature: Mapped[bytes | None] = mapped_column(LargeBinary)
    __table_args__ = (
        UniqueConstraint("device_id", "name"),
        Index("ix_act_serial_id", "serial", "id"),
        partial("ix_act_refusal", "id", where="kind = 'refusal'"),  # they are few, and listed by themselves
    )


class Redemption(Base):
    """The one redemption of a coupon that stands: the primary key is the promise that a gift is given once."""

    __tablename__ = "redemption"
    serial: Mapped[int] = mapped_column(ForeignKey("coupon.serial"), primary_key=True, autoincrement=False)
    act_id: Mapped[str] = mapped_column(ForeignKey("act.id", deferrable=True, initially="DEFERRED"), unique=True)
    device_id: Mapped[str] = mapped_column(ForeignKey("device.id"))
    at: Mapped[int]
    handed_over_at: Mapped[int | None]
    # What a tablet was answered with yes and has not yet reported as given. Figures keep these apart.
    __table_args__ = (partial("ix_redemption_pending", "at", where="handed_over_at IS NULL"),)


class Reversal(Base):
    """The undo of one redemption, at most one for each, by an act of a device or by a manager."""

    __tablename__ = "reversal"
    act_id: Mapped[str] = mapped_column(ForeignKey("act.id"), primary_key=True)
    reason: Mapped[str] = mapped_column(Words)
    by_act_id: Mapped[str | None] = mapped_column(ForeignKey("act.id", deferrable=True, initially="DEFERRED"))
    manager_id: Mapped[str | None] = mapped_column(ForeignKey("manager.id"))
    at: Mapped[int]


class Conflict(Base):
    """A second gift of one coupon: `act_id` gave it while the redemption of `standing_act_id` stood. Somebody bears it."""

    __tablename__ = "conflict"
    act_id: Mapped[str] = mapped_column(ForeignKey("act.id", deferrable=True, initially="DEFERRED"), primary_key=True)
    standing_act_id: Mapped[str] = mapped_column(ForeignKey("act.id"))
    serial: Mapped[int] = mapped_column(ForeignKey("coupon.serial"), index=True)
    bearer: Mapped[str] = mapped_column(String(10))
    at: Mapped[int]
    withdrawn_at: Mapped[int | None]
    decided_at: Mapped[int | None]
    note: Mapped[str] = mapped_column(Words, default="")
    manager_id: Mapped[str | None] = mapped_column(ForeignKey("manager.id"))
    __table_args__ = (CheckConstraint("bearer IN ('issuer', 'partner')", name="bearer"),)


class CouponChange(Base):
    """Coupons whose state changed, in an order that no reader can miss a part of: see snapshots.py."""

    __tablename__ = "change"
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    serial: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)


class Deployment(Base):
    """The one row that says which life of the ledger this is. A restore starts a new generation, and recovery until all have reported.

    It waits as well for those that it has forgotten, while `awaits_forgotten`. Campaigns are numbered from `campaigns_from` at least.
    Changes below the position `changes_from` were forgotten.
    Days up to `added_up_until` are closed and stand in `rollup`.
    """

    __tablename__ = "deployment"
    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    generation: Mapped[int] = mapped_column(default=1)
    recovering_since: Mapped[int | None]
    awaits_forgotten: Mapped[bool] = mapped_column(default=False)
    campaigns_from: Mapped[int] = mapped_column(default=0)
    changes_from: Mapped[int] = mapped_column(default=0)
    added_up_until: Mapped[int | None] = mapped_column(SmallInteger)
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)
