"""Tables of managers: accounts, invitations, sessions, the audit log, and failed guesses."""

from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from redeem.db.base import Base, Id, Words

ROLES = "role IN ('shop_manager', 'partner_manager', 'store_manager', 'auditor')"


class Manager(Base):
    """A person who signs in at the office.

    `reset_at` is when the newest password reset link was made, by `reset_by_id`. Only a link of that time works. None: no link does.
    """

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
    """The right of one person to become a manager. `accepted_id` is the manager it made: it is unique, so a link works once."""

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
    """A signed-in browser. `confirmed_at` is when the password was last typed in it."""

    __tablename__ = "manager_session"
    secret_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    manager_id: Mapped[str] = mapped_column(ForeignKey("manager.id"), index=True)
    user_agent: Mapped[str] = mapped_column(Words, default="")
    created_at: Mapped[int]
    confirmed_at: Mapped[int]
    seen_at: Mapped[int]
    ended_at: Mapped[int | None]


class Throttle(Base):
    """Failed guesses of one subject, such as a PIN or a password. See accounts/throttle.py."""

    __tablename__ = "throttle"
    subject: Mapped[str] = mapped_column(Words, primary_key=True)
    failures: Mapped[int]
    since_at: Mapped[int]


class AuditEntry(Base):
    """A change that a manager made, or a program of the shop with its API key. `key_prefix` is the key's family.

    `partner_id` and `store_id` are the scope of what was changed: both None if it belongs to the whole shop.
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
