"""Tables of devices: devices, enrolment links, clerks, keys heard of, quarantine, damaged journals, claims, forgotten devices."""

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, SmallInteger, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from redeem.db.base import Base, Id, Words, partial


class Device(Base):
    """An enrolled tablet, with a public key and a journal, or a partner's till, with an API key.

    `last_number` and `last_hash` are the end of the tablet's journal as far as the server has it. `newest_epoch` is the epoch of the
    newest hold that it was granted, `released_until` the newest that its moves have released. `told_at` is the server's time when it had
    nothing left to tell. `sweep_from` and `swept_on` are the progress of its sweep, see holds/sweep.py: the serial to go
    on from (None if it is done), and the day of the last one. `moves_to_id` and `moves_by_id` are the store to which a manager wants
    to move it, and that manager, see devices/moves.py. `quarantined_bytes` is how much it has put into quarantine.
    `reported_generation`: see ledger/recovery_reports.py.
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
    released_until: Mapped[int] = mapped_column(default=0)
    told_at: Mapped[int | None]
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
    quarantined_bytes: Mapped[int] = mapped_column(default=0, server_default="0")
    __table_args__ = (
        CheckConstraint("kind IN ('tablet', 'till')", name="kind"),
        CheckConstraint(
            "kind = 'till' OR (public_key IS NOT NULL AND enrolment_id IS NOT NULL)", name="tablet_has_a_key"
        ),
        CheckConstraint("(moves_to_id IS NULL) = (moves_by_id IS NULL)", name="move_is_whole"),
    )


class Enrolment(Base):
    """A one-time right to enrol a tablet at a store. It is used once a device refers to it, which is unique."""

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


class HeardKey(Base):
    """A tablet has said that it has heard that a signing key is compromised. `number` is the last entry that the server had then: what
    stands behind it in the journal was written by a tablet that knew.
    """

    __tablename__ = "heard_key"
    device_id: Mapped[str] = mapped_column(ForeignKey("device.id"), primary_key=True)
    kid: Mapped[int] = mapped_column(SmallInteger, ForeignKey("signing_key.kid"), primary_key=True, autoincrement=False)
    number: Mapped[int]


class Quarantine(Base):
    """A journal entry that the server could not take, such as one of a revoked device. It is kept as it came, until a manager decides.

    `device_id` is the device that the entry claims; a restored ledger may not know it, so it is no foreign key. `outcome` is the
    answer that the entry got when it was admitted.
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
        Index("ix_quarantine_device_id_number", "device_id", "number"),
        partial("ix_quarantine_waiting", "device_id", "number", where="decided_at IS NULL"),
        partial("ix_quarantine_undecided", "handed_in_by_id", where="decided_at IS NULL"),
    )


class DamagedPart(Base):
    """A part of a damaged journal's file, byte for byte: `bytes`, which begin at `start`.

    `device_id` is the device whose journal it was, as its sender says; a restored ledger may not know it, so it is no foreign key. `file`
    is the SHA-256 of the whole file, as base64url, and `size` its length in bytes; `damage` is why the tablet has stopped.
    """

    __tablename__ = "damaged_part"
    device_id: Mapped[str] = mapped_column(Id, primary_key=True)
    file: Mapped[str] = mapped_column(String(43), primary_key=True)
    start: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    bytes: Mapped[bytes] = mapped_column(LargeBinary)
    size: Mapped[int]
    damage: Mapped[str] = mapped_column(String(20))
    handed_in_by_id: Mapped[str] = mapped_column(ForeignKey("device.id"), index=True)
    at: Mapped[int]


class Claim(Base):
    """After a restore: a device reported a hold of this coupon, whose row was lost. Once the coupon is adopted, its row gets the hold.

    `unproved`: it had no grant to show.
    """

    __tablename__ = "claim"
    serial: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    device_id: Mapped[str] = mapped_column(ForeignKey("device.id"), index=True)
    epoch: Mapped[int]
    unproved: Mapped[bool | None]


class Forgotten(Base):
    """A tablet that was enrolled after the backup, so that the restored ledger lacks it. It signed its request: see devices/forgotten.py.

    The ledger may lack the store, too, so `store_id` is no foreign key. `entries` is the number of entries in the tablet's journal.
    """

    __tablename__ = "forgotten"
    device_id: Mapped[str] = mapped_column(Id, primary_key=True)
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    store_id: Mapped[str] = mapped_column(Id)
    name: Mapped[str] = mapped_column(Words)
    entries: Mapped[int]
    first_at: Mapped[int]
    last_at: Mapped[int]
