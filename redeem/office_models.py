"""The tables of those who run things: managers, their browsers, their invitations, what they changed and stated, and what was guessed at.

They are part of models.py, which has the rules for them all, and are imported from there.
"""

from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from redeem.columns import Base, Id, Words, partial

ROLES = "role IN ('shop_manager', 'partner_manager', 'store_manager', 'auditor')"


class Manager(Base):
    """A person of the office. `reset_at` names the one link that may set a new password, made by `reset_by_id`; None if there is none."""

    __tablename__ = "manager"
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    email: Mapped[str] = mapped_column(String(254), unique=True)
    name: Mapped[str] = mapped_column(Words)
    password_hash: Mapped[str | None] = mapped_column(String(200))
    role: Mapped[str] = mapped_column(String(20))
    partner_id: Mapped[str | None] = mapped_column(ForeignKey("partner.id"))
    store_id: Mapped[str | None] = mapped_column(ForeignKey("store.id"))
    created_at: Mapped[int]
    disabled_at: Mapped[int | None]
    reset_at: Mapped[int | None]
    reset_by_id: Mapped[str | None] = mapped_column(ForeignKey("manager.id"))
    __table_args__ = (
        CheckConstraint(ROLES, name="role"),
        CheckConstraint("role <> 'partner_manager' OR partner_id IS NOT NULL", name="partner_manager_has_a_partner"),
        CheckConstraint("role <> 'store_manager' OR store_id IS NOT NULL", name="store_manager_has_a_store"),
    )


class Invitation(Base):
    """The right of one person to become a manager. Used when it names whom it made; it makes at most one."""

    __tablename__ = "invitation"
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    email: Mapped[str] = mapped_column(String(254))
    name: Mapped[str] = mapped_column(Words)
    role: Mapped[str] = mapped_column(String(20))
    partner_id: Mapped[str | None] = mapped_column(ForeignKey("partner.id"))
    store_id: Mapped[str | None] = mapped_column(ForeignKey("store.id"))
    manager_id: Mapped[str] = mapped_column(ForeignKey("manager.id"))
    created_at: Mapped[int]
    expires_at: Mapped[int]
    withdrawn_at: Mapped[int | None]
    accepted_id: Mapped[str | None] = mapped_column(ForeignKey("manager.id"), unique=True)
    __table_args__ = (CheckConstraint(ROLES, name="role"),)


class ManagerSession(Base):
    """A signed-in browser: a row, so that it can be listed and ended on the server. `confirmed_at`: when the password was last typed."""

    __tablename__ = "manager_session"
    secret_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    manager_id: Mapped[str] = mapped_column(ForeignKey("manager.id"), index=True)
    user_agent: Mapped[str] = mapped_column(Words, default="")
    created_at: Mapped[int]
    confirmed_at: Mapped[int]
    seen_at: Mapped[int]
    ended_at: Mapped[int | None]


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


class Throttle(Base):
    """Failures counted per thing that can be guessed at, over all workers and restarts."""

    __tablename__ = "throttle"
    subject: Mapped[str] = mapped_column(Words, primary_key=True)
    failures: Mapped[int]
    since_at: Mapped[int]


class AuditEntry(Base):
    """A change that a manager made, or a program of the shop by its key; `key_prefix` is that of the key's family.

    `partner_id` and `store_id` say whose it was, as far as it was not the whole shop's.
    """

    __tablename__ = "audit_entry"
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    manager_id: Mapped[str | None] = mapped_column(ForeignKey("manager.id"))
    key_prefix: Mapped[str | None] = mapped_column(ForeignKey("api_key.prefix"))
    what: Mapped[str] = mapped_column(String(60))
    subject_id: Mapped[str] = mapped_column(Words)
    partner_id: Mapped[str | None] = mapped_column(ForeignKey("partner.id"))
    store_id: Mapped[str | None] = mapped_column(ForeignKey("store.id"))
    details: Mapped[dict[str, Any]]
    at: Mapped[int]
    __table_args__ = (
        CheckConstraint("(manager_id IS NULL) <> (key_prefix IS NULL)", name="one_author"),
        Index("ix_audit_entry_partner_id_id", "partner_id", "id"),
        Index("ix_audit_entry_manager_id_id", "manager_id", "id"),
        Index("ix_audit_entry_key_prefix_id", "key_prefix", "id"),
    )


class BulkVoid(Base):
    """Many coupons that a manager voids at once, some in each transaction. What `wanted` says is taken in first, as lines.

    `taken_in` is how far that came: the number of texts of a list, or the serial in a campaign from which to go on; None when done.
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
    """One coupon of a bulk void, or one text that names none; `outcome` is None until it was its turn."""

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


class Statement(Base):
    """What a partner, then named so, is owed for what no earlier one has. `number` counts a partner's own from 1. It never changes."""

    __tablename__ = "statement"
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    partner_id: Mapped[str] = mapped_column(ForeignKey("partner.id"))
    partner_name: Mapped[str] = mapped_column(Words)
    number: Mapped[int]
    manager_id: Mapped[str] = mapped_column(ForeignKey("manager.id"))
    at: Mapped[int]
    __table_args__ = (UniqueConstraint("partner_id", "number"), CheckConstraint("number >= 1", name="number"))


class StatementLine(Base):
    """Of one campaign, then named so: counts, below zero where more was taken back than given, and what is owed for one gift."""

    __tablename__ = "statement_line"
    statement_id: Mapped[str] = mapped_column(ForeignKey("statement.id"), primary_key=True)
    campaign_number: Mapped[int] = mapped_column(ForeignKey("campaign.number"), primary_key=True, autoincrement=False)
    campaign_name: Mapped[str] = mapped_column(Words)
    gifts: Mapped[int]
    second_gifts: Mapped[int]
    partner_bears: Mapped[int]
    value: Mapped[int]
    handling_fee: Mapped[int]
    currency: Mapped[str] = mapped_column(String(3))
