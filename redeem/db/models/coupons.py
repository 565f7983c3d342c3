"""Tables of coupons: signing keys, campaigns, coupons, batches, changes of home, bulk voids."""

from typing import Any

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from redeem.db.base import Base, Id, Words, partial


class SigningKey(Base):
    """A key that signs tokens. Its private half is sealed under the newest secret key.

    `compromised_at` is when its coupons were first refused. None also if that was before version 0.4.
    """

    __tablename__ = "signing_key"
    kid: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    public_key: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    sealed_private_key: Mapped[bytes | None] = mapped_column(LargeBinary)
    status: Mapped[str] = mapped_column(String(20))
    created_at: Mapped[int]
    compromised_at: Mapped[int | None]
    __table_args__ = (
        CheckConstraint("kid BETWEEN 0 AND 255", name="kid"),
        CheckConstraint("status IN ('active', 'verify_only', 'compromised')", name="status"),
    )


class Campaign(Base):
    """A campaign. `number` is the one in the token. `version` grows with each edit. While `stopped_at` is set, it issues nothing.

    `coupons` is the number of the next coupon. A restore skips numbers, because coupons that were issued after the backup have them.
    `skipped` counts the skipped numbers that have no row here yet, so `coupons - skipped` coupons have one. `restored_at` is set while the
    campaign, which came back from a tablet's sealed copy, waits for a shop manager to confirm it: nothing of it is owed until then.
    """

    __tablename__ = "campaign"
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(Words)
    terms: Mapped[str] = mapped_column(Text)
    version: Mapped[int] = mapped_column(default=1)
    coupons: Mapped[int] = mapped_column(default=0)
    skipped: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[int]
    stopped_at: Mapped[int | None]
    restored_at: Mapped[int | None]
    __table_args__ = (
        CheckConstraint("number BETWEEN 0 AND 2147483647", name="number"),
        CheckConstraint("coupons BETWEEN 0 AND 4294967296", name="coupons"),
        CheckConstraint("skipped BETWEEN 0 AND coupons", name="skipped"),
    )


class Coupon(Base):
    """One coupon. Its hold is in the same row, so a transaction that locks the row knows who may give the coupon.

    `epoch` is the number of the newest grant of its hold, and only grows. A hold ends only when the holder releases it, never by
    time. A recall (`recalled_at`), a void (`void_requested_at`) or a new home waits for that. A promise is not a hold yet: the device
    gets the hold at its first sync from `promised_from` on, if the coupon is still open. `unproved`: after a restore the holder said that
    it holds the coupon, without a grant. That keeps others from the hold, and proves no gift.

    `line` is the line of the order. `once_key` is set if the campaign gives one coupon for each order or line (coupons/order_keys.py).
    """

    __tablename__ = "coupon"
    serial: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    campaign_number: Mapped[int] = mapped_column(ForeignKey("campaign.number"))
    key_id: Mapped[int] = mapped_column(SmallInteger, ForeignKey("signing_key.kid"))
    last_day: Mapped[int] = mapped_column(Integer)
    short_code: Mapped[str] = mapped_column(String(12), unique=True)
    order_ref: Mapped[str | None] = mapped_column(Words)
    line: Mapped[str | None] = mapped_column(Words)
    once_key: Mapped[str | None] = mapped_column(String(43))
    home_store_id: Mapped[str | None] = mapped_column(ForeignKey("store.id"))
    details: Mapped[dict[str, Any]] = mapped_column("metadata", default=dict)
    issued_at: Mapped[int]
    voided_at: Mapped[int | None]
    void_requested_at: Mapped[int | None]
    void_reason: Mapped[str | None] = mapped_column(Words)
    holder_id: Mapped[str | None] = mapped_column(ForeignKey("device.id"))
    epoch: Mapped[int] = mapped_column(default=0)
    unproved: Mapped[bool | None]
    recalled_at: Mapped[int | None]
    recalled_for_id: Mapped[str | None] = mapped_column(ForeignKey("device.id"))
    promised_to_id: Mapped[str | None] = mapped_column(ForeignKey("device.id"))
    promised_from: Mapped[int | None]
    __table_args__ = (
        CheckConstraint("recalled_at IS NULL OR holder_id IS NOT NULL", name="only_a_hold_is_recalled"),
        CheckConstraint("promised_to_id IS NULL OR holder_id IS NULL", name="no_hold_is_promised"),
        CheckConstraint("(promised_to_id IS NULL) = (promised_from IS NULL)", name="promise_is_whole"),
        Index("ix_coupon_holder_id_epoch", "holder_id", "epoch"),
        partial("ix_coupon_recalled", "holder_id", where="recalled_at IS NOT NULL"),
        partial("ix_coupon_promised", "promised_to_id", "promised_from", where="promised_to_id IS NOT NULL"),
        partial("ix_coupon_void", "serial", where="voided_at IS NOT NULL OR void_requested_at IS NOT NULL"),
        Index("ix_coupon_home_store_id_serial", "home_store_id", "serial"),
        Index("ix_coupon_campaign_number_serial", "campaign_number", "serial"),
        Index("ix_coupon_order_ref", "order_ref"),
        partial("ix_coupon_once_key", "once_key", where="once_key IS NOT NULL", unique=True),
        CheckConstraint("last_day BETWEEN 0 AND 65535", name="last_day"),
    )


class Batch(Base):
    """Many coupons of a campaign that were asked for at once. Its items are numbered from 0; each gets one coupon.

    A job makes the coupons (kind "batch", its subject the batch's id): how far it is, and how it ended, stands there.
    """

    __tablename__ = "batch"
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    campaign_number: Mapped[int] = mapped_column(ForeignKey("campaign.number"))
    items: Mapped[int]
    created_at: Mapped[int]
    __table_args__ = (
        Index("ix_batch_campaign_number_id", "campaign_number", "id"),
        CheckConstraint("items > 0", name="items"),
    )


class BatchPart(Base):
    """What is said of a batch's items from `item` on, until coupons are made of them. A batch by count has none."""

    __tablename__ = "batch_part"
    batch_id: Mapped[str] = mapped_column(ForeignKey("batch.id"), primary_key=True)
    item: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    said: Mapped[dict[str, Any]]


class BatchBlock(Base):
    """The coupons of `items` items of a batch, from `item` on: those from `serial` on, in the same order.

    `existing`: they were there before, because the campaign gives an order one coupon.
    """

    __tablename__ = "batch_block"
    batch_id: Mapped[str] = mapped_column(ForeignKey("batch.id"), primary_key=True)
    item: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    items: Mapped[int]
    serial: Mapped[int]
    existing: Mapped[bool]
    __table_args__ = (CheckConstraint("items > 0", name="items"),)


class HomeChange(Base):
    """The shop changed a coupon's home to another store, or to none. Its table has kept the name that it had at first."""

    __tablename__ = "move"
    serial: Mapped[int] = mapped_column(ForeignKey("coupon.serial"), primary_key=True, autoincrement=False)
    at: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    store_id: Mapped[str | None] = mapped_column(ForeignKey("store.id"))


class BulkVoid(Base):
    """A manager's request to void many coupons, carried out in several transactions.

    First, what `wanted` names is turned into lines. `taken_in` is the progress of that: the number of texts read of a list, or the
    serial from which to go on in a campaign. It is None once every line is there.
    """

    __tablename__ = "bulk_void"
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    manager_id: Mapped[str] = mapped_column(ForeignKey("manager.id"))
    wanted: Mapped[dict[str, Any]]
    reason: Mapped[str] = mapped_column(Words, default="")
    taken_in: Mapped[int | None]
    at: Mapped[int]
    begun_at: Mapped[int | None]
    ended_at: Mapped[int | None]


class BulkVoidLine(Base):
    """One coupon of a bulk void, or one text that names no coupon. `outcome` is None until the line has been carried out."""

    __tablename__ = "bulk_void_line"
    bulk_void_id: Mapped[str] = mapped_column(ForeignKey("bulk_void.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    text: Mapped[str] = mapped_column(Words)
    serial: Mapped[int | None]
    outcome: Mapped[str | None] = mapped_column(String(20))
    __table_args__ = (
        UniqueConstraint("bulk_void_id", "serial"),
        partial("ix_bulk_void_line_open", "bulk_void_id", "number", where="outcome IS NULL"),
    )
