"""Every table and every constraint. Here a promise is made true; the code elsewhere only explains it.

Times are UTC in whole milliseconds since 1970 (`*_at`). Days are days since 2020-01-01 at the store. Money is minor units.
A coupon's `serial` is `campaign << 32 | number`, computed from its token: no look-up stands between a scan and its row.
"""

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

from redeem.columns import Base as Base  # whoever asks here for the base gets it with every table
from redeem.columns import Id, Words, partial
from redeem.office_models import AuditEntry as AuditEntry
from redeem.office_models import BulkVoid as BulkVoid
from redeem.office_models import BulkVoidLine as BulkVoidLine
from redeem.office_models import Forgotten as Forgotten
from redeem.office_models import Invitation as Invitation
from redeem.office_models import Manager as Manager
from redeem.office_models import ManagerSession as ManagerSession
from redeem.office_models import Statement as Statement
from redeem.office_models import StatementLine as StatementLine
from redeem.office_models import Throttle as Throttle


class SigningKey(Base):
    """A key that signs tokens; its private half is sealed under the newest secret key."""

    __tablename__ = "signing_key"
    kid: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    public_key: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    sealed_private_key: Mapped[bytes | None] = mapped_column(LargeBinary)
    status: Mapped[str] = mapped_column(String(20))
    created_at: Mapped[int]
    __table_args__ = (
        CheckConstraint("kid BETWEEN 0 AND 255", name="kid"),
        CheckConstraint("status IN ('active', 'verify_only', 'compromised')", name="status"),
    )


class Partner(Base):
    __tablename__ = "partner"
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    name: Mapped[str] = mapped_column(Words)
    created_at: Mapped[int]


class Store(Base):
    __tablename__ = "store"
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    partner_id: Mapped[str] = mapped_column(ForeignKey("partner.id"), index=True)
    name: Mapped[str] = mapped_column(Words)
    address: Mapped[str] = mapped_column(String(400), default="")
    hours: Mapped[str] = mapped_column(Words, default="")
    time_zone: Mapped[str] = mapped_column(String(60))
    created_at: Mapped[int]


class Campaign(Base):
    """`number` is the one in the token; `version` grows with each edit.

    `coupons` numbers the next coupon. Of the numbers below it, `skipped` have no coupon here: a restore skips numbers, since those
    issued after the backup are out. So `coupons - skipped` were issued. While it is stopped it issues none.
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
    __table_args__ = (
        CheckConstraint("number BETWEEN 0 AND 2147483647", name="number"),
        CheckConstraint("coupons BETWEEN 0 AND 4294967296", name="coupons"),
        CheckConstraint("skipped BETWEEN 0 AND coupons", name="skipped"),
    )


class Coupon(Base):
    """One piece. Its hold is part of its row, so that whoever locks the row sees who may give it.

    `epoch` numbers the grants of its hold and only grows. The holder keeps it until the holder itself releases it: a recall,
    a void or a move of a held coupon waits for that (`recalled_at`, `void_requested_at`), and no time ends it.
    A promise is no hold: that device gets the hold when it next asks, from `promised_from` on, if the coupon is still open then.
    """

    __tablename__ = "coupon"
    serial: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    campaign_number: Mapped[int] = mapped_column(ForeignKey("campaign.number"))
    key_id: Mapped[int] = mapped_column(SmallInteger, ForeignKey("signing_key.kid"))
    last_day: Mapped[int] = mapped_column(Integer)
    short_code: Mapped[str] = mapped_column(String(12), unique=True)
    order_ref: Mapped[str | None] = mapped_column(Words)
    home_store_id: Mapped[str | None] = mapped_column(ForeignKey("store.id"))
    details: Mapped[dict[str, Any]] = mapped_column("metadata", default=dict)
    issued_at: Mapped[int]
    voided_at: Mapped[int | None]
    void_requested_at: Mapped[int | None]
    void_reason: Mapped[str | None] = mapped_column(Words)
    holder_id: Mapped[str | None] = mapped_column(ForeignKey("device.id"))
    epoch: Mapped[int] = mapped_column(default=0)
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
        CheckConstraint("last_day BETWEEN 0 AND 65535", name="last_day"),
    )


class Device(Base):
    """An enrolled tablet (public key, journal) or a partner's own till (by API key).

    `last_number` and `last_hash` are the end of its journal as the server has it; `newest_epoch` is of the newest hold it was
    ever granted. `sweep_from`: it has yet to look through its store's coupons from this serial on, for those that nobody holds;
    `swept_on` is the day on which it last began to. `moves_to_id`: a manager (`moves_by_id`) wants it at another store, see moving.py.
    """

    __tablename__ = "device"
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    store_id: Mapped[str] = mapped_column(ForeignKey("store.id"), index=True)
    kind: Mapped[str] = mapped_column(String(10))
    name: Mapped[str] = mapped_column(Words)
    enrolment_id: Mapped[str | None] = mapped_column(ForeignKey("enrolment.id"), unique=True)
    public_key: Mapped[bytes | None] = mapped_column(LargeBinary, unique=True)
    last_number: Mapped[int] = mapped_column(default=0)
    last_hash: Mapped[str | None] = mapped_column(String(43))
    newest_epoch: Mapped[int] = mapped_column(default=0)
    sweep_from: Mapped[int | None]
    swept_on: Mapped[int | None] = mapped_column(SmallInteger)
    last_seen_at: Mapped[int | None]
    clock_skew_ms: Mapped[int | None]
    created_at: Mapped[int]
    revoked_at: Mapped[int | None]
    lost_at: Mapped[int | None]
    moves_to_id: Mapped[str | None] = mapped_column(ForeignKey("store.id"))
    moves_by_id: Mapped[str | None] = mapped_column(ForeignKey("manager.id"))
    reported_generation: Mapped[int] = mapped_column(default=1)
    __table_args__ = (
        CheckConstraint("kind IN ('tablet', 'till')", name="kind"),
        CheckConstraint(
            "kind = 'till' OR (public_key IS NOT NULL AND enrolment_id IS NOT NULL)", name="tablet_has_a_key"
        ),
        CheckConstraint("(moves_to_id IS NULL) = (moves_by_id IS NULL)", name="move_is_whole"),
    )


class Enrolment(Base):
    """A one-time right to enrol a tablet at a store. Used when a device names it; a device names each at most once."""

    __tablename__ = "enrolment"
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    store_id: Mapped[str] = mapped_column(ForeignKey("store.id"))
    device_name: Mapped[str] = mapped_column(Words)
    manager_id: Mapped[str | None] = mapped_column(ForeignKey("manager.id"))
    created_at: Mapped[int]
    expires_at: Mapped[int]


class Clerk(Base):
    __tablename__ = "clerk"
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    store_id: Mapped[str] = mapped_column(ForeignKey("store.id"), index=True)
    name: Mapped[str] = mapped_column(Words)
    pin_hash: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[int]
    left_at: Mapped[int | None]


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


class Quarantine(Base):
    """An entry that can't be taken, such as a revoked device's: kept as it came, for a manager to admit or to leave.

    `device_id` is whose it claims to be; the ledger may not know it, if it was restored. `outcome` is what admitting it came to.
    """

    __tablename__ = "quarantine"
    device_id: Mapped[str] = mapped_column(Id, primary_key=True)
    entry_hash: Mapped[str] = mapped_column(String(43), primary_key=True)
    number: Mapped[int]
    entry: Mapped[str] = mapped_column(Text)
    signature: Mapped[bytes] = mapped_column(LargeBinary)
    reason: Mapped[str] = mapped_column(String(30))
    handed_in_by_id: Mapped[str] = mapped_column(ForeignKey("device.id"))
    at: Mapped[int]
    decided_at: Mapped[int | None]
    decision: Mapped[str | None] = mapped_column(String(10))
    outcome: Mapped[str | None] = mapped_column(String(30))
    manager_id: Mapped[str | None] = mapped_column(ForeignKey("manager.id"))
    __table_args__ = (
        CheckConstraint("decision IN ('admitted', 'left')", name="decision"),
        partial("ix_quarantine_undecided", "handed_in_by_id", where="decided_at IS NULL"),
    )


class Change(Base):
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


class Claim(Base):
    """After a restore: a device holds this coupon, which the ledger has lost. It counts once the coupon itself shows up."""

    __tablename__ = "claim"
    serial: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    device_id: Mapped[str] = mapped_column(ForeignKey("device.id"), index=True)
    epoch: Mapped[int]


class Move(Base):
    """The shop said that a coupon is expected at another store, or at none."""

    __tablename__ = "move"
    serial: Mapped[int] = mapped_column(ForeignKey("coupon.serial"), primary_key=True, autoincrement=False)
    at: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    store_id: Mapped[str | None] = mapped_column(ForeignKey("store.id"))


class Tally(Base):
    """Outcomes counted as they happen. `slot` spreads writers over rows, so that a counter is no queue; readers add slots up.

    What is counted on an earlier day than that on which it happened has a slot of its own: the others never change once their
    day is over, so what was added up of them stays right.
    """

    __tablename__ = "tally"
    day: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    campaign_number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    store_id: Mapped[str] = mapped_column(Id, primary_key=True)
    outcome: Mapped[str] = mapped_column(String(40), primary_key=True)
    slot: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    count: Mapped[int]
    __table_args__ = (partial("ix_tally_late", "day", where="slot = 8"),)


class Rollup(Base):
    """The tally of closed days added up, so that a report reads few rows however long its period: see adding_up.py.

    A row is of `days` days from `day` on, of one campaign or of all, at one store, all of a partner's (its id) or all of them ('').
    """

    __tablename__ = "rollup"
    days: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    day: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    campaign_number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    place: Mapped[str] = mapped_column(Id, primary_key=True)
    outcome: Mapped[str] = mapped_column(String(40), primary_key=True)
    count: Mapped[int]
    __table_args__ = ({"sqlite_with_rowid": False},)


class ApiKey(Base):
    """A program's key: shown once, kept as a hash. A till's key belongs to its device, and through it to a store.

    `family` is the prefix of the first of the keys that followed one another: to a program's retries they are one key.
    `works_until`: another has followed it, and it goes on for so long.
    """

    __tablename__ = "api_key"
    prefix: Mapped[str] = mapped_column(String(20), primary_key=True)
    secret_hash: Mapped[bytes] = mapped_column(LargeBinary)
    kind: Mapped[str] = mapped_column(String(10))
    name: Mapped[str] = mapped_column(Words)
    scopes: Mapped[str] = mapped_column(Words)
    device_id: Mapped[str | None] = mapped_column(ForeignKey("device.id"))
    family: Mapped[str] = mapped_column(String(20))
    manager_id: Mapped[str | None] = mapped_column(ForeignKey("manager.id"))
    created_at: Mapped[int]
    works_until: Mapped[int | None]
    revoked_at: Mapped[int | None]
    last_used_at: Mapped[int | None]
    __table_args__ = (
        CheckConstraint("kind IN ('shop', 'till')", name="kind"),
        CheckConstraint("(kind = 'till') = (device_id IS NOT NULL)", name="till_has_a_device"),
    )


class Idempotency(Base):
    """The first answer to a shop's mutation, sealed (it may hold a token), written in the mutation's own transaction."""

    __tablename__ = "idempotency"
    key_prefix: Mapped[str] = mapped_column(ForeignKey("api_key.prefix"), primary_key=True)
    key: Mapped[str] = mapped_column(String(255), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(43))
    status: Mapped[int] = mapped_column(SmallInteger)
    sealed_answer: Mapped[bytes] = mapped_column(LargeBinary)
    at: Mapped[int] = mapped_column(index=True)
