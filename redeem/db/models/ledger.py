"""Tables of the ledger: acts, redemptions, reversals, second gifts, changes of coupons, and the deployment's one row."""

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    LargeBinary,
    SmallInteger,
    String,
    Text,
    UniqueConstraint,
    false,
)
from sqlalchemy.orm import Mapped, mapped_column

from redeem.db.base import Base, Id, Words, partial


class Act(Base):
    """One thing that a device did: an entry of a tablet's journal, or an attempt of a till. Append-only.

    `name` is the number of the entry or the id of the attempt. It is unique for each device, so an act counts once. `answer` is the
    first answer, and is repeated to every retry. `fingerprint` tells a retry from another request with the same name. `entry` and
    `signature` are the entry exactly as the tablet signed it.
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
        # They are few, and listed by themselves.
        partial("ix_act_refusal", "id", where="kind = 'refusal'"),
        partial("ix_act_cancel", "id", where="kind = 'cancel'"),
    )


class Redemption(Base):
    """The redemption of a coupon that stands. The coupon is the primary key, so at most one does: that is the promise of one gift.

    The foreign key to the act is deferred, because one statement may insert the redemption before its act.
    """

    __tablename__ = "redemption"
    serial: Mapped[int] = mapped_column(ForeignKey("coupon.serial"), primary_key=True, autoincrement=False)
    act_id: Mapped[str] = mapped_column(ForeignKey("act.id", deferrable=True, initially="DEFERRED"), unique=True)
    device_id: Mapped[str] = mapped_column(ForeignKey("device.id"))
    at: Mapped[int]
    handed_over_at: Mapped[int | None]
    # Pending: the tablet was answered yes and has not reported yet that the gift was handed over. Reports count these apart.
    __table_args__ = (partial("ix_redemption_pending", "at", where="handed_over_at IS NULL"),)


class Reversal(Base):
    """The undo of a redemption, by an act of a device or by a manager. A redemption has at most one.

    `late`: a device undid it after the campaign's limit. It counts all the same, for the gift may have come back, and it is listed.
    """

    __tablename__ = "reversal"
    act_id: Mapped[str] = mapped_column(ForeignKey("act.id"), primary_key=True)
    reason: Mapped[str] = mapped_column(Words)
    by_act_id: Mapped[str | None] = mapped_column(ForeignKey("act.id", deferrable=True, initially="DEFERRED"))
    manager_id: Mapped[str | None] = mapped_column(ForeignKey("manager.id"))
    at: Mapped[int]
    late: Mapped[bool | None]
    __table_args__ = (partial("ix_reversal_late", "at", where="late"),)


class Conflict(Base):
    """A gift that the shop may not owe: a second gift of one coupon, or a contested gift, which breaks `rule`; it may be both.

    `act_id` gave it. `standing_act_id` is the redemption that stood when it was reported, None if there was none. `bearer` pays for it;
    until it is decided, nobody does, and the gift is not owed. A contested gift may stand itself: then it is in `redemption`, too.
    """

    __tablename__ = "conflict"
    act_id: Mapped[str] = mapped_column(ForeignKey("act.id", deferrable=True, initially="DEFERRED"), primary_key=True)
    standing_act_id: Mapped[str | None] = mapped_column(ForeignKey("act.id"))
    serial: Mapped[int] = mapped_column(ForeignKey("coupon.serial"), index=True)
    rule: Mapped[str | None] = mapped_column(String(20))
    bearer: Mapped[str | None] = mapped_column(String(10))
    at: Mapped[int]
    withdrawn_at: Mapped[int | None]
    decided_at: Mapped[int | None]
    note: Mapped[str] = mapped_column(Words, default="")
    manager_id: Mapped[str | None] = mapped_column(ForeignKey("manager.id"))
    __table_args__ = (
        CheckConstraint("bearer IN ('issuer', 'partner')", name="bearer"),
        CheckConstraint("rule IS NOT NULL OR standing_act_id IS NOT NULL", name="why"),
    )


class CouponChange(Base):
    """A coupon whose state changed. Readers that follow `position` miss no change, see sync/changes.py."""

    __tablename__ = "change"
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    serial: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)


class Deployment(Base):
    """The only row about the ledger as a whole.

    A restore begins a new `generation`. `recovering_since` is set until every device has reported, and while `awaits_forgotten`: until a
    manager has said that no tablet is missing that was enrolled after the backup. New campaigns get numbers from `campaigns_from` on,
    and new signing keys from `keys_from` on. `skipped_numbers` is how many coupon numbers all restores together have skipped in a campaign.
    Changes below the position `changes_from` were deleted, and events below the place `events_from`. The days up to `added_up_until` are
    closed, and summed in `rollup`.
    `behind_generation` is set once a device has shown what we signed in that generation and this ledger lacks: it is an old copy.
    `awaits_shop` is set by a restore until the shop has said again what it issued since the backup. `sealed_order_secret` is the secret of
    the coupons' once keys.
    """

    __tablename__ = "deployment"
    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    generation: Mapped[int] = mapped_column(default=1)
    recovering_since: Mapped[int | None]
    awaits_forgotten: Mapped[bool] = mapped_column(default=False)
    campaigns_from: Mapped[int] = mapped_column(default=0)
    keys_from: Mapped[int] = mapped_column(SmallInteger, default=0, server_default="0")
    skipped_numbers: Mapped[int] = mapped_column(default=0, server_default="0")
    changes_from: Mapped[int] = mapped_column(default=0)
    events_from: Mapped[int] = mapped_column(default=0, server_default="0")
    added_up_until: Mapped[int | None] = mapped_column(SmallInteger)
    behind_generation: Mapped[int | None]
    awaits_shop: Mapped[bool] = mapped_column(default=False, server_default=false())
    sealed_order_secret: Mapped[bytes | None] = mapped_column(LargeBinary)
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)
