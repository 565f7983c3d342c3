"""Tables of devices: devices, enrolment links, clerks, quarantine, claims, forgotten devices."""

from sqlalchemy import CheckConstraint, ForeignKey, LargeBinary, SmallInteger, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from redeem.db.base import Base, Id, Words, partial


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


class Claim(Base):
    """After a restore: a device holds this coupon, which the ledger has lost. It counts once the coupon itself shows up."""

    __tablename__ = "claim"
    serial: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    device_id: Mapped[str] = mapped_column(ForeignKey("device.id"), index=True)
    epoch: Mapped[int]


class Forgotten(Base):
    """A tablet that was enrolled after the backup that was put back, as it says and can prove: see forgotten.py.

    The store may be forgotten as well. `entries` is the number of the newest in its journal.
    """

    __tablename__ = "forgotten"
    device_id: Mapped[str] = mapped_column(Id, primary_key=True)
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    store_id: Mapped[str] = mapped_column(Id)
    name: Mapped[str] = mapped_column(Words)
    entries: Mapped[int]
    first_at: Mapped[int]
    last_at: Mapped[int]
